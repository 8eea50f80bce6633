// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a machine lacks, proven: why a call of a check was refused without a promise being broken.
//! Follows capabilities(7), namespaces(7) ("/proc/sys/user"), seccomp(2), open(2).
//!
//! What cannot be proven is no excuse: then the kernel is wrong.

use core::ffi::CStr;

use linux_raw_sys::general::{
    CAP_SYS_ADMIN, CLONE_NEWUSER, CLONE_SIGHAND, O_CLOEXEC, O_RDONLY, O_WRONLY, SIGCHLD,
};
use linux_raw_sys::ptrace::SECCOMP_MODE_FILTER;
use syscalls::Errno;

use crate::forms::hint;
use crate::forms::namespace::Ids;
use crate::sys::bytes::{number, split};
use crate::sys::clone::Fork;
use crate::sys::file::Fd;
use crate::sys::table::Call;
use crate::sys::{Failure, Sys};

const OLD_KERNEL: &str = "an old kernel";

/// Why a call was refused, if that is proven. `flags` are the namespaces that it was to make;
/// `file` is what it was to open; `ids` are those that the caller had at first.
pub fn explain(
    sys: &Sys,
    failure: Failure,
    flags: u32,
    file: Option<&CStr>,
    ids: Ids,
) -> Option<&'static str> {
    let Failure { call, errno } = failure;
    let makes_namespaces = matches!(call, Call::clone | Call::clone3 | Call::unshare);
    match errno {
        Errno::EPERM if makes_namespaces && flags & CLONE_NEWUSER != 0 => {
            hint::filtered(sys, call, flags).or_else(|| hint::no_user_namespace(sys))
        }
        Errno::EPERM if makes_namespaces => no_capability(sys),
        Errno::EPERM if call == Call::write => hint::no_map(sys, Some(ids)),
        // The paths of a mount were opened before.
        Errno::EACCES if makes_namespaces || call == Call::mount => {
            hint::refused_by_security_module(sys, call, flags)
        }
        Errno::ENOSPC if makes_namespaces && say_again(sys, call, flags) == Err(errno) => {
            Some("no more namespaces: see /proc/sys/user")
        }
        Errno::EINVAL
            if makes_namespaces
                && flags & CLONE_NEWUSER != 0
                && say_again(sys, call, CLONE_NEWUSER) == Err(errno) =>
        {
            Some("no user namespaces here")
        }
        Errno::EMFILE if no_descriptor(sys) => Some("no more descriptors: RLIMIT_NOFILE"),
        Errno::ENOSPC if call == Call::mount && no_mount(sys) => {
            Some("no more mounts: fs.mount-max")
        }
        _ => file.and_then(|file| not_opened(sys, errno, file)),
    }
    .or_else(|| explain_any(sys, failure, flags))
}

/// The same for a call that was to be refused, but for another reason.
pub fn explain_any(sys: &Sys, failure: Failure, flags: u32) -> Option<&'static str> {
    match failure.errno {
        Errno::EPERM => hint::filtered(sys, failure.call, flags).or_else(|| hint::confined(sys)),
        // These are newer than the others: Linux 5.3.
        Errno::ENOSYS if matches!(failure.call, Call::clone3 | Call::pidfd_open) => {
            let may_be_filter = sys.prctl_get_seccomp() == Ok(SECCOMP_MODE_FILTER);
            Some(if may_be_filter { "an old kernel, or a seccomp filter" } else { OLD_KERNEL })
        }
        _ => None,
    }
}

/// Why setns(2) gave `EINVAL`, if `fd` is a pidfd, for which it takes Linux 5.8: statx(2) has the
/// numbers of mounts since then, too.
pub fn no_pidfd_for_setns(sys: &Sys, fd: Fd) -> Option<&'static str> {
    let is_namespace = || sys.ioctl_ns_get_userns(fd).err().map(|failure| failure.errno);
    (sys.statx_mnt_id(c"/") == Ok(None) && is_namespace() == Some(Errno::ENOTTY))
        .then_some(OLD_KERNEL)
}

