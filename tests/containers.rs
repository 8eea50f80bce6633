// SPDX-License-Identifier: MIT OR Apache-2.0
//! The program in a container, most often as its process 1: under Docker Engine, Podman and runc.

use std::fs;
use std::io::{self, Write as _};
use std::path::Path;

use crate::support::engine::{Container, Kind, With, builders, engines};
use crate::support::hint::{
    FILTER, NO_CAPABILITY, NO_CAPABILITY_NOR_USER, NO_SETFCAP, NOT_THIS_USER, not_permitted,
};
use crate::support::run::{LIMIT, Outcome, Watched as _, eventually, transcript};

use With::{
    Filter, HostPids, Nobody, Privileged, ReadOnly, SysAdmin, SysBoot, Terminal, Traced, Unconfined,
};

/// A run of the demonstration that is soon over.
const SHORT: [&str; 3] = ["--delay=0.2", "--hold=0.4", "bizarro"];

/// Asserts the demonstration's four lines, in a container called antero.
#[track_caller]
fn assert_demonstrates(run: &Outcome, what: &str) {
    let (_, transcript) = transcript(&run.stdout);
    assert_eq!(
        (run.status, transcript.as_str(), run.stderr.as_str()),
        (
            0,
            "clone() returned PID\nuts.nodename in child: bizarro\n\
             uts.nodename in parent: antero\nchild has terminated\n",
            ""
        ),
        "{what}"
    );
}

#[test]
fn the_image_holds_one_file() {
    for engine in builders() {
        assert_eq!(engine.layers("newuts"), [["newuts"]], "{:?}", engine.kind);
    }
}

/// The source, for a build in a stage of an image, and what the Dockerfile may copy.
#[test]
fn the_build_is_sent_no_more_than_it_may_need() {
    let files = ["aarch64-unknown-linux-gnu/", "", "x86_64-unknown-linux-gnu/"]
        .map(|target| format!("target/{target}release/newuts"));
    let source = [".dockerignore", "Cargo.toml", "Dockerfile", "LICENSE-MIT", "src/main.rs"];
    let others = [".git/HEAD", "fuzz/target/file", "target/release/deps/file"];
    for engine in builders() {
        let context = engine.build_context();
        let write = |file: &str| {
            fs::create_dir_all(Path::new(&context).join(file).parent().unwrap()).unwrap();
            fs::write(Path::new(&context).join(file), "").unwrap();
        };
        for file in &files {
            write(file);
            engine.build("argument", &context, &[&format!("--build-arg=FILE={file}")]);
        }
        others.into_iter().for_each(write);
        write("src/main.rs");
        fs::write(format!("{context}/Dockerfile"), "FROM scratch\nCOPY . /\n").unwrap();
        engine.build("context", &context, &[]);
        let mut sent = engine.layers("context").concat();
        sent.retain(|name| !name.ends_with('/'));
        sent.sort();
        assert_eq!(sent, [&source.map(str::to_owned)[..], &files].concat(), "{:?}", engine.kind);
    }
}

#[test]
fn the_capability_is_not_there_by_default() {
    for engine in engines() {
        for with in [&[][..], &[Unconfined], &[Nobody], &[ReadOnly], &[SysBoot]] {
            let what = format!("{:?}, {with:?}", engine.kind);
            let run = engine.newuts(with, &SHORT).run();
            // The filters of Docker and Podman leave no use to --user.
            let helps = engine.kind == Kind::Runc || with == [Unconfined];
            let hint = if helps { NO_CAPABILITY } else { NO_CAPABILITY_NOR_USER };
            assert_eq!(run.stderr, not_permitted("clone", hint), "{what}");
            assert_eq!((run.status, run.stdout.as_str()), (1, ""), "{what}");
            let run = engine.newuts(with, &["box", "true"]).run();
            run.is(125, "", &not_permitted("unshare", hint));
        }
    }
}

