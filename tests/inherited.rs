// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a process inherits from whoever started it: signals that are ignored, blocked or pending,
//! timers, a limit on files. None of it changes what the demonstration does, and a command gets it
//! as it was.

use std::fs::{self, File};
use std::io::{self, Read as _, Seek as _};
use std::mem::zeroed;
use std::os::unix::process::CommandExt as _;
use std::process::Command;
use std::ptr::null_mut;

use rustix::process::{Resource, Signal};

use crate::support::require::{self, needs};
use crate::support::run::{
    NEWUTS, Running, Watched as _, command, eventually, four_lines, kill, newuts, transcript,
};
use crate::support::strace;

/// Has time for everything in its order.
const SHORT: [&str; 3] = ["--delay=0.3", "--hold=0.6", "bizarro"];

/// Would sleep long, if nothing ended it.
const LONG: [&str; 3] = ["--delay=0.3", "--hold=300", "bizarro"];

/// Every signal that can be ignored or blocked: not KILL and STOP, and not the two that the C
/// library keeps to itself.
fn signals() -> impl Iterator<Item = i32> {
    (1..=64).filter(|signal| ![libc::SIGKILL, libc::SIGSTOP, 32, 33].contains(signal))
}

/// What may be inherited, besides signals that are ignored.
trait Inheriting {
    /// Starts it with signals pending, which are blocked before.
    fn pending(&mut self, signals: &[i32]) -> &mut Self;
    /// Starts it with a timer of this many microseconds.
    fn timed(&mut self, timer: libc::c_int, microseconds: i64) -> &mut Self;
}

impl Inheriting for Command {
    fn pending(&mut self, signals: &[i32]) -> &mut Self {
        let signals = signals.to_vec();
        let raise = move || {
            for signal in &signals {
                // SAFETY: they are blocked.
                unsafe { libc::raise(*signal) };
            }
            Ok(())
        };
        // SAFETY: raise is allowed between fork and execve.
        unsafe { self.pre_exec(raise) }
    }

    fn timed(&mut self, timer: libc::c_int, microseconds: i64) -> &mut Self {
        let start = move || {
            let value = libc::timeval {
                tv_sec: microseconds / 1_000_000,
                tv_usec: microseconds % 1_000_000,
            };
            let timer_value = libc::itimerval { it_interval: value, it_value: value };
            // By its number: libraries differ in the type of the first argument.
            // SAFETY: one system call that reads a structure.
            unsafe {
                libc::syscall(libc::SYS_setitimer, timer, &raw const timer_value, 0);
            }
            Ok(())
        };
        // SAFETY: one system call and no more.
        unsafe { self.pre_exec(start) }
    }
}

#[test]
fn a_signal_that_is_ignored_changes_nothing() {
    needs!(require::root());
    // Side by side: they mostly sleep.
    let ignoring = |signal| (signal, newuts(SHORT).ignoring(signal).start());
    let running: Vec<_> = signals().map(ignoring).collect();
    for (signal, running) in running {
        let run = running.finish();
        let (_, said) = transcript(&run.stdout);
        let found = (run.status, said.as_str(), run.stderr.as_str());
        assert_eq!(found, (0, four_lines("bizarro").as_str(), ""), "signal {signal}");
    }
    let mut all = newuts(SHORT);
    for signal in signals() {
        all.ignoring(signal);
    }
    all.run().demonstrates("bizarro", 0, "");
}

#[test]
fn a_signal_that_is_blocked_changes_nothing() {
    needs!(require::root());
    let blocking = |signal| (signal, newuts(SHORT).blocking(&[signal]).start());
    let running: Vec<_> = signals().map(blocking).collect();
    for (signal, running) in running {
        let run = running.finish();
        let (_, said) = transcript(&run.stdout);
        let found = (run.status, said.as_str(), run.stderr.as_str());
        assert_eq!(found, (0, four_lines("bizarro").as_str(), ""), "signal {signal}");
    }
    let all: Vec<_> = signals().collect();
    newuts(SHORT).blocking(&all).run().demonstrates("bizarro", 0, "");
}

/// What is pending came before the program was there, and was not for it.
#[test]
fn a_signal_that_is_pending_changes_nothing() {
    needs!(require::root());
    for signal in [libc::SIGALRM, libc::SIGCHLD, libc::SIGPIPE, libc::SIGXFSZ, libc::SIGVTALRM] {
        let run = newuts(SHORT).blocking(&[signal]).pending(&[signal]).run();
        run.demonstrates("bizarro", 0, "");
    }
}

