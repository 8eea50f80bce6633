//! Processes: how one begins (clone), becomes another program (execve), sleeps, ends, and is
//! waited for. Follows clone(2), execve(2), nanosleep(2), wait(2) and `_exit(2)`.
#![allow(clippy::useless_conversion, reason = "a long is an i64 on some CPUs only")]

use core::ffi::{CStr, c_int, c_long, c_void};
use core::num::NonZero;
use core::{mem, ptr};

use linux_raw_sys::general::{
    __kernel_timespec, CLOCK_MONOTONIC, CLONE_ARGS_SIZE_VER0, CLONE_FILES, CLONE_FS, CLONE_SIGHAND,
    CLONE_SYSVSEM, CLONE_THREAD, CLONE_VM, RLIMIT_NPROC, SIGCHLD, WCONTINUED, WNOHANG, WUNTRACED,
    clone_args, rlimit64, timespec,
};
use syscalls::Errno;

use super::memory::Stack;
use super::start::Strings;
use super::table::Request;
use super::{Failure, OLD_TIMES, Sys};
use crate::cpu;

/// A process id, or 0 for the calling process where the kernel says so.
pub type Pid = c_int;

/// wait4(2): whichever child ends.
pub const ANY_CHILD: Pid = -1;

/// How a sleep ended.
#[derive(Clone, Copy)]
pub enum Sleep {
    /// All of it was slept.
    Complete,
    /// A signal handler ran; this much time was left.
    Interrupted(__kernel_timespec),
}

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

/// On which side of a [`Sys::clone_fork`] the caller is.
#[derive(Clone, Copy)]
pub enum Fork {
    /// In the child.
    Child,
    /// In the parent, with the child's id.
    Parent(NonZero<Pid>),
}

impl Sys {
    /// `clone(flags, child_stack, NULL, NULL, 0)`—Creates a child process, which calls
    /// `child_func(arg)` on the stack whose upper end is `child_stack`, and exits with its result.
    /// Returns the child's id.
    ///
    /// # Errors
    ///
    /// `EPERM` for a namespace without `CAP_SYS_ADMIN`, `ENOSPC` where there are too many of
    /// them, `EAGAIN` where there are too many processes, `EINVAL` on a kernel without the
    /// namespace, `ENOMEM`.
    ///
    /// # Safety
    ///
    /// `flags` leaves the child a copy of the memory (no `CLONE_VM`). `child_stack` is a multiple
    /// of 16, below it is writable memory, enough for `child_func`, and nothing else uses that.
    pub unsafe fn clone<T>(
        &self,
        child_func: extern "C" fn(&T) -> c_int,
        child_stack: *mut c_void,
        flags: u32,
        arg: &T,
    ) -> Result<Pid, Failure> {
        // SAFETY: a reference and a pointer to the same are alike for the ABI.
        let func = unsafe {
            mem::transmute::<extern "C" fn(&T) -> c_int, extern "C" fn(*const c_void) -> c_int>(
                child_func,
            )
        };
        let request = Request::clone(flags, child_stack, 0, 0, 0);
        let child = Child { sys: self, request, func, arg: ptr::from_ref(arg).cast() };
        // SAFETY: by this function's own contract, and `func` accepts `arg`.
        unsafe { self.clone_child(flags, child_stack, &child) }
    }

    /// [`Sys::clone`] for an argument of any type. (A function with a type parameter may be compiled
    /// into another crate, and would there look up the trampoline's address in a table, which would
    /// have to be relocated.)
    ///
    /// # Safety
    ///
    /// Same contract as [`Sys::clone`], and the child's `func` accepts its `arg`.
    unsafe fn clone_child(
        &self,
        flags: u32,
        child_stack: *mut c_void,
        child: &Child<'_>,
    ) -> Result<Pid, Failure> {
        let arg = ptr::from_ref(child).cast();
        // SAFETY: the stack is as the trampoline wants it, by this function's own contract, and
        // `first_function` gets what it accepts, in the child's copy of the memory.
        let raw = unsafe { cpu::clone(flags as usize, child_stack, first_function, arg) };
        let result = Errno::from_ret(raw);
        let request = &child.request;
        self.tell(request, Some(result));
        result.map(to_int).map_err(|errno| Failure { call: request.call, errno })
    }

