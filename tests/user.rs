// SPDX-License-Identifier: MIT OR Apache-2.0
//! Without privilege: the three user options, side by side with those of unshare(1).

use std::fs;
use std::process::Command;

use tempfile::TempDir;

use crate::support::require::{self, needs};
use crate::support::run::{Copied, NEWUTS, Watched as _, command, host_name, newuts, unprivileged};
use crate::support::setting::{NO_PROC, after};
use crate::support::strace::{self, Strace};

/// What a command sees of its user namespace.
const LOOK: &str = "id -u; id -g; id -G; grep -E '^(Cap|NoNewPrivs)' /proc/self/status; \
                    cat /proc/self/setgroups /proc/self/uid_map /proc/self/gid_map";

/// Each way to write them, and what the ids then are: as root, as user 65534.
const OPTIONS: [(&[&str], &str, &str); 12] = [
    (&["-U"], "65534", "65534"),
    (&["--user"], "65534", "65534"),
    (&["-c"], "0", "65534"),
    (&["--map-current-user"], "0", "65534"),
    (&["-r"], "0", "0"),
    (&["--map-root-user"], "0", "0"),
    (&["-Ur"], "0", "0"),
    (&["-rU"], "0", "0"),
    (&["-U", "-c"], "0", "65534"),
    (&["-cU"], "0", "65534"),
    (&["-rc"], "0", "65534"),
    (&["-cr", "--user"], "0", "0"),
];

/// A command that runs `program` as root, or as user 65534.
fn by(root: bool, program: &str) -> Command {
    if root {
        return command(program);
    }
    let mut command = unprivileged();
    command.arg(program);
    command
}

/// The numbers of a map.
fn numbers(map: &str) -> Vec<u32> {
    map.split_whitespace().map(|number| number.parse().unwrap()).collect()
}

#[test]
fn the_command_is_who_it_would_be_with_unshare() {
    needs!(require::user_namespaces());
    let program = Copied::new();
    let program = program.path.to_str().unwrap();
    for (options, id_of_root, id_of_other) in OPTIONS {
        for (root, id) in [(true, id_of_root), (false, id_of_other)] {
            let mut unshare = by(root, "unshare");
            let theirs = unshare.arg("--uts").args(options).args(["sh", "-c", LOOK]).run();
            assert_eq!((theirs.status, theirs.stderr.as_str()), (0, ""), "{options:?}");
            assert!(theirs.stdout.starts_with(&format!("{id}\n{id}\n")), "{}", theirs.stdout);
            let ours = by(root, program).args(options).args(["box", "sh", "-c", LOOK]).run();
            assert_eq!(ours.stdout, theirs.stdout, "{options:?}, root: {root}");
            assert_eq!((ours.status, ours.stderr.as_str()), (0, ""));
            let mut look = by(root, program);
            look.args(options).args(["box", "uname", "-n"]).run().is(0, "box\n", "");
        }
    }
}

#[test]
fn the_maps_are_of_one_user_and_one_group() {
    needs!(require::user_namespaces());
    let program = Copied::new();
    let script = "cat /proc/self/uid_map; cat /proc/self/gid_map; cat /proc/self/setgroups >&2";
    for (option, maps, setgroups) in [
        ("-U", &[][..], "allow\n"),
        ("-c", &[65534, 65534, 1, 65534, 65534, 1], "deny\n"),
        ("-r", &[0, 65534, 1, 0, 65534, 1], "deny\n"),
    ] {
        let mut command = unprivileged();
        let run = command.arg(&program.path).args([option, "box", "sh", "-c", script]).run();
        assert_eq!(run.status, 0);
        assert_eq!(numbers(&run.stdout), maps, "{option}");
        assert_eq!(run.stderr, setgroups, "{option}");
    }
}

#[test]
fn user_and_group_may_differ() {
    needs!(require::user_namespaces());
    let program = Copied::new();
    let program = program.path.to_str().unwrap();
    for option in ["-c", "-r"] {
        let run = |words: &[&str]| {
            let ids = ["--reuid=1000", "--regid=4294967294", "--clear-groups"];
            let words = [words, &["sh", "-c", LOOK]].concat();
            command("setpriv").args(ids).args(words).run()
        };
        let theirs = run(&["unshare", "--uts", option]);
        assert_eq!(theirs.status, 0, "{}", theirs.stderr);
        run(&[program, option, "box"]).is(0, &theirs.stdout, "");
    }
}

