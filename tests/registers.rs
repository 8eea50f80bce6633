// SPDX-License-Identifier: MIT OR Apache-2.0
//! `--trace=regs`, beside the registers themselves, which a tracer of our own reads at each stop.
//! Follows ptrace(2) and syscall(2). Written for x86_64: it names that CPU's registers.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{c_int, c_long, c_void};
use std::fs::File;
use std::io::{self, Read as _, Seek as _};
use std::mem::MaybeUninit;
use std::os::unix::process::CommandExt as _;
use std::process::{Command, Stdio};
use std::ptr;

use newuts::sys::table::{Row, TABLE};

use crate::support::apart::{apart, assert_kept};
use crate::support::require::{self, needs};
use crate::support::run::{Watched as _, full_disk, newuts, no_fork};
use crate::support::trace::same;

/// The registers of a call: its number's, and those of its arguments.
const NAMES: [&str; 7] = ["rax", "rdi", "rsi", "rdx", "r10", "r8", "r9"];

/// Each call with its number, and how many arguments it has according to its manual page, for what
/// is asked of it.
#[rustfmt::skip]
const CALLS: [(&str, c_long, usize); 50] = [
    ("capget", libc::SYS_capget, 2), ("capset", libc::SYS_capset, 2),
    ("chroot", libc::SYS_chroot, 1), ("clock_nanosleep", libc::SYS_clock_nanosleep, 4),
    ("clone", libc::SYS_clone, 5), ("clone3", libc::SYS_clone3, 2), ("close", libc::SYS_close, 1),
    ("execve", libc::SYS_execve, 3), ("exit", libc::SYS_exit, 1),
    ("exit_group", libc::SYS_exit_group, 1), ("fcntl", libc::SYS_fcntl, 3),
    ("getegid", libc::SYS_getegid, 0), ("geteuid", libc::SYS_geteuid, 0),
    ("getpgid", libc::SYS_getpgid, 1), ("getpid", libc::SYS_getpid, 0),
    ("getppid", libc::SYS_getppid, 0), ("getsid", libc::SYS_getsid, 1),
    ("ioctl", libc::SYS_ioctl, 3), ("kill", libc::SYS_kill, 2), ("mkdirat", libc::SYS_mkdirat, 3),
    ("mmap", libc::SYS_mmap, 6), ("mount", libc::SYS_mount, 5), ("mprotect", libc::SYS_mprotect, 3),
    ("nanosleep", libc::SYS_nanosleep, 2), ("openat", libc::SYS_openat, 4),
    ("pidfd_open", libc::SYS_pidfd_open, 2), ("pipe2", libc::SYS_pipe2, 2),
    ("prctl", libc::SYS_prctl, 2),
    ("read", libc::SYS_read, 3), ("readlinkat", libc::SYS_readlinkat, 4),
    ("reboot", libc::SYS_reboot, 3), ("rt_sigaction", libc::SYS_rt_sigaction, 4),
    ("rt_sigpending", libc::SYS_rt_sigpending, 2),
    ("rt_sigprocmask", libc::SYS_rt_sigprocmask, 4),
    ("rt_sigqueueinfo", libc::SYS_rt_sigqueueinfo, 3),
    ("rt_sigtimedwait", libc::SYS_rt_sigtimedwait, 4),
    ("setdomainname", libc::SYS_setdomainname, 2), ("sethostname", libc::SYS_sethostname, 2),
    ("setns", libc::SYS_setns, 2), ("setpgid", libc::SYS_setpgid, 2),
    ("setresgid", libc::SYS_setresgid, 3), ("setresuid", libc::SYS_setresuid, 3),
    ("statx", libc::SYS_statx, 5), ("sync", libc::SYS_sync, 0), ("umount2", libc::SYS_umount2, 2),
    ("uname", libc::SYS_uname, 1), ("unlinkat", libc::SYS_unlinkat, 3),
    ("unshare", libc::SYS_unshare, 1), ("wait4", libc::SYS_wait4, 4), ("write", libc::SYS_write, 3),
];

/// The program's own table has the same calls, numbers and counts.
#[test]
fn the_table_of_calls_is_that_of_the_manual_pages() {
    let of_row = |row: &Row| {
        let name = str::from_utf8(row.name()).unwrap().to_owned();
        (name, c_long::from(row.number.id()), row.kinds().count())
    };
    let own: BTreeSet<_> = TABLE.iter().map(of_row).collect();
    let expected = CALLS.map(|(name, number, count)| (name.to_owned(), number, count));
    assert_eq!(own, BTreeSet::from(expected));
}

