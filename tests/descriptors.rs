// SPDX-License-Identifier: MIT OR Apache-2.0
//! Closed standard descriptors, in every form: no descriptor of the program's own ever takes the
//! number of one, and what is closed for the program is closed for its command.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::process::Command;

use rustix::process::Resource;
use tempfile::NamedTempFile;

use crate::support::require::{self, needs};
use crate::support::run::{NEWUTS, Running, Watched as _, command, newuts, transcript};
use crate::support::setting::after;
use crate::support::strace;
use crate::support::trace::{Traced, regex};

/// Every way to close some of the three.
fn subsets() -> impl Iterator<Item = Vec<i32>> {
    (0..8).map(|bits| (0..3).filter(|fd| bits >> fd & 1 != 0).collect())
}

/// A shell's redirections that close these.
fn closing(fds: &[i32]) -> String {
    fds.iter().map(|fd| format!(" {fd}>&-")).collect::<Vec<_>>().concat()
}

/// A target that is held in a user namespace of its own.
fn held() -> (Running, String) {
    let running = newuts(["-U", "--hold=900", "--delay=0", "bizarro"]).start();
    let child = running.cloned().to_string();
    (running, child)
}

/// Every form, but for its command: with each option that opens something.
fn forms(child: &str) -> Vec<Vec<String>> {
    let path = format!("/proc/{child}/ns/uts");
    [
        &["box"][..],
        &["-U", "box"],
        &["-c", "box"],
        &["-r", "--domainname=d", "box"],
        &["--join", child],
        &["--join", &path],
        &["--user", "--join", child],
        &["--user", "--join", &path],
    ]
    .map(|words| words.iter().copied().map(str::to_owned).collect())
    .into()
}

#[test]
fn a_command_has_those_that_its_caller_had() {
    needs!(require::user_namespaces());
    let (_running, child) = held();
    // The shell's words go where they can always go; it opens nothing else.
    let said = NamedTempFile::new().unwrap();
    let look = "for fd in 0 1 2 3 4 5 6 7; do
                    [ -e /proc/$$/fd/$fd ] && set -- \"$@\" $fd
                done
                echo \"$@\" >\"$SAID\"";
    for closed in subsets() {
        let run = |mut command: Command| {
            for fd in &closed {
                command.closed(*fd);
            }
            let run = command.args(["sh", "-c", look, "sh"]).env("SAID", said.path()).run();
            assert_eq!((run.status, run.stdout, run.stderr), (0, String::new(), String::new()));
            fs::read_to_string(said.path()).unwrap()
        };
        let expected = run(command("env"));
        let open: Vec<_> = (0..3).filter(|fd| !closed.contains(fd)).collect();
        let open: Vec<_> = open.iter().map(i32::to_string).collect();
        assert_eq!(expected.trim_end(), open.join(" "));
        for form in forms(&child) {
            for trace in [&[][..], &["--trace"], &["--trace=regs"]] {
                // A trace is something that is said.
                if !trace.is_empty() && !closed.contains(&2) {
                    continue;
                }
                let mut command = newuts(trace);
                command.args(&form);
                assert_eq!(run(command), expected, "{trace:?} {form:?}");
            }
        }
    }
}

#[test]
fn a_command_is_in_its_namespaces_whatever_is_closed() {
    needs!(require::user_namespaces());
    let (_running, child) = held();
    let said = NamedTempFile::new().unwrap();
    let look = "{ uname -n; id -u; id -g; } >\"$SAID\"";
    for form in forms(&child) {
        let run = |closed: &[i32], trace: &[&str]| {
            let mut command = newuts(trace);
            for fd in closed {
                command.closed(*fd);
            }
            command.args(&form).args(["sh", "-c", look]).env("SAID", said.path());
            let run = command.run();
            assert_eq!((run.status, run.stdout.as_str()), (0, ""), "{closed:?} {form:?}");
            fs::read_to_string(said.path()).unwrap()
        };
        let expected = run(&[], &[]);
        for closed in subsets() {
            // A line of the trace in the place of a map would be a user that nobody asked for.
            for trace in [&[][..], &["--trace"], &["--trace=regs"]] {
                assert_eq!(run(&closed, trace), expected, "{closed:?} {trace:?} {form:?}");
            }
        }
    }
}

