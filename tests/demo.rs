// SPDX-License-Identifier: MIT OR Apache-2.0
//! The demonstration as its user sees it: what is printed, and when it ends.

use std::fs;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use syscalls::Sysno;

use crate::support::apart;
use crate::support::require::{self, needs};
use crate::support::run::{
    LIMIT, Watched as _, four_lines, host_name, in_time, kill, newuts, transcript, until_in,
};
use crate::support::strace::{self, Strace, inject};

const SECOND: Duration = Duration::from_secs(1);

/// A run that has time for everything in its order, and takes no longer than it must.
const SHORT: [&str; 5] = ["--delay=0.3", "--hold", "0.6", "--", "bizarro"];

#[test]
fn four_lines_are_printed() {
    needs!(require::root());
    newuts(SHORT).run().demonstrates("bizarro", 0, "");
}

#[test]
fn the_same_lines_go_to_a_file() {
    needs!(require::root());
    let file = apart::file();
    // Without O_APPEND: parent and child share the file's offset.
    newuts(SHORT).stdout(file.reopen().unwrap()).run().is(0, "", "");
    let (_, transcript) = transcript(&fs::read_to_string(file.path()).unwrap());
    assert_eq!(transcript, four_lines("bizarro"));
}

#[test]
fn the_first_line_names_the_child() {
    needs!(require::root());
    let running = newuts(["--hold=300", "bizarro"]).start();
    let child = running.cloned();
    let name = fs::read_link(format!("/proc/{child}/ns/uts")).unwrap();
    assert_ne!(name, fs::read_link(format!("/proc/{}/ns/uts", running.pid())).unwrap());
    let status = fs::read_to_string(format!("/proc/{child}/status")).unwrap();
    assert!(status.contains(&format!("\nPPid:\t{}\n", running.pid())), "{status}");
    kill(child, Signal::KILL).unwrap();
    running.finish();
}

#[test]
fn each_line_is_one_write() {
    needs!(strace::here());
    let (run, log) = Strace::new(&[], &SHORT).run();
    run.demonstrates("bizarro", 0, "");
    let (parent, child) = (log.parent(), log.child());
    let host_name = host_name();
    let lines = [
        format!("clone() returned {}\\n", child.pid),
        format!("uts.nodename in parent: {host_name}\\n"),
        "child has terminated\\n".to_owned(),
    ];
    assert_eq!(parent.named("write"), lines.map(|line| written(&line)));
    assert_eq!(child.named("write"), [written("uts.nodename in child: bizarro\\n")]);
}

/// A line's write, as strace shows it.
fn written(line: &str) -> String {
    let length = line.len() - 1; // the newline is shown as two
    format!("write(1, \"{line}\", {length}) = {length}")
}

#[test]
fn the_child_sleeps_200_seconds_and_the_parent_1() {
    needs!(strace::here());
    let mut strace = Strace::new(&[], &["bizarro"]);
    let running = strace.command.start();
    let child = running.cloned();
    running.until("uts.nodename in parent: ");
    until_in(child, Sysno::nanosleep);
    kill(child, Signal::TERM).unwrap();
    running.finish().demonstrates("bizarro", 143, "");
    let log = strace.log();
    assert!(log.parent().named("nanosleep")[0].starts_with("nanosleep({tv_sec=1, tv_nsec=0}, "));
    assert!(log.child().named("nanosleep")[0].starts_with("nanosleep({tv_sec=200, tv_nsec=0}, "));
}

/// The one run that waits for all of it, beside all others.
#[test]
fn the_whole_default() {
    needs!(require::root());
    let start = Instant::now();
    newuts(["bizarro"]).start().finish_within(200 * SECOND + LIMIT).demonstrates("bizarro", 0, "");
    let taken = start.elapsed();
    assert!(taken >= 200 * SECOND, "{taken:?}");
}