/// A call, as its registers had it.
#[derive(Clone)]
struct Call {
    number: u64,
    args: [u64; 6],
    /// None where it did not return.
    result: Option<u64>,
}

impl Call {
    /// The line for it.
    fn line(&self, pid: i32) -> String {
        let known = CALLS.iter().find(|(_, number, _)| *number == self.number.cast_signed());
        let (name, _, count) = known.unwrap_or_else(|| panic!("call {}", self.number));
        let values = [self.number].into_iter().chain(self.args).take(1 + count);
        let registers = NAMES.iter().zip(values).map(|(name, value)| format!("{name}={value:#x}"));
        let registers = registers.collect::<Vec<_>>().join(" ");
        let result = match self.result {
            None => "?".to_owned(),
            Some(value) => match value.wrapping_neg() {
                errno @ 1..4096 => format!("{value:#x} -1 {}", errno_name(errno)),
                _ => format!("{value:#x}"),
            },
        };
        format!("{pid:<5} {name} {registers} => {result}\n")
    }
}

/// The name of an errno that these runs meet.
fn errno_name(errno: u64) -> &'static str {
    match i32::try_from(errno).unwrap() {
        libc::EPERM => "EPERM",
        libc::ENOENT => "ENOENT",
        libc::ESRCH => "ESRCH",
        libc::EINVAL => "EINVAL",
        libc::ENOTTY => "ENOTTY",
        libc::ENOSPC => "ENOSPC",
        libc::EBADF => "EBADF",
        libc::ECHILD => "ECHILD",
        libc::EFAULT => "EFAULT",
        other => panic!("errno {other}"),
    }
}

/// What was seen of a process.
#[derive(Default)]
struct Seen {
    calls: Vec<Call>,
    inside: bool,
}

/// A ptrace request, for which `EPERM` and its like are mistakes of this test.
fn ptrace(request: u32, pid: i32, addr: usize, data: usize) -> c_long {
    let (addr, data): (*mut c_void, *mut c_void) =
        (ptr::with_exposed_provenance_mut(addr), ptr::with_exposed_provenance_mut(data));
    // SAFETY: what `data` points to, the caller made for this request.
    let result = unsafe { libc::ptrace(request, pid, addr, data) };
    assert_ne!(result, -1, "ptrace {request}: {}", io::Error::last_os_error());
    result
}

/// The registers of a stopped process: that of the result, and the others in the order of
/// [`NAMES`].
fn registers(pid: i32) -> (u64, [u64; 7]) {
    let mut registers = MaybeUninit::<libc::user_regs_struct>::zeroed();
    let mut part = libc::iovec {
        iov_base: registers.as_mut_ptr().cast(),
        iov_len: size_of::<libc::user_regs_struct>(),
    };
    let part = ptr::from_mut(&mut part).expose_provenance();
    ptrace(libc::PTRACE_GETREGSET, pid, 1, part); // 1 is NT_PRSTATUS: the general registers
    // SAFETY: all bit patterns are registers.
    let regs = unsafe { registers.assume_init() };
    (regs.rax, [regs.orig_rax, regs.rdi, regs.rsi, regs.rdx, regs.r10, regs.r8, regs.r9])
}

/// At which kind of stop a process is: `PTRACE_SYSCALL_INFO_ENTRY`, `…_EXIT` or another.
fn kind(pid: i32) -> u8 {
    let mut info = MaybeUninit::<libc::ptrace_syscall_info>::zeroed();
    let data = info.as_mut_ptr().expose_provenance();
    ptrace(libc::PTRACE_GET_SYSCALL_INFO, pid, size_of_val(&info), data);
    // SAFETY: the first byte, at least, was written; the others are zero.
    unsafe { info.assume_init() }.op
}

