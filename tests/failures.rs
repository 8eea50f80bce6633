// SPDX-License-Identifier: MIT OR Apache-2.0
//! Failures as they really happen: the message, the exit status, and that nobody is left asleep.
//! (The last every run asserts at its end.) Where nothing real fails a call, strace does.

use std::ffi::OsStr;
use std::io::{self, Read as _, Write as _};
use std::os::unix::ffi::OsStrExt as _;

use rustix::fs::{OFlags, fcntl_setfl};
use rustix::pipe::fcntl_setpipe_size;
use rustix::process::{Resource, Signal};

use crate::support::hint::{NO_CAPABILITY, NO_MORE_UTS, NOT_THIS_USER, not_permitted};
use crate::support::require::{self, needs};
use crate::support::run::{
    Copied, LIMIT, Outcome, Watched as _, broken_pipe, command, eventually, full_disk, in_time,
    kill, newuts, no_fork, parents_lines, state, transcript, unprivileged,
};
use crate::support::setting::settings;
use crate::support::strace::{self, inject};

/// Has time for everything in its order.
const SHORT: [&str; 3] = ["--delay=0.3", "--hold=0.6", "bizarro"];

/// Would sleep long, if nothing ended it.
const LONG: [&str; 3] = ["--delay=0.3", "--hold=300", "bizarro"];

#[test]
fn without_privilege() {
    needs!(require::root(), require::tool("setpriv"));
    let mut setpriv = command("setpriv");
    setpriv.args(["--bounding-set=-sys_admin", "--inh-caps=-sys_admin"]);
    setpriv.arg(crate::support::run::NEWUTS).args(LONG);
    setpriv.run().is(1, "", &not_permitted("clone", NO_CAPABILITY));
}

#[test]
fn as_an_ordinary_user() {
    needs!(require::root(), require::tool("setpriv"));
    let copy = Copied::new();
    let mut setpriv = unprivileged();
    let message = not_permitted("clone", NOT_THIS_USER);
    setpriv.arg(&copy.path).args(LONG).run().is(1, "", &message);
}

#[test]
fn without_memory() {
    let mut limited = newuts(LONG);
    limited.limited(Resource::As, 512 * 1024);
    limited.run().is(1, "", "mmap: Cannot allocate memory\n");
}

#[test]
fn without_processes() {
    needs!(require::user_namespaces());
    let copy = Copied::new();
    // In a user namespace of their own users may make UTS namespaces, but not more processes than
    // the machine lets them.
    let mut user = unprivileged();
    user.args(["unshare", "--map-root-user", "prlimit", "--nproc=0"]).arg(&copy.path).args(LONG);
    user.run().is(1, "", "clone: Resource temporarily unavailable\n");
}

#[test]
fn without_namespaces() {
    needs!(require::user_namespaces(), settings());
    let copy = Copied::new();
    let script = r#"echo 0 >/proc/sys/user/max_uts_namespaces; exec "$@""#;
    let mut user = unprivileged();
    user.args(["unshare", "--map-root-user", "sh", "-c", script, "sh"]).arg(&copy.path).args(LONG);
    let message = format!("clone: No space left on device\n{NO_MORE_UTS}");
    user.run().is(1, "", &message);
}

#[test]
fn names_of_any_length() {
    needs!(require::root());
    for length in [0, 1, 63, 64] {
        let name = "n".repeat(length);
        newuts(["--delay=0.3", "--hold=0.5", &name]).run().demonstrates(&name, 0, "");
    }
    for length in [65, 300, 5000, 100_000] {
        let name = "n".repeat(length);
        let run = newuts(["--delay=0.3", "--hold=0.5", &name]).run();
        let (_, transcript) = transcript(&run.stdout);
        assert_eq!(transcript, format!("clone() returned PID\n{}", parents_lines()));
        let message = "sethostname: Invalid argument\n\
                       newuts: hint: a host name has at most 64 bytes\n";
        assert_eq!((run.status, run.stderr.as_str()), (1, message));
    }
}

