//! The third form: into a UTS namespace that exists, as in setns(2).

use std::fs;
use std::os::unix::fs::symlink;
use std::process::Command;

use crate::support::apart::{self, ALONE};
use crate::support::require::{self, needs};
use crate::support::run::{
    Copied, NEWUTS, Running, Watched as _, command, host_name, newuts, unprivileged,
};
use crate::support::setting::{NO_PROC, after, calls_to_execve, settings};
use crate::support::strace::{self, Strace, inject};

const HELP_IS_THERE: &str = "Try 'newuts --help' for more information.\n";

/// A demonstration that holds its namespace open, and its child's process id. `command` runs the
/// program.
fn hold(mut command: Command, options: &[&str]) -> (Running, String) {
    let running = command.args(options).args(["--hold=3000", "--delay=0", "bizarro"]).start();
    let child = running.cloned().to_string();
    (running, child)
}

fn held() -> (Running, String) {
    hold(newuts([""; 0]), &[])
}

fn file_of(pid: &str) -> String {
    format!("/proc/{pid}/ns/uts")
}

#[test]
fn the_session_of_the_manual_page() {
    needs!(require::root());
    let (running, child) = held();
    for target in [&child, &file_of(&child)] {
        newuts(["--join", target, "uname", "-n"]).run().is(0, "bizarro\n", "");
        let said = format!("uts.nodename in {target}: bizarro\n");
        newuts(["--join", target]).run().is(0, &said, "");
        newuts([&format!("--join={target}")]).run().is(0, &said, "");
    }
    // The parent has the name of all others.
    let said = format!("uts.nodename in {}: {}\n", running.pid(), host_name());
    newuts(["--join", &running.pid().to_string()]).run().is(0, &said, "");
}

#[test]
fn it_is_the_namespace_itself_and_not_a_copy() {
    needs!(require::root(), settings());
    let (_running, child) = held();
    let there = fs::read_link(file_of(&child)).unwrap().into_os_string().into_string().unwrap();
    for target in [&child, &file_of(&child)] {
        let command = ["readlink", "/proc/self/ns/uts"];
        newuts(["--join", target].iter().chain(&command)).run().is(0, &format!("{there}\n"), "");
    }
    // What is set inside is seen by whoever comes next.
    let set = "echo renamed >/proc/sys/kernel/hostname";
    newuts(["--join", &child, "sh", "-c", set]).run().is(0, "", "");
    newuts(["--join", &child, "uname", "-n"]).run().is(0, "renamed\n", "");
}

#[test]
fn the_command_is_the_same_process_with_its_own_end() {
    needs!(require::root());
    let (_running, child) = held();
    let running = newuts(["--join", &child, "sh", "-c", "echo $$; exit 7"]).start();
    let pid = running.pid();
    running.finish().is(7, &format!("{pid}\n"), "");
    for (name, status, text) in [
        ("frobnicate", 127, "No such file or directory"),
        ("/", 126, "Permission denied"),
        ("--", 127, "No such file or directory"),
    ] {
        let message = format!("newuts: {name}: {text}\n");
        newuts([&format!("--join={child}"), "true"]).run().is(0, "", "");
        newuts([&format!("--join={child}"), "--", name]).run().is(status, "", &message);
    }
}

#[test]
fn a_process_needs_no_proc() {
    needs!(require::namespaces());
    let (_running, child) = held();
    after(NO_PROC, &[NEWUTS, "--join", &child, "uname", "-n"]).run().is(0, "bizarro\n", "");
    let message = "openat: No such file or directory\n";
    after(NO_PROC, &[NEWUTS, "--join", &file_of(&child)]).run().is(125, "", message);
}

#[test]
fn a_bind_mount_outlives_the_child() {
    needs!(require::namespaces());
    let (running, child) = held();
    let folder = apart::folder();
    let file = folder.path().join("kept");
    let file = file.to_str().unwrap();
    let script = format!(
        "touch {file} && mount --bind {} {file} && kill -9 {child} \
         && while kill -0 {child} 2>/dev/null; do sleep .01; done",
        file_of(&child)
    );
    after(&script, &[NEWUTS, "--join", file, "uname", "-n"]).run().is(0, "bizarro\n", "");
    assert_eq!(running.finish().status, 137);
    // The mount was in a mount namespace that is gone: the file is a file again.
    newuts(["--join", file]).run().is(125, "", "setns: Invalid argument\n");
}

#[test]
fn the_target_is_shown_escaped() {
    needs!(require::root());
    let folder = apart::folder();
    symlink("/proc/self/ns/uts", folder.path().join("new\nline\x1b[2J")).unwrap();
    let said = format!("uts.nodename in ./new\\nline\\33[2J: {}\n", host_name());
    newuts(["--join", "./new\nline\x1b[2J"]).current_dir(&folder).run().is(0, &said, "");
}

