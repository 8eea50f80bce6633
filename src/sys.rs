//! The one door to the kernel: a method per system call, with the kernel's names and types.
//! Each follows the manual page of its name, section 2; the facts relied on stand beside it.
#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_sign_loss,
    reason = "a system call's words are words: their types are in the manual pages"
)]

use core::ffi::{CStr, c_char, c_int, c_void};
use core::mem::{self, MaybeUninit};
use core::num::NonZero;
use core::ops::Range;
use core::{ptr, slice};

use linux_raw_sys::general::{
    __kernel_old_itimerval, __kernel_old_timeval, __kernel_sighandler_t, __user_cap_data_struct,
    __user_cap_header_struct, _LINUX_CAPABILITY_U32S_3, _LINUX_CAPABILITY_VERSION_3, AT_FDCWD,
    F_GETFD, ITIMER_REAL, LINUX_REBOOT_CMD_POWER_OFF, LINUX_REBOOT_MAGIC1, LINUX_REBOOT_MAGIC2,
    kernel_sigset_t, timespec,
};
use linux_raw_sys::ioctl::NS_GET_USERNS;
use linux_raw_sys::prctl::{PR_GET_SECCOMP, PR_SET_PDEATHSIG};
use linux_raw_sys::signal_macros::{SIG_DFL, sig_ign};
use linux_raw_sys::system::new_utsname;
use syscalls::{Errno, Sysno, raw};

use crate::arch;
use crate::line::Line;
use crate::process::Strings;
use crate::stack::Stack;
use crate::trace::{Call, Trace};

/// A process id, or 0 for the calling process where the kernel says so.
pub type Pid = c_int;

/// A file descriptor.
pub type Fd = c_int;

/// Standard output's descriptor (stdin(3)).
pub const STDOUT: Fd = 1;

/// Standard error's descriptor (stdin(3)).
pub const STDERR: Fd = 2;

/// The descriptors that every program expects: 0, 1 and 2 (stdin(3)).
pub const STANDARD: Range<Fd> = 0..3;

/// The arguments of a system call: as many as it has, and zeros.
type Args = [usize; 6];

/// The first two arguments of reboot(2).
const MAGIC: [usize; 2] = [LINUX_REBOOT_MAGIC1 as usize, LINUX_REBOOT_MAGIC2 as usize];

/// How a sleep ended.
#[derive(Clone, Copy)]
pub enum Sleep {
    /// All of it was slept.
    Done,
    /// A signal handler ran; this much time was left.
    Interrupted(timespec),
}

/// How a child ended: the word that wait4(2) fills in, as wait(2) describes it.
#[derive(Clone, Copy)]
pub struct WaitStatus(c_int);

impl WaitStatus {
    /// The status as a shell gives it: N after `exit(N)`, 128+S after death by signal S.
    #[must_use]
    #[inline(never)] // small in here, and not small in every place that calls it
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

/// On which side of a [`Sys::fork`] the caller is.
#[derive(Clone, Copy)]
pub enum Fork {
    /// In the child.
    Child,
    /// In the parent, with the child's id.
    Parent(NonZero<Pid>),
}

/// The kernel, as the rest of the program sees it.
pub struct Sys {
    trace: Trace,
}

impl Sys {
    /// A door whose every call is shown as `trace` says.
    #[must_use]
    pub const fn new(trace: Trace) -> Self {
        Self { trace }
    }

    /// Makes one system call with up to three arguments. What further ones it may have are 0.
    ///
    /// # Safety
    ///
    /// As for the call: pointers among the arguments must be good for what the kernel does with
    /// them.
    unsafe fn call(&self, number: Sysno, first: usize, second: usize, third: usize) -> Raw {
        // SAFETY: the caller keeps the call's contract.
        unsafe { self.call6(number, [first, second, third, 0, 0, 0]) }
    }

    /// [`Sys::call`] for more arguments. The one way to the kernel, but for clone's trampoline.
    ///
    /// # Safety
    ///
    /// As for that.
    unsafe fn call6(&self, number: Sysno, args: Args) -> Raw {
        // SAFETY: the caller keeps the call's contract.
        let raw = unsafe { raw_call(number, &args) };
        self.show(number, &args, Some(raw));
        raw
    }

