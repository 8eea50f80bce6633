// SPDX-License-Identifier: MIT OR Apache-2.0
//! `--kill-child`: the child goes with its parent, wherever it was born, and only then. And whom
//! the program ever sends a signal to.

use std::os::unix::process::CommandExt as _;
use std::process::Command;

use rustix::fs::{CWD, Mode, mkfifoat};
use rustix::process::Signal;
use tempfile::TempDir;

use crate::support::require::{self, needs};
use crate::support::run::{
    NEWUTS, Watched as _, command, four_lines, full_disk, in_time, kill, newuts, transcript,
};
use crate::support::setting::{refusing, refusing_with};
use crate::support::strace::{self, Strace};
use crate::support::trace::Traced;

/// Has time for everything in its order.
const SHORT: [&str; 3] = ["--delay=0.3", "--hold=0.6", "bizarro"];

/// Each way to ask for it.
const OPTIONS: [&str; 4] =
    ["--kill-child", "--kill-child=TERM", "--kill-child=USR1", "--kill-child=CONT"];

/// A command that becomes `words`, whose children are born in a new PID namespace, where process 1
/// is somebody else, who lives as long as they do. And the folder that this takes.
fn beside_process_1(words: &[&str]) -> (TempDir, Command) {
    let folder = TempDir::new().unwrap();
    let fifo = folder.path().join("fifo");
    mkfifoat(CWD, &fifo, Mode::RUSR | Mode::WUSR).unwrap();
    // `cat` ends when nobody has the other end any more.
    let script = "cat <\"$FIFO\" >/dev/null & exec 9>\"$FIFO\"; exec \"$@\"";
    let mut unshare = command("unshare");
    unshare.args(["--pid", "sh", "-c", script, "sh"]).args(words).env("FIFO", fifo);
    (folder, unshare)
}

#[test]
fn a_healthy_child_is_left_alone() {
    needs!(require::namespaces());
    for option in OPTIONS {
        newuts([&[option], &SHORT[..]].concat()).run().demonstrates("bizarro", 0, "");
        // The child is process 1 of another PID namespace, or another process there.
        let mut alone = command("unshare");
        alone.args(["--pid", NEWUTS, option]).args(SHORT);
        alone.run().demonstrates("bizarro", 0, "");
        for options in [&[option][..], &[option, "-U"], &[option, "-r"]] {
            let words = [&[NEWUTS], options, &SHORT].concat();
            let (_folder, mut beside) = beside_process_1(&words);
            beside.run().demonstrates("bizarro", 0, "");
        }
    }
}

#[test]
fn a_healthy_child_in_an_older_pid_namespace_is_left_alone() {
    needs!(require::namespaces(), require::tool("nsenter"));
    let mut unshare = command("unshare");
    unshare.args(["--pid", "--fork", "--kill-child", "sh", "-c", "echo ready; exec sleep 60"]);
    let running = unshare.start();
    running.until("ready\n");
    let pid = format!("--pid=/proc/{}/ns/pid_for_children", running.pid());
    for option in OPTIONS {
        let mut nsenter = command("nsenter");
        nsenter.args(["--no-fork", &pid, NEWUTS, option]).args(SHORT);
        nsenter.run().demonstrates("bizarro", 0, "");
    }
}

/// As process 1 the program has its child in its own PID namespace, or in one below.
#[test]
fn a_healthy_child_of_process_1_is_left_alone() {
    needs!(require::namespaces());
    for option in OPTIONS {
        for below in [&[][..], &["unshare", "--pid"]] {
            let mut unshare = command("unshare");
            unshare.args(["--pid", "--fork", "--kill-child"]).args(below);
            unshare.args([NEWUTS, option]).args(SHORT);
            unshare.run().demonstrates("bizarro", 0, "");
        }
    }
}

/// Nobody is left: that is asserted at the end of every run.
#[test]
fn the_child_goes_with_its_parent_wherever_it_was_born() {
    needs!(require::namespaces());
    let plain = |words: &[&str]| {
        let mut command = command(words[0]);
        command.args(&words[1..]);
        command
    };
    for option in ["--kill-child", "--kill-child=TERM", "--kill-child=USR1", "--kill-child=64"] {
        for mut command in [
            newuts([""; 0]),
            // As process 1 it is ended by no signal but KILL that it has no handler for.
            plain(&["unshare", "--pid", NEWUTS]),
            plain(&["unshare", "--pid", NEWUTS, "-U"]),
            plain(&["unshare", "--pid", NEWUTS, "-r"]),
        ] {
            let running = command.args([option, "--hold=300", "--delay=0", "bizarro"]).start();
            running.cloned();
            running.until("uts.nodename in child: bizarro\n");
            kill(running.pid(), Signal::KILL).unwrap();
            assert_eq!(running.finish().status, 137);
        }
        let words = [NEWUTS, option, "--hold=300", "--delay=0", "bizarro"];
        let (_folder, mut beside) = beside_process_1(&words);
        let running = beside.start();
        running.cloned();
        kill(running.pid(), Signal::KILL).unwrap();
        assert_eq!(running.finish().status, 137);
    }
}