/// The capability was added, and it is another user who wants it.
#[test]
fn the_capability_is_root_s() {
    for engine in engines() {
        for with in [&[SysAdmin, Nobody][..], &[Privileged, Nobody]] {
            let what = format!("{:?}, {with:?}", engine.kind);
            let run = engine.newuts(with, &SHORT).run();
            if (engine.kind, with) == (Kind::Podman, &[SysAdmin, Nobody]) {
                // It gives what was added by name to this user, too: capabilities(7), "Ambient".
                assert_demonstrates(&run, &what);
                continue;
            }
            assert_eq!(run.stderr, not_permitted("clone", NOT_THIS_USER), "{what}");
            assert_eq!((run.status, run.stdout.as_str()), (1, ""), "{what}");
            let run = engine.newuts(with, &["box", "true"]).run();
            run.is(125, "", &not_permitted("unshare", NOT_THIS_USER));
        }
    }
}

#[test]
fn cap_add_sys_admin_is_all_it_takes() {
    for engine in engines() {
        for with in [&[SysAdmin][..], &[SysAdmin, ReadOnly], &[SysAdmin, HostPids], &[Privileged]] {
            let run = engine.newuts(with, &SHORT).run();
            assert_demonstrates(&run, &format!("{:?}, {with:?}", engine.kind));
        }
    }
}

/// Docker's filter refuses the user namespace. Podman's lets it be made, but nothing be named in
/// it. runc has none; but what is root outside is mapped only by who has CAP_SETFCAP there
/// (user_namespaces(7), "since Linux 5.12"), which is not in its default.
#[test]
fn the_user_option_is_up_to_the_engine() {
    for engine in engines() {
        for with in [&[][..], &[Nobody]] {
            for option in ["--user", "--map-root-user", "--map-current-user"] {
                let what = format!("{:?}, {with:?}, {option}", engine.kind);
                let demonstration = engine.newuts(with, &[&[option], &SHORT[..]].concat()).run();
                let command = engine.newuts(with, &[option, "box", "/newuts", "--version"]).run();
                let (first, second) = match engine.kind {
                    Kind::Docker => {
                        (not_permitted("clone", FILTER), not_permitted("unshare", FILTER))
                    }
                    Kind::Podman => {
                        (not_permitted("sethostname", FILTER), not_permitted("sethostname", FILTER))
                    }
                    Kind::Runc if option != "--user" && with.is_empty() => {
                        (not_permitted("write", NO_SETFCAP), not_permitted("write", NO_SETFCAP))
                    }
                    Kind::Runc => {
                        assert_demonstrates(&demonstration, &what);
                        assert_eq!((command.status, command.stderr.as_str()), (0, ""), "{what}");
                        continue;
                    }
                };
                assert_eq!((demonstration.status, demonstration.stderr), (1, first), "{what}");
                assert_eq!((command.status, command.stderr), (125, second), "{what}");
            }
        }
    }
}

#[test]
fn the_user_option_needs_no_capability_where_no_filter_is() {
    for engine in engines() {
        for with in [&[Unconfined][..], &[Unconfined, Nobody], &[SysAdmin]] {
            let run = engine.newuts(with, &[&["--user"], &SHORT[..]].concat()).run();
            assert_demonstrates(&run, &format!("{:?}, {with:?}", engine.kind));
        }
        let run =
            engine.shell(&[Unconfined, Nobody], "/newuts -r box sh -c 'hostname; exit 7'").run();
        run.is(7, "box\n", "");
    }
}

#[test]
fn a_filter_is_named_where_the_capability_is_there() {
    for engine in engines() {
        let run = engine.newuts(&[SysAdmin, Filter], &SHORT).run();
        run.is(1, "", &not_permitted("clone", FILTER));
        let run = engine.newuts(&[SysAdmin, Filter], &["box", "true"]).run();
        run.is(125, "", &not_permitted("unshare", FILTER));
    }
}