#[test]
fn times_are_decimal_seconds() {
    needs!(strace::here());
    for (value, seconds, nanoseconds) in [
        ("0", 0, 0),
        ("1", 1, 0),
        (".5", 0, 500_000_000),
        ("0.25", 0, 250_000_000),
        ("1.", 1, 0),
        ("0.000000001", 0, 1),
        ("0.0000000019", 0, 1),
        ("00.1", 0, 100_000_000),
    ] {
        // Not what it gives: below strace, the child's end interrupts the parent's sleep.
        let sleep = format!("nanosleep({{tv_sec={seconds}, tv_nsec={nanoseconds}}}, ");
        let args = [&format!("--hold={value}"), "--delay", value, "x"];
        let (run, log) = Strace::new(&[], &args).run();
        assert_eq!(run.status, 0, "{value}");
        for process in [log.parent(), log.child()] {
            let sleeps = process.named("nanosleep");
            assert!(sleeps.iter().any(|call| call.starts_with(&sleep)), "{value}: {sleeps:?}");
        }
    }
}

#[test]
fn forever_is_longer_than_the_machine_lasts() {
    needs!(strace::here());
    let mut strace = Strace::new(&[], &["--hold", "forever", "--delay=0", "bizarro"]);
    let running = strace.command.start();
    let child = running.cloned();
    until_in(child, Sysno::nanosleep);
    kill(child, Signal::TERM).unwrap();
    running.finish();
    let asked = strace.log().child().named("nanosleep")[0].to_owned();
    assert!(asked.starts_with("nanosleep({tv_sec=9223372036854775807, tv_nsec=0}, "), "{asked}");
}

#[test]
fn a_killed_parent_leaves_its_child() {
    needs!(require::root());
    let mut running = newuts(["--hold=300", "bizarro"]).start();
    let child = running.cloned();
    kill(running.pid(), Signal::KILL).unwrap();
    running.wait(LIMIT);
    std::thread::sleep(SECOND / 5);
    assert_eq!(running.living(), [child]);
    kill(child, Signal::KILL).unwrap();
    assert_eq!(running.finish().status, 137);
}

#[test]
fn kill_child_ends_it_with_its_parent() {
    needs!(strace::here());
    for (option, signal) in [
        ("--kill-child", "SIGKILL"),
        ("--kill-child=TERM", "SIGTERM"),
        ("--kill-child=sigusr1", "SIGUSR1"),
        ("--kill-child=12", "SIGUSR2"),
        ("--kill-child=34", "SIGRT_2"),
    ] {
        // The parent waits for the child when the signal comes.
        let faults = ["wait4:signal=KILL"];
        let (run, log) = inject(&faults, &[option, "--hold=300", "--delay=0.3", "bizarro"]);
        assert_eq!(run.status, 137, "{option}");
        assert_eq!(log.parent().events, ["+++ killed by SIGKILL +++"], "{option}");
        assert_eq!(log.child().events.last(), Some(&format!("+++ killed by {signal} +++")));
    }
}

#[test]
fn kill_child_ends_a_child_that_is_too_late_to_ask_for_it() {
    needs!(strace::here());
    // The parent is to have died when the child asks for its death signal.
    in_time(|seconds| {
        let late = format!("--inject=prctl:delay_enter={seconds}s");
        let args = ["--kill-child=USR1", "--hold=300", "--delay=0.1", "bizarro"];
        let mut strace = Strace::new(&[&late, "--inject=wait4:signal=KILL"], &args);
        strace.command.run();
        let text = fs::read_to_string(strace.path()).unwrap();
        let death = text.find(" +++ killed by SIGKILL +++").unwrap();
        let asked = text.find(" (DELAYED)")?;
        let log = strace.log();
        let child = log.child();
        // It may have died between the two: then it is the kernel that ends the child.
        let by_the_kernel = child.named("kill").is_empty() && child.named("sethostname").is_empty();
        (death < asked && !by_the_kernel).then(|| {
            assert_eq!(child.named("kill"), [format!("kill({}, SIGUSR1) = 0", child.pid)]);
            assert_eq!(child.named("sethostname"), [""; 0]);
            assert_eq!(child.events.last().unwrap(), "+++ killed by SIGUSR1 +++");
        })
    });
}
