// SPDX-License-Identifier: MIT OR Apache-2.0
//! How a process learns what became of its children.
//! Follows wait(2), wait4(2), and prctl(2) (`PR_SET_CHILD_SUBREAPER`).

use core::ffi::c_int;
use core::ptr;

use linux_raw_sys::general::{WCONTINUED, WNOHANG, WUNTRACED};
use linux_raw_sys::prctl::PR_SET_CHILD_SUBREAPER;

use super::process::Pid;
use super::table::Request;
use super::{Failure, Sys, to_int};

/// wait4(2): whichever child ends.
pub const ANY_CHILD: Pid = -1;

/// How a child ended, or that it stopped or goes on: the word that wait4(2) fills in, as wait(2)
/// describes it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct WaitStatus(c_int);

/// The word of a child that goes on (the kernel's include/linux/wait.h has only the number).
pub const CONTINUED: c_int = 0xffff;

impl WaitStatus {
    /// The status of a child that this signal has killed.
    #[must_use]
    pub fn killed_by(signal: u32) -> Self {
        Self(signal.cast_signed())
    }

    /// The signal that stopped the child, if it is stopped and not at its end.
    #[must_use]
    pub fn stopped_by(self) -> Option<u32> {
        let [low, signal, ..] = self.0.to_le_bytes();
        (low == 0x7f).then_some(signal.into())
    }

    /// Whether the child was stopped, and goes on.
    #[must_use]
    pub fn is_continued(self) -> bool {
        self.0 == CONTINUED
    }

    /// The status of a child that has exited with this one.
    #[must_use]
    pub fn exited_with(status: u8) -> Self {
        Self(c_int::from(status) << 8)
    }

    /// The signal that killed the child; none if it exited.
    #[must_use]
    pub fn signal(self) -> Option<u8> {
        let [low, ..] = self.0.to_le_bytes();
        Some(low & 0x7f).filter(|signal| *signal != 0)
    }

    /// The status as a shell gives it: N after `exit(N)`, 128+S after death by signal S.
    #[must_use]
    pub fn code(self) -> u8 {
        let [low, high, ..] = self.0.to_le_bytes();
        // The lowest seven bits are the signal (the eighth: a core was dumped), or 0; the second
        // byte is the exit status.
        match low & 0x7f {
            0 => high,
            signal => 128 | signal,
        }
    }
}

impl Sys {
    /// `wait4(pid, wstatus, 0, NULL)`—Waits until the child `pid` ends. Gives the id of the child
    /// that did, and how.
    ///
    /// # Errors
    ///
    /// `ECHILD` where it is no child of the caller, or its end was not to be waited for
    /// (`SIGCHLD` ignored); `EINTR` where a signal handler ran.
    pub fn wait4(&self, pid: Pid) -> Result<(Pid, WaitStatus), Failure> {
        self.wait4_options(pid, 0)
    }

    /// `wait4(-1, wstatus, WNOHANG|WUNTRACED|WCONTINUED, NULL)`—Gives the id of a child that ended,
    /// stopped or goes on, and which of the three; none, if there is nothing new.
    ///
    /// # Errors
    ///
    /// `ECHILD` where there is no child.
    pub fn wait4_any_change(&self) -> Result<Option<(Pid, WaitStatus)>, Failure> {
        let options = WNOHANG | WUNTRACED | WCONTINUED;
        self.wait4_options(ANY_CHILD, options)
            .map(|change| Some(change).filter(|(pid, _)| *pid != 0))
    }

    /// `prctl(PR_SET_CHILD_SUBREAPER, 1)`—The caller becomes the parent of those below it whose own
    /// parent ends.
    ///
    /// # Errors
    ///
    /// `EINVAL` before Linux 3.4.
    pub fn prctl_set_child_subreaper(&self) -> Result<(), Failure> {
        // SAFETY: no memory is involved.
        unsafe { self.call(Request::prctl(PR_SET_CHILD_SUBREAPER, 1)) }.map(|_| ())
    }

    fn wait4_options(&self, pid: Pid, options: u32) -> Result<(Pid, WaitStatus), Failure> {
        let mut wstatus: c_int = 0;
        let request = Request::wait4(pid, ptr::from_mut(&mut wstatus), options, 0);
        // SAFETY: the kernel writes one int.
        let pid = unsafe { self.call(request) }.map(to_int)?;
        Ok((pid, WaitStatus(wstatus)))
    }

    /// `wait4(pid, wstatus, WNOHANG, NULL)`—Whether the child `pid` has ended: its id, and how. None
    /// while it has not.
    ///
    /// # Errors
    ///
    /// Those of [`Sys::wait4`].
    pub fn wait4_nohang(&self, pid: Pid) -> Result<Option<(Pid, WaitStatus)>, Failure> {
        let mut wstatus: c_int = 0;
        let request = Request::wait4(pid, ptr::from_mut(&mut wstatus), WNOHANG, 0);
        // SAFETY: the kernel writes one int.
        let pid = unsafe { self.call(request) }.map(to_int)?;
        Ok((pid != 0).then_some((pid, WaitStatus(wstatus))))
    }
}