    /// [`Sys::call`], where success has no value.
    ///
    /// # Errors
    ///
    /// The call's own.
    ///
    /// # Safety
    ///
    /// As for that.
    unsafe fn done(
        &self,
        number: Sysno,
        first: usize,
        second: usize,
        third: usize,
    ) -> Result<(), Errno> {
        // SAFETY: the caller keeps the call's contract.
        unsafe { self.call(number, first, second, third) }.done()
    }

    /// [`Sys::call`], where the value is an int.
    ///
    /// # Errors
    ///
    /// The call's own.
    ///
    /// # Safety
    ///
    /// As for that.
    unsafe fn int(
        &self,
        number: Sysno,
        first: usize,
        second: usize,
        third: usize,
    ) -> Result<c_int, Errno> {
        // SAFETY: the caller keeps the call's contract.
        unsafe { self.call(number, first, second, third) }.int()
    }

    /// [`Sys::call`] for a call that is not to return: it is shown before it is made, while there
    /// is somebody to show it.
    ///
    /// # Safety
    ///
    /// As for that.
    unsafe fn last_call(&self, number: Sysno, first: usize, second: usize, third: usize) -> Raw {
        self.show(number, &[first, second, third, 0, 0, 0], None);
        // Where it does return it failed, or a tracer had a hand in it.
        // SAFETY: the caller keeps the call's contract.
        unsafe { self.call(number, first, second, third) }
    }

    /// Shows a call on standard error, if it is to be shown.
    fn show(&self, number: Sysno, args: &Args, raw: Option<Raw>) {
        if self.trace != Trace::Off {
            show(self.trace, &Call { number, args, result: raw.map(Raw::result) });
        }
    }

    /// Makes any call, a wrong one perhaps.
    ///
    /// # Errors
    ///
    /// The call's own.
    ///
    /// # Safety
    ///
    /// As for the call: pointers must be good for what the kernel does with them, or
    /// such that it cannot follow them.
    pub unsafe fn attempt(&self, number: Sysno, args: [usize; 6]) -> Result<usize, Errno> {
        // SAFETY: the caller keeps the call's contract.
        unsafe { self.call6(number, args) }.result()
    }

    /// `mmap(NULL, length, prot, flags, -1, 0)`—Creates a mapping of zeroed memory, `length` bytes
    /// long, rounded up to pages, at an address of the kernel's choice.
    ///
    /// # Errors
    ///
    /// `ENOMEM` where the limit of the address space or of mappings is reached, `EAGAIN` with
    /// locked memory.
    pub fn mmap(&self, length: usize, prot: u32, flags: u32) -> Result<*mut c_void, Errno> {
        let no_file = -1_isize as usize;
        // SAFETY: without MAP_FIXED a new mapping replaces nothing.
        let address = unsafe {
            self.call6(Sysno::mmap, [0, length, prot as usize, flags as usize, no_file, 0])
        }
        .result()?;
        Ok(ptr::with_exposed_provenance_mut(address))
    }

    /// `mprotect(addr, size, prot)`—Sets the protection of the pages from `addr`, a page's start.
    ///
    /// # Errors
    ///
    /// `ENOMEM` where the mapping would have to be split and there are too many, or no memory.
    ///
    /// # Safety
    ///
    /// The pages belong to the caller, and nothing relies on the protection that they lose.
    pub unsafe fn mprotect(&self, addr: *mut c_void, size: usize, prot: u32) -> Result<(), Errno> {
        // SAFETY: by this function's own contract.
        unsafe { self.done(Sysno::mprotect, addr.addr(), size, prot as usize) }
    }

    /// `clone(flags, child_stack, NULL, NULL, 0)`—Creates a child process, which calls
    /// `child_func(arg)` on `child_stack` and exits with its result. Returns the child's id.
    ///
    /// # Errors
    ///
    /// `EPERM` for a namespace without `CAP_SYS_ADMIN`, `ENOSPC` where there are too many of
    /// them, `EAGAIN` where there are too many processes, `EINVAL` on a kernel without the
    /// namespace, `ENOMEM`.
    ///
    /// # Safety
    ///
    /// `flags` leaves the child a copy of the memory (no `CLONE_VM`), and nothing else uses
    /// `child_stack`.
    pub unsafe fn clone<T>(
        &self,
        flags: u32,
        child_stack: &Stack,
        child_func: extern "C" fn(&T) -> c_int,
        arg: &T,
    ) -> Result<Pid, Errno> {
        // SAFETY: a reference and a pointer to the same are alike for the ABI.
        let func = unsafe {
            mem::transmute::<extern "C" fn(&T) -> c_int, extern "C" fn(*const c_void) -> c_int>(
                child_func,
            )
        };
        let start = Start { sys: self, flags, child_stack, func, arg: ptr::from_ref(arg).cast() };
        // SAFETY: by this function's own contract.
        unsafe { self.start(&start) }
    }