/// The parent has long died when the child asks for its signal: getppid(2) says 0 then as before.
#[test]
fn a_child_that_is_too_late_goes_too_wherever_it_was_born() {
    needs!(strace::here(), require::namespaces());
    for under in [&[][..], &["unshare", "--pid"]] {
        for option in ["--kill-child", "--kill-child=TERM", "--kill-child=USR1"] {
            in_time(|seconds| {
                let late = format!("prctl:delay_enter={}ms", 1500 * seconds);
                let faults = [late.as_str(), "wait4:signal=KILL"];
                let args = [option, "--hold=300", "--delay=0.1", "bizarro"];
                let (_, log) = Traced::new(&faults, under, &args).run();
                let [_, (_, child)] = &log.processes[..] else { panic!("no child") };
                assert!(child[0].starts_with("prctl("), "{child:?}");
                let named = child.iter().any(|call| call.starts_with("sethostname("));
                // A parent that was slow to die was there when it asked: once more, with more time.
                (!named).then_some(())
            });
        }
    }
}

/// A filter keeps the program from knowing who it is. It is in a group of its own: what it kills by
/// mistake is not the test.
#[test]
fn who_does_not_know_its_own_number_kills_nobody() {
    needs!(require::root());
    let calls = [libc::SYS_getpid, libc::SYS_getppid];
    for refused in [&calls[..1], &calls[1..], &calls[..]] {
        for errno in [libc::EPERM, libc::ENOSYS, libc::EINTR, 0] {
            for option in OPTIONS {
                let mut command = newuts([&[option], &SHORT[..]].concat());
                refusing_with(&mut command, refused, errno);
                let run = command.process_group(0).run();
                let (_, said) = transcript(&run.stdout);
                let found = (run.status, said.as_str(), run.stderr.as_str());
                let what = format!("{refused:?} {errno} {option}");
                assert_eq!(found, (0, four_lines("bizarro").as_str(), ""), "{what}");
            }
        }
    }
}

/// The parent dies, and the child does not know its own number.
#[test]
fn a_child_that_does_not_know_its_own_number_goes_with_its_parent() {
    needs!(require::root());
    let mut command = newuts(["--kill-child", "--hold=300", "--delay=0", "bizarro"]);
    let running = refusing(&mut command, libc::SYS_getpid).process_group(0).start();
    running.cloned();
    kill(running.pid(), Signal::KILL).unwrap();
    assert_eq!(running.finish().status, 137);
}

/// Whom a signal was sent to.
fn receivers(calls: &[String]) -> Vec<&str> {
    let kills = calls.iter().filter_map(|call| {
        let rest = call.strip_prefix("kill(").or(call.strip_prefix("tkill("))?;
        rest.split(", ").next()
    });
    kills.collect()
}

/// A kernel that lies, in namespaces of its own where all of this can hit nobody.
#[test]
fn no_signal_goes_to_everybody_or_to_process_1() {
    needs!(strace::here(), require::namespaces());
    for fault in [
        "clone:retval=1",
        "clone:error=EPERM",
        "getpid:retval=0",
        "getpid:retval=1:when=2+",
        "getpid:error=EPERM",
        "getppid:retval=0",
        "getppid:error=EPERM",
        "getppid:retval=1",
        "wait4:error=EINVAL",
        "write:error=EIO:when=2",
        "nanosleep:error=EINVAL",
        "uname:error=EFAULT",
        "prctl:error=EINVAL",
        "sethostname:error=EPERM",
    ] {
        for option in ["--kill-child", "--delay=0.05"] {
            for full in [false, true] {
                let args = [option, "--delay=0.05", "--hold=0.3", "bizarro"];
                let mut traced = Traced::new(&[fault], &[], &args);
                let inner: Vec<_> = traced.command.get_args().map(ToOwned::to_owned).collect();
                let mut unshare = command("unshare");
                unshare.args(["--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]);
                unshare.arg("unshare").args(inner).process_group(0);
                if full {
                    unshare.stdout(full_disk());
                }
                traced.command = unshare;
                let (_, log) = traced.run();
                for (pid, calls) in &log.processes {
                    let receivers = receivers(calls);
                    let wrong = ["0", "-1", "1"];
                    // Itself, where it is process 1: it is not.
                    assert_ne!(*pid, 1);
                    assert!(
                        receivers.iter().all(|pid| !wrong.contains(pid)),
                        "{fault} {option}: {calls:#?}"
                    );
                }
            }
        }
    }
}

#[test]
fn without_it_nothing_is_asked_for() {
    needs!(strace::here());
    let (run, log) = Strace::new(&[], &SHORT).run();
    run.demonstrates("bizarro", 0, "");
    for process in [log.parent(), log.child()] {
        for call in ["prctl", "getppid", "pipe2", "pidfd_open", "poll", "ppoll", "close", "kill"] {
            assert_eq!(process.named(call), [""; 0], "{call}");
        }
    }
}
