// SPDX-License-Identifier: MIT OR Apache-2.0
//! Why a call was refused: each hint by its real cause, and none without it.

use std::fs::{self, Permissions};
use std::io::{self, Write as _};
use std::iter;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, memfd_create};
use tempfile::TempDir;

use crate::support::apart;
use crate::support::hint::{
    APPARMOR, CHROOT, FILTER, FOR_ROOT, NO_CAPABILITY, NO_CAPABILITY_NOR_USER, NO_MORE_USER,
    NO_MORE_USER_SOMEWHERE, NO_MORE_UTS, NO_MORE_UTS_SOMEWHERE, NO_SETFCAP, NO_USER, NO_UTS,
    NOT_THIS_USER, ROOT_ONLY, SECURITY_MODULE, UNMAPPED, not_permitted,
};
use crate::support::require::{self, needs};
use crate::support::run::{
    Copied, NEWUTS, Outcome, Watched as _, command, full_disk, in_time, newuts, no_fork,
    unprivileged,
};
use crate::support::setting::{
    after, confined, filtered, proc_with_apparmor, refusing, refusing_flag, refusing_with,
    settings, without,
};
use crate::support::strace::{self, inject};

/// The quick demonstration.
const DEMO: [&str; 3] = ["--delay=1", "--hold=1", "x"];

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
        // --user leads to what somebody else owns only if that is one's own to enter.
        let hint = if call == "setns" { NO_CAPABILITY_NOR_USER } else { NO_CAPABILITY };
        let message = not_permitted(call, hint);
        without("sys_admin", &[NEWUTS]).args(&args).run().is(status, "", &message);
        if call != "setns" {
            // What the bounding set has would be root's.
            let message = not_permitted(call, NOT_THIS_USER);
            let mut command = unprivileged();
            command.arg(&program.path).args(&args).run().is(status, "", &message);
            let mut neither = unprivileged();
            neither.args(["--bounding-set=-sys_admin", "--inh-caps=-sys_admin"]);
            neither.arg(&program.path).args(&args);
            neither.run().is(status, "", &not_permitted(call, NO_CAPABILITY));
        }
    }
}

#[test]
fn no_capability_to_join() {
    needs!(require::user_namespaces());
    let program = Copied::new();
    let as_user = |args: &[&str]| {
        let mut command = unprivileged();
        command.arg(&program.path).args(args);
        command
    };
    // What is root's he cannot enter in any other way.
    let root_only = not_permitted("setns", ROOT_ONLY);
    as_user(&["--join=1"]).run().is(125, "", &root_only);
    as_user(&["--join=1", "true"]).run().is(125, "", &root_only);
    let running = newuts(["--hold=60", "--delay=0", "of root"]).start();
    as_user(&[&format!("--join={}", running.cloned())]).run().is(125, "", &root_only);
    // A file of /proc he cannot even open.
    as_user(&["--join=/proc/1/ns/uts"]).run().is(125, "", "openat: Permission denied\n");
    // Nor with --user.
    as_user(&["-U", "--join=/proc/1/ns/uts"]).run().is(125, "", "openat: Permission denied\n");

    // What is his own needs --user.
    let running = as_user(&["-U", "--hold=60", "--delay=0", "his own"]).start();
    let child = running.cloned();
    for target in [child.to_string(), format!("/proc/{child}/ns/uts")] {
        let join = format!("--join={target}");
        let message = not_permitted("setns", NOT_THIS_USER);
        as_user(&[&join]).run().is(125, "", &message);
        as_user(&[&join, "true"]).run().is(125, "", &message);
        as_user(&["-U", &join, "uname", "-n"]).run().is(0, "his own\n", "");
    }
    // And its own namespaces cannot be left again by it.
    let join = format!("--join={}", std::process::id());
    let words = ["-r", "x", program.path.to_str().unwrap(), &join];
    as_user(&words).run().is(125, "", &not_permitted("setns", ""));
}