#[test]
fn a_second_layer_brings_a_command() {
    for engine in engines() {
        let args = ["box", "/bin/sh", "-c", "hostname; echo $$; exit 7"];
        let run = engine.busybox(&[SysAdmin], &args).run();
        // The command is process 1 itself.
        run.is(7, "box\n1\n", "");
        let run = engine.busybox(&[SysAdmin, ReadOnly], &["box", "touch", "/file"]).run();
        assert_eq!((run.status, run.stdout.as_str()), (1, ""), "{run:?}");
        assert!(run.stderr.contains("Read-only file system"), "{run:?}");
        let run = engine.busybox(&[SysAdmin], &["box", "frobnicate"]).run();
        run.is(127, "", "newuts: frobnicate: No such file or directory\n");
    }
}

#[test]
fn no_name_is_a_question() {
    for engine in engines() {
        let usage = "Usage: /newuts <child-hostname>\nTry 'newuts --help' for more information.\n";
        engine.newuts(&[], &[]).run().is(0, "", usage);
    }
}

#[test]
fn closed_descriptors_do_no_harm() {
    for engine in engines() {
        let script = "exec /newuts --delay=0.2 --hold=0.4 bizarro <&-";
        let run = engine.shell(&[SysAdmin], script).run();
        assert_demonstrates(&run, &format!("{:?}", engine.kind));

        // There is no /dev/console to write to instead.
        let script = "exec /newuts --version <&- >&-";
        engine.shell(&[], script).run().is(1, "", "write: Bad file descriptor\n");
        engine.shell(&[], &format!("{script} 2>&-")).run().is(1, "", "");
    }
}

#[test]
fn the_console_takes_the_place_of_closed_descriptors() {
    for engine in engines() {
        let script = "exec /newuts --delay=0.2 --hold=0.4 bizarro <&- >&- 2>&-";
        let (stdin, _typed) = io::pipe().unwrap();
        let mut container = engine.shell(&[SysAdmin, Terminal], script);
        let mut run = container.command.stdin(stdin).run();
        run.stdout = run.stdout.replace('\r', "");
        assert_demonstrates(&run, &format!("{:?}", engine.kind));
    }
}

/// Starts a demonstration that lasts, of a host of this name that nothing else has, lets `end` end
/// it, and asserts that it ends with this status, and that nothing of it is left. It is the status
/// that tells who was asked to stop from who slept to the end, or had to be killed.
#[track_caller]
fn assert_ends(mut container: Container, name: &str, status: i32, end: impl FnOnce(&str)) {
    let running = container.command.start();
    running.until("uts.nodename in child: ");
    running.cloned();
    assert!(with_argument(name) >= 2, "{name}");
    end(&container.name);
    let run = running.finish();
    // runc speaks for itself where it must wait for what it kills.
    let stderr = run.stderr.lines().filter(|line| !line.starts_with("time="));
    assert_eq!((run.status, stderr.collect()), (status, String::new()), "{name}");
    eventually("nothing left", LIMIT, || (with_argument(name) == 0).then_some(()));
}

/// A host name that no other run of the tests has.
fn unique(name: &str) -> String {
    format!("{name} {}", std::process::id())
}

/// How many processes have this word among their arguments.
fn with_argument(word: &str) -> usize {
    let processes = fs::read_dir("/proc").unwrap().filter_map(Result::ok);
    let lines = processes.filter_map(|process| fs::read(process.path().join("cmdline")).ok());
    let has_it = |line: &Vec<u8>| line.split(|byte| *byte == 0).any(|arg| arg == word.as_bytes());
    lines.filter(has_it).count()
}

#[test]
fn stop_ends_it_within_the_grace() {
    for engine in engines() {
        for (with, delay) in [
            // The parent waits for its child; the parent sleeps.
            (&[SysAdmin][..], "--delay=0"),
            (&[SysAdmin], "--delay=300"),
            (&[Privileged], "--delay=0"),
            // Not process 1: the signal does what it does everywhere, the engine the rest.
            (&[SysAdmin, HostPids], "--delay=0"),
        ] {
            let name = unique(&format!("stop {:?} {with:?} {delay}", engine.kind));
            let container = engine.newuts(with, &["--hold=300", delay, &name]);
            assert_ends(container, &name, 143, |container| engine.stop(container));
        }
    }
}