#[test]
fn a_user_joins_his_own_namespaces() {
    needs!(require::user_namespaces());
    let program = Copied::new();
    let as_user = || {
        let mut command = unprivileged();
        command.arg(&program.path);
        command
    };
    for (option, id) in [("-U", "65534"), ("-r", "0"), ("-c", "65534")] {
        let (_running, child) = hold(as_user(), &[option]);
        for target in [&child, &file_of(&child)] {
            for user in ["--user", "-U"] {
                let script = "uname -n; id -u; id -g; readlink /proc/self/ns/user";
                let there = fs::read_link(format!("/proc/{child}/ns/user")).unwrap();
                let said = format!("bizarro\n{id}\n{id}\n{}\n", there.display());
                as_user().args([user, "--join", target, "sh", "-c", script]).run().is(0, &said, "");
            }
            let said = format!("uts.nodename in {target}: bizarro\n");
            as_user().args(["--user", "--join", target]).run().is(0, &said, "");
            // Root needs no --user, and may.
            newuts(["--join", target, "sh", "-c", "uname -n; id -u"]).run().is(
                0,
                "bizarro\n0\n",
                "",
            );
            newuts(["-U", "--join", target, "uname", "-n"]).run().is(0, "bizarro\n", "");
        }
    }
}

#[test]
fn what_cannot_be_joined_is_an_error() {
    needs!(require::root());
    let invalid = "setns: Invalid argument\n";
    let own = std::process::id().to_string();
    for (target, message) in [
        ("/proc/self/ns/net", invalid),
        ("/proc/self/ns/user", invalid),
        ("/etc/passwd", invalid),
        ("/", invalid),
        ("./", invalid),
        ("/dev/null", invalid),
        ("/no/such", "openat: No such file or directory\n"),
        ("/etc/passwd/x", "openat: Not a directory\n"),
        ("0", "pidfd_open: Invalid argument\n"),
        ("2147483647", "pidfd_open: No such process\n"),
        ("2147483648", "pidfd_open: No such process\n"),
        ("4294967297", "pidfd_open: No such process\n"),
        ("18446744073709551617", "pidfd_open: No such process\n"),
        (&"9".repeat(3000), "pidfd_open: No such process\n"),
    ] {
        for command in [&[][..], &["true"]] {
            newuts([&["--join", target], command].concat()).run().is(125, "", message);
        }
    }
    for (target, message) in [
        ("/etc/passwd", "ioctl: Inappropriate ioctl for device\n"),
        // A process is in its own user namespace already.
        ("/proc/self/ns/uts", invalid),
        (&own, invalid),
    ] {
        newuts(["--user", "--join", target]).run().is(125, "", message);
    }
}

#[test]
fn a_process_that_is_gone_is_an_error() {
    needs!(require::namespaces());
    // Where nobody else starts a process, which might get an id that has become free.
    let script = r#"
        await() { while ! "$@"; do sleep .01; done; }
        has() { grep -q "$2" "$1"; }
        "$0" --hold=3000 --delay=0 bizarro >"$1" &
        parent=$!
        await has "$1" child:
        await has "$1" returned
        child=$(sed -n 's/clone() returned //p' "$1")
        # While its parent does not run, a dead child is a zombie.
        kill -STOP $parent
        await has /proc/$parent/stat ') T '
        kill -KILL $child
        await has /proc/$child/stat ') Z '
        "$0" --join $child
        kill -CONT $parent
        wait $parent
        for pid in $child $parent; do
            "$0" --join $pid
            "$0" --join /proc/$pid/ns/uts
        done
    "#;
    let log = apart::file();
    let mut shell = command(ALONE[0]);
    let run = shell.args(&ALONE[1..]).args(["sh", "-c", script, NEWUTS]).arg(log.path()).run();
    let gone = "pidfd_open: No such process\nopenat: No such file or directory\n";
    run.is(125, "", &format!("setns: No such process\n{}", gone.repeat(2)));
}

#[test]
fn what_is_no_target_is_a_mistake() {
    for target in ["abc", "", "-1", "+1", "1 ", " 1", "1x", "0x10", "1.5", "self", "."] {
        let message = format!("newuts: invalid argument '{target}' for '--join'\n{HELP_IS_THERE}");
        newuts(["--join", target, "true"]).run().is(2, "", &message);
    }
    let message = format!("newuts: option '--join' requires an argument\n{HELP_IS_THERE}");
    newuts(["--join"]).run().is(2, "", &message);
}

#[test]
fn options_that_mean_nothing_here_are_mistakes() {
    for option in [
        "-c",
        "-r",
        "-Ur",
        "--map-current-user",
        "--map-root-user",
        "--domainname=d",
        "--hold=1",
        "--delay=1",
        "--kill-child",
    ] {
        let name = option.split('=').next().unwrap();
        let message =
            format!("newuts: option '{name}' cannot be used with --join\n{HELP_IS_THERE}");
        newuts([option, "--join=1", "true"]).run().is(2, "", &message);
        newuts(["--join=1", option]).run().is(2, "", &message);
    }
}