/// Another process's names are looked at as its memory is: ptrace(2), "Ptrace access mode
/// checking".
#[test]
fn a_join_that_takes_another_capability() {
    needs!(require::root(), require::tool("setpriv"));
    let join = format!("--join={}", std::process::id());
    let message = not_permitted("setns", "");
    for command in [
        &mut without("sys_ptrace", &[NEWUTS, &join]),
        filtered(&mut without("sys_ptrace", &[NEWUTS, &join])),
    ] {
        command.run().is(125, "", &message);
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
    // It is the capability that is missing first, and --user does not help.
    let run = refusing(&mut as_user(&["x", "true"]), libc::SYS_unshare).run();
    run.is(125, "", &not_permitted("unshare", ROOT_ONLY));
    // Into namespaces of one's own.
    let running = as_user(&["-U", "--hold=60", "--delay=0", "his own"]).start();
    let child = running.cloned();
    for target in [child.to_string(), format!("/proc/{child}/ns/uts")] {
        let join = format!("--join={target}");
        let run = refusing(&mut as_user(&["-U", &join]), libc::SYS_setns).run();
        run.is(125, "", &not_permitted("setns", FILTER));
    }
}

/// Whether --user would lead there is tried: what refuses it may be anything.
#[test]
fn a_user_namespace_that_does_not_help() {
    needs!(require::user_namespaces(), settings());
    let program = Copied::new();
    for (args, call, status) in [(&["x"][..], "clone", 1), (&["x", "true"], "unshare", 125)] {
        let as_user = || {
            let mut command = unprivileged();
            command.arg(&program.path).args(args);
            command
        };
        as_user().run().is(status, "", &not_permitted(call, NOT_THIS_USER));
        let message = not_permitted(call, ROOT_ONLY);
        // Docker's filter, and Podman's.
        let mut command = as_user();
        let run = refusing_flag(&mut command, libc::SYS_unshare, libc::CLONE_NEWUSER).run();
        run.is(status, "", &message);
        refusing(&mut as_user(), libc::SYS_sethostname).run().is(status, "", &message);
        let none_left = "echo 0 >/proc/sys/user/max_user_namespaces &&
            exec setpriv --bounding-set=-sys_admin --inh-caps=-sys_admin \"$@\"";
        let message = not_permitted(call, NO_CAPABILITY_NOR_USER);
        confined(none_left, args).run().is(status, "", &message);
    }
}

/// The kernel asks for the capability before anything else, and a security module may refuse it: then
/// it is not the filter, whatever that is there for.
#[test]
fn a_filter_beside_a_security_module() {
    needs!(strace::here(), require::user_namespaces());
    for options in [&[][..], &["-U"], &["-r"]] {
        let mut command = command("strace");
        command.args(["-f", "-o/dev/null", "-einject=sethostname:error=EPERM"]);
        command.args(["-einject=unshare:error=EPERM:when=2+", NEWUTS]);
        let run = filtered(command.args(options).args(["x", "true"])).run();
        run.is(125, "", &not_permitted("sethostname", ""));
    }
}

/// A filter may look at the arguments, as those of the container engines do.
#[test]
fn a_filter_that_refuses_the_namespace_and_not_the_call() {
    needs!(require::user_namespaces());
    let program = Copied::new();
    for (number, flag, args, call, status) in [
        (libc::SYS_clone, libc::CLONE_NEWUTS, &["x"][..], "clone", 1),
        (libc::SYS_unshare, libc::CLONE_NEWUTS, &["x", "true"], "unshare", 125),
        (libc::SYS_clone, libc::CLONE_NEWUSER, &["-U", "x"], "clone", 1),
        (libc::SYS_unshare, libc::CLONE_NEWUSER, &["-r", "x", "true"], "unshare", 125),
    ] {
        let message = not_permitted(call, FILTER);
        refusing_flag(&mut newuts(args), number, flag).run().is(status, "", &message);
        if args[0] != "x" {
            let mut as_user = unprivileged();
            as_user.arg(&program.path).args(args);
            refusing_flag(&mut as_user, number, flag).run().is(status, "", &message);
        }
    }
}

/// A filter can give any errno, that of another cause too.
#[test]
fn what_a_filter_says_is_no_other_cause() {
    needs!(require::root());
    let calls = [libc::SYS_clone, libc::SYS_unshare];
    for (errno, text) in [
        (libc::EACCES, "Permission denied"),
        (libc::ENOSPC, "No space left on device"),
        (libc::EINVAL, "Invalid argument"),
        (libc::EUSERS, "Too many users"),
    ] {
        for options in [&[][..], &["-U"], &["-r"]] {
            for (args, call, status) in [(&["x"][..], "clone", 1), (&["x", "true"], "unshare", 125)]
            {
                let mut command = newuts([options, args].concat());
                let run = refusing_with(&mut command, &calls, errno).run();
                run.is(status, "", &format!("{call}: {text}\n"));
            }
        }
    }
}

/// A filter that lets through what is refused is not what refuses it.
#[test]
fn a_filter_of_other_calls_is_no_cause() {
    needs!(require::user_namespaces());
    let own = std::process::id().to_string();
    for (args, call, status) in forms(&own) {
        let hint = if call == "setns" { NO_CAPABILITY_NOR_USER } else { NO_CAPABILITY };
        let mut command = without("sys_admin", &[NEWUTS]);
        filtered(command.args(&args)).run().is(status, "", &not_permitted(call, hint));
    }
    for (args, call, status) in [(&["x"][..], "clone", 1), (&["x", "true"], "unshare", 125)] {
        let with_user = [&["-U"], args].concat();
        let (folder, chroot) = in_chroot(&with_user);
        filtered(&mut { chroot }).run().is(status, "", &not_permitted(call, CHROOT));
        drop(folder);
        let message = not_permitted(call, UNMAPPED);
        filtered(&mut unmapped(&with_user)).run().is(status, "", &message);
        let mut command = without("setfcap", &[NEWUTS, "-r"]);
        let run = filtered(command.args(args)).run();
        assert_eq!((run.status, run.stderr), (status, not_permitted("write", NO_SETFCAP)));
        for call in [libc::SYS_mount, libc::SYS_setns, libc::SYS_sethostname] {
            // Another namespace's limit, not a permission.
            let mut command = confined("echo 0 >/proc/sys/user/max_uts_namespaces", args);
            let run = refusing(&mut command, call).run();
            assert!(run.stderr.ends_with(NO_MORE_UTS), "{run:?}");
        }
    }
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
    let message = "ioctl: Permission denied\n";
    as_user().run().is(125, "", message);
    refusing(&mut as_user(), libc::SYS_setns).run().is(125, "", message);
    filtered(&mut as_user()).run().is(125, "", message);
}

/// `newuts` with `args` as user 65534 of a user namespace that maps nobody.
fn unmapped(args: &[&str]) -> Command {
    let mut command = command("unshare");
    command.args(["--user", NEWUTS]).args(args);
    command
}

/// `newuts` with `args` in a user namespace with these maps, which are written from outside.
fn mapped(user: &str, group: &str, args: &[&str]) -> Outcome {
    let mut command = command("unshare");
    command.args(["--user", "sh", "-c", "echo ready; read go; exec \"$@\"", "sh", NEWUTS]);
    let (stdin, mut go) = {
        let _lock = no_fork();
        io::pipe().unwrap()
    };
    let running = command.args(args).stdin(stdin).start();
    drop(command);
    running.until("ready\n");
    for (file, map) in [("uid_map", user), ("gid_map", group)] {
        if !map.is_empty() {
            fs::write(format!("/proc/{}/{file}", running.pid()), map).unwrap();
        }
    }
    go.write_all(b"\n").unwrap();
    drop(go);
    running.finish()
}

/// user_namespaces(7): "the effective user ID and group ID must have mappings in the parent".
#[test]
fn an_id_that_is_not_mapped() {
    needs!(require::user_namespaces());
    for (args, call, status) in [(&["x"][..], "clone", 1), (&["x", "true"], "unshare", 125)] {
        for option in ["-U", "-c", "-r"] {
            let with_user = [&[option], args].concat();
            unmapped(&with_user).run().is(status, "", &not_permitted(call, UNMAPPED));
            // Only one of the two; the map is of ids that the caller has not.
            let said = "ready\n";
            let message = not_permitted(call, UNMAPPED);
            mapped("0 0 1", "", &with_user).is(status, said, &message);
            mapped("", "0 0 1", &with_user).is(status, said, &message);
            mapped("5 5 1", "0 0 1", &with_user).is(status, said, &message);
            mapped("0 0 1", "5 5 1", &with_user).is(status, said, &message);
        }
        // Without --user it is the capability, which --user could not give.
        unmapped(args).run().is(status, "", &not_permitted(call, ROOT_ONLY));
    }
    // Who is called 65534 because that is who he is.
    mapped("0 0 65536", "0 0 65536", &["-U", "x", "true"]).is(0, "ready\n", "");
}

/// `newuts` with `args`, and the folder which is its root: a folder, and not a file system's root.
fn in_chroot(args: &[&str]) -> (TempDir, Command) {
    let folder = TempDir::new().unwrap();
    {
        let _lock = no_fork();
        fs::copy(NEWUTS, folder.path().join("newuts")).unwrap();
    }
    let mut command = command("chroot");
    command.arg(folder.path()).arg("/newuts").args(args);
    (folder, command)
}

#[test]
fn in_a_chroot() {
    needs!(require::user_namespaces(), require::tool("chroot"));
    for (args, call, status) in [(&["x"][..], "clone", 1), (&["x", "y"], "unshare", 125)] {
        for option in ["-U", "-c", "-r"] {
            let (_folder, mut chroot) = in_chroot(&[&[option], args].concat());
            chroot.run().is(status, "", &not_permitted(call, CHROOT));
        }
        // Without --user it is the capability, which --user could not give.
        let (folder, _) = in_chroot(&[]);
        let mut user = command("chroot");
        fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).unwrap();
        user.arg("--userspec=65534:65534").arg(folder.path()).arg("/newuts").args(args);
        user.run().is(status, "", &not_permitted(call, ROOT_ONLY));
    }
    // It is a user namespace that cannot be made there, and nothing else.
    let version = concat!("newuts ", env!("CARGO_PKG_VERSION"), "\n");
    let (_folder, mut chroot) = in_chroot(&["x", "/newuts", "y", "/newuts", "--version"]);
    chroot.run().is(0, version, "");
}

