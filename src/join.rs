//! The third form: into a UTS namespace that exists.
//! Follows setns(2), pidfd_open(2) and ioctl_ns(2).

use core::ffi::CStr;

use linux_raw_sys::general::{CLONE_NEWUSER, CLONE_NEWUTS, O_CLOEXEC, O_RDONLY};
use syscalls::{Errno, Sysno};

use crate::failure::{During as _, Failure};
use crate::hint;
use crate::line::Line;
use crate::namespace::show_names;
use crate::process::{InitialStack, Strings};
use crate::run::{FAILED, execute};
use crate::sys::{Pid, Sys};

/// What is asked for.
#[derive(Clone, Copy)]
pub struct Join<'a> {
    /// The target as it was given.
    pub name: &'a CStr,
    /// What it means.
    pub target: Target<'a>,
    /// Whether to join the user namespace that owns it, too.
    pub user: bool,
}

/// What names a namespace.
#[derive(Clone, Copy)]
pub enum Target<'a> {
    /// A process that is in it.
    Process(Pid),
    /// A file: an entry of /proc/PID/ns, or a bind mount of one.
    File(&'a CStr),
}

/// Enters a UTS namespace that exists, and runs a command there, or else shows its host name. Gives
/// the exit status.
#[must_use]
pub fn join(sys: &Sys, process: &InitialStack<'_>, join: Join<'_>, command: &Strings<'_>) -> u8 {
    if let Err(failure) = enter(sys, join.target, join.user) {
        failure.report(sys);
        hint::give_for_join(sys, failure, join.user);
        return FAILED;
    }
    if command.peek().is_some() {
        return execute(sys, process, command);
    }
    match show_names(sys, join.name.to_bytes(), false) {
        Ok(()) => 0,
        Err(failure) => {
            failure.report(sys);
            FAILED
        }
    }
}

/// Moves this process into the UTS namespace of `target`, and with `user` into the user namespace
/// that owns it first.
///
/// # Errors
///
/// pidfd_open(2): `ESRCH` where the process is gone. openat(2): `ENOENT`, `EACCES`.
/// setns(2): `EPERM`, `EINVAL` for a file that is no UTS namespace, `ESRCH`. ioctl_ns(2).
fn enter(sys: &Sys, target: Target<'_>, user: bool) -> Result<(), Failure> {
    match target {
        Target::Process(pid) => by_process(sys, pid, user),
        Target::File(path) => by_file(sys, path, user),
    }
}

/// By process id, which needs no /proc on Linux 5.8 and later.
fn by_process(sys: &Sys, pid: Pid, user: bool) -> Result<(), Failure> {
    let flags = if user { CLONE_NEWUTS | CLONE_NEWUSER } else { CLONE_NEWUTS };
    let pidfd = sys.pidfd_open(pid).during(Sysno::pidfd_open);
    let joined = pidfd.and_then(|pidfd| sys.setns(pidfd, flags).during(Sysno::setns));
    let too_old = match joined {
        Ok(()) => false,
        // Before Linux 5.3 there is no pidfd_open; before 5.8 setns does not know what it gives.
        Err(Failure { errno: Errno::ENOSYS, .. }) => true,
        Err(failure) => failure.call == Sysno::setns && failure.errno == Errno::EINVAL,
    };
    if !too_old {
        return joined;
    }
    let mut path = Line::new();
    path.text("/proc/").number(pid.unsigned_abs().into()).text("/ns/uts");
    path.as_c_str().map_or(joined, |path| by_file(sys, path, user))
}

/// By a file that holds the namespace.
fn by_file(sys: &Sys, path: &CStr, user: bool) -> Result<(), Failure> {
    let fd = sys.openat(path, O_RDONLY | O_CLOEXEC).during(Sysno::openat)?;
    if user {
        let owner = sys.ns_get_userns(fd).during(Sysno::ioctl)?;
        sys.setns(owner, CLONE_NEWUSER).during(Sysno::setns)?;
    }
    sys.setns(fd, CLONE_NEWUTS).during(Sysno::setns)
}