#[test]
fn the_demonstration_needs_no_privilege_then() {
    needs!(require::user_namespaces());
    let program = Copied::new();
    for option in ["-U", "-c", "-r"] {
        let mut command = unprivileged();
        command.arg(&program.path).args([option, "--delay=1", "--hold=1", "bizarro"]);
        command.run().demonstrates("bizarro", 0, "");
    }
}

#[test]
fn the_demonstration_s_child_is_mapped_too() {
    needs!(require::user_namespaces());
    let program = Copied::new();
    for (option, maps, setgroups) in [
        ("-U", &[][..], "allow\n"),
        ("-c", &[65534, 65534, 1], "deny\n"),
        ("-r", &[0, 65534, 1], "deny\n"),
    ] {
        let mut command = unprivileged();
        let running =
            command.arg(&program.path).args([option, "--hold=300", "--delay=0", "x"]).start();
        let child = running.cloned();
        let read = |file: &str| fs::read_to_string(format!("/proc/{child}/{file}")).unwrap();
        assert_eq!(numbers(&read("uid_map")), maps, "{option}");
        assert_eq!(numbers(&read("gid_map")), maps, "{option}");
        assert_eq!(read("setgroups"), setgroups, "{option}");
        // The parent stays where it was.
        let own = fs::read_link("/proc/self/ns/user").unwrap();
        assert_eq!(fs::read_link(format!("/proc/{}/ns/user", running.pid())).unwrap(), own);
    }
}

#[test]
fn only_the_maps_need_proc() {
    needs!(require::namespaces());
    after(NO_PROC, &[NEWUTS, "-U", "box", "uname", "-n"]).run().is(0, "box\n", "");
    let run = after(NO_PROC, &[NEWUTS, "-U", "--delay=1", "--hold=1", "bizarro"]).run();
    // Seen from a UTS namespace that is a copy.
    run.demonstrates("bizarro", 0, "");
    let message = "openat: No such file or directory\n";
    for option in ["-c", "-r"] {
        after(NO_PROC, &[NEWUTS, option, "box", "true"]).run().is(125, "", message);
        let run = after(NO_PROC, &[NEWUTS, option, "--delay=0", "box"]).run();
        assert_eq!((run.status, run.stderr.as_str()), (1, message));
    }
}

/// Linux before 3.19, and some sandboxes: a /proc in which everything is but setgroups. The files
/// are those of the process that becomes the program, which stays the same.
#[test]
fn a_proc_without_setgroups_needs_none() {
    needs!(require::namespaces());
    let folder = TempDir::new().unwrap();
    let proc = |and: &str| {
        format!(
            "fake={} && mount -t tmpfs tmpfs $fake && mkdir $fake/self && \
             for file in uid_map gid_map {and}; do \
                 touch $fake/self/$file && mount --bind /proc/$$/$file $fake/self/$file; \
             done && mount --rbind $fake /proc && ! [ -e /proc/self/status ]",
            folder.path().display()
        )
    };
    for option in ["-c", "-r"] {
        let words = [NEWUTS, option, "box", "sh", "-c", "uname -n; id -u; id -g"];
        after(&proc("setgroups"), &words).run().is(0, "box\n0\n0\n", "");
        // This kernel wants that word before it takes the group's map, and there unshare(1) gets
        // no further either. Before, it goes on as if nothing had been.
        let unshare = after(&proc(""), &["unshare", option, "true"]).run();
        assert!(unshare.stderr.contains("/proc/self/gid_map: Operation not permitted"));
        after(&proc(""), &words).run().is(125, "", "write: Operation not permitted\n");
        // It is that file only that may be missing.
        let without = "mount -t tmpfs tmpfs /proc && mkdir /proc/self";
        let message = "openat: No such file or directory\n";
        after(without, &[NEWUTS, option, "box", "true"]).run().is(125, "", message);
    }
}