/// Where the new root is the root of a file system, the caller cannot know that it is in a chroot.
#[test]
fn in_a_chroot_that_cannot_be_told() {
    needs!(require::namespaces(), require::tool("chroot"));
    let folder = TempDir::new().unwrap();
    let root = folder.path().to_str().unwrap();
    let mount = format!("mount -t tmpfs tmpfs {root} && cp {NEWUTS} {root}/newuts");
    for user in ["--userspec=0:0", "--userspec=65534:65534"] {
        let chroot = ["chroot", user, root, "/newuts", "-U", "x"];
        after(&mount, &chroot).run().is(1, "", &not_permitted("clone", ""));
        let chroot = [&chroot[..], &["true"]].concat();
        after(&mount, &chroot).run().is(125, "", &not_permitted("unshare", ""));
        filtered(&mut after(&mount, &chroot)).run().is(125, "", &not_permitted("unshare", ""));
    }
}

/// user_namespaces(7), "Defining user and group ID mappings": since Linux 5.12.
#[test]
fn root_cannot_be_mapped() {
    needs!(require::user_namespaces(), require::tool("setpriv"));
    let program = Copied::new();
    let message = not_permitted("write", NO_SETFCAP);
    for option in ["-r", "-c"] {
        let words = [NEWUTS, option, "x", "true"];
        without("setfcap", &words).run().is(125, "", &message);
        let run = without("setfcap", &[&[NEWUTS, option], &DEMO[..]].concat()).run();
        assert_eq!((run.status, run.stderr.as_str()), (1, message.as_str()));
        // It is root outside who must not be mapped, and not root inside.
        let user = program.path.to_str().unwrap();
        let mut command = unprivileged();
        command.args(["--bounding-set=-setfcap", "--inh-caps=-setfcap"]);
        command.args([user, option, "x", "uname", "-n"]).run().is(0, "x\n", "");
    }
    without("setfcap", &[NEWUTS, "-U", "x", "uname", "-n"]).run().is(0, "x\n", "");
}

