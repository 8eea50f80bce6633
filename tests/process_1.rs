// SPDX-License-Identifier: MIT OR Apache-2.0
//! Process 1 of a PID namespace, without a container engine: who ends there without a parent is
//! waited for, and the demonstration goes on as if nobody had been.

use std::fs;
use std::process::Command;
use std::time::Duration;

use rustix::process::Signal;

use crate::support::require::{self, needs};
use crate::support::run::{NEWUTS, Running, Watched as _, command, eventually, kill};

/// How long a busy machine may take.
const LIMIT: Duration = Duration::from_secs(30);

/// A shell as process 1, which leaves children and children's children behind and becomes the
/// program.
fn after(script: &str, args: &[&str]) -> Command {
    let mut unshare = command("unshare");
    let script = format!("{script}\nexec \"$@\"");
    unshare.args(["--pid", "--fork", "--kill-child", "--mount-proc", "sh", "-c", &script, "sh"]);
    unshare.arg(NEWUTS).args(args);
    unshare
}

/// The children of a process, those that ended and were not waited for too.
fn children(pid: i32) -> Vec<i32> {
    let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children"));
    children.unwrap_or_default().split_whitespace().map(|pid| pid.parse().unwrap()).collect()
}

/// Process 1, once the demonstration's child has spoken; and that child, as both are called
/// outside.
#[track_caller]
fn started(running: &Running) -> (i32, i32) {
    running.cloned();
    let process_1 = eventually("process 1", LIMIT, || children(running.pid()).first().copied());
    let named = |pid: &i32| {
        let cmdline = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        cmdline.split(|byte| *byte == 0).next() == Some(NEWUTS.as_bytes())
    };
    let child = eventually("the child", LIMIT, || children(process_1).into_iter().find(named));
    (process_1, child)
}

/// Starts a process in there that leaves an orphan, which ends when `path` is there.
fn orphan(process_1: i32, path: &str) {
    let mut nsenter = command("nsenter");
    nsenter.args([&format!("--target={process_1}"), "--pid", "--mount"]);
    let wait = format!("until [ -e {path} ]; do sleep .02; done; exit 5");
    // The shell ends at once, and its child has no parent but process 1, with which it ends if
    // this fails: so it need not be one of this run.
    let script = format!("env -u NEWUTS_TEST_RUN sh -c '{wait}' >&- 2>&- &");
    assert_eq!(nsenter.args(["sh", "-c", &script]).run().status, 0);
}

/// Those that it inherited from whoever it was before: ended already, or to end soon.
const LEFT_BEHIND: &str = "
    for number in 1 2 3 4 5 6 7 8; do
        (true & sleep .05 & exit) &
        sleep .1 &
    done";

#[test]
fn orphans_are_waited_for_while_the_demonstration_holds() {
    needs!(require::namespaces(), require::tool("nsenter"));
    for options in [&[][..], &["-U"], &["--kill-child"]] {
        let args = [options, &["--delay=0", "--hold=300", "bizarro"]].concat();
        let running = after(LEFT_BEHIND, &args).start();
        let (process_1, child) = started(&running);
        eventually("one child", LIMIT, || (children(process_1) == [child]).then_some(()));
        // Again and again.
        let folder = tempfile::tempdir().unwrap();
        for number in 0..3 {
            let path = folder.path().join(number.to_string());
            let path = path.to_str().unwrap();
            orphan(process_1, path);
            eventually("an orphan", LIMIT, || (children(process_1).len() > 1).then_some(()));
            fs::write(path, "").unwrap();
            eventually("one child", LIMIT, || (children(process_1) == [child]).then_some(()));
        }
        // The status is the child's, whatever those of the others were.
        kill(child, Signal::TERM).unwrap();
        let run = running.finish();
        assert_eq!((run.status, run.stderr.as_str()), (143, ""));
        assert!(run.stdout.ends_with("child has terminated\n"), "{run:?}");
    }
}

#[test]
fn an_orphan_s_end_is_not_the_child_s() {
    needs!(require::namespaces());
    for orphan in ["exit 9", "kill -KILL $$", "sleep .2; exit 9", "sleep .2; kill -TERM $$"] {
        let script = format!("for number in 1 2 3; do sh -c '{orphan}' & done");
        let run = after(&script, &["--delay=0.1", "--hold=0.6", "bizarro"]).run();
        run.demonstrates("bizarro", 0, "");
    }
    // One that outlives the demonstration ends with it.
    let run = after("sleep 300 & (sleep 300 &)", &["--delay=0.1", "--hold=0.3", "bizarro"]).run();
    run.demonstrates("bizarro", 0, "");
}

#[test]
fn it_stops_when_it_is_asked_to_with_orphans_round_it() {
    needs!(require::namespaces());
    for (signal, status) in
        [(Signal::TERM, 143), (Signal::INT, 130), (Signal::HUP, 129), (Signal::QUIT, 131)]
    {
        let script = "sleep 300 & (sleep 300 &); (true &)";
        let running = after(script, &["--delay=0", "--hold=300", "bizarro"]).start();
        let (process_1, _) = started(&running);
        kill(process_1, signal).unwrap();
        assert_eq!(running.finish().status, status);
    }
}

/// Who is not process 1 waits for its own child, and for nobody else's.
#[test]
fn another_process_waits_for_its_own_child_only() {
    needs!(crate::support::strace::here());
    let args = ["--delay=0.1", "--hold=0.3", "bizarro"];
    let (run, log) = crate::support::strace::Strace::new(&[], &args).run();
    run.demonstrates("bizarro", 0, "");
    let wait = format!("wait4({}, ", log.child().pid);
    let waits = log.parent().named("wait4");
    assert_eq!(waits.len(), 1);
    assert!(waits[0].starts_with(&wait), "{waits:?}");
}