/// Why no process can be made, not even the first, if a limit is the reason: this user's, or that of
/// a control group, or of the machine.
pub fn no_process(sys: &Sys) -> Option<&'static str> {
    let fork = |forked| match forked {
        Ok(Fork::Child) => sys.exit_group(0),
        Ok(Fork::Parent(pid)) => sys.wait4(pid.get()).map(|_| ()),
        Err(failure) => Err(failure),
    };
    // If the newer call makes one, there is no limit. And the kernel refuses shared signal handlers
    // without shared memory before it looks at a limit (kernel/fork.c, copy_process): a filter, or a
    // kernel that always says EAGAIN, says it then, too.
    let is_limited = fork(sys.clone3_fork(0)).is_err()
        && fork(sys.clone_fork(CLONE_SIGHAND | SIGCHLD))
            .is_err_and(|failure| failure.errno == Errno::EINVAL);
    is_limited.then_some("no more processes")
}

/// `EPERM` because the capability is missing.
fn no_capability(sys: &Sys) -> Option<&'static str> {
    (sys.capget().ok()? & (1 << CAP_SYS_ADMIN) == 0).then_some("no CAP_SYS_ADMIN")
}

/// Whether the reason of a refusal cannot be found out, because that takes a process more.
pub fn needs_process(sys: &Sys, failure: Failure, flags: u32) -> bool {
    failure.call == Call::unshare
        && matches!(failure.errno, Errno::ENOSPC | Errno::EINVAL)
        && say_again(sys, failure.call, flags) == Err(Errno::EAGAIN)
}

/// What the other one of the two calls that make namespaces says. (Perhaps it makes them: this
/// process is one that ends soon.)
fn say_again(sys: &Sys, call: Call, flags: u32) -> Result<(), Errno> {
    let again = if call == Call::unshare {
        match sys.clone_fork(flags | SIGCHLD) {
            Ok(Fork::Child) => sys.exit_group(0),
            Ok(Fork::Parent(pid)) => sys.wait4(pid.get()).map(|_| ()),
            Err(again) => Err(again),
        }
    } else {
        sys.unshare(flags)
    };
    again.map_err(|again| again.errno)
}

/// Whether another call that makes descriptors can make none either.
fn no_descriptor(sys: &Sys) -> bool {
    sys.pipe2(O_CLOEXEC).is_err_and(|failure| failure.errno == Errno::EMFILE)
}

/// Whether there are as many mounts as there may be.
fn no_mount(sys: &Sys) -> bool {
    let mut buf = [0; 16];
    let most = sys.read_file(c"/proc/sys/fs/mount-max", &mut buf).ok();
    most.and_then(|most| number(split(most, b'\n').0)).is_some_and(|most| lines(sys) >= most)
}

/// How many mounts there are: one a line, in proc_pid_mountinfo(5).
fn lines(sys: &Sys) -> u64 {
    let mut count = 0;
    let mut buf = [0; 512];
    if let Ok(fd) = sys.openat(c"/proc/self/mountinfo", O_RDONLY | O_CLOEXEC) {
        while let Ok(len @ 1..) = sys.read(fd, &mut buf) {
            let part = buf.get(..len).unwrap_or_default();
            count += part.split(|byte| *byte == b'\n').skip(1).count() as u64;
        }
    }
    count
}

/// Why a file of /proc could not be opened.
fn not_opened(sys: &Sys, errno: Errno, file: &CStr) -> Option<&'static str> {
    let is_same = |other, how| {
        let opened = sys.openat(other, how | O_CLOEXEC);
        opened.is_err_and(|failure| failure.errno == errno)
    };
    match errno {
        Errno::ENOENT | Errno::ENOTDIR if is_same(c"/proc/self", O_RDONLY) => Some("no /proc"),
        // Mounted so: proc(5), subset=pid.
        Errno::ENOENT => is_same(c"/proc/uptime", O_RDONLY).then_some("/proc has only processes"),
        // What is read-only can be read. Another file there cannot be opened for the same reason: one
        // that root outside may write, or one that root of a user namespace may.
        Errno::EROFS => (sys.openat(file, O_RDONLY | O_CLOEXEC).is_ok()
            && (is_same(c"/proc/sys/kernel/printk", O_WRONLY)
                || is_same(c"/proc/sys/user/max_user_namespaces", O_WRONLY)))
        .then_some("/proc/sys is read-only"),
        Errno::EACCES => (sys.statx_uid(file).ok()? != sys.geteuid())
            .then_some("the file belongs to another user"),
        _ => None,
    }
}