/// Another cause of EPERM from a write: a file that is sealed.
#[test]
fn a_write_that_is_not_to_a_map() {
    needs!(require::user_namespaces(), require::tool("setpriv"));
    let sealed = || {
        let file = memfd_create("sealed", MemfdFlags::ALLOW_SEALING | MemfdFlags::CLOEXEC).unwrap();
        fcntl_add_seals(&file, SealFlags::WRITE).unwrap();
        file
    };
    let message = not_permitted("write", "");
    for options in [&[][..], &["-U"], &["-r"], &["-c"]] {
        for command in [&mut newuts(options), filtered(&mut newuts(options))] {
            let run = command.args(DEMO).stdout(sealed()).run();
            assert!([message.clone(), message.repeat(2)].contains(&run.stderr), "{run:?}");
            assert_eq!(run.status, 1);
        }
    }
    // With the capability lost, too: no map is refused to who asks for none.
    let run = without("setfcap", &[&[NEWUTS, "-U"], &DEMO[..]].concat()).stdout(sealed()).run();
    assert!([message.clone(), message.repeat(2)].contains(&run.stderr), "{run:?}");
}

/// None that would refuse it is at hand: the kernel's answer is injected, and only to the first
/// call, as the kernel looks at the arguments before it asks its modules.
#[test]
fn a_security_module() {
    needs!(strace::here(), require::namespaces());
    for options in [&[][..], &["-U"], &["-c"], &["-r"]] {
        for (args, call, status) in [(&["x"][..], "clone", 1), (&["x", "true"], "unshare", 125)] {
            let fault = format!("{call}:error=EACCES:when=1");
            let (run, _) = inject(&[&fault], &[options, args].concat());
            run.is(status, "", &format!("{call}: Permission denied\n{SECURITY_MODULE}"));
        }
    }
    // EACCES from other calls has other reasons.
    let join = format!("--join={}", std::process::id());
    for (fault, args, message) in [
        ("setns:error=EACCES:when=1", &[join.as_str()][..], "setns: Permission denied\n"),
        ("sethostname:error=EACCES:when=1", &["x", "true"], "sethostname: Permission denied\n"),
        ("write:error=EACCES:when=1", &["-r", "x", "true"], "write: Permission denied\n"),
        ("openat:error=EACCES", &["-r", "x", "true"], "openat: Permission denied\n"),
    ] {
        inject(&[fault], args).0.is(125, "", message);
    }
    let message = "newuts: /etc/passwd: Permission denied\n";
    newuts(["x", "/etc/passwd"]).run().is(126, "", message);
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
        let message = format!("{call}: No space left on device\n{NO_MORE_UTS_SOMEWHERE}");
        confined(last, &[&["a", NEWUTS], args].concat()).run().is(status, "", &message);
    }
}