    /// [`Sys::clone`] for an argument of any type.
    ///
    /// # Safety
    ///
    /// As for that, and `func` accepts `arg`.
    unsafe fn start(&self, start: &Start<'_>) -> Result<Pid, Errno> {
        let args = start.args();
        let [flags, ..] = args;
        let stack = start.child_stack.child_stack();
        // SAFETY: the stack is writable up to its top and free, by this function's own contract,
        // and `child_start` gets what it accepts, in the child's copy of the memory.
        let raw = unsafe { arch::clone(flags, stack, child_start, ptr::from_ref(start).cast()) };
        let raw = Raw(raw);
        self.show(Sysno::clone, &args, Some(raw));
        raw.int()
    }

    /// `clone(flags, NULL, NULL, NULL, 0)`—Creates a child process that goes on where the parent
    /// does, on its own copy of the same stack: fork(2), with `flags`.
    ///
    /// # Errors
    ///
    /// Those of [`Sys::clone`].
    pub fn fork(&self, flags: u32) -> Result<Fork, Errno> {
        // SAFETY: without CLONE_VM, which is no flag for this, the child has a copy of everything.
        let pid = unsafe { self.int(Sysno::clone, flags as usize, 0, 0) }?;
        Ok(NonZero::new(pid).map_or(Fork::Child, Fork::Parent))
    }

    /// `write(fd, buf, count)`—Writes from `buf`, and says how many bytes were written: all of
    /// them or fewer.
    ///
    /// # Errors
    ///
    /// `EBADF` for a closed descriptor, `EPIPE` where nobody reads (and `SIGPIPE` is ignored),
    /// `ENOSPC`, `EIO`, `EAGAIN`, `EINTR` and others of the file's own.
    pub fn write(&self, fd: Fd, buf: &[u8]) -> Result<usize, Errno> {
        // SAFETY: the kernel only reads `buf`.
        unsafe { self.call(Sysno::write, from_int(fd), buf.as_ptr().addr(), buf.len()) }.result()
    }

    /// `nanosleep(req, rem)`—Sleeps for `duration`: seconds, and nanoseconds below one second.
    ///
    /// # Errors
    ///
    /// `EINVAL` for a negative number of seconds, or nanoseconds from 1,000,000,000 on.
    pub fn nanosleep(&self, duration: &timespec) -> Result<Sleep, Errno> {
        // Where the call is ended before it began, nothing is written here and all is left.
        let mut remaining = *duration;
        let req = ptr::from_ref(duration).addr();
        let rem = ptr::from_mut(&mut remaining).expose_provenance();
        // SAFETY: the kernel reads one timespec and writes the other.
        match unsafe { self.done(Sysno::nanosleep, req, rem, 0) } {
            Ok(()) => Ok(Sleep::Done),
            Err(Errno::EINTR) => Ok(Sleep::Interrupted(remaining)),
            Err(errno) => Err(errno),
        }
    }

