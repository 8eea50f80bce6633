//! The third form: into a UTS namespace that exists.
//! Follows setns(2), pidfd_open(2) and ioctl_ns(2).

use core::ffi::CStr;

use linux_raw_sys::general::{CLONE_NEWUSER, CLONE_NEWUTS, O_CLOEXEC, O_RDONLY};
use syscalls::Errno;

use super::hint;
use super::namespace::show_names;
use super::run::{FAILED, execute};
use crate::sys::bytes::{number, split};
use crate::sys::process::Pid;
use crate::sys::start::{InitialStack, Strings};
use crate::sys::table::Call;
use crate::sys::{Failure, Sys};
use crate::text::line::Line;

/// The namespace to join: `--join`'s value.
#[derive(Clone, Copy)]
pub struct Target<'a> {
    /// The word.
    name: &'a CStr,
    /// The process id that it is; a path, if none.
    pid: Option<Pid>,
}

impl<'a> Target<'a> {
    /// Reads a process id, or a path, which has a slash.
    #[must_use]
    pub fn read(name: &'a CStr) -> Option<Self> {
        let bytes = name.to_bytes();
        if split(bytes, b'/').1.is_some() {
            return Some(Self { name, pid: None });
        }
        if bytes.is_empty() || !bytes.iter().all(u8::is_ascii_digit) {
            return None;
        }
        // There is no process with so large an id as one that does not fit (proc(5), pid_max).
        let pid = number(bytes).and_then(|number| Pid::try_from(number).ok());
        Some(Self { name, pid: Some(pid.unwrap_or(Pid::MAX)) })
    }
}

/// Enters a UTS namespace that exists, with `user` the user namespace that owns it first, and runs
/// a command there, or else shows its host name. Gives the exit status.
#[must_use]
pub fn join(
    sys: &Sys,
    process: &InitialStack<'_>,
    target: Target<'_>,
    user: bool,
    command: &Strings<'_>,
) -> u8 {
    let entered = match target.pid {
        Some(pid) => by_process(sys, pid, user),
        None => by_file(sys, target.name, user),
    };
    if let Err(failure) = entered {
        failure.report(sys);
        hint::give_for_join(sys, failure, user);
        return FAILED;
    }
    if command.peek().is_some() {
        return execute(sys, process, command);
    }
    match show_names(sys, target.name.to_bytes(), false) {
        Ok(()) => 0,
        Err(failure) => {
            failure.report(sys);
            FAILED
        }
    }
}

/// By process id, which needs no /proc on Linux 5.8 and later.
fn by_process(sys: &Sys, pid: Pid, user: bool) -> Result<(), Failure> {
    let flags = if user { CLONE_NEWUTS | CLONE_NEWUSER } else { CLONE_NEWUTS };
    let joined = sys.pidfd_open(pid).and_then(|pidfd| sys.setns(pidfd, flags));
    let too_old = match joined {
        Ok(()) => false,
        // Before Linux 5.3 there is no pidfd_open; before 5.8 setns does not know what it gives.
        Err(Failure { errno: Errno::ENOSYS, .. }) => true,
        Err(failure) => failure.call == Call::setns && failure.errno == Errno::EINVAL,
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
    let fd = sys.openat(path, O_RDONLY | O_CLOEXEC)?;
    if user {
        let owner = sys.ioctl_ns_get_userns(fd)?;
        sys.setns(owner, CLONE_NEWUSER)?;
    }
    sys.setns(fd, CLONE_NEWUTS)
}