/// The limit of the user namespace outside, which cannot be looked at from inside.
#[test]
fn an_outer_limit_is_reached() {
    needs!(require::user_namespaces());
    for (limit, hint) in [
        ("max_uts_namespaces", NO_MORE_UTS_SOMEWHERE),
        ("max_user_namespaces", NO_MORE_USER_SOMEWHERE),
    ] {
        let last = format!("echo 1 >/proc/sys/user/{limit}");
        confined(&last, &["-r", "a", "uname", "-n"]).run().is(0, "a\n", "");
        for option in ["-U", "-c", "-r"] {
            for (args, call, status) in
                [(&["b"][..], "clone", 1), (&["b", "uname", "-n"], "unshare", 125)]
            {
                let words = [&["-r", "a", NEWUTS, option], args].concat();
                let message = format!("{call}: No space left on device\n{hint}");
                confined(&last, &words).run().is(status, "", &message);
            }
        }
    }
    // A UTS namespace alone is charged to the outer ones, too.
    let last = "echo 1 >/proc/sys/user/max_uts_namespaces";
    let words = ["-r", "a", NEWUTS, "b", "true"];
    let message = format!("unshare: No space left on device\n{NO_MORE_UTS_SOMEWHERE}");
    confined(last, &words).run().is(125, "", &message);
}