#[test]
fn signals_that_ask_to_stop_end_it() {
    for engine in engines() {
        for (signal, status) in [("HUP", 129), ("INT", 130), ("QUIT", 131), ("TERM", 143)] {
            let name = unique(&format!("signal-{:?}-{signal}", engine.kind));
            let container = engine.newuts(&[SysAdmin], &["--hold=300", "--delay=0", &name]);
            assert_ends(container, &name, status, |container| engine.signal(container, signal));
        }
    }
}

#[test]
fn keys_of_the_terminal_end_it() {
    for engine in engines() {
        // Both processes get the signal. The parent sleeps: it does not learn it from the child.
        for (key, status) in [(b'\x03', 130), (b'\x1c', 131)] {
            let name = unique(&format!("key-{:?}-{key}", engine.kind));
            let (stdin, mut typed) = io::pipe().unwrap();
            let mut container =
                engine.newuts(&[SysAdmin, Terminal], &["--hold=300", "--delay=300", &name]);
            container.command.stdin(stdin);
            assert_ends(container, &name, status, |_| typed.write_all(&[key]).unwrap());
        }
    }
}

/// A signal that does not ask to stop does not: process 1 ignores it, as everywhere.
#[test]
fn other_signals_leave_it_alone() {
    for engine in engines() {
        let name = unique(&format!("other-{:?}", engine.kind));
        let container = engine.newuts(&[SysAdmin], &["--hold=300", "--delay=0", &name]);
        assert_ends(container, &name, 143, |container| {
            engine.signal(container, "USR1");
            engine.signal(container, "TERM");
        });
    }
}

/// The one thing that process 1 may ask of reboot(2), as strace shows it, and the answers.
const QUESTION: &str = "LINUX_REBOOT_MAGIC1, LINUX_REBOOT_MAGIC2, LINUX_REBOOT_CMD_CAD_OFF) = -1 ";
const NOT_CAPABLE: &str = "EPERM (Operation not permitted)";
const NO_SUCH_COMMAND: &str = "EINVAL (Invalid argument)";

#[test]
fn process_1_asks_who_it_is_and_reboots_nothing() {
    for engine in engines() {
        for (with, args, status, answer) in [
            (&[Traced][..], &SHORT[..], 1, Some(NOT_CAPABLE)),
            (&[Traced, SysAdmin], &SHORT, 0, Some(NOT_CAPABLE)),
            // In a PID namespace even the capability does not make it the machine's.
            (&[Traced, SysBoot], &SHORT, 1, Some(NO_SUCH_COMMAND)),
            (&[Traced, SysAdmin, SysBoot], &SHORT, 0, Some(NO_SUCH_COMMAND)),
            (&[Traced, Privileged], &SHORT, 0, Some(NO_SUCH_COMMAND)),
            (&[Traced, Privileged], &["--bogus"], 2, Some(NO_SUCH_COMMAND)),
            // Not process 1 at all.
            (&[Traced, SysAdmin, HostPids], &SHORT, 0, None),
            (&[Traced, Privileged, HostPids], &SHORT, 0, None),
        ] {
            let what = format!("{:?}, {with:?}, {args:?}", engine.kind);
            let questions = Vec::from_iter(answer.map(|answer| format!("{QUESTION}{answer}")));
            let run = engine.newuts(with, args).run();
            assert_eq!(run.status, status, "{what}: {run:?}");
            assert_eq!(engine.reboots(), questions, "{what}");
        }
        // A signal makes it ask once more.
        for (with, answer) in [(SysAdmin, NOT_CAPABLE), (Privileged, NO_SUCH_COMMAND)] {
            let name = unique(&format!("traced-{:?}-{with:?}", engine.kind));
            let container = engine.newuts(&[Traced, with], &["--hold=300", "--delay=0", &name]);
            assert_ends(container, &name, 143, |container| engine.stop(container));
            let question = format!("{QUESTION}{answer}");
            assert_eq!(engine.reboots(), [question.clone(), question], "{name}");
        }
    }
}