#[test]
fn control_characters_in_names() {
    needs!(require::root());
    for (name, shown) in [
        (&b"two\nlines"[..], r"two\nlines"),
        (b"uts.nodename in parent: x\nchild", r"uts.nodename in parent: x\nchild"),
        (b"\t\x0b\x0c\r", r"\t\v\f\r"),
        (b"\"\\'", r#"\"\\'"#),
        (b"\x1b[2J", r"\33[2J"),
        (b"\x1b0", r"\0330"),
        (b"\x1b7\x1b8", r"\0337\338"),
        (b"\x01\x7f\x80\xff", r"\1\177\200\377"),
        (b"\xc3\xa9t\xc3\xa9", r"\303\251t\303\251"),
        (&[b'\x1b'; 64], &r"\33".repeat(64)),
    ] {
        let args = ["--delay=0.3", "--hold=0.5", "--"].map(OsStr::new);
        let run = newuts(args.into_iter().chain([OsStr::from_bytes(name)])).run();
        run.demonstrates(shown, 0, "");
    }
}

/// Asserts that a line could not be written: parent or child found out first, or both did.
#[track_caller]
fn cannot_write(run: &Outcome, message: &str) {
    let once = format!("write: {message}\n");
    assert!(run.stderr == once || run.stderr == once.repeat(2), "{run:?}");
    assert_eq!((run.status, run.stdout.as_str()), (1, ""));
}

#[test]
fn output_on_a_full_disk() {
    needs!(require::root());
    cannot_write(&newuts(LONG).stdout(full_disk()).run(), "No space left on device");
}

#[test]
fn output_into_a_closed_pipe() {
    needs!(require::root());
    cannot_write(&newuts(LONG).stdout(broken_pipe()).run(), "Broken pipe");
}

#[test]
fn closed_output() {
    needs!(require::root());
    cannot_write(&newuts(LONG).closed(1).run(), "Bad file descriptor");
}

#[test]
fn closed_input_and_error_output_change_nothing() {
    needs!(require::root());
    newuts(SHORT).closed(0).closed(2).run().demonstrates("bizarro", 0, "");
}

#[test]
fn all_descriptors_closed() {
    needs!(require::root());
    newuts(LONG).closed(0).closed(1).closed(2).run().is(1, "", "");
}

#[test]
fn messages_that_cannot_be_written_leave_the_exit_status() {
    for (args, status) in [(&["--bogus"][..], 2), (&[], 1)] {
        newuts(args).closed(2).run().is(status, "", "");
        newuts(args).stderr(full_disk()).run().is(status, "", "");
    }
    for arg in ["--help", "--version"] {
        newuts([arg]).closed(1).run().is(1, "", "write: Bad file descriptor\n");
        newuts([arg]).stdout(full_disk()).run().is(1, "", "write: No space left on device\n");
        // SIGPIPE is not ignored yet, so it ends a filter as it ends others.
        newuts([arg]).stdout(broken_pipe()).run().is(128 + libc::SIGPIPE, "", "");
    }
}

#[test]
fn a_pipe_that_closes_on_the_way() {
    needs!(require::root());
    let (mut reader, writer) = {
        let _lock = no_fork();
        io::pipe().unwrap()
    };
    // Whichever line comes next after that finds no reader: the last, where the machine is slow.
    let mut command = newuts(["--delay=1", "--hold=100", "bizarro"]);
    let running = command.stdout(writer).start();
    drop(command); // and with it our writing end
    let mut seen = String::new();
    while seen.lines().count() < 2 {
        let mut buffer = [0; 100];
        let count = reader.read(&mut buffer).unwrap();
        seen.push_str(str::from_utf8(&buffer[..count]).unwrap());
    }
    drop(reader);
    let run = running.finish();
    // A child that speaks only then, and its parent behind it, are both told.
    let message = "write: Broken pipe\n".to_owned();
    assert!([message.repeat(2), message].contains(&run.stderr), "{run:?}");
    assert_eq!(run.status, 1);
}

/// The child's line does not fit, the parent's do: a pipe with one page, of which so much is free.
#[test]
fn a_write_that_fails_in_the_child_only() {
    const FREE: usize = 200;
    needs!(require::root());
    let (mut reader, mut writer) = {
        let _lock = no_fork();
        io::pipe().unwrap()
    };
    let page = fcntl_setpipe_size(&writer, 4096).unwrap();
    writer.write_all(&vec![b'x'; page - FREE]).unwrap();
    fcntl_setfl(&writer, OFlags::NONBLOCK).unwrap();
    let name = [0x80; 64];
    let args = ["--delay=0.3", "--hold=300"].map(OsStr::new);
    let mut command = newuts(args.into_iter().chain([OsStr::from_bytes(&name)]));
    let run = command.stdout(writer).run();
    drop(command);
    run.is(1, "", "write: Resource temporarily unavailable\n");
    let mut stdout = String::new();
    reader.read_to_string(&mut stdout).unwrap();
    let (_, transcript) = transcript(stdout.trim_start_matches('x'));
    assert_eq!(transcript, format!("clone() returned PID\n{}", parents_lines()));
}

#[test]
fn a_killed_child() {
    needs!(require::root());
    for (signal, status) in [
        (Signal::HUP, 129),
        (Signal::KILL, 137),
        (Signal::SEGV, 139), // with a core dump's mark, where the machine keeps them
        (Signal::TERM, 143),
        (Signal::SYS, 159),
    ] {
        let running = newuts(["--delay=0.1", "--hold=300", "bizarro"]).start();
        let child = running.cloned();
        running.until("uts.nodename in parent: ");
        kill(child, signal).unwrap();
        running.finish().demonstrates("bizarro", status, "");
    }
}

#[test]
fn a_stopped_child_goes_on() {
    needs!(require::root());
    in_time(|seconds| {
        let running = newuts(["--delay=0.1", &format!("--hold={seconds}"), "bizarro"]).start();
        let child = running.cloned();
        // It may have ended already.
        kill(child, Signal::STOP).ok()?;
        eventually("a stop", LIMIT, || {
            matches!(state(child), Some('T' | 'Z') | None).then_some(())
        });
        let is_stopped = state(child) == Some('T');
        kill(child, Signal::CONT).ok()?;
        running.finish().demonstrates("bizarro", 0, "");
        is_stopped.then_some(())
    });
}

#[test]
fn a_child_that_nobody_may_wait_for() {
    needs!(require::root());
    // Whoever started the program does not wait for children. The kernel would throw the child's
    // status away (wait(2), Notes), and nobody could say how it ended.
    newuts(SHORT).ignoring(libc::SIGCHLD).run().demonstrates("bizarro", 0, "");
}

#[test]
fn every_call_of_the_parent_can_fail() {
    needs!(strace::here());
    for (call, errno, text) in [
        ("rt_sigaction", "EINVAL", "Invalid argument"),
        ("rt_sigprocmask", "EINVAL", "Invalid argument"),
        ("mmap", "EAGAIN", "Resource temporarily unavailable"),
        ("mprotect", "ENOMEM", "Cannot allocate memory"),
        ("clone", "EPERM", "Operation not permitted"),
        ("clone", "EINVAL", "Invalid argument"),
        ("clone", "EUSERS", "Too many users"),
    ] {
        let (run, log) = inject(&[&format!("{call}:error={errno}")], &LONG);
        run.is(1, "", &format!("{call}: {text}\n"));
        assert_eq!(log.processes(), 1);
    }
}

#[test]
fn a_parent_that_cannot_go_on_takes_its_child_with_it() {
    needs!(strace::here());
    // The second write is the parent's only; the child is at its one nanosleep when the fault
    // comes to the parent's second.
    for (fault, message) in [
        ("write:error=EIO:when=2", "write: Input/output error\n"),
        ("write:retval=0:when=2", "write: Input/output error\n"),
        ("wait4:error=EINVAL", "wait4: Invalid argument\n"),
    ] {
        let (run, log) = inject(&[fault], &LONG);
        assert_eq!((run.status, run.stderr.as_str()), (1, message), "{fault}");
        let child = log.child().pid;
        assert_eq!(log.parent().named("kill"), [format!("kill({child}, SIGKILL) = 0")], "{fault}");
        assert_eq!(log.child().events.last().unwrap(), "+++ killed by SIGKILL +++", "{fault}");
    }
    // These hit both: whoever is first.
    for (call, text) in
        [("nanosleep", "Invalid argument"), ("uname", "Bad address"), ("write", "Bad address")]
    {
        let errno = if call == "nanosleep" { "EINVAL" } else { "EFAULT" };
        let (run, _) = inject(&[&format!("{call}:error={errno}:when=1+")], &LONG);
        let message = format!("{call}: {text}\n");
        // Where every write fails, that of the message does too.
        let expected = if call == "write" { String::new() } else { message };
        assert!(run.stderr == expected || run.stderr == expected.repeat(2), "{run:?}");
        assert_eq!(run.status, 1);
    }
}

#[test]
fn every_call_of_the_child_can_fail() {
    needs!(strace::here());
    for (call, errno, text) in [
        ("sethostname", "EPERM", "Operation not permitted"),
        ("sethostname", "ENOSYS", "Function not implemented"),
        ("prctl", "EINVAL", "Invalid argument"),
    ] {
        let fault = format!("{call}:error={errno}");
        let (run, _) = inject(&[&fault], &["--kill-child", "--delay=0.3", "--hold=300", "x"]);
        assert_eq!((run.status, run.stderr), (1, format!("{call}: {text}\n")));
        let (_, transcript) = transcript(&run.stdout);
        assert_eq!(transcript, format!("clone() returned PID\n{}", parents_lines()));
    }
}

#[test]
fn an_exit_that_returns_is_not_trusted() {
    needs!(strace::here());
    // exit(2) left out: the trap after it ends the child, and it does not run on as a parent.
    let (run, log) = inject(&["exit:retval=0"], &SHORT);
    run.demonstrates("bizarro", 128 + libc::SIGILL, "");
    assert_eq!(log.child().named("exit"), ["exit(0) = 0 (INJECTED)"]);
}