    /// `uname(buf)`—The names of the system; among them `nodename` and `domainname`, which
    /// belong to the UTS namespace.
    ///
    /// # Errors
    ///
    /// None that a good buffer can have.
    pub fn uname<'b>(
        &self,
        buf: &'b mut MaybeUninit<new_utsname>,
    ) -> Result<&'b new_utsname, Errno> {
        // SAFETY: the kernel writes one new_utsname.
        unsafe { self.done(Sysno::uname, buf.as_mut_ptr().expose_provenance(), 0, 0) }?;
        // SAFETY: the call succeeded, so all of it is written (kernel/sys.c, newuname).
        Ok(unsafe { buf.assume_init_ref() })
    }

    /// `sethostname(name, len)`—Sets the host name of the caller's UTS namespace to the bytes of
    /// `name`, which the kernel ends with a NUL of its own.
    ///
    /// # Errors
    ///
    /// `EPERM` without `CAP_SYS_ADMIN` in the user namespace that owns the UTS namespace,
    /// `EINVAL` for more than 64 bytes (`__NEW_UTS_LEN`).
    pub fn sethostname(&self, name: &CStr) -> Result<(), Errno> {
        let name = name.to_bytes();
        // SAFETY: the kernel only reads `name`.
        unsafe { self.done(Sysno::sethostname, name.as_ptr().addr(), name.len(), 0) }
    }

    /// `setdomainname(name, len)`—Sets the NIS domain name of the caller's UTS namespace, as
    /// [`Sys::sethostname`] sets the host name.
    ///
    /// # Errors
    ///
    /// The same.
    pub fn setdomainname(&self, name: &CStr) -> Result<(), Errno> {
        let name = name.to_bytes();
        // SAFETY: the kernel only reads `name`.
        unsafe { self.done(Sysno::setdomainname, name.as_ptr().addr(), name.len(), 0) }
    }

    /// `unshare(flags)`—Moves the caller into new namespaces.
    ///
    /// # Errors
    ///
    /// Those of [`Sys::clone`] for the same flags.
    pub fn unshare(&self, flags: u32) -> Result<(), Errno> {
        // SAFETY: no memory is involved, as long as no flag unshares it: namespaces do not.
        unsafe { self.done(Sysno::unshare, flags as usize, 0, 0) }
    }

    /// `setns(fd, nstype)`—Moves the caller into the namespaces `nstype` of a process that `fd`
    /// refers to, or into the one namespace that it is itself.
    ///
    /// # Errors
    ///
    /// `EINVAL` where `fd` is no such namespace, or the caller's own user namespace; `EPERM`
    /// without `CAP_SYS_ADMIN` in the namespace's owner; `ESRCH` where the process is gone.
    pub fn setns(&self, fd: Fd, nstype: u32) -> Result<(), Errno> {
        // SAFETY: no memory is involved.
        unsafe { self.done(Sysno::setns, from_int(fd), nstype as usize, 0) }
    }

    /// `pidfd_open(pid, 0)`—A descriptor that refers to a process. It is close-on-exec.
    ///
    /// # Errors
    ///
    /// `ESRCH` where there is no such process, `EINVAL` for 0 and below, `ENOSYS` before
    /// Linux 5.3.
    pub fn pidfd_open(&self, pid: Pid) -> Result<Fd, Errno> {
        // SAFETY: no memory is involved.
        unsafe { self.int(Sysno::pidfd_open, from_int(pid), 0, 0) }
    }

    /// `ioctl(fd, NS_GET_USERNS)`—A descriptor for the user namespace that owns a namespace. It is
    /// close-on-exec ([ioctl_ns(2)](https://man7.org/linux/man-pages/man2/ioctl_ns.2.html)).
    ///
    /// # Errors
    ///
    /// `EPERM` where the owner is neither the caller's user namespace nor below it, `ENOTTY` for
    /// something that is no namespace.
    pub fn ns_get_userns(&self, fd: Fd) -> Result<Fd, Errno> {
        // SAFETY: the request takes no argument.
        unsafe { self.int(Sysno::ioctl, from_int(fd), NS_GET_USERNS as usize, 0) }
    }

    /// `openat(AT_FDCWD, path, flags)`—Opens a file that exists.
    ///
    /// # Errors
    ///
    /// `ENOENT`, `EACCES`, `ENOTDIR`, `EMFILE` and the others of open(2).
    pub fn openat(&self, path: &CStr, flags: u32) -> Result<Fd, Errno> {
        let path = path.as_ptr().addr();
        // SAFETY: the kernel only reads `path`, up to its NUL.
        unsafe { self.int(Sysno::openat, from_int(AT_FDCWD), path, flags as usize) }
    }

    /// `read(fd, buf, count)`—Reads into `buf`, and says how many bytes: 0 at the end.
    ///
    /// # Errors
    ///
    /// `EBADF`, `EISDIR`, `EIO`, `EAGAIN`, `EINTR` and others of the file's own.
    pub fn read(&self, fd: Fd, buf: &mut [u8]) -> Result<usize, Errno> {
        let address = buf.as_mut_ptr().expose_provenance();
        // SAFETY: the kernel writes no more than the buffer's length.
        unsafe { self.call(Sysno::read, from_int(fd), address, buf.len()) }.result()
    }

    /// `fcntl(fd, F_GETFD)`—Whether there is a descriptor `fd`.
    ///
    /// # Errors
    ///
    /// `EBADF` where there is none.
    pub fn fcntl_getfd(&self, fd: Fd) -> Result<(), Errno> {
        // SAFETY: no memory is involved.
        unsafe { self.done(Sysno::fcntl, from_int(fd), F_GETFD as usize, 0) }
    }

    /// `execve(pathname, argv, envp)`—Becomes another program. Returns only where it cannot: the
    /// reason.
    ///
    /// `EACCES` for a file that may not be executed, `ENOENT`, `ENOEXEC` for a file that is no
    /// program, `E2BIG`, `ENOMEM` and the others of execve(2).
    #[must_use]
    pub fn execve(&self, pathname: &CStr, argv: &Strings<'_>, envp: &Strings<'_>) -> Errno {
        let pathname = pathname.as_ptr().addr();
        let (argv, envp) = (argv.as_ptr().addr(), envp.as_ptr().addr());
        // SAFETY: a C string and two arrays of C strings with a null pointer at their end, all of
        // which the kernel only reads.
        let raw = unsafe { self.last_call(Sysno::execve, pathname, argv, envp) };
        // The kernel does not return 0, but a tracer may: then, too, nothing was executed.
        raw.result().err().unwrap_or(Errno::ENOEXEC)
    }

    /// `wait4(pid, wstatus, 0, NULL)`—Waits until the child `pid` ends. Gives the id of the child
    /// that did, and how.
    ///
    /// # Errors
    ///
    /// `ECHILD` where it is no child of the caller, or its end was not to be waited for
    /// (`SIGCHLD` ignored); `EINTR` where a signal handler ran.
    pub fn wait4(&self, pid: Pid) -> Result<(Pid, WaitStatus), Errno> {
        let mut wstatus: c_int = 0;
        let address = ptr::from_mut(&mut wstatus).expose_provenance();
        // SAFETY: the kernel writes one int.
        let pid = unsafe { self.int(Sysno::wait4, from_int(pid), address, 0) }?;
        Ok((pid, WaitStatus(wstatus)))
    }

    /// `kill(pid, sig)`—Sends a signal to a process.
    ///
    /// # Errors
    ///
    /// `ESRCH` where there is no such process, `EPERM`, `EINVAL`.
    pub fn kill(&self, pid: Pid, sig: u32) -> Result<(), Errno> {
        // SAFETY: no memory is involved.
        unsafe { self.done(Sysno::kill, from_int(pid), sig as usize, 0) }
    }

    /// `rt_sigaction(signum, {SIG_IGN}, NULL, 8)`—Ignores a signal.
    ///
    /// # Errors
    ///
    /// `EINVAL` for a signal that there is not, or that cannot be ignored.
    pub fn ignore(&self, signum: u32) -> Result<(), Errno> {
        self.rt_sigaction(signum, sig_ign(), 0)
    }

    /// `rt_sigaction(signum, {SIG_DFL}, NULL, 8)`—Has a signal do what it does by default.
    ///
    /// # Errors
    ///
    /// `EINVAL` for a signal that there is not.
    pub fn reset(&self, signum: u32) -> Result<(), Errno> {
        self.rt_sigaction(signum, SIG_DFL, 0)
    }

    /// `setitimer(ITIMER_REAL, {seconds}, NULL)`—The caller gets a `SIGALRM` when so many seconds
    /// have passed.
    ///
    /// # Errors
    ///
    /// `EINVAL` for a negative number of seconds.
    pub fn setitimer(&self, seconds: i64) -> Result<(), Errno> {
        let never = __kernel_old_timeval { tv_sec: 0, tv_usec: 0 };
        let then = __kernel_old_timeval { tv_sec: seconds, tv_usec: 0 };
        let new_value = __kernel_old_itimerval { it_interval: never, it_value: then };
        let address = ptr::from_ref(&new_value).addr();
        // SAFETY: the kernel reads one itimerval.
        unsafe { self.done(Sysno::setitimer, ITIMER_REAL as usize, address, 0) }
    }

    /// `prctl(PR_SET_PDEATHSIG, sig)`—The caller gets `sig` when its parent dies.
    ///
    /// # Errors
    ///
    /// `EINVAL` for a signal that there is not.
    pub fn set_pdeathsig(&self, sig: u32) -> Result<(), Errno> {
        // SAFETY: no memory is involved.
        unsafe { self.done(Sysno::prctl, PR_SET_PDEATHSIG as usize, sig as usize, 0) }
    }

    /// `rt_sigaction(signum, {handler}, NULL, 8)`—Has a signal call `handler`, which does not
    /// return.
    ///
    /// # Errors
    ///
    /// `EINVAL` for a signal that there is not, or that cannot be caught.
    pub fn catch(&self, signum: u32, handler: unsafe extern "C" fn(c_int)) -> Result<(), Errno> {
        self.rt_sigaction(signum, Some(handler), arch::HANDLER_FLAGS)
    }

    /// `rt_sigaction(signum, {handler, flags}, NULL, 8)`.
    fn rt_sigaction(
        &self,
        signum: u32,
        handler: __kernel_sighandler_t,
        flags: u32,
    ) -> Result<(), Errno> {
        let act = arch::sigaction(handler, flags);
        let act = ptr::from_ref(&act).addr();
        let size = size_of::<kernel_sigset_t>();
        // SAFETY: the kernel reads one kernel_sigaction. A handler is code of ours that does not
        // touch what it interrupts.
        unsafe { self.call6(Sysno::rt_sigaction, [signum as usize, act, 0, size, 0, 0]) }.done()
    }

    /// `prctl(PR_GET_SECCOMP)`—The caller's seccomp mode: 0, or `SECCOMP_MODE_FILTER`.
    ///
    /// # Errors
    ///
    /// `EINVAL` on a kernel without seccomp.
    pub fn get_seccomp(&self) -> Result<u32, Errno> {
        // SAFETY: no memory is involved.
        unsafe { self.int(Sysno::prctl, PR_GET_SECCOMP as usize, 0, 0) }.map(c_int::cast_unsigned)
    }

    /// `capget({_LINUX_CAPABILITY_VERSION_3, 0}, data)`—The caller's effective capabilities: bit N
    /// is capability N.
    ///
    /// # Errors
    ///
    /// `EINVAL` on a kernel that does not know this version.
    pub fn capget(&self) -> Result<u64, Errno> {
        let mut hdrp = __user_cap_header_struct { version: _LINUX_CAPABILITY_VERSION_3, pid: 0 };
        let none = __user_cap_data_struct { effective: 0, permitted: 0, inheritable: 0 };
        let mut datap = [none; _LINUX_CAPABILITY_U32S_3 as usize];
        let version = ptr::from_mut(&mut hdrp).expose_provenance();
        let sets = datap.as_mut_ptr().expose_provenance();
        // SAFETY: the kernel writes the header's version, and two structures of this version.
        unsafe { self.done(Sysno::capget, version, sets, 0) }?;
        let [low, high] = datap.map(|part| u64::from(part.effective));
        Ok(high << 32 | low)
    }

    /// `reboot(LINUX_REBOOT_MAGIC1, LINUX_REBOOT_MAGIC2, cmd)`—Ends or restarts the machine, or
    /// sets what Ctrl-Alt-Del does.
    ///
    /// # Errors
    ///
    /// `EPERM` without `CAP_SYS_BOOT`, `EINVAL` for a command that there is not.
    pub fn reboot(&self, cmd: u32) -> Result<(), Errno> {
        let [magic, magic2] = MAGIC;
        // SAFETY: no command that takes a string is used, so no memory is involved.
        unsafe { self.done(Sysno::reboot, magic, magic2, cmd as usize) }
    }

    /// `reboot(LINUX_REBOOT_MAGIC1, LINUX_REBOOT_MAGIC2, LINUX_REBOOT_CMD_POWER_OFF)`—Switches the
    /// machine off. Returns only where it cannot: `EPERM` without `CAP_SYS_BOOT`.
    pub fn power_off(&self) {
        let [magic, magic2] = MAGIC;
        let cmd = LINUX_REBOOT_CMD_POWER_OFF as usize;
        // SAFETY: the command takes no string, so no memory is involved.
        let _ = unsafe { self.last_call(Sysno::reboot, magic, magic2, cmd) };
    }

    /// `sync()`—Writes all that was not yet written to the disks. Cannot fail.
    pub fn sync(&self) {
        // SAFETY: no arguments, no memory.
        let _ = unsafe { self.call(Sysno::sync, 0, 0, 0) };
    }

    /// `getpid()`—The caller's process id. Cannot fail.
    #[must_use]
    pub fn getpid(&self) -> Pid {
        self.id(Sysno::getpid)
    }

    /// `getppid()`—The process id of the caller's parent; 0 or another's when it has died.
    /// Cannot fail.
    #[must_use]
    pub fn getppid(&self) -> Pid {
        self.id(Sysno::getppid)
    }

    /// `geteuid()`—The caller's effective user id. Cannot fail.
    #[must_use]
    pub fn geteuid(&self) -> u32 {
        self.id(Sysno::geteuid).cast_unsigned()
    }

    /// `getegid()`—The caller's effective group id. Cannot fail.
    #[must_use]
    pub fn getegid(&self) -> u32 {
        self.id(Sysno::getegid).cast_unsigned()
    }

    /// A call without arguments that gives an id.
    fn id(&self, number: Sysno) -> Pid {
        // SAFETY: no arguments, no memory.
        unsafe { self.int(number, 0, 0, 0) }.unwrap_or_default()
    }

    /// `exit(status)`—Ends the calling thread: of the child there is but one.
    pub fn exit(&self, status: c_int) -> ! {
        self.end(Sysno::exit, status)
    }

    /// `exit_group(status)`—Ends the process.
    pub fn exit_group(&self, status: u8) -> ! {
        self.end(Sysno::exit_group, status.into())
    }

    fn end(&self, number: Sysno, status: c_int) -> ! {
        // SAFETY: no memory is involved.
        let _ = unsafe { self.last_call(number, from_int(status), 0, 0) };
        // Where a tracer lets the call return, there is nothing to go on with.
        arch::trap()
    }
}