    /// `clone(flags, NULL, NULL, NULL, 0)`—Creates a child process that goes on where the parent
    /// does, on its own copy of the same stack: fork(2), with `flags`.
    ///
    /// # Errors
    ///
    /// Those of [`Sys::clone`].
    pub fn clone_fork(&self, flags: u32) -> Result<Fork, Failure> {
        // SAFETY: without CLONE_VM, which is no flag for this, the child has a copy of everything.
        let pid = unsafe { self.call(Request::clone(flags, 0, 0, 0, 0)) }.map(to_int)?;
        Ok(NonZero::new(pid).map_or(Fork::Child, Fork::Parent))
    }

    /// `clone3({flags, exit_signal=SIGCHLD}, 64)`—[`Sys::clone_fork`] by the newer call.
    ///
    /// # Errors
    ///
    /// Those of [`Sys::clone`]; `ENOSYS` before Linux 5.3.
    pub fn clone3_fork(&self, flags: u32) -> Result<Fork, Failure> {
        let args = clone3_args(flags);
        let size = CLONE_ARGS_SIZE_VER0 as usize;
        // SAFETY: the kernel reads the first 64 bytes of the structure. Without CLONE_VM, which is
        // no flag for this, the child has a copy of everything.
        let pid = unsafe { self.call(Request::clone3(ptr::from_ref(&args), size)) }.map(to_int)?;
        Ok(NonZero::new(pid).map_or(Fork::Child, Fork::Parent))
    }

