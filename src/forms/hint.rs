// SPDX-License-Identifier: MIT OR Apache-2.0
//! Why a call was refused: one line after the error, for a cause that was tested and not guessed.
//! Follows capabilities(7), seccomp(2), user_namespaces(7) and namespaces(7) ("/proc/sys/user").
//!
//! A cause is tested when the call has failed and the process is about to end: so a test may change
//! the process.

use core::ffi::CStr;

use linux_raw_sys::general::{
    CAP_SYS_ADMIN, CLONE_FS, CLONE_NEWUSER, CLONE_NEWUTS, CLONE_SIGHAND, CLONE_VFORK, O_CLOEXEC,
    O_RDONLY, O_WRONLY,
};
use linux_raw_sys::ptrace::SECCOMP_MODE_FILTER;
use linux_raw_sys::system::__NEW_UTS_LEN;
use syscalls::Errno;

use super::namespace::{Ids, Namespace};
use crate::sys::bytes::{begins, same};
use crate::sys::file::{Fd, STDERR};
use crate::sys::table::{Call, Request};
use crate::sys::{Failure, Sys};
use crate::text::line::Line;

/// Says why `failure` happened on the way into `namespace`, if the cause can be found. `ids` are
/// those that were to be mapped; `persists` is whether the namespace was to be bound to a file.
pub fn give(
    sys: &Sys,
    failure: Failure,
    namespace: &Namespace<'_>,
    ids: Option<Ids>,
    persists: bool,
) {
    let Failure { call, errno } = failure;
    let makes_namespaces = matches!(call, Call::clone | Call::unshare);
    let flags = namespace.flags();
    let hint = match errno {
        Errno::EPERM if makes_namespaces && namespace.user.is_none() => {
            // Who makes a user namespace may mount nothing outside of it.
            no_capability(sys, || !persists && user_helps(sys, namespace))
                .or_else(|| filtered(sys, call, flags))
        }
        Errno::EPERM if makes_namespaces => {
            filtered(sys, call, flags).or_else(|| no_user_namespace(sys))
        }
        Errno::EPERM if call == Call::write => no_map(sys, ids).or_else(|| confined(sys)),
        Errno::EPERM => confined(sys).or_else(|| filtered(sys, call, flags)),
        Errno::EACCES if makes_namespaces => refused_by_security_module(sys, call, flags),
        Errno::ENOSPC if makes_namespaces => no_space(sys, failure, namespace),
        Errno::EINVAL if makes_namespaces => not_in_this_kernel(sys, namespace),
        Errno::EINVAL => too_long(failure, namespace),
        _ => None,
    };
    if let Some(hint) = hint {
        say(sys, hint);
    }
}

/// Says why joining failed, if the cause can be found. `user` is whether the user namespace was
/// joined first; `target` opens the UTS namespace.
pub fn give_for_join(
    sys: &Sys,
    failure: Failure,
    user: bool,
    target: impl FnOnce() -> Result<Fd, Failure>,
) {
    let hint = match failure {
        Failure { call: Call::setns, errno: Errno::EPERM } if user => {
            filtered(sys, failure.call, CLONE_NEWUTS)
        }
        Failure { call: Call::setns, errno: Errno::EPERM } => {
            // Whether --user would have led there: whether the owner can be entered.
            let with_user = || {
                let owner = target().and_then(|fd| sys.ioctl_ns_get_userns(fd));
                owner.and_then(|owner| sys.setns(owner, CLONE_NEWUSER)).is_ok()
            };
            no_capability(sys, with_user).or_else(|| filtered(sys, failure.call, CLONE_NEWUTS))
        }
        _ => None,
    };
    if let Some(hint) = hint {
        say(sys, hint);
    }
}

/// Says why a command is not found, if the file is there: it is a script whose `#!` line names a file
/// that does not exist, or a program whose loader does not; or that is so of the script's interpreter.
pub fn give_for_command(sys: &Sys, is_there: bool) {
    if is_there && harmless(sys, Call::execve, 0) == Some(Errno::EFAULT) {
        say(sys, "it is there, but an interpreter that it needs is not");
    }
}

/// Says a hint.
fn say(sys: &Sys, hint: &str) {
    // Where it cannot be written, the exit status still tells.
    let _ = Line::new().text("newuts: hint: ").text(hint).write_to(sys, STDERR);
}

/// `EPERM` because the capability is missing. Root has what the bounding set has; `user_helps` is
/// whether `--user` gives it.
fn no_capability(sys: &Sys, user_helps: impl FnOnce() -> bool) -> Option<&'static str> {
    if sys.capget().ok()? & (1 << CAP_SYS_ADMIN) != 0 {
        return None;
    }
    let root_has_it = sys.prctl_capbset_read(CAP_SYS_ADMIN).ok()?;
    Some(match (root_has_it, user_helps()) {
        (true, true) => "no CAP_SYS_ADMIN: run as root, or add --user",
        (true, false) => "no CAP_SYS_ADMIN: run as root",
        (false, true) => {
            "no CAP_SYS_ADMIN: run as root, or add --user; in a container, --cap-add SYS_ADMIN"
        }
        (false, false) => "no CAP_SYS_ADMIN: run as root; in a container, --cap-add SYS_ADMIN",
    })
}

