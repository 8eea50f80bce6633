// SPDX-License-Identifier: MIT OR Apache-2.0
//! The third form: into a UTS namespace that exists.
//! Follows setns(2), pidfd_open(2) and ioctl_ns(2).

use core::ffi::CStr;

use linux_raw_sys::general::{
    CLONE_NEWUSER, CLONE_NEWUTS, O_CLOEXEC, O_NOCTTY, O_NONBLOCK, O_RDONLY,
};
use syscalls::Errno;

use super::death::DeathSignal;
use super::demo::Demo;
use super::init::Init;
use super::namespace::show_names;
use super::process::{is_same_process, open_process};
use super::run::{FAILED, become_command};
use super::{fork, hint};
use crate::sys::bytes::{number, split};
use crate::sys::file::Fd;
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
        // A number that does not fit is larger than any process id (proc(5), pid_max).
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
    init: Init,
    target: Target<'_>,
    demo: &Demo<'_>,
    fork: bool,
    command: &Strings<'_>,
) -> u8 {
    let user = demo.namespace.user.is_some();
    let task = |death_signal| enter_and_execute(sys, process, target, user, death_signal, command);
    if !fork {
        return task(None);
    }
    fork::run(sys, init, demo.kill_child, None, task).unwrap_or_else(|failure| {
        failure.report(sys);
        FAILED
    })
}

/// Enters the namespace, and becomes the command or shows the host name. Gives the exit status if
/// it does not become another program.
fn enter_and_execute(
    sys: &Sys,
    process: &InitialStack<'_>,
    target: Target<'_>,
    user: bool,
    death_signal: Option<DeathSignal>,
    command: &Strings<'_>,
) -> u8 {
    if let Err(failure) = enter(sys, target, user) {
        failure.report(sys);
        hint::give_for_join(sys, failure, user, || open_again(sys, target));
        return FAILED;
    }
    if !command.is_empty() {
        return become_command(sys, process, death_signal, command);
    }
    let mut whose = Line::new();
    match show_names(sys, &mut Line::new(), whose.word(target.name.to_bytes()).as_bytes(), false) {
        Ok(()) => 0,
        Err(failure) => {
            failure.report(sys);
            FAILED
        }
    }
}

/// Opens the namespace once more, to look for the cause of a failure.
fn open_again(sys: &Sys, target: Target<'_>) -> Result<Fd, Failure> {
    let pidfd = match target.pid {
        Some(pid) => open_process(sys, pid)?,
        None => None,
    };
    open(sys, target, pidfd)
}

/// Enters the namespace.
fn enter(sys: &Sys, target: Target<'_>, user: bool) -> Result<(), Failure> {
    let pidfd = match target.pid {
        Some(pid) => open_process(sys, pid)?,
        None => None,
    };
    if let (Some(pidfd), false) = (pidfd, user) {
        // The shortest way, which needs neither /proc nor a descriptor of the namespace.
        match sys.setns(pidfd, CLONE_NEWUTS) {
            // Before Linux 5.8 setns takes no pidfd.
            Err(Failure { errno: Errno::EINVAL | Errno::ENOSYS, .. }) => {}
            joined => return joined,
        }
    }
    match (open(sys, target, pidfd), pidfd) {
        (Ok(fd), _) => {
            if user {
                let owner = sys.ioctl_ns_get_userns(fd)?;
                sys.setns(owner, CLONE_NEWUSER)?;
            }
            sys.setns(fd, CLONE_NEWUTS)
        }
        // Without /proc, and before Linux 6.11, the owner cannot be asked for: the user namespace
        // that the process is in has to do.
        (Err(Failure { call: Call::openat, errno: Errno::ENOENT }), Some(pidfd)) if user => {
            sys.setns(pidfd, CLONE_NEWUTS | CLONE_NEWUSER)
        }
        (Err(failure), _) => Err(failure),
    }
}

/// Opens the namespace, of the process `pidfd` where that is one.
fn open(sys: &Sys, target: Target<'_>, pidfd: Option<Fd>) -> Result<Fd, Failure> {
    let Some(pid) = target.pid else {
        return open_file(sys, target.name);
    };
    if let Some(pidfd) = pidfd {
        match sys.ioctl_pidfd_get_uts_namespace(pidfd) {
            // Before Linux 6.11.
            Err(Failure { errno: Errno::ENOTTY | Errno::EINVAL, .. }) => {}
            opened => return opened,
        }
    }
    let mut path = Line::short();
    path.text("/proc/").number(pid.unsigned_abs().into()).text("/ns/uts");
    let fd = open_file(sys, path.as_c_str().unwrap_or_default())?;
    if is_same_process(sys, pid, pidfd)? {
        Ok(fd)
    } else {
        Err(Failure { call: Call::openat, errno: Errno::ESRCH })
    }
}

/// Opens a file that may be a namespace, whatever it is: a pipe that nobody writes to must not make
/// the caller wait, nor a terminal become the caller's.
fn open_file(sys: &Sys, path: &CStr) -> Result<Fd, Failure> {
    sys.openat(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC)
}