#[test]
fn the_child_s_status_is_not_lost() {
    needs!(require::root());
    for (signal, status) in [(Signal::TERM, 143), (Signal::KILL, 137), (Signal::USR1, 138)] {
        for block in [false, true] {
            let mut command = newuts(["--delay=0.1", "--hold=300", "bizarro"]);
            command.ignoring(libc::SIGCHLD);
            if block {
                command.blocking(&[libc::SIGCHLD]);
            }
            let running = command.start();
            let child = running.cloned();
            running.until("uts.nodename in parent: ");
            kill(child, signal).unwrap();
            running.finish().demonstrates("bizarro", status, "");
        }
    }
    // A child that fails by itself.
    let run = newuts(["--delay=0.1", &"x".repeat(65)]).ignoring(libc::SIGCHLD).run();
    assert_eq!(run.status, 1);
    assert!(run.stderr.starts_with("sethostname: Invalid argument\n"), "{run:?}");
    assert!(run.stdout.ends_with("\nchild has terminated\n"), "{run:?}");
    // The flag that has the same effect, which is not inherited: execve(2).
    let no_wait = || {
        // SAFETY: an action is plain memory.
        let mut action: libc::sigaction = unsafe { zeroed() };
        action.sa_flags = libc::SA_NOCLDWAIT;
        // SAFETY: the action is the default; no place for the old one.
        unsafe { libc::sigaction(libc::SIGCHLD, &raw const action, null_mut()) };
        Ok(())
    };
    let mut command = newuts(SHORT);
    // SAFETY: sigaction is allowed between fork and execve.
    unsafe { command.pre_exec(no_wait) };
    command.run().demonstrates("bizarro", 0, "");
}

#[test]
fn a_timer_changes_nothing() {
    needs!(require::root());
    let args = ["--delay=0.3", "--hold=7", "bizarro"];
    // It strikes while both sleep, and goes on to do so; but not before the program is there.
    let running = newuts(args).timed(libc::ITIMER_REAL, 3_000_000).start();
    // Those that count what a process does: it does little.
    let others = [libc::ITIMER_VIRTUAL, libc::ITIMER_PROF];
    let others = others.map(|timer| newuts(SHORT).timed(timer, 20_000).start());
    for running in others.into_iter().chain([running]) {
        running.finish().demonstrates("bizarro", 0, "");
    }
    // One that struck before.
    let run = newuts(SHORT)
        .blocking(&[libc::SIGALRM])
        .timed(libc::ITIMER_REAL, 1)
        .pending(&[libc::SIGALRM])
        .run();
    run.demonstrates("bizarro", 0, "");
}

/// A file that may have so many bytes, and no more.
fn limited(args: &[&str], bytes: u64) -> (crate::support::run::Outcome, String) {
    let mut file = tempfile::tempfile().unwrap();
    let mut command = newuts(args);
    command.stdout(file.try_clone().unwrap()).limited(Resource::Fsize, bytes);
    let run = command.run();
    let mut written = String::new();
    file.rewind().unwrap();
    file.read_to_string(&mut written).unwrap();
    (run, written)
}

#[test]
fn a_limit_on_files_is_an_error() {
    needs!(require::root());
    let message = "write: File too large\n";
    let whole = limited(&SHORT, 1000).1;
    assert_eq!(transcript(&whole).1, four_lines("bizarro"));
    // A later child's process id may have up to six digits fewer.
    let shortest = whole.len() as u64 - 6;
    let but_the_last = shortest - "child has terminated\n".len() as u64;
    for bytes in 0..shortest {
        // Whoever writes last: parent and child are both told, and neither dies of it.
        let args = if bytes < but_the_last { LONG } else { SHORT };
        let (run, written) = limited(&args, bytes);
        let said = [message.to_owned(), message.repeat(2)];
        assert!(said.contains(&run.stderr), "{bytes}: {run:?}");
        assert_eq!(run.status, 1, "{bytes}: {run:?}");
        assert!(written.len() as u64 <= bytes);
    }
    for option in ["-U", "-r", "--kill-child"] {
        let (run, _) = limited(&[&[option], &LONG[..]].concat(), 10);
        assert!([message.to_owned(), message.repeat(2)].contains(&run.stderr), "{run:?}");
        assert_eq!(run.status, 1);
    }
}

/// The trace goes to a file that takes its first line: the others are lost, and nothing else is.
#[test]
fn a_limit_on_the_file_of_the_trace_changes_nothing() {
    needs!(require::root());
    for trace in ["--trace", "--trace=regs"] {
        let file = tempfile::tempfile().unwrap();
        let mut command = newuts([&[trace], &SHORT[..]].concat());
        command.stderr(file).limited(Resource::Fsize, 50);
        command.run().demonstrates("bizarro", 0, "");
    }
}

/// What a command sees of what it inherited.
const LOOK: [&str; 4] =
    ["grep", "-E", "^(Sig(Blk|Ign|Cgt|Pnd)|ShdPnd|Seccomp|NoNewPrivs):", "/proc/self/status"];