/// Whether `--user` would have led there. Who asks has no `CAP_SYS_ADMIN`: if no namespace is made,
/// no name can be set either.
fn user_helps(sys: &Sys, namespace: &Namespace<'_>) -> bool {
    let entered = sys.unshare(CLONE_NEWUSER | CLONE_NEWUTS);
    entered.and_then(|()| sys.sethostname(namespace.hostname)).is_ok()
}

/// `EPERM` because the caller may make no user namespace.
pub(super) fn no_user_namespace(sys: &Sys) -> Option<&'static str> {
    if is_in_chroot(sys) {
        return Some("no user namespace can be made in a chroot");
    }
    if has_no_mapping(sys) {
        return Some("this user or group id is not mapped in its user namespace");
    }
    // Both settings stop those who do not have the capability. The first also stops those who have it
    // in a user namespace only.
    let has = sys.capget().ok()? & (1 << CAP_SYS_ADMIN) != 0;
    if !(has && is_in_first_user_namespace(sys))
        && sysctl(sys, c"/proc/sys/kernel/unprivileged_userns_clone") == Some(b'0')
    {
        return Some("user namespaces are for root: kernel.unprivileged_userns_clone is 0");
    }
    if has {
        return None;
    }
    restricted_by_apparmor(sys)
}

/// AppArmor keeps user namespaces from those who are not confined by it.
fn restricted_by_apparmor(sys: &Sys) -> Option<&'static str> {
    (sysctl(sys, c"/proc/sys/kernel/apparmor_restrict_unprivileged_userns") == Some(b'1'))
        .then_some("AppArmor: kernel.apparmor_restrict_unprivileged_userns is 1")
}

/// `EPERM` for who has made a user namespace, because AppArmor lets that be made (Ubuntu 24.04) and
/// then refuses every capability in it: by a profile of this name.
pub(super) fn confined(sys: &Sys) -> Option<&'static str> {
    let profile = b"unprivileged_userns";
    let mut label = [0; 32];
    let label = sys.read_file(c"/proc/self/attr/current", &mut label).ok()?;
    begins(label, profile).then(|| restricted_by_apparmor(sys))?
}

/// Whether this process is in the user namespace of the machine, whose number is always the same
/// (`PROC_USER_INIT_INO` in the kernel's include/linux/proc_ns.h).
fn is_in_first_user_namespace(sys: &Sys) -> bool {
    let first = b"user:[4026531837]";
    let mut link = [0; 32];
    let len = sys.readlinkat(c"/proc/self/ns/user", &mut link).unwrap_or_default();
    link.get(..len).is_some_and(|link| same(link, first))
}

/// Whether the root of this process is a folder and not a file system's root. (In a chroot that is
/// the root of a file system this cannot be told.)
fn is_in_chroot(sys: &Sys) -> bool {
    sys.statx_is_mount_root(c"/") == Ok(Some(false))
}

/// Whether the caller's user or group id has no mapping in its user namespace: it is then shown as
/// 65534, and cannot be set to that.
fn has_no_mapping(sys: &Sys) -> bool {
    let is_unknown = |failure: Failure| failure.errno == Errno::EINVAL;
    sys.setresuid_effective(sys.geteuid()).is_err_and(is_unknown)
        || sys.setresgid_effective(sys.getegid()).is_err_and(is_unknown)
}

/// `EPERM` from the write of a map: since Linux 5.12 root outside can be mapped only by who has
/// `CAP_SETFCAP` there. A map of one's own id, in a user namespace that is new, is refused for no
/// other reason.
pub(super) fn no_map(sys: &Sys, ids: Option<Ids>) -> Option<&'static str> {
    if ids?.uid != 0 {
        return None;
    }
    // This is no map. If the kernel refuses it for that reason, a map may be written here, and none
    // has been written before (kernel/user_namespace.c, map_write).
    let fd = sys.openat(c"/proc/self/uid_map", O_WRONLY | O_CLOEXEC).ok()?;
    let written = sys.write(fd, b"x");
    written
        .is_err_and(|failure| failure.errno == Errno::EINVAL)
        .then_some("no CAP_SETFCAP, which it takes to map root")
}

/// `EPERM` because a seccomp filter says so: there is one, and the same call is refused also with
/// arguments for which the kernel has another errno, whoever asks. (That of a name is asked for the
/// capability first: here it is one that works, as another call shows, and no security module that
/// refuses it.)
pub(super) fn filtered(sys: &Sys, call: Call, flags: u32) -> Option<&'static str> {
    let sets_name = matches!(call, Call::sethostname | Call::setdomainname);
    (sys.prctl_get_seccomp() == Ok(SECCOMP_MODE_FILTER)
        && (!sets_name || sys.unshare(CLONE_NEWUTS).is_ok())
        && harmless(sys, call, flags) == Some(Errno::EPERM))
    .then_some("a seccomp filter refuses it")
}