    /// `clone(CLONE_VM|…|CLONE_THREAD, child_stack, NULL, NULL, 0)`—Starts a thread of the calling
    /// process, which calls `func(arg)` on `stack`, and ends with it.
    ///
    /// # Errors
    ///
    /// Those of [`Sys::clone`].
    ///
    /// # Safety
    ///
    /// Nothing else uses the stack, `func` accepts `arg`, and what that points to lives, with all
    /// that `func` touches, as long as the thread, and is fit for sharing.
    pub unsafe fn clone_thread(
        &self,
        stack: &Stack,
        func: extern "C" fn(*const c_void) -> c_int,
        arg: *const c_void,
    ) -> Result<(), Failure> {
        let flags =
            CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM;
        // What the thread is to do lies at the top of its own stack, because this function returns
        // before the thread has read it.
        let size = size_of::<Child<'_>>().next_multiple_of(16);
        let child_stack = stack.top().wrapping_byte_sub(size);
        let request = Request::clone(flags, child_stack, 0, 0, 0);
        let child: *mut Child<'_> = child_stack.cast();
        // SAFETY: the stack's memory is writable, aligned to 16 and this function's alone.
        unsafe { child.write(Child { sys: self, request, func, arg }) };
        // SAFETY: the stack is as the trampoline wants it, `first_function` gets what it accepts,
        // and what the two share is fit for that, by this function's own contract.
        let raw = unsafe {
            cpu::clone(flags as usize, child_stack, first_function, child.cast_const().cast())
        };
        let result = Errno::from_ret(raw);
        self.tell(&request, Some(result));
        result.map(|_| ()).map_err(|errno| Failure { call: request.call, errno })
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

    /// `nanosleep(req, rem)`—Sleeps for `duration`: seconds, and nanoseconds below one second. Where
    /// a long has 32 bits, what is longer than it can say is as long as it can say: 68 years.
    ///
    /// # Errors
    ///
    /// `EINVAL` for a negative number of seconds, or nanoseconds from 1,000,000,000 on.
    pub fn nanosleep(&self, duration: &__kernel_timespec) -> Result<Sleep, Failure> {
        let req = timespec {
            tv_sec: duration.tv_sec.try_into().unwrap_or(c_long::MAX),
            tv_nsec: duration.tv_nsec.try_into().unwrap_or(c_long::MAX),
        };
        // Where the call is ended before it began, nothing is written here and all is left.
        let mut rem = req;
        let request = Request::nanosleep(ptr::from_ref(&req), ptr::from_mut(&mut rem));
        // SAFETY: the kernel reads one timespec and writes the other.
        match unsafe { self.call(request) } {
            Ok(_) => Ok(Sleep::Complete),
            Err(Failure { errno: Errno::EINTR, .. }) => {
                let (tv_sec, tv_nsec) = (rem.tv_sec.into(), rem.tv_nsec.into());
                Ok(Sleep::Interrupted(__kernel_timespec { tv_sec, tv_nsec }))
            }
            Err(Failure { errno: Errno::ENOSYS, .. }) if OLD_TIMES => {
                self.clock_nanosleep(duration)
            }
            Err(failure) => Err(failure),
        }
    }

    /// `clock_nanosleep(CLOCK_MONOTONIC, 0, request, remain)`—Sleeps for `duration`, by the clock of
    /// nanosleep(2).
    fn clock_nanosleep(&self, duration: &__kernel_timespec) -> Result<Sleep, Failure> {
        let mut remaining = *duration;
        let (request, remain) = (ptr::from_ref(duration), ptr::from_mut(&mut remaining));
        let request = Request::clock_nanosleep(CLOCK_MONOTONIC, 0, request, remain);
        // SAFETY: the kernel reads one __kernel_timespec and writes the other.
        match unsafe { self.call(request) } {
            Ok(_) => Ok(Sleep::Complete),
            Err(Failure { errno: Errno::EINTR, .. }) => Ok(Sleep::Interrupted(remaining)),
            Err(failure) => Err(failure),
        }
    }

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

    fn wait4_options(&self, pid: Pid, options: u32) -> Result<(Pid, WaitStatus), Failure> {
        let mut wstatus: c_int = 0;
        let request = Request::wait4(pid, ptr::from_mut(&mut wstatus), options, 0);
        // SAFETY: the kernel writes one int.
        let pid = unsafe { self.call(request) }.map(to_int)?;
        Ok((pid, WaitStatus(wstatus)))
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

    /// `prlimit64(0, RLIMIT_NPROC, NULL, old_limit)`—How many processes the caller's user may have;
    /// none where there is no limit.
    ///
    /// # Errors
    ///
    /// `ENOSYS` before Linux 2.6.36.
    pub fn prlimit_nproc(&self) -> Result<Option<u64>, Failure> {
        let mut limit = rlimit64 { rlim_cur: 0, rlim_max: 0 };
        let request = Request::prlimit64(0, RLIMIT_NPROC, 0, ptr::from_mut(&mut limit));
        // SAFETY: the kernel writes one rlimit64.
        unsafe { self.call(request) }?;
        Ok((limit.rlim_cur != u64::MAX).then_some(limit.rlim_cur))
    }

    /// `exit(status)`—Ends the calling thread: of the child there is but one.
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
    pub(super) fn id(&self, request: Request) -> Pid {
        // SAFETY: no arguments, no memory.
        unsafe { self.call(request) }.map(to_int).unwrap_or_default()
    }
}

/// The argument of clone3(2) for a child that goes on where its parent does.
#[must_use]
pub fn clone3_args(flags: u32) -> clone_args {
    clone_args {
        flags: flags.into(),
        pidfd: 0,
        child_tid: 0,
        parent_tid: 0,
        exit_signal: SIGCHLD.into(),
        stack: 0,
        stack_size: 0,
        tls: 0,
        set_tid: 0,
        set_tid_size: 0,
        cgroup: 0,
    }
}

/// What a new child is to do: call `func(arg)`.
struct Child<'a> {
    sys: &'a Sys,
    /// The clone(2) that makes it.
    request: Request,
    func: extern "C" fn(*const c_void) -> c_int,
    arg: *const c_void,
}

/// The first function of a child: for it, clone returns 0, and that is to be seen too.
extern "C" fn first_function(child: *const c_void) -> c_int {
    // SAFETY: `Sys::clone` passes a `Child`, of which this process has a copy.
    let Child { sys, request, func, arg } = unsafe { &*child.cast::<Child<'_>>() };
    sys.tell(request, Some(Ok(0)));
    sys.exit(func(*arg))
}

/// The int that a call gave.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    reason = "it is the lower half of the register"
)]
pub(super) fn to_int(result: usize) -> c_int {
    result as c_int
}