/// What the program opened of the three, and used for more than to put it elsewhere.
fn misused(calls: &[String]) -> Vec<&String> {
    let opened = regex!(r"^(?:open|openat|dup|fcntl|pidfd_open|ioctl|memfd_create)\(.* = ([012])$");
    let used = regex!(r"^(\w+)\(([012])(?:,|\))");
    // Each of its own that is open, and the place of the call that opened it.
    let mut own: BTreeMap<&str, usize> = BTreeMap::new();
    let mut misused = Vec::new();
    for (place, call) in calls.iter().enumerate() {
        if let Some(use_of) = used.captures(call) {
            let (name, fd) = (use_of.get(1).unwrap().as_str(), use_of.get(2).unwrap().as_str());
            let put_elsewhere = call.contains("F_DUPFD");
            if own.contains_key(fd) && name != "close" && !put_elsewhere {
                misused.push(call);
            }
            if name == "close" {
                own.remove(fd);
            }
        }
        let Some(opens) = opened.captures(call) else { continue };
        let asks_only = call.starts_with("fcntl(") && !call.contains("F_DUPFD")
            || call.starts_with("ioctl(") && call.ends_with(" = 0") && call.contains("OWNER_UID");
        if !asks_only {
            own.insert(opens.get(1).unwrap().as_str(), place);
        }
    }
    // What is not closed again is in the place of a standard one. But a process may be killed
    // before it can do that: then the opening is the last call, or the one before F_DUPFD.
    let left = own.into_values().filter(|place| place + 2 < calls.len());
    misused.extend(left.map(|place| &calls[place]));
    misused
}

#[test]
fn what_is_misused_is_found() {
    let map = "openat(AT_FDCWD, \"/proc/self/uid_map\", O_WRONLY|O_CLOEXEC) = 0";
    let groups = "openat(AT_FDCWD, \"/proc/self/setgroups\", O_WRONLY|O_CLOEXEC) = 0";
    let (move_it, close) = ("fcntl(0, F_DUPFD_CLOEXEC, 3) = 5", "close(0) = 0");
    let (written, exit) = ("write(5, \"0 0 1\", 5) = 5", "exit_group(3) = ?");
    let misused = |calls: &[&str]| {
        let calls = calls.iter().copied().map(str::to_owned).collect::<Vec<_>>();
        misused(&calls).into_iter().cloned().collect::<Vec<_>>()
    };
    assert_eq!(misused(&[map, move_it, close, written, exit]), [""; 0]);
    assert_eq!(
        misused(&[map, "write(0, \"0 0 1\", 5) = 5", close]),
        ["write(0, \"0 0 1\", 5) = 5"]
    );
    assert_eq!(misused(&[map, move_it, written, exit]), [map]);
    // Killed, behind one that was moved as it should.
    assert_eq!(misused(&[map, move_it, close, written, groups]), [""; 0]);
    assert_eq!(misused(&[map, move_it, close, written, groups, move_it]), [""; 0]);
}

#[test]
fn none_of_its_own_is_used_in_the_place_of_a_standard_one() {
    needs!(strace::here(), require::user_namespaces());
    let (_running, child) = held();
    let (by_pid, by_path) = (format!("--join={child}"), format!("--join=/proc/{child}/ns/uts"));
    let no_more = "echo 0 >/proc/sys/user/max_uts_namespaces";
    for closed in subsets() {
        for (prepare, args) in [
            ("true", &["box", "/bin/true"][..]),
            ("true", &["-r", "box", "/bin/true"]),
            ("true", &["-c", "box", "/bin/true"]),
            ("true", &["--trace", "-r", "box", "/bin/true"]),
            ("true", &["-r", "--kill-child", "--delay=.02", "--hold=.05", "box"]),
            ("true", &["--trace=regs", "-r", "--delay=.02", "--hold=.05", "box"]),
            ("true", &[&by_pid]),
            ("true", &[&by_path]),
            ("true", &["--trace", &by_pid, "/bin/true"]),
            ("true", &["--user", &by_pid, "/bin/true"]),
            ("true", &["--trace", "--user", &by_path, "/bin/true"]),
            ("true", &["--join=/etc/passwd"]),
            // The search for a cause opens files, too.
            (no_more, &["box", "/bin/true"]),
            (no_more, &["-U", "--trace", "box"]),
        ] {
            let script = format!("{prepare}; exec \"$@\"{}", closing(&closed));
            let mut under = vec!["sh", "-c", &script, "sh"];
            if prepare != "true" {
                under = [&["unshare", "--user", "--map-root-user"], &under[..]].concat();
            }
            let (_, log) = Traced::of(OsStr::new(NEWUTS), &[], &under, args).run();
            assert!(log.processes[0].1.len() > 2);
            for (_, calls) in &log.processes {
                assert_eq!(misused(calls), [""; 0], "{closed:?} {args:?}: {calls:#?}");
            }
        }
    }
}