/// user_namespaces(7): "at most 32 nested levels".
#[test]
fn user_namespaces_are_nested_too_deep() {
    needs!(require::user_namespaces());
    let nested = |levels: usize, last: &[&str]| {
        let words = [NEWUTS, "-r", "x"];
        let words: Vec<_> = iter::repeat_n(words, levels).flatten().collect();
        command(words[0]).args(&words[1..]).args(last).run()
    };
    nested(33, &["uname", "-n"]).is(0, "x\n", "");
    // It is no limit of UTS namespaces.
    nested(33, &[NEWUTS, "y", "uname", "-n"]).is(0, "y\n", "");
    for option in ["-U", "-c", "-r"] {
        let message =
            |call: &str| format!("{call}: No space left on device\n{NO_MORE_USER_SOMEWHERE}");
        nested(33, &[NEWUTS, option, "y"]).is(1, "", &message("clone"));
        nested(33, &[NEWUTS, option, "y", "true"]).is(125, "", &message("unshare"));
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
/// over /proc/sys/kernel, and the kernel's answer is injected. (Debian's kernel is booted in
/// tests/boot.rs.)
#[test]
fn user_namespaces_are_for_root() {
    needs!(strace::here(), require::user_namespaces());
    let program = Copied::new();
    let program = program.path.to_str().unwrap();
    for (file, bad, good, hint) in [
        ("unprivileged_userns_clone", "0", "1", FOR_ROOT),
        ("apparmor_restrict_unprivileged_userns", "1", "0", APPARMOR),
    ] {
        let folder = apart::folder();
        fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).unwrap();
        let mount = format!("mount --bind {} /proc/sys/kernel", folder.path().display());
        let user = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"];
        for (who, value, hint) in
            // Root is not whom the setting is for.
            [(&user[..], bad, hint), (&user, good, ""), (&[], bad, ""), (&[], good, "")]
        {
            fs::write(folder.path().join(file), format!("{value}\n")).unwrap();
            for (args, call, status) in
                [(&["-U", "x"][..], "clone", 1), (&["-r", "x", "true"], "unshare", 125)]
            {
                let fault = format!("inject={call}:error=EPERM");
                let strace = ["strace", "-f", "-o/dev/null", "-e", &fault, program];
                let words = [who, &strace, args].concat();
                after(&mount, &words).run().is(status, "", &not_permitted(call, hint));
            }
        }
        // A filter refuses before anything else is asked.
        fs::write(folder.path().join(file), format!("{bad}\n")).unwrap();
        let mut filtered = after(&mount, &[&user[..], &[program, "-r", "x", "true"]].concat());
        refusing_flag(&mut filtered, libc::SYS_unshare, libc::CLONE_NEWUSER);
        filtered.run().is(125, "", &not_permitted("unshare", FILTER));
        // Without a user namespace it is not what is wrong.
        fs::write(folder.path().join(file), format!("{bad}\n")).unwrap();
        let words = ["strace", "-o/dev/null", "-einject=unshare:error=EPERM", program, "x", "true"];
        after(&mount, &words).run().is(125, "", &not_permitted("unshare", ""));
        after(&mount, &[&user[..], &[program, "x", "true"]].concat()).run().is(
            125,
            "",
            &not_permitted("unshare", NOT_THIS_USER),
        );
    }
}

/// Who makes a user namespace may mount nothing outside of it: `--user` is no help.
#[test]
fn no_capability_to_bind_a_namespace() {
    needs!(require::user_namespaces());
    let program = Copied::new();
    let folder = apart::folder_for_all();
    let file = folder.path().join("file");
    let file = file.to_str().unwrap();
    let persist = ["--persist", file, "--delay=.1", "--hold=.1", "x"];
    for (args, call, status) in [
        (&persist[..], "clone", 1),
        (&["--persist", file, "x", "true"], "unshare", 125),
        (&["--fork", "--persist", file, "x", "true"], "unshare", 125),
    ] {
        let run = unprivileged().arg(&program.path).args(args).run();
        run.is(status, "", &not_permitted(call, ROOT_ONLY));
    }
}

/// Ubuntu's kernel since 24.04 makes the user namespace, moves its maker into a profile, and refuses
/// every capability then. No such kernel is at hand: its /proc is a folder, and its answer is injected.
#[test]
fn a_user_namespace_without_capabilities() {
    needs!(strace::here(), require::user_namespaces());
    let program = Copied::new();
    let program = program.path.to_str().unwrap();
    let user = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"];
    for (profile, value, hint) in [
        ("unprivileged_userns (enforce)", "1", APPARMOR),
        ("unprivileged_userns (enforce)", "0", ""),
        ("unconfined", "1", ""),
        ("", "1", ""),
    ] {
        let fake = proc_with_apparmor(profile, value);
        for (args, call, status) in [
            (&["-U", "x", "true"][..], "sethostname", 125),
            (&["-U", "--delay=.1", "x"], "sethostname", 1),
            (&["-r", "x", "true"], "write", 125),
            (&["-c", "x", "true"], "write", 125),
        ] {
            // A command's first write is that of the map.
            let when = if call == "write" { ":when=1" } else { "" };
            let fault = format!("inject={call}:error=EPERM{when}");
            let strace = ["strace", "-f", "-o/dev/null", "-e", &fault, program];
            let words = [&user[..], &strace, args].concat();
            let run = after(&fake, &words).run();
            let said = (run.status, run.stderr);
            assert_eq!(said, (status, not_permitted(call, hint)), "{profile} {value} {args:?}");
        }
    }
}

/// No such kernel is at hand: its /proc is a folder, and its answer is injected.
#[test]
fn a_kernel_without_namespaces() {
    needs!(strace::here(), require::namespaces());
    for (ns, plain, with_user) in [
        ("mkdir -p /proc/self/ns && touch /proc/self/ns/user", NO_UTS, NO_UTS),
        ("mkdir -p /proc/self/ns && touch /proc/self/ns/uts", "", NO_USER),
        ("mkdir -p /proc/self/ns && touch /proc/self/ns/uts /proc/self/ns/user", "", ""),
        // Where there is no /proc, nothing is known.
        ("true", "", ""),
    ] {
        for (args, call, status, hint) in [
            (&["x"][..], "clone", 1, plain),
            (&["x", "true"], "unshare", 125, plain),
            (&["-U", "x"], "clone", 1, with_user),
            (&["-r", "x", "true"], "unshare", 125, with_user),
        ] {
            let fault = format!("inject={call}:error=EINVAL");
            let words = [&["strace", "-f", "-o/dev/null", "-e", &fault, NEWUTS], args].concat();
            let message = format!("{call}: Invalid argument\n{hint}");
            let fake = format!("mount -t tmpfs tmpfs /proc && {ns}");
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
