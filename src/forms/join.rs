//! The third form: into a UTS namespace that exists.
//! Follows setns(2), pidfd_open(2) and ioctl_ns(2).

use core::ffi::CStr;

use linux_raw_sys::general::{
    CLONE_NEWUSER, CLONE_NEWUTS, O_CLOEXEC, O_NOCTTY, O_NONBLOCK, O_RDONLY,
};
use syscalls::Errno;

use super::hint;
use super::namespace::show_names;
use super::run::{FAILED, execute};
use crate::sys::bytes::{number, same, split};
use crate::sys::file::Fd;
use crate::sys::namespace::PIDFD_THREAD;
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
    if let Err(failure) = enter(sys, target, user) {
        failure.report(sys);
        hint::give_for_join(sys, failure, user, || open(sys, target));
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

/// Enters the namespace.
fn enter(sys: &Sys, target: Target<'_>, user: bool) -> Result<(), Failure> {
    if let (Some(pid), false) = (target.pid, user) {
        // The shortest way, which needs neither /proc nor a descriptor of the namespace.
        match open_process(sys, pid).and_then(|pidfd| sys.setns(pidfd, CLONE_NEWUTS)) {
            // Before Linux 5.3 there is no pidfd_open; before 5.8 setns does not take what it
            // gives.
            Err(Failure { errno: Errno::ENOSYS | Errno::EINVAL, .. }) => {}
            joined => return joined,
        }
    }
    let fd = open(sys, target)?;
    if user {
        let owner = sys.ioctl_ns_get_userns(fd)?;
        match sys.setns(owner, CLONE_NEWUSER) {
            // It is the caller's own: there is nothing to enter.
            Err(Failure { errno: Errno::EINVAL, .. }) => {}
            entered => entered?,
        }
    }
    sys.setns(fd, CLONE_NEWUTS)
}

/// Opens the namespace.
fn open(sys: &Sys, target: Target<'_>) -> Result<Fd, Failure> {
    let Some(pid) = target.pid else {
        return open_file(sys, target.name);
    };
    let pidfd = match open_process(sys, pid) {
        // Before Linux 5.3.
        Err(Failure { errno: Errno::ENOSYS, .. }) => None,
        pidfd => Some(pidfd?),
    };
    if let Some(pidfd) = pidfd {
        match sys.ioctl_pidfd_get_uts_namespace(pidfd) {
            // Before Linux 6.11.
            Err(Failure { errno: Errno::ENOTTY | Errno::EINVAL, .. }) => {}
            opened => return opened,
        }
    }
    open_of_process(sys, pid, pidfd)
}

/// A descriptor of the process with this id; of the thread, if it is one's.
fn open_process(sys: &Sys, pid: Pid) -> Result<Fd, Failure> {
    match sys.pidfd_open(pid, 0) {
        // What is there and is no process is a thread. Before Linux 6.9 there is no such flag.
        Err(failure @ Failure { errno: Errno::EINVAL | Errno::ENOENT, .. }) if pid > 0 => {
            sys.pidfd_open(pid, PIDFD_THREAD).map_err(|_| failure)
        }
        opened => opened,
    }
}

/// Opens the namespace of a process by its file in /proc, if that is sure to be the same process's.
fn open_of_process(sys: &Sys, pid: Pid, pidfd: Option<Fd>) -> Result<Fd, Failure> {
    if !proc_has_our_numbers(sys)? {
        return Err(Failure { call: Call::openat, errno: Errno::ESRCH });
    }
    let mut path = Line::new();
    path.text("/proc/").number(pid.unsigned_abs().into()).text("/ns/uts");
    let path = path.as_c_str().unwrap_or_default();
    let fd = open_file(sys, path)?;
    // As long as the process is there, its number is nobody else's.
    if let Some(Err(gone @ Failure { errno: Errno::ESRCH, .. })) =
        pidfd.map(|pidfd| sys.pidfd_send_no_signal(pidfd))
    {
        return Err(gone);
    }
    Ok(fd)
}

/// Whether the numbers in /proc are those of this PID namespace, and not of one outside: then a
/// process has several numbers there, from the outermost inwards (proc(5), `NSpid`).
///
/// # Errors
///
/// openat(2) where there is no /proc, read(2).
fn proc_has_our_numbers(sys: &Sys) -> Result<bool, Failure> {
    let mut status = [0; 2048];
    let fd = sys.openat(c"/proc/self/status", O_RDONLY | O_CLOEXEC)?;
    let length = sys.read(fd, &mut status)?;
    let text = status.get(..length).unwrap_or_default();
    let numbers = text.split(|byte| *byte == b'\n').find_map(|line| match split(line, b'\t') {
        (name, numbers) if same(name, b"NSpid:") => numbers,
        _ => None,
    });
    // Before Linux 4.1 there is no such line.
    Ok(numbers.is_none_or(|numbers| split(numbers, b'\t').1.is_none()))
}

/// Opens a file that may be a namespace, whatever it is: a pipe that nobody writes to must not make
/// the caller wait, nor a terminal become the caller's.
fn open_file(sys: &Sys, path: &CStr) -> Result<Fd, Failure> {
    sys.openat(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC)
}