#[test]
fn what_cannot_be_written_is_said_to_be_closed() {
    needs!(require::user_namespaces());
    let (_running, child) = held();
    let (by_pid, by_path) = (format!("--join={child}"), format!("--join=/proc/{child}/ns/uts"));
    for closed in subsets().filter(|closed| closed.contains(&1)) {
        let message = if closed.contains(&2) { "" } else { "write: Bad file descriptor\n" };
        for args in [&[by_pid.as_str()][..], &[&by_path], &["-U", &by_pid], &["-U", &by_path]] {
            let mut command = newuts(args);
            for fd in &closed {
                command.closed(*fd);
            }
            command.run().is(125, "", message);
        }
        for options in [&[][..], &["-U"], &["-c"], &["-r"]] {
            let mut command = newuts(options);
            for fd in &closed {
                command.closed(*fd);
            }
            let run = command.args(["--delay=.1", "--hold=300", "box"]).run();
            assert!(run.stderr == message || run.stderr == message.repeat(2), "{run:?}");
            assert_eq!(run.status, 1);
        }
    }
}

#[test]
fn the_demonstration_needs_standard_output_only() {
    needs!(require::user_namespaces());
    for closed in subsets().filter(|closed| !closed.contains(&1)) {
        for options in [&[][..], &["-U"], &["-c"], &["-r"], &["--kill-child"]] {
            for trace in [&[][..], &["--trace"], &["--trace=regs"]] {
                if !trace.is_empty() && !closed.contains(&2) {
                    continue;
                }
                let mut command = newuts([options, trace].concat());
                for fd in &closed {
                    command.closed(*fd);
                }
                let run = command.args(["--delay=.3", "--hold=.6", "box"]).run();
                run.demonstrates("box", 0, "");
            }
        }
    }
}

/// The lowest number that is left is refused by the limit: an error, and not descriptor 0.
#[test]
fn where_there_is_no_other_number_it_is_an_error() {
    needs!(require::user_namespaces());
    let (_running, child) = held();
    let path = format!("/proc/{child}/ns/uts");
    for args in [
        &["--join", &child, "true"][..],
        &["--join", &path, "true"],
        &["-U", "--join", &path, "true"],
        &["-r", "box", "true"],
    ] {
        let run = newuts(args).closed(0).limited(Resource::Nofile, 3).run();
        assert_eq!((run.status, run.stdout.as_str()), (125, ""), "{args:?}: {run:?}");
        assert_eq!(run.stderr.lines().count(), 1, "{run:?}");
    }
}

/// Process 1 opens the console there on purpose, and nothing else; here there is none.
#[test]
fn process_1_has_none_there_either() {
    needs!(require::namespaces());
    let said = NamedTempFile::new().unwrap();
    let look = "exec >\"$SAID\"; echo $$; uname -n; id -u; ls /proc/self/fd | wc -l";
    let prepare = "mount -t tmpfs tmpfs /dev";
    for closed in subsets() {
        for options in [&["box"][..], &["-c", "box"], &["--trace", "-r", "box"]] {
            let run = |words: &[&str], options: &[&str]| {
                let script = format!("mount -t proc proc /proc; exec \"$@\"{}", closing(&closed));
                let as_process_1 = ["unshare", "--pid", "--fork", "sh", "-c", &script, "sh"];
                let words = [&as_process_1, words, options, &["sh", "-c", look]].concat();
                let mut command = after(prepare, &words);
                let run = command.env("SAID", said.path()).run();
                assert_eq!((run.status, run.stdout.as_str()), (0, ""), "{closed:?} {options:?}");
                fs::read_to_string(said.path()).unwrap()
            };
            let expected = run(&["env"], &[]).lines().next_back().unwrap().to_owned();
            assert_eq!(run(&[NEWUTS], options), format!("1\nbox\n0\n{expected}\n"));
        }
    }
}

/// Those of the demonstration's parent and child, while both sleep.
#[test]
fn the_demonstration_holds_none_in_their_place() {
    needs!(require::user_namespaces());
    for closed in [&[][..], &[0], &[2], &[0, 2]] {
        for options in [&[][..], &["-r"], &["--trace", "-c"]] {
            let mut command = newuts(options);
            for fd in closed {
                command.closed(*fd);
            }
            let running = command.args(["--delay=60", "--hold=900", "box"]).start();
            let child = running.cloned();
            for pid in [running.pid(), child] {
                for fd in closed {
                    let link = fs::read_link(format!("/proc/{pid}/fd/{fd}"));
                    assert!(link.is_err(), "{options:?} {closed:?}: {link:?}");
                }
            }
        }
    }
    // And the numbers are those of the transcript.
    let run = newuts(["-r", "--delay=.3", "--hold=.6", "box"]).closed(0).run();
    assert!(transcript(&run.stdout).0 > 1);
}
