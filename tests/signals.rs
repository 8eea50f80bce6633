// SPDX-License-Identifier: MIT OR Apache-2.0
//! Signals at every stage: to the parent, the child and the whole group, at each call that they
//! make. Who dies says so, and nobody is left; who is stopped goes on as if nothing had been.

use std::fs;
use std::os::unix::process::CommandExt as _;
use std::time::{Duration, Instant};

use regex::Regex;
use rustix::process::{Pid, Signal, kill_process_group};
use syscalls::Sysno;

use crate::support::require::{self, needs};
use crate::support::run::{
    LIMIT, Outcome, Running, Watched as _, eventually, in_time, is_in, kill, newuts, parents_lines,
    state, transcript, until_in,
};
use crate::support::strace::{self, Strace, inject};

const SECOND: Duration = Duration::from_secs(1);

/// The calls of the parent, in their order, and how often each was made so far.
const PARENT: [(&str, usize); 13] = [
    ("rt_sigprocmask", 1),
    ("rt_sigaction", 1),
    ("getpid", 1),
    ("mmap", 1),
    ("mprotect", 1),
    ("getpid", 2),
    ("clone", 1),
    ("write", 1),
    ("nanosleep", 1),
    ("uname", 1),
    ("write", 2),
    ("wait4", 1),
    ("write", 3),
];

/// Those of the child that the parent does not make, but for exit: whoever makes that is gone
/// before a signal comes.
const CHILD: [(&str, usize); 3] = [("prctl", 1), ("getppid", 1), ("sethostname", 1)];

/// The signals that ask a program to end.
const ASKING: [(&str, i32); 3] = [("TERM", 143), ("INT", 130), ("HUP", 129)];

/// Runs the demonstration with a signal on the way into a call; `child` is how long that sleeps.
fn signalled(signal: &str, call: (&str, usize), hold: &str) -> (Outcome, bool) {
    let (name, nth) = call;
    let fault = format!("{name}:signal={signal}:when={nth}");
    let args = ["--kill-child", "--delay=0.02", hold, "bizarro"];
    let (run, log) = inject(&[&fault], &args);
    let signal = format!("--- SIG{signal} ");
    let came = log.parent().events.iter().any(|event| event.starts_with(&signal));
    (run, came)
}

#[test]
fn a_parent_that_is_ended_at_any_stage_takes_its_child_with_it() {
    needs!(strace::here());
    for (signal, status) in ASKING {
        for (stage, call) in PARENT.into_iter().enumerate() {
            // The last line is for a child that ended.
            let hold = if call == ("write", 3) { "--hold=0.05" } else { "--hold=300" };
            let (run, came) = signalled(signal, call, hold);
            assert!(came, "{signal} {call:?}");
            assert_eq!((run.status, run.stderr.as_str()), (status, ""), "{signal} {call:?}");
            // What was written before is whole; the child may have been too late for its line.
            let mut lines: Vec<_> = run.stdout.split_inclusive('\n').collect();
            lines.retain(|line| *line != "uts.nodename in child: bizarro\n");
            let written = PARENT[..=stage].iter().filter(|(name, _)| *name == "write").count();
            assert_eq!(lines.len(), written, "{signal} {call:?}: {run:?}");
            assert!(lines.iter().all(|line| line.ends_with('\n')), "{run:?}");
        }
    }
}

#[test]
fn a_closed_pipe_s_signal_ends_nobody() {
    needs!(strace::here());
    for call in PARENT.into_iter().chain(CHILD) {
        let (run, _) = signalled("PIPE", call, "--hold=0.05");
        run.demonstrates("bizarro", 0, "");
    }
}

#[test]
fn a_child_that_is_ended_at_any_stage_gives_its_status() {
    needs!(strace::here());
    for (signal, status) in ASKING {
        for call in CHILD {
            let (run, came) = signalled(signal, call, "--hold=0.05");
            assert!(!came, "{signal} {call:?}");
            let (_, said) = transcript(&run.stdout);
            let expected = format!("clone() returned PID\n{}", parents_lines());
            assert_eq!((run.status, said), (status, expected), "{signal} {call:?}");
        }
    }
}

#[test]
fn a_stop_at_any_stage_changes_nothing() {
    needs!(strace::here());
    let stopped = Regex::new(r"(?m)^([0-9]+) +--- stopped by SIGSTOP ---$").unwrap();
    for (name, nth) in PARENT.into_iter().chain(CHILD) {
        let stop = format!("--inject={name}:signal=STOP:when={nth}");
        let args = ["--kill-child", "--delay=0.05", "--hold=0.1", "bizarro"];
        let mut strace = Strace::new(&[&stop], &args);
        let mut running = strace.command.start();
        let mut continued = 0;
        // Whoever is stopped is let go: parent and child, where both make the call so often.
        eventually("the end", LIMIT, || {
            let log = fs::read_to_string(strace.path()).unwrap();
            for (_, [pid]) in stopped.captures_iter(&log).skip(continued).map(|it| it.extract()) {
                kill(pid.parse().unwrap(), Signal::CONT).unwrap();
                continued += 1;
            }
            running.ended().then_some(())
        });
        running.finish().demonstrates("bizarro", 0, "");
        assert!(continued > 0, "{name} {nth}");
    }
}

/// Starts a demonstration as a group of its own.
fn group(args: &[&str]) -> Running {
    newuts(args).process_group(0).start()
}

