//! Why a call was refused: one line after the error, for a cause that was tested and not guessed.
//! Follows capabilities(7), seccomp(2), user_namespaces(7) and namespaces(7) ("/proc/sys/user").

use core::ffi::CStr;

use linux_raw_sys::general::{CAP_SYS_ADMIN, CLONE_NEWUSER, O_CLOEXEC, O_RDONLY, SIGCHLD};
use linux_raw_sys::ptrace::SECCOMP_MODE_FILTER;
use linux_raw_sys::system::__NEW_UTS_LEN;
use syscalls::Errno;

use super::namespace::Namespace;
use crate::sys::file::STDERR;
use crate::sys::process::Fork;
use crate::sys::table::Call;
use crate::sys::{Failure, Sys};
use crate::text::line::Line;

/// Says why `failure` happened on the way into `namespace`, if the cause can be found.
pub fn give(sys: &Sys, failure: Failure, namespace: &Namespace<'_>) {
    let hint = match failure.errno {
        Errno::EPERM if namespace.user.is_some() => not_permitted_with_user(sys),
        Errno::EPERM => not_permitted(sys),
        // From write(2) it says that a disk is full.
        Errno::ENOSPC if failure.call != Call::write => no_space(sys, failure, namespace),
        Errno::EINVAL => invalid(sys, failure, namespace),
        _ => None,
    };
    say(sys, hint);
}

/// Says why joining failed, if the cause can be found. With `user` the capability is that of the
/// namespace joined, about which the caller's own says nothing.
pub fn give_for_join(sys: &Sys, failure: Failure, user: bool) {
    let hint = match failure.errno {
        Errno::EPERM if user => filtered(sys),
        Errno::EPERM => not_permitted(sys),
        _ => None,
    };
    say(sys, hint);
}

fn say(sys: &Sys, hint: Option<&str>) {
    if let Some(hint) = hint {
        // Where it cannot be written, the exit status still tells.
        let _ = Line::new().text("newuts: hint: ").text(hint).write_to(sys, STDERR);
    }
}

/// `EPERM`: the capability is missing, or it is there but a filter is too.
fn not_permitted(sys: &Sys) -> Option<&'static str> {
    let effective = sys.capget().ok()?;
    if effective & (1 << CAP_SYS_ADMIN) == 0 {
        return Some(
            "no CAP_SYS_ADMIN: run as root, or add --user; in a container, --cap-add SYS_ADMIN",
        );
    }
    filtered(sys)
}

/// `EPERM` where a user namespace gives the capability: it may be had only with the capability
/// outside, or not at all.
fn not_permitted_with_user(sys: &Sys) -> Option<&'static str> {
    if sysctl(sys, c"/proc/sys/kernel/unprivileged_userns_clone") == b'0' {
        return Some("user namespaces are for root: kernel.unprivileged_userns_clone is 0");
    }
    if sysctl(sys, c"/proc/sys/kernel/apparmor_restrict_unprivileged_userns") == b'1' {
        return Some("AppArmor: kernel.apparmor_restrict_unprivileged_userns is 1");
    }
    filtered(sys)
}

/// Whether a seccomp filter is there to refuse calls.
fn filtered(sys: &Sys) -> Option<&'static str> {
    (sys.prctl_get_seccomp() == Ok(SECCOMP_MODE_FILTER)).then_some("a seccomp filter refuses it")
}

/// `ENOSPC`: a limit is reached, if the kernel says so again.
fn no_space(sys: &Sys, failure: Failure, namespace: &Namespace<'_>) -> Option<&'static str> {
    if !refused(sys, failure, namespace.flags()) {
        return None;
    }
    // Last, because where it succeeds this may be a process that could not make another.
    if namespace.user.is_some() && refused(sys, failure, CLONE_NEWUSER) {
        return Some("no more user namespaces: see /proc/sys/user/max_user_namespaces");
    }
    Some("no more UTS namespaces: see /proc/sys/user/max_uts_namespaces")
}

/// Asks for the namespaces once more, by the other of the two calls that make them: whether that
/// is an `ENOSPC` too. (The process ends soon, so it may well get them.)
fn refused(sys: &Sys, failure: Failure, flags: u32) -> bool {
    if failure.call == Call::clone {
        return sys.unshare(flags).is_err_and(|failure| failure.errno == Errno::ENOSPC);
    }
    match sys.clone_fork(flags | SIGCHLD) {
        Ok(Fork::Child) => sys.exit_group(0),
        Ok(Fork::Parent(pid)) => {
            let _ = sys.wait4(pid.get());
            false
        }
        Err(failure) => failure.errno == Errno::ENOSPC,
    }
}

/// `EINVAL`: a name is too long, or there are no UTS namespaces in this kernel.
fn invalid(sys: &Sys, failure: Failure, namespace: &Namespace<'_>) -> Option<&'static str> {
    let (name, hint) = match failure.call {
        Call::sethostname => (namespace.hostname, "a host name has at most 64 bytes"),
        Call::setdomainname => (namespace.domainname?, "a domain name has at most 64 bytes"),
        _ => {
            let flags = O_RDONLY | O_CLOEXEC;
            sys.openat(c"/proc/self/ns", flags).ok()?;
            let uts = sys.openat(c"/proc/self/ns/uts", flags);
            return uts
                .is_err_and(|failure| failure.errno == Errno::ENOENT)
                .then_some("this kernel has no UTS namespaces (CONFIG_UTS_NS)");
        }
    };
    (name.count_bytes() > __NEW_UTS_LEN as usize).then_some(hint)
}

/// The first character of a file of /proc/sys; NUL if there is none.
fn sysctl(sys: &Sys, path: &CStr) -> u8 {
    let mut value = [0];
    if let Ok(fd) = sys.openat(path, O_RDONLY | O_CLOEXEC) {
        let _ = sys.read(fd, &mut value);
    }
    let [first] = value;
    first
}