/// What a system call leaves in the register of its result.
#[must_use]
#[derive(Clone, Copy)]
struct Raw(usize);

impl Raw {
    /// What it means: from -4095 to -1 it is a negative errno (syscall(2), "Return value").
    fn result(self) -> Result<usize, Errno> {
        Errno::from_ret(self.0)
    }

    /// The same, where success has no value.
    fn done(self) -> Result<(), Errno> {
        self.result().map(|_| ())
    }

    /// The same, where it is an int.
    fn int(self) -> Result<c_int, Errno> {
        self.result().map(|word| word as c_int)
    }
}

/// The instruction itself.
///
/// # Safety
///
/// As for the call: pointers among `args` must be good for what the kernel does with them.
unsafe fn raw_call(number: Sysno, args: &Args) -> Raw {
    let [first, second, third, fourth, fifth, sixth] = *args;
    // SAFETY: the caller keeps the call's contract.
    Raw(unsafe { raw::syscall6(number as usize, first, second, third, fourth, fifth, sixth) })
}

/// Writes the line that shows a call, by calls that are not shown. Where it cannot be written, the
/// program goes on.
#[cold]
#[inline(never)]
fn show(trace: Trace, call: &Call<'_>) {
    if call.is_shown(trace) {
        let unseen = Sys::new(Trace::Off);
        let mut line = Line::new();
        call.show(&mut line, trace, unseen.getpid().unsigned_abs().into());
        let _ = line.write_to(&unseen, STDERR);
    }
}

