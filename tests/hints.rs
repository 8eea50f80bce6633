//! Why a call was refused: each hint by its real cause, and none without it.

use std::fs;
use std::process::Command;

use crate::support::apart;
use crate::support::require::{self, needs};
use crate::support::run::{
    Copied, NEWUTS, Watched as _, command, full_disk, in_time, newuts, no_fork, unprivileged,
};
use crate::support::setting::{after, confined, refusing, settings};
use crate::support::strace::{self, inject};

const NO_CAPABILITY: &str = "newuts: hint: no CAP_SYS_ADMIN: run as root, or add --user; \
                             in a container, --cap-add SYS_ADMIN\n";
const FILTER: &str = "newuts: hint: a seccomp filter refuses it\n";
const NO_MORE_UTS: &str =
    "newuts: hint: no more UTS namespaces: see /proc/sys/user/max_uts_namespaces\n";
const NO_MORE_USER: &str =
    "newuts: hint: no more user namespaces: see /proc/sys/user/max_user_namespaces\n";

/// The quick demonstration.
const DEMO: [&str; 3] = ["--delay=1", "--hold=1", "x"];

fn not_permitted(call: &str, hint: &str) -> String {
    format!("{call}: Operation not permitted\n{hint}")
}

/// Each form's words, the call that makes or joins its namespace, and its status when that fails.
fn forms(target: &str) -> [(Vec<String>, &'static str, i32); 4] {
    [
        (vec!["x".to_owned()], "clone", 1),
        (vec!["x".to_owned(), "true".to_owned()], "unshare", 125),
        (vec![format!("--join={target}")], "setns", 125),
        (vec![format!("--join=/proc/{target}/ns/uts"), "true".to_owned()], "setns", 125),
    ]
}

#[test]
fn no_capability() {
    needs!(require::root(), require::tool("setpriv"));
    let program = Copied::new();
    let own = std::process::id().to_string();
    for (args, call, status) in forms(&own) {
        let mut dropped = command("setpriv");
        dropped.args(["--bounding-set=-sys_admin", "--inh-caps=-sys_admin"]).arg(NEWUTS);
        let message = not_permitted(call, NO_CAPABILITY);
        dropped.args(&args).run().is(status, "", &message);
        if call != "setns" {
            let mut command = unprivileged();
            command.arg(&program.path).args(&args).run().is(status, "", &message);
        }
    }
}

#[test]
fn a_filter_beside_the_capability() {
    needs!(require::root());
    let own = std::process::id().to_string();
    let numbers = [libc::SYS_clone, libc::SYS_unshare, libc::SYS_setns, libc::SYS_setns];
    for ((args, call, status), number) in forms(&own).into_iter().zip(numbers) {
        refusing(&mut newuts(&args), number).run().is(status, "", &not_permitted(call, FILTER));
    }
    let message = not_permitted("sethostname", FILTER);
    refusing(&mut newuts(["x", "true"]), libc::SYS_sethostname).run().is(125, "", &message);
    let run = refusing(&mut newuts(DEMO), libc::SYS_sethostname).run();
    assert_eq!((run.status, run.stderr), (1, message));
    let domainname = ["--domainname=d", "x", "true"];
    let run = refusing(&mut newuts(domainname), libc::SYS_setdomainname).run();
    run.is(125, "", &not_permitted("setdomainname", FILTER));
}

#[test]
fn a_filter_without_the_capability() {
    needs!(require::user_namespaces());
    let program = Copied::new();
    let as_user = |args: &[&str]| {
        let mut command = unprivileged();
        command.arg(&program.path).args(args);
        command
    };
    // The filter is there from before setpriv, which does without that call.
    let run = refusing(&mut as_user(&["-U", "x", "true"]), libc::SYS_unshare).run();
    run.is(125, "", &not_permitted("unshare", FILTER));
    let run = refusing(&mut as_user(&["-r", "x", "true"]), libc::SYS_sethostname).run();
    run.is(125, "", &not_permitted("sethostname", FILTER));
    // It is the capability that is missing first.
    let run = refusing(&mut as_user(&["x", "true"]), libc::SYS_unshare).run();
    run.is(125, "", &not_permitted("unshare", NO_CAPABILITY));
}

/// With --user the capability is that of the namespace joined: that the caller has none is no cause.
#[test]
fn joining_another_s_user_namespace() {
    needs!(require::user_namespaces());
    let program = Copied::new();
    let own = format!("--join={}", std::process::id());
    let as_user = || {
        let mut command = unprivileged();
        command.arg(&program.path).args(["--user", &own]);
        command
    };
    as_user().run().is(125, "", &not_permitted("setns", ""));
    let run = refusing(&mut as_user(), libc::SYS_setns).run();
    run.is(125, "", &not_permitted("setns", FILTER));
}

#[test]
fn no_namespaces_left() {
    needs!(require::user_namespaces(), settings());
    let limit = |which: &str, value: u32| format!("echo {value} >/proc/sys/user/max_{which}");
    for (limit, options, hint) in [
        (limit("uts_namespaces", 0), &[][..], NO_MORE_UTS),
        (limit("uts_namespaces", 0), &["-U"], NO_MORE_UTS),
        (limit("uts_namespaces", 0), &["-r"], NO_MORE_UTS),
        (limit("user_namespaces", 0), &["-U"], NO_MORE_USER),
        (limit("user_namespaces", 0), &["-c"], NO_MORE_USER),
        (limit("user_namespaces", 0), &["-r"], NO_MORE_USER),
    ] {
        for (args, call, status) in [(&["x"][..], "clone", 1), (&["x", "true"], "unshare", 125)] {
            let message = format!("{call}: No space left on device\n{hint}");
            confined(&limit, &[options, args].concat()).run().is(status, "", &message);
        }
    }
    // A limit of the other kind is none.
    let only = limit("user_namespaces", 0);
    confined(&only, &["x", "uname", "-n"]).run().is(0, "x\n", "");
    confined(&only, &DEMO).run().demonstrates("x", 0, "");
}

#[test]
fn the_last_namespace_is_used_up() {
    needs!(require::user_namespaces(), settings());
    let last = "echo 1 >/proc/sys/user/max_uts_namespaces";
    confined(last, &["a", "uname", "-n"]).run().is(0, "a\n", "");
    for (args, call, status) in [(&["b"][..], "clone", 1), (&["b", "uname", "-n"], "unshare", 125)]
    {
        let message = format!("{call}: No space left on device\n{NO_MORE_UTS}");
        confined(last, &[&["a", NEWUTS], args].concat()).run().is(status, "", &message);
    }
}

/// The child holds the last namespace, so to ask for another would be refused: but it is the disk
/// that has no space left.
#[test]
fn a_full_disk_is_no_limit() {
    needs!(require::user_namespaces(), strace::here(), settings());
    in_time(|seconds| {
        let last = format!(
            "echo 1 >/proc/sys/user/max_uts_namespaces; \
             set -- strace -f -o /dev/null -e inject=clone:delay_exit={seconds}s \"$@\""
        );
        let run = confined(&last, &["x"]).stdout(full_disk()).run();
        let message = "write: No space left on device\n";
        assert!([message, &message.repeat(2)].contains(&run.stderr.as_str()), "{run:?}");
        assert_eq!(run.status, 1);
        // The parent ends a child that says nothing before it: then it was too slow.
        (run.stderr != message).then_some(())
    });
}

#[test]
fn a_name_too_long() {
    needs!(require::namespaces());
    let long = "x".repeat(65);
    let domainname = format!("--domainname={long}");
    for (args, call, hint) in [
        (&[long.as_str()][..], "sethostname", "a host name has at most 64 bytes"),
        (&[&domainname, "x"], "setdomainname", "a domain name has at most 64 bytes"),
    ] {
        let message = format!("{call}: Invalid argument\nnewuts: hint: {hint}\n");
        newuts([args, &["true"]].concat()).run().is(125, "", &message);
        newuts([&["-U"], args, &["true"]].concat()).run().is(125, "", &message);
        let run = newuts([&["--delay=.1"], args].concat()).run();
        assert_eq!((run.status, run.stderr), (1, message));
    }
}

/// This kernel has no such setting, and no such kernel is at hand: the setting is a file mounted
/// over /proc/sys/kernel, and the kernel's answer is injected.
#[test]
fn user_namespaces_are_for_root() {
    needs!(strace::here(), require::namespaces());
    for (file, bad, good, hint) in [
        (
            "unprivileged_userns_clone",
            "0",
            "1",
            "user namespaces are for root: kernel.unprivileged_userns_clone is 0",
        ),
        (
            "apparmor_restrict_unprivileged_userns",
            "1",
            "0",
            "AppArmor: kernel.apparmor_restrict_unprivileged_userns is 1",
        ),
    ] {
        let folder = apart::folder();
        let mount = format!("mount --bind {} /proc/sys/kernel", folder.path().display());
        for (value, hint) in [(bad, format!("newuts: hint: {hint}\n")), (good, String::new())] {
            fs::write(folder.path().join(file), format!("{value}\n")).unwrap();
            for (args, call, status) in
                [(&["-U", "x"][..], "clone", 1), (&["-r", "x", "true"], "unshare", 125)]
            {
                let fault = format!("inject={call}:error=EPERM");
                let words = [&["strace", "-f", "-o/dev/null", "-e", &fault, NEWUTS], args].concat();
                after(&mount, &words).run().is(status, "", &not_permitted(call, &hint));
            }
            // Without a user namespace it is not what is wrong.
            let words =
                ["strace", "-o/dev/null", "-einject=unshare:error=EPERM", NEWUTS, "x", "true"];
            after(&mount, &words).run().is(125, "", &not_permitted("unshare", ""));
        }
    }
}

/// No such kernel is at hand: its /proc is a folder, and its answer is injected.
#[test]
fn a_kernel_without_uts_namespaces() {
    needs!(strace::here(), require::namespaces());
    let hint = "newuts: hint: this kernel has no UTS namespaces (CONFIG_UTS_NS)\n";
    for (proc, hint) in [
        ("mkdir -p /proc/self/ns", hint),
        ("mkdir -p /proc/self/ns && touch /proc/self/ns/uts", ""),
        // Where there is no /proc, nothing is known.
        ("true", ""),
    ] {
        for (args, call, status) in
            [(&["x"][..], "clone", 1), (&["x", "true"], "unshare", 125), (&["-U", "x"], "clone", 1)]
        {
            let fault = format!("inject={call}:error=EINVAL");
            let words = [&["strace", "-f", "-o/dev/null", "-e", &fault, NEWUTS], args].concat();
            let message = format!("{call}: Invalid argument\n{hint}");
            let fake = format!("mount -t tmpfs tmpfs /proc && {proc}");
            after(&fake, &words).run().is(status, "", &message);
        }
    }
}

#[test]
fn an_errno_without_a_known_cause_has_no_hint() {
    needs!(strace::here(), require::namespaces());
    let own = format!("--join={}", std::process::id());
    let file = format!("--join=/proc/{}/ns/uts", std::process::id());
    let forms: [(&str, &[&str], i32); 12] = [
        ("clone", &["x"], 1),
        ("clone", &["-U", "x"], 1),
        ("unshare", &["x", "true"], 125),
        ("unshare", &["-r", "x", "true"], 125),
        ("setns", &[&own], 125),
        ("setns", &[&file, "true"], 125),
        ("setns", &["-U", &file, "true"], 125),
        ("sethostname", &DEMO, 1),
        ("sethostname", &["x", "true"], 125),
        ("sethostname", &["-r", "x", "true"], 125),
        ("setdomainname", &["--domainname=d", "--delay=.1", "x"], 1),
        ("setdomainname", &["--domainname=d", "x", "true"], 125),
    ];
    for (errno, text) in [
        ("EPERM", "Operation not permitted"),
        ("ENOSPC", "No space left on device"),
        ("EINVAL", "Invalid argument"),
        ("EUSERS", "Too many users"),
        ("ENOMEM", "Cannot allocate memory"),
        ("EACCES", "Permission denied"),
    ] {
        for (call, args, status) in forms {
            let (run, _) = inject(&[&format!("{call}:error={errno}")], args);
            let message = format!("{call}: {text}\n");
            assert_eq!((run.status, run.stderr), (status, message), "{errno} {args:?}");
        }
    }
}

/// A real refusal of a cause that is not tested: user namespaces cannot be made in a chroot(2).
#[test]
fn a_real_refusal_without_a_known_cause_has_no_hint() {
    needs!(require::root(), require::tool("chroot"));
    let folder = apart::folder();
    {
        let _lock = no_fork();
        fs::copy(NEWUTS, folder.path().join("newuts")).unwrap();
    }
    let chroot = |args: &[&str]| -> Command {
        let mut command = command("chroot");
        command.arg(folder.path()).arg("/newuts").args(args);
        command
    };
    chroot(&["-U", "x"]).run().is(1, "", "clone: Operation not permitted\n");
    chroot(&["-U", "x", "y"]).run().is(125, "", "unshare: Operation not permitted\n");
    chroot(&["x", "/newuts", "y", "/newuts", "--version"]).run().is(
        0,
        concat!("newuts ", env!("CARGO_PKG_VERSION"), "\n"),
        "",
    );
}

#[test]
fn nothing_is_asked_before_a_call_has_failed() {
    needs!(strace::here(), require::namespaces());
    let (_, log) = inject(&["unshare:error=EPERM"], &["x", "true"]);
    let calls = log.parent().without_addresses();
    let names: Vec<_> = calls.iter().map(|call| call.split('(').next().unwrap()).collect();
    assert_eq!(names, ["getpid", "unshare", "write", "capget", "prctl", "exit_group"]);
    let (run, log) = inject(&["write:error=EPERM:when=9"], &["-r", "x", "/bin/true"]);
    assert_eq!(run.status, 0);
    assert_eq!(log.parent().named("capget"), [""; 0]);
}

#[test]
fn standard_error_may_be_closed() {
    needs!(require::user_namespaces(), settings());
    let no_more = "echo 0 >/proc/sys/user/max_user_namespaces";
    confined(no_more, &["-U", "x", "true"]).closed(2).run().is(125, "", "");
}
