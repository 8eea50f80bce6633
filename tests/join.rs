// SPDX-License-Identifier: MIT OR Apache-2.0
//! The third form: into a UTS namespace that exists, as in setns(2).

use std::fs;
use std::os::fd::{AsRawFd as _, FromRawFd as _, OwnedFd};
use std::os::unix::fs::{MetadataExt as _, symlink};
use std::process::Command;
use std::sync::mpsc::{Sender, channel};
use std::thread;
use std::time::Duration;

use rustix::fs::{CWD, FileType, Mode, OFlags, makedev, mknodat};
use tempfile::TempDir;

use crate::support::apart::{self, ALONE};
use crate::support::require::{self, needs};
use crate::support::run::{
    Copied, NEWUTS, Outcome, Running, Watched as _, command, eventually, host_name, newuts,
    unprivileged,
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
    let pidfd = format!("pidfd_open({child}, 0) = 3");
    // It must not wait for a file that is none of a namespace.
    let opened = calls(&["--join", &file]).remove(0);
    assert!(opened.starts_with(&format!("openat(AT_FDCWD, \"{file}\", O_RDONLY|")), "{opened}");
    assert!(opened.ends_with(") = 3"), "{opened}");
    for flag in ["O_NONBLOCK", "O_CLOEXEC"] {
        assert!(opened.contains(flag), "{opened}");
    }
    assert_eq!(calls(&["--join", &child]), [&pidfd, "setns(3, CLONE_NEWUTS) = 0"]);
    assert_eq!(calls(&["--join", &file]), [&opened, "setns(3, CLONE_NEWUTS) = 0"]);
    // The owner of the names that are then joined, and of no others.
    assert_eq!(
        calls(&["-U", "--join", &child]),
        [
            &pidfd,
            // PIDFD_GET_UTS_NAMESPACE, which this strace does not know: 0xff, 0xa.
            "ioctl(3, _IOC(_IOC_NONE, ADDR, ADDR, 0), 0) = 4",
            "ioctl(4, NS_GET_USERNS) = 5",
            "setns(5, CLONE_NEWUSER) = 0",
            "setns(4, CLONE_NEWUTS) = 0"
        ]
    );
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
    for (faults, users) in [
        (&["pidfd_open:error=ENOSYS"][..], &[&[][..], &["--user"]][..]),
        (&["setns:error=EINVAL:when=1", "ioctl:error=ENOTTY:when=1"], &[&[]]),
        // Before 6.11, and before 6.9.
        (&["ioctl:error=ENOTTY:when=1"], &[&["--user"]]),
        (&["ioctl:error=EINVAL:when=1"], &[&["--user"]]),
    ] {
        for user in users {
            let (run, log) = inject(faults, &[user, &["--join", &child][..]].concat());
            run.is(0, &format!("uts.nodename in {child}: bizarro\n"), "");
            let opened = format!("openat(AT_FDCWD, \"{file}\", O_RDONLY|");
            let opens = log.parent().named("openat");
            assert!(opens.iter().any(|call| call.starts_with(&opened)), "{opens:?}");
            assert!(log.parent().named("setns").last().unwrap().ends_with(", CLONE_NEWUTS) = 0"));
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
        ("pidfd_open:error=EMFILE", "pidfd_open: Too many open files\n"),
        ("setns:error=ESRCH", "setns: No such process\n"),
        ("setns:error=ENOMEM", "setns: Cannot allocate memory\n"),
    ] {
        let (run, log) = inject(&[fault], &[&own, "true"]);
        run.is(125, "", message);
        assert_eq!(log.parent().named("openat"), [""; 0], "{fault}");
    }
}

/// The user namespace that owns the UTS namespace of a process (ioctl_ns(2), `NS_GET_USERNS`).
fn owner(pid: &str) -> String {
    const NS_GET_USERNS: libc::Ioctl = 0xb701;
    let file = fs::File::open(file_of(pid)).unwrap();
    // SAFETY: it takes no argument and gives a descriptor.
    let owner = unsafe { libc::ioctl(file.as_raw_fd(), NS_GET_USERNS) };
    assert!(owner > 2, "{}", std::io::Error::last_os_error());
    // SAFETY: nobody else has it.
    let owner = fs::File::from(unsafe { OwnedFd::from_raw_fd(owner) });
    format!("user:[{}]", owner.metadata().unwrap().ino())
}

/// Waits until a process that becomes others one after the other is the last of them.
fn until_called(running: &Running, name: &str) -> String {
    let pid = running.pid().to_string();
    let comm = || fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
    eventually(name, Duration::from_secs(20), || (comm().trim_end() == name).then_some(()));
    pid
}

/// Asserts that the process and its file lead to the same place with --user: that of the owner,
/// which need not be the process's own.
#[track_caller]
fn owner_is_entered(command: impl Fn() -> Command, pid: &str, uid: &str) {
    let owner = owner(pid);
    let look = "uname -n; readlink /proc/self/ns/user /proc/self/ns/uts; id -u";
    let uts = fs::read_link(file_of(pid)).unwrap();
    let said = format!("outer\n{owner}\n{}\n{uid}\n", uts.display());
    for target in [pid, &file_of(pid)] {
        for user in ["-U", "--user"] {
            let mut command = command();
            command.args([user, "--join", target, "sh", "-c", look]).run().is(0, &said, "");
        }
        // Who is root in there may set the name.
        let mut command = command();
        let run = command.args(["-U", "--join", target, "busybox", "hostname", "outer"]).run();
        assert_eq!(run.status, i32::from(uid != "0"), "{run:?}");
    }
}

#[test]
fn the_user_namespace_is_the_owner_s_and_not_the_process_s() {
    needs!(require::user_namespaces(), require::tool("busybox"));
    let program = Copied::new();
    let as_user = || {
        let mut command = unprivileged();
        command.arg(&program.path);
        command
    };
    let as_root = || newuts([""; 0]);
    // The process went on into another user namespace, or into several.
    for deeper in [
        &["unshare", "-U"][..],
        &["unshare", "-r"],
        &["unshare", "-r", "unshare", "-r", "unshare", "-U"],
    ] {
        // A user namespace without an id has no program that may set a name.
        let mut user = as_user();
        let running = user.args(["-r", "outer"]).args(deeper).args(["sleep", "60"]).start();
        let pid = until_called(&running, "sleep");
        let own = fs::read_link(format!("/proc/{pid}/ns/user")).unwrap();
        assert_ne!(own.to_str().unwrap(), owner(&pid));
        owner_is_entered(as_user, &pid, "0");
        owner_is_entered(as_root, &pid, "65534");
    }
    // The process came from outside, and stayed in its own.
    let holding = as_user().args(["-r", "--hold=60", "--delay=0", "outer"]).start();
    let child = holding.cloned().to_string();
    let running = newuts(["--join", &child, "sleep", "60"]).start();
    let pid = until_called(&running, "sleep");
    assert_eq!(owner(&pid), owner(&child));
    assert_ne!(
        fs::read_link(format!("/proc/{pid}/ns/user")).unwrap().to_str(),
        Some(&*owner(&pid))
    );
    owner_is_entered(as_root, &pid, "65534");
}

/// The owner is the caller's own already: no other place is looked for.
#[test]
fn the_caller_s_own_user_namespace_cannot_be_entered() {
    needs!(strace::here(), require::user_namespaces());
    let (_running, child) = held();
    for target in [&child, &file_of(&child)] {
        let (run, log) = Strace::new(&[], &["--user", "--join", target]).run();
        run.is(125, "", "setns: Invalid argument\n");
        assert_eq!(log.parent().named("setns").len(), 1);
        assert!(log.parent().named("openat").len() <= usize::from(target.contains('/')));
    }
}

/// A PID namespace in which `/proc` is that of the one outside: there, the process with the number
/// of `friend` is the child of `newuts stranger`, in a user namespace that can be entered.
fn beside_a_stranger(fault: Option<&str>, join: &str) -> Outcome {
    let inside = "until [ \"$friend\" = $stranger ]; do
            \"$NEWUTS\" $OPTIONS friend sleep 300 & friend=$!
        done
        until [ \"$(\"$NEWUTS\" --join $friend)\" = \"uts.nodename in $friend: friend\" ]; do
            sleep .05
        done
        $STRACE \"$NEWUTS\" $JOIN $friend >&3 2>&4";
    let outside = "exec 3>&1 4>&2
        \"$NEWUTS\" -U --hold=300 --delay=0 stranger >\"$LOG\" &
        until grep -q child: \"$LOG\" && grep -q parent: \"$LOG\"; do sleep .05; done
        stranger=$(sed -n 's/clone() returned //p' \"$LOG\")
        export stranger
        unshare --pid --fork --kill-child sh -c \"$INSIDE\"";
    let log = tempfile::NamedTempFile::new().unwrap();
    let strace = fault.map(|fault| format!("strace -o/dev/null --inject={fault}"));
    let mut command = command("unshare");
    command.args(["--pid", "--fork", "--kill-child", "--mount-proc", "--uts"]);
    command.args(["sh", "-c", outside]).env("INSIDE", inside).env("LOG", log.path());
    command.env("NEWUTS", NEWUTS).env("JOIN", join).env("STRACE", strace.unwrap_or_default());
    command.env("OPTIONS", if join.contains("own") { "" } else { "-U" });
    command.env("JOIN", join.replace("own ", "")).run()
}

#[test]
fn nobody_is_joined_but_who_was_named() {
    needs!(strace::here(), require::user_namespaces());
    // Where the kernel can tell, /proc does not matter.
    let run = beside_a_stranger(None, "--join");
    assert!(run.stdout.ends_with(": friend\n"), "{run:?}");
    assert_eq!((run.status, run.stderr.as_str()), (0, ""));
    let run = beside_a_stranger(None, "--user --join");
    assert!(run.stdout.ends_with(": friend\n"), "{run:?}");
    assert_eq!((run.status, run.stderr.as_str()), (0, ""));
    // "own": the process is in the caller's user namespace.
    beside_a_stranger(None, "own --user --join").is(125, "", "setns: Invalid argument\n");
    // Where it cannot, an error is better than somebody else.
    for (fault, join) in [
        ("pidfd_open:error=ENOSYS", "--join"),
        ("pidfd_open:error=ENOSYS", "--user --join"),
        ("pidfd_open:error=ENOSYS", "own --user --join"),
        ("setns:error=EINVAL:when=1 --inject=ioctl:error=ENOTTY:when=1", "--join"),
        ("ioctl:error=ENOTTY:when=1", "--user --join"),
        ("ioctl:error=ENOTTY:when=1", "own --user --join"),
    ] {
        let run = beside_a_stranger(Some(fault), join);
        assert_eq!((run.status, run.stdout.as_str()), (125, ""), "{fault} {join}: {run:?}");
        assert_eq!(run.stderr.lines().count(), 1, "{fault} {join}: {run:?}");
    }
}

/// A thread of this process with a UTS namespace of its own, and its id. It ends with the sender.
fn thread(name: &'static str) -> (Sender<()>, String) {
    let (end, ended) = channel::<()>();
    let (say, said) = channel();
    thread::spawn(move || {
        // SAFETY: it shares nothing by it, and its names are its own from then on.
        assert_eq!(unsafe { libc::unshare(libc::CLONE_NEWUTS) }, 0);
        rustix::system::sethostname(name.as_bytes()).unwrap();
        say.send(rustix::thread::gettid().as_raw_nonzero().to_string()).unwrap();
        let _ = ended.recv();
    });
    (end, said.recv().unwrap())
}

#[test]
fn a_thread_is_joined_as_nsenter_does() {
    needs!(strace::here(), require::tool("nsenter"));
    let (end, tid) = thread("of a thread");
    let theirs = command("nsenter").args(["--target", &tid, "--uts", "uname", "-n"]).run();
    theirs.is(0, "of a thread\n", "");
    for target in [&tid, &file_of(&tid)] {
        newuts(["--join", target, "uname", "-n"]).run().is(0, "of a thread\n", "");
        let said = format!("uts.nodename in {target}: of a thread\n");
        newuts(["--join", target]).run().is(0, &said, "");
        newuts(["--user", "--join", target]).run().is(125, "", "setns: Invalid argument\n");
    }
    // Its process has the name of all others.
    let own = std::process::id().to_string();
    newuts(["--join", &own, "uname", "-n"]).run().is(0, &format!("{}\n", host_name()), "");
    // Kernels that have no descriptor for a thread: before Linux 6.9, 5.3.
    for fault in ["pidfd_open:error=EINVAL", "pidfd_open:error=ENOENT", "pidfd_open:error=ENOSYS"] {
        let (run, _) = inject(&[fault], &["--join", &tid]);
        run.is(0, &format!("uts.nodename in {tid}: of a thread\n"), "");
    }
    // As a user who may not.
    let program = Copied::new();
    let mut as_user = unprivileged();
    let run = as_user.arg(&program.path).args(["--join", &tid]).run();
    assert_eq!((run.status, run.stdout.as_str()), (125, ""), "{run:?}");
    drop(end);
    // Once it has ended there is none of that number.
    let gone = || fs::metadata(format!("/proc/self/task/{tid}")).is_err();
    eventually("the thread's end", Duration::from_secs(20), || gone().then_some(()));
    let run = newuts(["--join", &tid]).run();
    assert_eq!((run.status, run.stdout.as_str()), (125, ""), "{run:?}");
    assert_eq!(run.stderr.lines().count(), 1, "{run:?}");
}

/// Whatever the file is, the answer comes at once: none of them is waited for.
#[test]
fn any_kind_of_file_is_a_prompt_error() {
    needs!(require::root());
    let folder = TempDir::new().unwrap();
    let at = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let make = |name: &str, kind: FileType, device: u64| {
        mknodat(CWD, at(name), kind, Mode::RUSR | Mode::WUSR, device).unwrap();
    };
    make("fifo", FileType::Fifo, 0);
    make("read fifo", FileType::Fifo, 0);
    make("socket", FileType::Socket, 0);
    make("no such device", FileType::CharacterDevice, makedev(60, 7));
    make("no such disk", FileType::BlockDevice, makedev(60, 7));
    fs::write(at("file"), "").unwrap();
    fs::write(at("leased"), "").unwrap();
    fs::create_dir(at("folder")).unwrap();
    symlink("nowhere", at("dangling")).unwrap();
    symlink("loop", at("loop")).unwrap();
    symlink("fifo", at("link")).unwrap();
    // Somebody else has it for himself, and is asked to give it up: fcntl(2), "Leases".
    let leased = fs::File::options().write(true).open(at("leased")).unwrap();
    // SAFETY: a signal that does nothing tells about it (F_SETSIG, linux/fcntl.h).
    unsafe { libc::fcntl(leased.as_raw_fd(), 10, libc::SIGURG) };
    // SAFETY: the lease is this file's.
    let lease = unsafe { libc::fcntl(leased.as_raw_fd(), libc::F_SETLEASE, libc::F_WRLCK) };
    assert_eq!(lease, 0);
    let reader = {
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC;
        rustix::fs::open(at("read fifo"), flags, Mode::empty()).unwrap()
    };
    let invalid = "setns: Invalid argument\n";
    let not_there = "openat: No such file or directory\n";
    let no_device = "openat: No such device or address\n";
    for (name, message) in [
        ("fifo", invalid),
        ("link", invalid),
        ("read fifo", invalid),
        ("file", invalid),
        ("folder", invalid),
        ("folder/", invalid),
        ("socket", no_device),
        ("no such device", no_device),
        ("no such disk", no_device),
        ("dangling", not_there),
        ("nowhere", not_there),
        ("file/", "openat: Not a directory\n"),
        ("loop", "openat: Too many levels of symbolic links\n"),
        ("leased", "openat: Resource temporarily unavailable\n"),
        ("/dev/null", invalid),
        ("/dev/zero", invalid),
        ("/dev/full", invalid),
        ("/dev/ptmx", invalid),
        ("/dev/random", invalid),
        ("/dev/tty", no_device),
        ("/proc/1", invalid),
        ("/proc/self/exe", invalid),
        ("/proc/self/ns/mnt", invalid),
        ("/proc/self/ns/user", invalid),
        ("/proc/self/ns/pid_for_children", invalid),
    ] {
        let path = if name.starts_with('/') { name.to_owned() } else { at(name) };
        for command in [&[][..], &["true"]] {
            // In a session of its own, which has no terminal: it must not get one, either.
            let mut setsid = crate::support::run::command("setsid");
            setsid.args(["--wait", NEWUTS, "--join", &path]).args(command);
            let run = setsid.start().finish_within(Duration::from_secs(20));
            run.is(125, "", message);
        }
        let run = newuts(["--user", "--join", &path]).start();
        let run = run.finish_within(Duration::from_secs(20));
        assert_eq!((run.status, run.stdout.as_str()), (125, ""), "{name}: {run:?}");
        assert_eq!(run.stderr.lines().count(), 1, "{name}: {run:?}");
    }
    drop(reader);
    drop(leased);
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