#[test]
fn a_command_gets_every_signal_as_it_was() {
    needs!(require::user_namespaces());
    let pid = std::process::id().to_string();
    let path = format!("/proc/{pid}/ns/uts");
    let forms: [&[&str]; 6] = [
        &["box"],
        &["-U", "box"],
        &["-c", "box"],
        &["-r", "--domainname=d", "box"],
        &["--join", &pid],
        &["--join", &path],
    ];
    // Without its command: `env`, which changes nothing either.
    let runs = |prepare: &dyn Fn(&mut Command)| {
        let run = |mut command: Command| {
            prepare(&mut command);
            command.args(LOOK).run()
        };
        let expected = run(command("env"));
        assert_eq!(expected.status, 0, "{expected:?}");
        for form in forms {
            run(newuts(form)).is(0, &expected.stdout, "");
        }
        expected.stdout
    };
    let all: Vec<_> = signals().collect();
    let plain = runs(&|_| ());
    for signals in [&[libc::SIGPIPE][..], &[libc::SIGXFSZ], &[libc::SIGCHLD], &all] {
        let ignored = runs(&|command| {
            for signal in signals {
                command.ignoring(*signal);
            }
        });
        let blocked = runs(&|command| _ = command.blocking(signals));
        let pending = runs(&|command| _ = command.blocking(signals).pending(signals));
        assert!(plain != ignored && plain != blocked && blocked != pending);
    }
}

#[test]
fn a_command_gets_the_timers_as_they_were() {
    needs!(require::user_namespaces());
    let own = format!("--join={}", std::process::id());
    for form in [&["box"][..], &["-r", "box"], &[&own]] {
        let mut command = newuts(form);
        command.args(["sleep", "60"]).timed(libc::ITIMER_REAL, 500_000);
        command.run().is(128 + libc::SIGALRM, "", "");
    }
}

#[test]
fn a_command_gets_the_limits_as_they_were() {
    needs!(require::user_namespaces());
    for form in [&["box"][..], &["-r", "box"]] {
        let mut command = newuts(form);
        let script = "ulimit -f; ulimit -n; umask; cat /proc/self/oom_score_adj";
        command.args(["sh", "-c", script]).limited(Resource::Fsize, 51_200);
        let run = command.limited(Resource::Nofile, 77).run();
        let mut plain = crate::support::run::command("sh");
        plain.args(["-c", script]).limited(Resource::Fsize, 51_200);
        let expected = plain.limited(Resource::Nofile, 77).run();
        run.is(0, &expected.stdout, "");
        assert!(expected.stdout.starts_with("100\n77\n"), "{expected:?}");
    }
}

#[test]
fn a_command_costs_no_call_for_signals() {
    needs!(strace::here());
    for args in [&["box", "/bin/true"][..], &["-r", "box", "/bin/true"]] {
        let (_, log) = strace::Strace::new(&[], args).run();
        for call in crate::support::setting::calls_to_execve(&log) {
            assert!(!call.starts_with("rt_sig"), "{call}");
        }
    }
}

/// The four that ask process 1 to stop, and its status then.
const ASKING: [(i32, i32); 4] =
    [(libc::SIGTERM, 143), (libc::SIGINT, 130), (libc::SIGHUP, 129), (libc::SIGQUIT, 131)];

/// The program as process 1 of a PID namespace, as others know it.
#[track_caller]
fn process_1(running: &Running) -> i32 {
    let children = format!("/proc/{0}/task/{0}/children", running.pid());
    eventually("process 1", std::time::Duration::from_secs(10), || {
        fs::read_to_string(&children).ok()?.split_whitespace().next()?.parse().ok()
    })
}

#[test]
fn process_1_stops_when_it_is_asked_to() {
    needs!(require::root(), require::tool("unshare"));
    for (signal, status) in ASKING {
        // While the parent sleeps, and while it waits.
        for delay in ["--delay=300", "--delay=0"] {
            for (ignore, block) in [(false, false), (true, false), (false, true), (true, true)] {
                let mut unshare = command("unshare");
                unshare.args(["--pid", "--fork", "--kill-child", NEWUTS]);
                unshare.args([delay, "--hold=300", "bizarro"]);
                if ignore {
                    unshare.ignoring(signal);
                }
                if block {
                    unshare.blocking(&[signal]);
                }
                let running = unshare.start();
                running.cloned();
                let process_1 = process_1(&running);
                kill(process_1, Signal::from_named_raw(signal).unwrap()).unwrap();
                let run = running.finish();
                let found = (run.status, run.stderr.as_str());
                assert_eq!(found, (status, ""), "{signal} {delay} {ignore} {block}");
            }
        }
    }
}

#[test]
fn process_1_stops_when_everything_is_blocked() {
    needs!(require::root(), require::tool("unshare"));
    let all: Vec<_> = signals().collect();
    for (signal, status) in ASKING {
        let mut unshare = command("unshare");
        unshare.args(["--pid", "--fork", "--kill-child", NEWUTS, "--hold=300", "bizarro"]);
        for other in &all {
            unshare.ignoring(*other);
        }
        let running = unshare.blocking(&all).start();
        running.cloned();
        kill(process_1(&running), Signal::from_named_raw(signal).unwrap()).unwrap();
        assert_eq!(running.finish().status, status);
    }
}

/// A file that is opened for the test only.
#[test]
fn standard_input_is_never_read() {
    needs!(require::root());
    let mut file = tempfile::tempfile().unwrap();
    io::Write::write_all(&mut file, b"input\n").unwrap();
    file.rewind().unwrap();
    let copy: File = file.try_clone().unwrap();
    newuts(SHORT).stdin(copy).run().demonstrates("bizarro", 0, "");
    assert_eq!(file.stream_position().unwrap(), 0);
}
