//! The one door to the kernel: a method per system call, with the kernel's names and types.
//! Each follows the manual page of its name, section 2; the facts relied on stand beside it.
#![allow(clippy::unused_self, reason = "who holds a `Sys` may make calls")]
#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_sign_loss,
    reason = "a system call's words are words: their types are in the manual pages"
)]

use core::ffi::{CStr, c_char, c_int, c_void};
use core::mem::{self, MaybeUninit};
use core::{ptr, slice};

use linux_raw_sys::general::{kernel_sigaction, kernel_sigset_t, timespec};
use linux_raw_sys::prctl::PR_SET_PDEATHSIG;
use linux_raw_sys::signal_macros::sig_ign;
use linux_raw_sys::system::new_utsname;
use syscalls::{Errno, Sysno, raw};

use crate::arch;
use crate::stack::Stack;

/// A process id, or 0 for the calling process where the kernel says so.
pub type Pid = c_int;

/// A file descriptor.
pub type Fd = c_int;

/// Standard output's descriptor (stdin(3)).
pub const STDOUT: Fd = 1;

/// Standard error's descriptor (stdin(3)).
pub const STDERR: Fd = 2;

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

/// The kernel, as the rest of the program sees it.
pub struct Sys;

impl Sys {
    /// Makes one system call.
    ///
    /// An error is a result from -4095 to -1, the negative errno (syscall(2), "Return value").
    ///
    /// # Safety
    ///
    /// As for the call: pointers among `args` must be good for what the kernel does with them.
    unsafe fn call(&self, number: Sysno, args: &[usize]) -> Result<usize, Errno> {
        let mut words = [0; 6];
        for (word, arg) in words.iter_mut().zip(args) {
            *word = *arg;
        }
        let [first, second, third, fourth, fifth, sixth] = words;
        // SAFETY: the caller keeps the call's contract.
        let result =
            unsafe { raw::syscall6(number as usize, first, second, third, fourth, fifth, sixth) };
        Errno::from_ret(result)
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
            self.call(Sysno::mmap, &[0, length, prot as usize, flags as usize, no_file, 0])
        }?;
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
        unsafe { self.call(Sysno::mprotect, &[addr.addr(), size, prot as usize]) }?;
        Ok(())
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
        // SAFETY: `func` gets what it accepts; the rest is this function's own contract.
        unsafe { self.raw_clone(flags, child_stack, func, ptr::from_ref(arg).cast()) }
    }

    /// [`Sys::clone`] for an argument of any type.
    ///
    /// # Safety
    ///
    /// As for that, and `func` accepts `arg`.
    unsafe fn raw_clone(
        &self,
        flags: u32,
        child_stack: &Stack,
        func: extern "C" fn(*const c_void) -> c_int,
        arg: *const c_void,
    ) -> Result<Pid, Errno> {
        // SAFETY: the stack is writable up to its top and free, by this function's own contract,
        // and `func` gets what it accepts, in the child's copy of the memory.
        let result = unsafe { arch::clone(flags as usize, child_stack.top(), func, arg) };
        Errno::from_ret(result).map(to_int)
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
        unsafe { self.call(Sysno::write, &[from_int(fd), buf.as_ptr().addr(), buf.len()]) }
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
        match unsafe { self.call(Sysno::nanosleep, &[req, rem]) } {
            Ok(_) => Ok(Sleep::Done),
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
        unsafe { self.call(Sysno::uname, &[buf.as_mut_ptr().expose_provenance()]) }?;
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
        unsafe { self.call(Sysno::sethostname, &[name.as_ptr().addr(), name.len()]) }?;
        Ok(())
    }

    /// `wait4(pid, wstatus, 0, NULL)`—Waits until the child `pid` ends.
    ///
    /// # Errors
    ///
    /// `ECHILD` where it is no child of the caller, or its end was not to be waited for
    /// (`SIGCHLD` ignored); `EINTR` where a signal handler ran.
    pub fn wait4(&self, pid: Pid) -> Result<WaitStatus, Errno> {
        let mut wstatus: c_int = 0;
        let address = ptr::from_mut(&mut wstatus).expose_provenance();
        // SAFETY: the kernel writes one int.
        unsafe { self.call(Sysno::wait4, &[from_int(pid), address, 0, 0]) }?;
        Ok(WaitStatus(wstatus))
    }

    /// `kill(pid, sig)`—Sends a signal to a process.
    ///
    /// # Errors
    ///
    /// `ESRCH` where there is no such process, `EPERM`, `EINVAL`.
    pub fn kill(&self, pid: Pid, sig: u32) -> Result<(), Errno> {
        // SAFETY: no memory is involved.
        unsafe { self.call(Sysno::kill, &[from_int(pid), sig as usize]) }?;
        Ok(())
    }

    /// `rt_sigaction(signum, {SIG_IGN}, NULL, 8)`—Ignores a signal.
    ///
    /// # Errors
    ///
    /// `EINVAL` for a signal that there is not, or that cannot be ignored.
    pub fn ignore(&self, signum: u32) -> Result<(), Errno> {
        let act = kernel_sigaction {
            sa_handler_kernel: sig_ign(),
            sa_flags: 0,
            sa_restorer: None,
            sa_mask: kernel_sigset_t { sig: [0] },
        };
        let act = ptr::from_ref(&act).addr();
        let size = size_of::<kernel_sigset_t>();
        // SAFETY: the kernel reads one kernel_sigaction; to ignore runs no code of ours.
        unsafe { self.call(Sysno::rt_sigaction, &[signum as usize, act, 0, size]) }?;
        Ok(())
    }

    /// `prctl(PR_SET_PDEATHSIG, sig)`—The caller gets `sig` when its parent dies.
    ///
    /// # Errors
    ///
    /// `EINVAL` for a signal that there is not.
    pub fn set_pdeathsig(&self, sig: u32) -> Result<(), Errno> {
        // SAFETY: no memory is involved.
        unsafe { self.call(Sysno::prctl, &[PR_SET_PDEATHSIG as usize, sig as usize]) }?;
        Ok(())
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

    /// A call without arguments that gives an id.
    fn id(&self, number: Sysno) -> Pid {
        // SAFETY: no arguments, no memory.
        to_int(unsafe { self.call(number, &[]) }.unwrap_or_default())
    }

    /// `exit_group(status)`—Ends the process.
    pub fn exit_group(&self, status: u8) -> ! {
        loop {
            // SAFETY: no memory is involved. Where a tracer or an emulator lets the call return,
            // it is made again: there is nothing after it.
            let _ = unsafe { self.call(Sysno::exit_group, &[usize::from(status)]) };
        }
    }
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

/// An int as a system call gives it: the lower half of the register.
fn to_int(word: usize) -> c_int {
    word as c_int
}