#[test]
fn a_failed_write_is_an_error() {
    needs!(require::root());
    let target = format!("--join={}", std::process::id());
    let full = crate::support::run::full_disk();
    newuts([&target]).stdout(full).run().is(125, "", "write: No space left on device\n");
    let closed = newuts([&target]).closed(1).run();
    assert_eq!(closed.status, 125, "{}", closed.stderr);
    assert!(closed.stderr.starts_with("write: "), "{}", closed.stderr);
}

/// The calls by which `newuts` with `args` becomes /bin/true, without the first and the last.
fn calls(args: &[&str]) -> Vec<String> {
    let (run, log) = Strace::new(&[], &[args, &["/bin/true"]].concat()).run();
    run.is(0, "", "");
    assert_eq!(log.processes(), 1);
    let mut calls = calls_to_execve(&log);
    assert_eq!(calls.remove(0), format!("getpid() = {}", log.parent().pid));
    assert!(calls.pop().unwrap().starts_with("execve(\"/bin/true\", [\"/bin/true\"], ADDR "));
    calls
}

#[test]
fn only_what_is_needed_is_called() {
    needs!(strace::here(), require::user_namespaces());
    let (_running, child) = hold(newuts([""; 0]), &["-U"]);
    let file = file_of(&child);
    let opened = format!("openat(AT_FDCWD, \"{file}\", O_RDONLY|O_CLOEXEC) = 3");
    let pidfd = format!("pidfd_open({child}, 0) = 3");
    assert_eq!(calls(&["--join", &child]), [&pidfd, "setns(3, CLONE_NEWUTS) = 0"]);
    let both = "setns(3, CLONE_NEWUTS|CLONE_NEWUSER) = 0";
    assert_eq!(calls(&["-U", "--join", &child]), [&pidfd, both]);
    assert_eq!(calls(&["--join", &file]), [&opened, "setns(3, CLONE_NEWUTS) = 0"]);
    assert_eq!(
        calls(&["-U", "--join", &file]),
        [
            &opened,
            "ioctl(3, NS_GET_USERNS) = 4",
            "setns(4, CLONE_NEWUSER) = 0",
            "setns(3, CLONE_NEWUTS) = 0"
        ]
    );
}

/// The kernels' answers are injected.
#[test]
fn old_kernels_are_served_by_proc() {
    needs!(strace::here(), require::namespaces());
    let (_running, child) = hold(newuts([""; 0]), &["-U"]);
    let file = file_of(&child);
    // Before Linux 5.3, and before 5.8.
    for fault in ["pidfd_open:error=ENOSYS", "setns:error=EINVAL:when=1"] {
        for user in [&[][..], &["--user"]] {
            let (run, log) = inject(&[fault], &[user, &["--join", &child]].concat());
            run.is(0, &format!("uts.nodename in {child}: bizarro\n"), "");
            let opened = format!("openat(AT_FDCWD, \"{file}\", O_RDONLY|O_CLOEXEC) = ");
            assert!(log.parent().named("openat")[0].starts_with(&opened));
            assert!(log.parent().named("setns").last().unwrap().ends_with(", CLONE_NEWUTS) = 0"));
            assert_eq!(log.parent().named("ioctl").len(), user.len());
        }
    }
    let (run, _) = inject(&["pidfd_open:error=ENOSYS"], &["--join=2147483647"]);
    run.is(125, "", "openat: No such file or directory\n");
}

/// Every other answer is the last.
#[test]
fn nothing_is_tried_after_another_error() {
    needs!(strace::here());
    let own = format!("--join={}", std::process::id());
    for (fault, message) in [
        ("pidfd_open:error=EINVAL", "pidfd_open: Invalid argument\n"),
        ("pidfd_open:error=EMFILE", "pidfd_open: Too many open files\n"),
        ("setns:error=ESRCH", "setns: No such process\n"),
        ("setns:error=ENOMEM", "setns: Cannot allocate memory\n"),
    ] {
        let (run, log) = inject(&[fault], &[&own, "true"]);
        run.is(125, "", message);
        assert_eq!(log.parent().named("openat"), [""; 0], "{fault}");
    }
}

#[test]
fn nsenter_finds_the_same() {
    needs!(require::root(), require::tool("nsenter"));
    let (_running, child) = held();
    let file = format!("--uts={}", file_of(&child));
    let look = "uname -n; readlink /proc/self/ns/uts; id -u; grep Cap /proc/self/status";
    for (ours, theirs) in [
        (&["--join", &child][..], &["--target", &child, "--uts"][..]),
        (&["--join", &file_of(&child)], &[&file]),
    ] {
        let expected = command("nsenter").args(theirs).args(["sh", "-c", look]).run();
        assert!(expected.stdout.starts_with("bizarro\nuts:["), "{}", expected.stdout);
        newuts(ours).args(["sh", "-c", look]).run().is(0, &expected.stdout, "");
    }
}