/// Runs a command in a UTS namespace of its own, and stops it and its children at each entry and
/// each exit of a call.
#[expect(clippy::zombie_processes, reason = "it is waited for, by its id")]
fn watch(command: &mut Command) -> BTreeMap<i32, Seen> {
    let start = || {
        // SAFETY: the process is to become the program, under a name of its own.
        let unshared = unsafe { libc::unshare(libc::CLONE_NEWUTS) };
        // SAFETY: the parent is to trace it, and does.
        let traced = unsafe { libc::ptrace(libc::PTRACE_TRACEME) };
        if unshared == 0 && traced == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
    };
    // SAFETY: both are one system call and no more.
    unsafe { command.pre_exec(start) };
    // A sleep that the child's end interrupts is gone on with by another call.
    command.blocking(&[libc::SIGCHLD]);
    apart();
    let lock = no_fork();
    let spawned = command.spawn().unwrap();
    drop(lock);
    let program: i32 = spawned.id().try_into().unwrap();
    let mut seen = BTreeMap::<i32, Seen>::new();
    let mut started = false;
    loop {
        let mut status: c_int = 0;
        // Of this thread's processes only: other tests wait for theirs.
        // SAFETY: the kernel writes one int.
        let pid = unsafe { libc::waitpid(-1, &raw mut status, libc::__WALL | libc::__WNOTHREAD) };
        if pid == -1 {
            return seen;
        }
        if !libc::WIFSTOPPED(status) {
            continue;
        }
        let signal = libc::WSTOPSIG(status);
        let mut deliver = 0;
        if !started {
            // The stop after execve: from here on it is the program.
            assert_eq!((pid, signal), (program, libc::SIGTRAP));
            started = true;
            let options = libc::PTRACE_O_TRACESYSGOOD
                | libc::PTRACE_O_TRACEFORK
                | libc::PTRACE_O_TRACECLONE
                | libc::PTRACE_O_TRACEEXEC
                | libc::PTRACE_O_EXITKILL;
            ptrace(libc::PTRACE_SETOPTIONS, pid, 0, options.try_into().unwrap());
        } else if signal == libc::SIGTRAP | 0x80 {
            seen.entry(pid).or_default().stopped(pid);
        } else if status >> 16 == libc::PTRACE_EVENT_EXEC {
            // What it became is not ours to watch.
            ptrace(libc::PTRACE_DETACH, pid, 0, 0);
            continue;
        } else if status >> 16 != 0 {
            // A new child: it stops by itself.
        } else if signal == libc::SIGSTOP && pid != program && !seen.contains_key(&pid) {
            // The child's first stop, on its way out of clone: in it, too, clone returns.
            let (result, [number, args @ ..]) = registers(pid);
            let call = Call { number, args, result: Some(result) };
            seen.insert(pid, Seen { calls: vec![call], inside: false });
        } else {
            deliver = signal;
        }
        ptrace(libc::PTRACE_SYSCALL, pid, 0, deliver.try_into().unwrap());
    }
}

impl Seen {
    /// A stop at a call's entry or exit.
    fn stopped(&mut self, pid: i32) {
        let (result, [number, args @ ..]) = registers(pid);
        self.inside = !self.inside;
        let kind = kind(pid);
        assert_eq!(kind == libc::PTRACE_SYSCALL_INFO_ENTRY, self.inside);
        assert_eq!(kind == libc::PTRACE_SYSCALL_INFO_EXIT, !self.inside);
        // The kernel's own call, by which it goes on with a sleep: what that gives is the sleep's.
        let goes_on = number.cast_signed() == libc::SYS_restart_syscall;
        if self.inside && goes_on {
            self.calls.last_mut().unwrap().result = None;
        } else if self.inside {
            self.calls.push(Call { number, args, result: None });
        } else {
            self.calls.last_mut().unwrap().result = Some(result);
        }
    }

    /// The lines that there must be: for each call but the trace's own, a write to standard error
    /// behind a getpid; an execve is shown before it is made, and once more if it fails.
    fn lines(&self, pid: i32) -> String {
        let number = |call: &Call| call.number.cast_signed();
        let mut calls: Vec<&Call> = Vec::new();
        let mut before = None;
        for call in &self.calls {
            let to_stderr = number(call) == libc::SYS_write && call.args[0] == 2;
            if to_stderr && before == Some(libc::SYS_getpid) {
                calls.pop();
            } else {
                calls.push(call);
            }
            before = Some(number(call));
        }
        let mut lines = String::new();
        for call in calls {
            // Who kills himself may go on, and can say nothing if not.
            if number(call) == libc::SYS_kill && call.result.is_none() {
                continue;
            }
            if number(call) == libc::SYS_execve && call.result.is_some() {
                lines += &Call { result: None, ..call.clone() }.line(pid);
            }
            lines += &call.line(pid);
        }
        lines
    }
}