/// `EACCES` because a security module says so: the kernel has no other reason for it in the calls that
/// make namespaces, nor in mount(2), where the paths can be searched. A filter may give any errno, so it
/// is tested that none gives this one.
pub(super) fn refused_by_security_module(
    sys: &Sys,
    call: Call,
    flags: u32,
) -> Option<&'static str> {
    matches!(harmless(sys, call, flags), Some(Errno::EINVAL | Errno::EFAULT))
        .then_some("a security module refuses it")
}

/// Makes a call with the same flags, and arguments that the kernel refuses before it asks for a
/// permission. A filter, which sees numbers only, takes it for the same call, and says again what it
/// said; the kernel says `EINVAL`, `EBADF` or `EFAULT`. Gives the errno.
fn harmless(sys: &Sys, call: Call, flags: u32) -> Option<Errno> {
    let request = match call {
        // kernel/fork.c, copy_process: who shares its folder shares its user namespace, and who
        // shares its signal handlers shares its memory.
        Call::clone if flags & CLONE_NEWUSER != 0 => Request::clone(flags | CLONE_FS, 0, 0, 0, 0),
        Call::clone => Request::clone(flags | CLONE_SIGHAND, 0, 0, 0, 0),
        // kernel/fork.c, check_unshare_flags: that is no flag of unshare.
        Call::unshare => Request::unshare(flags | CLONE_VFORK),
        Call::setns => Request::setns(-1, flags),
        // fs/exec.c: the path is read first.
        Call::execve => Request::execve(0, 0, 0),
        // fs/namespace.c: nothing can be mounted at no path.
        Call::mount => Request::mount(0, 0, 0, 0, 0),
        // kernel/sys.c: the capability is asked for first, then the length is looked at.
        Call::sethostname => Request::sethostname(0, -1),
        Call::setdomainname => Request::setdomainname(0, -1),
        _ => return None,
    };
    // SAFETY: no memory is involved: a name of no possible length is not read.
    unsafe { sys.call(request) }.err().map(|failure| failure.errno)
}

/// `ENOSPC`: a limit is reached, if the kernel says so again of one namespace or the other.
fn no_space(sys: &Sys, failure: Failure, namespace: &Namespace<'_>) -> Option<&'static str> {
    if harmless(sys, failure.call, namespace.flags()) != Some(Errno::EINVAL) {
        return None;
    }
    let none_left = |flags| sys.unshare(flags).is_err_and(|again| again.errno == Errno::ENOSPC);
    let is_zero = |path| sysctl(sys, path) == Some(b'0');
    // Asked for first: in another user namespace the files show that one's.
    let no_uts = is_zero(c"/proc/sys/user/max_uts_namespaces");
    let no_user = is_zero(c"/proc/sys/user/max_user_namespaces");
    if namespace.user.is_some() && none_left(CLONE_NEWUSER) {
        return Some(if no_user {
            "no more user namespaces: see /proc/sys/user/max_user_namespaces"
        } else {
            "no more user namespaces: see /proc/sys/user/max_user_namespaces, of this or an outer \
             one; or 32 are nested"
        });
    }
    // If the test above has made a user namespace, this one is asked for inside it. It counts against
    // the limits outside as well.
    none_left(CLONE_NEWUTS).then_some(if no_uts {
        "no more UTS namespaces: see /proc/sys/user/max_uts_namespaces"
    } else {
        "no more UTS namespaces: see /proc/sys/user/max_uts_namespaces, of this or an outer user \
         namespace"
    })
}

/// `EINVAL` from clone(2) or unshare(2): the kernel was built without such namespaces. Then it has
/// no file of theirs in a folder that is there.
fn not_in_this_kernel(sys: &Sys, namespace: &Namespace<'_>) -> Option<&'static str> {
    let open = |path| sys.openat(path, O_RDONLY | O_CLOEXEC);
    let is_missing = |path| open(path).is_err_and(|failure| failure.errno == Errno::ENOENT);
    open(c"/proc/self/ns").ok()?;
    if is_missing(c"/proc/self/ns/uts") {
        return Some("this kernel has no UTS namespaces (CONFIG_UTS_NS)");
    }
    (namespace.user.is_some() && is_missing(c"/proc/self/ns/user"))
        .then_some("this kernel has no user namespaces (CONFIG_USER_NS)")
}

/// `EINVAL` from one of the calls that set a name.
fn too_long(failure: Failure, namespace: &Namespace<'_>) -> Option<&'static str> {
    let (name, hint) = match failure.call {
        Call::sethostname => (namespace.hostname, "a host name has at most 64 bytes"),
        Call::setdomainname => (namespace.domainname?, "a domain name has at most 64 bytes"),
        _ => return None,
    };
    (name.count_bytes() > __NEW_UTS_LEN as usize).then_some(hint)
}

/// The one character of a file of /proc/sys; none if there is no such file, or more in it.
fn sysctl(sys: &Sys, path: &CStr) -> Option<u8> {
    let mut value = [0; 3];
    match sys.read_file(path, &mut value).ok()? {
        [digit, b'\n'] | [digit] => Some(*digit),
        _ => None,
    }
}