/// What a new child is to do.
struct Start<'a> {
    sys: &'a Sys,
    flags: u32,
    child_stack: &'a Stack,
    func: extern "C" fn(*const c_void) -> c_int,
    arg: *const c_void,
}

impl Start<'_> {
    /// The arguments of its clone(2), as the kernel gets them.
    fn args(&self) -> Args {
        [self.flags as usize, self.child_stack.child_stack().addr(), 0, 0, 0, 0]
    }
}

/// The first function of a child: for it, clone returns 0.
extern "C" fn child_start(start: *const c_void) -> c_int {
    // SAFETY: `Sys::start` passes a `Start`, of which the child has a copy.
    let start = unsafe { &*start.cast::<Start<'_>>() };
    start.sys.show(Sysno::clone, &start.args(), Some(Raw(0)));
    let status = (start.func)(start.arg);
    start.sys.exit(status)
}

/// The bytes of a field of uname(2)'s, without the NUL that ends them.
#[must_use]
pub fn until_nul(field: &[c_char]) -> &[u8] {
    // SAFETY: a char is a byte, whatever its sign is on this CPU.
    let bytes = unsafe { slice::from_raw_parts(field.as_ptr().cast::<u8>(), field.len()) };
    bytes.split(|byte| *byte == 0).next().unwrap_or_default()
}

/// An int as a system call takes it.
fn from_int(value: c_int) -> usize {
    value as usize
}