/// The same, with the answers injected that an older kernel gives; any other answer is an error, as
/// for unshare(1).
#[test]
fn only_a_setgroups_that_is_not_there_is_passed_over() {
    needs!(strace::here(), require::namespaces());
    let fault = |errno: &str| format!("openat:error={errno}:when=2");
    for option in ["-c", "-r"] {
        let words = [option, "box", "sh", "-c", "uname -n; id -u; id -g"];
        let taken = "write:retval=5:when=2";
        let (run, log) = strace::inject(&[&fault("ENOENT"), taken], &words);
        run.is(0, "box\n0\n65534\n", "");
        let written = log.parent().named("write");
        assert!(written[1].contains("\"0 0 1\", 5) = 5 (INJECTED)"), "{written:?}");
        let opened = log.parent().named("openat")[1].to_owned();
        assert!(opened.contains("\"/proc/self/setgroups\""), "{opened}");
        for (errno, text) in [
            ("EACCES", "Permission denied"),
            ("EPERM", "Operation not permitted"),
            ("ENOTDIR", "Not a directory"),
            ("EMFILE", "Too many open files"),
        ] {
            let (run, _) = strace::inject(&[&fault(errno)], &words);
            run.is(125, "", &format!("openat: {text}\n"));
        }
        // What cannot be written to it is an error, too.
        let (run, _) = strace::inject(&["write:error=EPERM:when=2"], &words);
        run.is(125, "", "write: Operation not permitted\n");
        // Without it an ordinary user's group cannot be mapped by a kernel that has it.
        let program = Copied::new();
        let mut command = unprivileged();
        command.args(["strace", "-o/dev/null", &format!("--inject={}", fault("ENOENT"))]);
        let run = command.arg(&program.path).args(words).run();
        run.is(125, "", "write: Operation not permitted\n");
    }
}

#[test]
fn the_domain_name_is_shown_below_the_host_name() {
    needs!(require::user_namespaces());
    let program = Copied::new();
    let own = fs::read_to_string("/proc/sys/kernel/domainname").unwrap();
    let of_child = "uts.nodename in child: bizarro\nuts.domainname in child: x\\ny\n";
    let of_parent = format!(
        "uts.nodename in parent: {}\nuts.domainname in parent: {own}child has terminated\n",
        host_name()
    );
    let args = ["--domainname=x\ny", "--delay=1", "--hold=1", "bizarro"];
    let mut as_user = unprivileged();
    as_user.arg(&program.path).arg("-U");
    for command in [&mut newuts([""; 0]), &mut as_user] {
        let run = command.args(args).run();
        assert_eq!((run.status, run.stderr.as_str()), (0, ""));
        let (clone, others): (Vec<_>, Vec<_>) =
            run.stdout.split_inclusive('\n').partition(|line| line.starts_with("clone() "));
        assert_eq!(clone.len(), 1, "{}", run.stdout);
        // Each process's own, in whichever order they come.
        let (child, parent): (Vec<_>, Vec<_>) =
            others.into_iter().partition(|line| line.contains(" in child: "));
        assert_eq!((child.concat(), parent.concat()), (of_child.to_owned(), of_parent.clone()));
        assert!(run.stdout.contains(of_child), "the child's two are not one: {}", run.stdout);
    }
}

#[test]
fn both_names_leave_in_one_write() {
    needs!(strace::here());
    let args = ["--domainname=example.org", "--delay=.2", "--hold=.4", "bizarro"];
    let (run, log) = Strace::new(&[], &args).run();
    assert_eq!(run.status, 0);
    let own = fs::read_to_string("/proc/sys/kernel/domainname").unwrap();
    let write = |whose: &str, name: &str, domain: &str| {
        let text =
            format!("uts.nodename in {whose}: {name}\nuts.domainname in {whose}: {domain}\n");
        let (shown, length) = (text.replace('\n', "\\n"), text.len());
        format!("write(1, \"{shown}\", {length}) = {length}")
    };
    assert_eq!(log.child().named("write"), [write("child", "bizarro", "example.org")]);
    assert_eq!(log.parent().named("write")[1], write("parent", host_name(), own.trim_end()));
    assert_eq!(log.parent().named("write").len(), 3);
    assert_eq!(log.child().named("setdomainname"), ["setdomainname(\"example.org\", 11) = 0"]);
    assert_eq!(log.parent().named("setdomainname"), [""; 0]);
}