/// Sends a signal to all of the group.
fn to_all(running: &Running, signal: Signal) {
    kill_process_group(Pid::from_raw(running.pid()).unwrap(), signal).unwrap();
}

/// Stops the group while both sleep, if they still do.
fn stopped(running: &Running, child: i32) -> Option<()> {
    let both = [running.pid(), child];
    to_all(running, Signal::STOP);
    // Nothing if one has ended.
    eventually("a stop", LIMIT, || {
        let states = both.map(|pid| state(pid).unwrap_or('Z'));
        states.iter().all(|state| matches!(state, 'T' | 'Z')).then_some(())
    });
    // After a stop the kernel goes on with the sleep by the other call.
    let asleep = |pid| is_in(pid, Sysno::nanosleep) || is_in(pid, Sysno::restart_syscall);
    both.into_iter().all(asleep).then_some(())
}

#[test]
fn a_stopped_group_goes_on_and_sleeps_as_long() {
    needs!(require::root());
    in_time(|seconds| {
        let start = Instant::now();
        let (delay, hold) = (format!("--delay={seconds}"), format!("--hold={}", 2 * seconds));
        let running = group(&[&delay, &hold, "bizarro"]);
        let child = running.cloned();
        for _ in 0..3 {
            stopped(&running, child)?;
            std::thread::sleep(SECOND / 5);
            to_all(&running, Signal::CONT);
            std::thread::sleep(SECOND / 20);
        }
        running.finish().demonstrates("bizarro", 0, "");
        // None of it was lost by the stops.
        let taken = start.elapsed();
        assert!(taken >= 2 * seconds * SECOND, "{taken:?}");
        Some(())
    });
}

#[test]
fn a_stop_longer_than_the_sleep_ends_it() {
    needs!(require::root());
    in_time(|seconds| {
        let (delay, hold) = (format!("--delay={seconds}"), format!("--hold={seconds}"));
        let running = group(&[&delay, &hold, "bizarro"]);
        let child = running.cloned();
        stopped(&running, child)?;
        std::thread::sleep(seconds * SECOND);
        to_all(&running, Signal::CONT);
        running.finish().demonstrates("bizarro", 0, "");
        Some(())
    });
}

#[test]
fn a_terminal_s_signals_end_the_group() {
    needs!(require::root());
    for (signal, status) in [
        (Signal::TERM, 143),
        (Signal::INT, 130),
        (Signal::HUP, 129),
        (Signal::QUIT, 131),
        (Signal::KILL, 137),
    ] {
        // While the parent sleeps, and while it waits.
        for (delay, call) in [("--delay=300", Sysno::nanosleep), ("--delay=0", Sysno::wait4)] {
            let running = group(&[delay, "--hold=300", "bizarro"]);
            running.cloned();
            until_in(running.pid(), call);
            to_all(&running, signal);
            let run = running.finish();
            assert_eq!((run.status, run.stderr.as_str()), (status, ""));
        }
    }
}

#[test]
fn a_closed_pipe_s_signal_does_not_end_the_group() {
    needs!(require::root());
    let running = group(&["--delay=0.5", "--hold=300", "bizarro"]);
    let child = running.cloned();
    to_all(&running, Signal::PIPE);
    running.until("uts.nodename in parent: ");
    // It is the second signal that ends the child.
    kill(child, Signal::TERM).unwrap();
    running.finish().demonstrates("bizarro", 143, "");
}

#[test]
fn a_group_that_ends_before_or_while_it_becomes_two_leaves_nobody() {
    needs!(strace::here());
    for stage in [Sysno::mmap, Sysno::clone, Sysno::sethostname] {
        for signal in [Signal::TERM, Signal::INT, Signal::HUP] {
            in_time(|seconds| {
                // strace holds the call back, and itself ignores these while it writes to a file.
                let delay = format!("--inject={}:delay_enter={seconds}s", stage.name());
                let mut strace = Strace::new(&[&delay], &["--delay=300", "--hold=300", "bizarro"]);
                let running = strace.command.process_group(0).start();
                // Who is in the call, unless it has been made already.
                let found = eventually(stage.name(), LIMIT, || {
                    let living = running.living().into_iter();
                    let mut held = living.filter(|pid| *pid != running.pid() && is_in(*pid, stage));
                    let made = || fs::read_to_string(strace.path()).unwrap().contains(" (DELAYED)");
                    held.next().map(Some).or_else(|| made().then_some(None))
                });
                found?;
                to_all(&running, signal);
                let run = running.finish();
                assert_eq!(run.status, 128 + signal.as_raw(), "{stage}: {run:?}");
                assert_eq!(run.stderr, "", "{stage}");
                Some(())
            });
        }
    }
}

#[test]
fn a_command_gets_the_signals_of_its_caller() {
    needs!(require::root());
    // No fork, no handler, nothing ignored: the process is the command.
    for (signal, status) in [
        (Signal::TERM, 143),
        (Signal::INT, 130),
        (Signal::HUP, 129),
        (Signal::PIPE, 141),
        (Signal::KILL, 137),
    ] {
        let running = newuts(["box", "sh", "-c", "echo ready; exec sleep 300"]).start();
        running.until("ready\n");
        kill(running.pid(), signal).unwrap();
        running.finish().is(status, "ready\n", "");
    }
}