/// Asserts that what `newuts --trace=regs` says of its registers is what they were; gives that.
#[track_caller]
fn agrees(args: &[&str], prepare: impl FnOnce(&mut Command)) -> String {
    let mut stderr: File = tempfile::tempfile().unwrap();
    let mut command = newuts([&["--trace=regs"], args].concat());
    command.stdout(Stdio::null()).stderr(stderr.try_clone().unwrap());
    prepare(&mut command);
    let seen = watch(&mut command);
    assert_kept();
    let expected: String = seen.iter().map(|(pid, seen)| seen.lines(*pid)).collect();
    let mut text = String::new();
    stderr.rewind().unwrap();
    stderr.read_to_string(&mut text).unwrap();
    let mut found: Vec<_> =
        text.split_inclusive('\n').filter(|line| line.contains(" => ")).collect();
    found.sort_by_key(|line| line.split(' ').next().unwrap().parse::<i32>().unwrap());
    same(&found.concat(), &expected, &format!("{args:?}"));
    expected
}

/// [`agrees`], and that each of `seen` was among it.
#[track_caller]
fn shows(args: &[&str], seen: &[&str]) {
    let lines = agrees(args, |_| ());
    for seen in seen {
        assert!(lines.contains(seen), "{args:?}: no {seen} in\n{lines}");
    }
}

const SHORT: [&str; 3] = ["--delay=0.05", "--hold=0.1", "bizarro"];

#[test]
fn the_demonstration_has_the_registers_that_the_kernel_saw() {
    needs!(require::root());
    let lines = agrees(&SHORT, |_| ());
    // It returns twice, and 0 in the child.
    let clones = lines.lines().filter(|line| line.contains(" clone "));
    let (child, parent): (Vec<_>, Vec<_>) = clones.partition(|line| line.ends_with(" => 0x0"));
    assert_eq!((child.len(), parent.len()), (1, 1), "{lines}");
    let child: i32 = child[0].split(' ').next().unwrap().parse().unwrap();
    assert!(parent[0].ends_with(&format!(" => {child:#x}")), "{lines}");
    assert_eq!(lines.lines().count(), 19);
}

#[test]
fn every_form_has_the_registers_that_the_kernel_saw() {
    needs!(require::namespaces());
    let user: &[&str] = &["--map-root-user", "--delay=0.05", "--hold=0.1", "x"];
    for (args, seen) in [
        (&["--kill-child=34", "--domainname=d", "--delay=0.05", "--hold=0.1", "x"][..], "prctl"),
        (user, "openat"),
        (&["x", "true"], "unshare"),
        (&["--map-current-user", "--domainname=d", "x", "true"], "setdomainname"),
        (&["--join=/proc/self/ns/uts"], "setns"),
        (&["--join=/proc/self/ns/uts", "true"], "execve"),
        (&["--check=1-5"], "clone"),
        (&["--help"], "write"),
        (&["--version"], "write"),
        (&["--bogus"], "exit_group"),
        (&[], "exit_group"),
    ] {
        shows(args, &[&format!(" {seen} {}=0x", NAMES[0])]);
    }
}

#[test]
fn an_error_is_a_negative_number() {
    needs!(require::root());
    let long = "x".repeat(65);
    for (args, seen) in [
        (&["x", "frobnicate"][..], "=> 0xfffffffffffffffe -1 ENOENT\n"),
        (&["x", "/nowhere"], "=> ?\n"),
        (&["--delay=0", &long], "=> 0xffffffffffffffea -1 EINVAL\n"),
        (&[&long, "true"], "=> 0xffffffffffffffea -1 EINVAL\n"),
        (&["--join=/dev/null"], "=> 0xffffffffffffffea -1 EINVAL\n"),
        (&["--join=/dev/null", "--user"], "=> 0xffffffffffffffe7 -1 ENOTTY\n"),
        (&["--join=2147483647"], "-1 "),
    ] {
        shows(args, &[seen]);
    }
    for args in [&["--join=/proc/self/ns/uts"], &["--version"]] {
        let lines = agrees(args, |command| {
            command.stdout(full_disk());
        });
        assert!(lines.contains("=> 0xffffffffffffffe4 -1 ENOSPC\n"), "{lines}");
    }
}

#[test]
fn a_refusal_has_the_registers_of_the_search_for_its_cause() {
    needs!(require::root());
    let lose_capability = || {
        // SAFETY: one system call: what execve gives to root no longer has CAP_SYS_ADMIN, 21.
        let result = unsafe { libc::prctl(libc::PR_CAPBSET_DROP, 21, 0, 0, 0) };
        if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
    };
    for args in [&["x"][..], &["x", "true"], &["--join=/proc/self/ns/uts", "true"]] {
        let lines = agrees(args, |command| {
            // SAFETY: that is one system call and no more.
            unsafe { command.pre_exec(lose_capability) };
        });
        assert!(lines.contains("=> 0xffffffffffffffff -1 EPERM\n"), "{lines}");
        assert!(lines.contains(" capget "), "{lines}");
    }
}
