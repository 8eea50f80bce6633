// SPDX-License-Identifier: MIT OR Apache-2.0
//! The calling process: who it is, how it becomes another program (execve), and how it ends.
//! Follows getpid(2), setpgid(2), execve(2) and `_exit(2)`.

use core::ffi::{CStr, c_int};

use syscalls::Errno;

use super::start::Strings;
use super::table::Request;
use super::{Failure, Sys, to_int};
use crate::cpu;

/// A process id, or 0 for the calling process where the kernel says so.
pub type Pid = c_int;

impl Sys {
    /// `getpid()`—The caller's process id. Cannot fail.
    #[must_use]
    pub fn getpid(&self) -> Pid {
        self.id(Request::getpid())
    }

    /// `getppid()`—The process id of the caller's parent; 0 or another's when it has died.
    /// Cannot fail.
    #[must_use]
    pub fn getppid(&self) -> Pid {
        self.id(Request::getppid())
    }

    /// Makes a call without arguments that gives an id.
    fn id(&self, request: Request) -> Pid {
        // SAFETY: no arguments, no memory.
        unsafe { self.call(request) }.map(to_int).unwrap_or_default()
    }

    /// `getpgid(pid)`—The process group of a process; 0 stands for the caller.
    ///
    /// # Errors
    ///
    /// `ESRCH` where there is no such process.
    pub fn getpgid(&self, pid: Pid) -> Result<Pid, Failure> {
        // SAFETY: no memory is involved.
        unsafe { self.call(Request::getpgid(pid)) }.map(to_int)
    }

    /// `setpgid(pid, pgid)`—Moves a process into a process group; 0 stands for the caller's id.
    ///
    /// # Errors
    ///
    /// `ESRCH` for a process that is neither the caller nor its child, `EPERM`, `EACCES`,
    /// `EINVAL`.
    pub fn setpgid(&self, pid: Pid, pgid: Pid) -> Result<(), Failure> {
        // SAFETY: no memory is involved.
        unsafe { self.call(Request::setpgid(pid, pgid)) }.map(|_| ())
    }

    /// `getsid(pid)`—The session of a process; 0 stands for the caller.
    ///
    /// # Errors
    ///
    /// `ESRCH` where there is no such process.
    pub fn getsid(&self, pid: Pid) -> Result<Pid, Failure> {
        // SAFETY: no memory is involved.
        unsafe { self.call(Request::getsid(pid)) }.map(to_int)
    }

    /// `execve(pathname, argv, envp)`—Becomes another program. Returns only where it cannot: the
    /// reason.
    ///
    /// `EACCES` for a file that may not be executed, `ENOENT`, `ENOEXEC` for a file that is no
    /// program, `E2BIG`, `ENOMEM` and the others of execve(2).
    pub fn execve(&self, pathname: &CStr, argv: &Strings<'_>, envp: &Strings<'_>) -> Failure {
        let request = Request::execve(pathname.as_ptr(), argv.as_ptr(), envp.as_ptr());
        // SAFETY: a C string and two arrays of C strings with a null pointer at their end, all of
        // which the kernel only reads.
        match unsafe { self.call_at_the_end(request) } {
            Err(failure) => failure,
            // The kernel does not return 0, but a tracer may: then, too, nothing was executed.
            Ok(_) => Failure { call: request.call, errno: Errno::ENOEXEC },
        }
    }

    /// `exit(status)`—Ends the calling thread, and the process if it has no other.
    pub fn exit(&self, status: c_int) -> ! {
        self.end(Request::exit(status))
    }

    /// `exit_group(status)`—Ends the process.
    pub fn exit_group(&self, status: u8) -> ! {
        self.end(Request::exit_group(c_int::from(status)))
    }

    /// Makes one of the two calls that end.
    fn end(&self, request: Request) -> ! {
        // SAFETY: no memory is involved.
        let _ = unsafe { self.call_at_the_end(request) };
        // If a tracer makes the call return, there is nothing to go on with: stop here.
        cpu::trap()
    }
}
