// SPDX-License-Identifier: MIT OR Apache-2.0
//! The one list of system calls: a call that is not in it cannot be made.
//!
//! A row of [`calls!`](self) makes a variant of [`Call`], which is the name that errors and the
//! trace use, and a constructor of [`Request`], which is what [`Sys::call`](super::Sys::call)
//! takes. The kind of each argument says how the trace shows it. To add a call is to add its row
//! here, and its method beside the others of its topic.

use core::ffi::c_int;

use syscalls::{Errno, Sysno, raw};

use super::bytes::Name;
use crate::cpu::{self, number};

/// The most arguments that a call can have: there are no more registers (syscall(2)).
const MOST_ARGS: usize = 6;

/// The longest name of a call, in bytes.
const LONGEST_NAME: usize = 24;

/// What an argument is. The trace has a case for each (`text::argument`).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// An int, such as a process id or a descriptor.
    Int,
    /// A size in bytes.
    Size,
    /// An address at which nothing is to be shown.
    Address,
    /// A C string, shown whole.
    Path,
    /// Bytes, as many as the next argument says.
    Bytes,
    /// A name, with its length in the next argument.
    Nodename,
    /// Bytes that the call fills in, as many as its result says.
    Filled,
    /// An array of C strings, shown one by one.
    Argv,
    /// An array of C strings, counted.
    Envp,
    /// A `timespec`.
    Timespec,
    /// A `__kernel_timespec`, whose seconds have 64 bits on every CPU.
    Timespec64,
    /// `CLOCK_…` of clock_nanosleep(2).
    Clock,
    /// A `new_utsname` that the call fills in.
    Utsname,
    /// A status of wait(2) that the call fills in.
    WaitStatus,
    /// A `kernel_sigaction`.
    Sigaction,
    /// The header of capget(2) and capset(2).
    CapHeader,
    /// The sets of capget(2), which fills them in.
    CapFilled,
    /// The sets of capset(2).
    CapSets,
    /// A signal.
    Signal,
    /// A set of signals.
    Sigset,
    /// A set of signals that the call fills in.
    SigsetFilled,
    /// A `siginfo_t`.
    Siginfo,
    /// A `siginfo_t` that the call fills in.
    SiginfoFilled,
    /// A `kernel_sigaction` that the call fills in.
    SigactionFilled,
    /// A user or group id; -1 for one that is to stay.
    Id,
    /// The two descriptors of pipe(2), which fills them in.
    Pipe,
    /// A `statx` that the call fills in.
    Statx,
    /// A `clone_args` of clone3(2).
    CloneArgs,
    /// `AT_FDCWD`.
    Dirfd,
    /// `PROT_…` of mmap(2).
    Prot,
    /// `MAP_…` of mmap(2).
    Map,
    /// `CLONE_NEW…` of unshare(2) and setns(2).
    Namespaces,
    /// clone(2)'s flags, shown behind the child's stack, as strace does.
    Clone,
    /// `MS_…` of mount(2).
    Mount,
    /// `O_…` of open(2).
    Open,
    /// The mode of a file that open(2) makes.
    OpenMode,
    /// `MNT_…` of umount(2).
    Umount,
    /// `PIDFD_…` of pidfd_open(2).
    Pidfd,
    /// `O_…` of pipe(2).
    PipeFlags,
    /// `SIG_…` of sigprocmask(2).
    How,
    /// `AT_STATX_…` of statx(2).
    StatxFlags,
    /// `STATX_…` of statx(2).
    StatxMask,
    /// `W…` of wait4(2).
    WaitOptions,
    /// The permissions of a new folder.
    Mode,
    /// `F_…` of fcntl(2).
    Fcntl,
    /// What a command of fcntl(2) takes, if it takes anything.
    FcntlArg,
    /// The request of an ioctl(2).
    Ioctl,
    /// What a request of an ioctl(2) takes, if it takes anything.
    IoctlArg,
    /// `PR_…` of prctl(2).
    Prctl,
    /// What an option of prctl(2) takes, if it takes anything.
    PrctlArg,
    /// `LINUX_REBOOT_…` of reboot(2).
    Reboot,
    /// What strace does not show.
    Hidden,
}

/// What there is to know of a call.
pub struct Row {
    /// Which.
    pub call: Call,
    /// Its number on this CPU.
    pub number: Sysno,
    /// Its name in the kernel of this CPU.
    name: Name<LONGEST_NAME>,
    /// The kinds of its arguments.
    kinds: [Option<Kind>; MOST_ARGS],
}

impl Row {
    const fn new(call: Call, number: Sysno, given: &[Kind]) -> Self {
        let mut kinds = [None; MOST_ARGS];
        let mut place = 0;
        while place < given.len() {
            kinds[place] = Some(given[place]);
            place += 1;
        }
        Self { call, number, name: Name::new(number.name()), kinds }
    }

    /// Its name in the kernel of this CPU.
    #[must_use]
    pub fn name(&self) -> &[u8] {
        self.name.as_bytes()
    }

    /// The kinds of its arguments, as many as it has.
    pub fn kinds(&self) -> impl Iterator<Item = Kind> {
        self.kinds.iter().map_while(|kind| *kind)
    }
}

/// An argument as it lies in a register.
#[derive(Clone, Copy)]
pub struct Word(usize);

impl From<usize> for Word {
    fn from(value: usize) -> Self {
        Self(value)
    }
}

impl From<u32> for Word {
    fn from(value: u32) -> Self {
        Self(value as usize)
    }
}

impl From<c_int> for Word {
    /// With its sign, as C widens it.
    #[expect(clippy::cast_sign_loss, reason = "a register has no sign")]
    fn from(value: c_int) -> Self {
        Self(value as usize)
    }
}

impl<T> From<*const T> for Word {
    /// An address that the kernel, and whoever shows the call, may follow.
    fn from(value: *const T) -> Self {
        Self(value.expose_provenance())
    }
}

impl<T> From<*mut T> for Word {
    fn from(value: *mut T) -> Self {
        Self(value.expose_provenance())
    }
}

/// A call with its arguments, ready to be made.
#[derive(Clone, Copy)]
pub struct Request {
    /// Which.
    pub call: Call,
    /// Its arguments, in the order of its manual page, and zeros behind them.
    pub args: [usize; MOST_ARGS],
}

impl Request {
    fn new<const COUNT: usize>(call: Call, given: [Word; COUNT]) -> Self {
        let word = |index: usize| given.get(index).map_or(0, |Word(word)| *word);
        Self { call, args: [word(0), word(1), word(2), word(3), word(4), word(5)] }
    }

    /// The words that lie in the registers of the call, one after the other, and zeros behind them;
    /// and how many they are.
    #[must_use]
    pub fn registers(&self) -> ([usize; MOST_ARGS], usize) {
        let row = self.call.row();
        let (words, most) = cpu::registers(row.number, &self.args);
        (words, row.kinds().count().min(most))
    }

    /// Makes the call.
    ///
    /// # Errors
    ///
    /// The call's own: a result from -4095 to -1 is a negative errno (syscall(2), "Return value").
    ///
    /// # Safety
    ///
    /// What the call itself asks for: pointers among the arguments must be good for what the kernel
    /// does with them.
    pub(super) unsafe fn make(&self) -> Result<usize, Errno> {
        // SAFETY: the caller keeps the call's contract.
        Errno::from_ret(unsafe { self.make_raw() })
    }

    /// Makes the call, and gives the word that the kernel gives. This is the one way to the kernel,
    /// but for clone's trampoline.
    ///
    /// # Safety
    ///
    /// Same contract as [`Request::make`].
    pub(super) unsafe fn make_raw(&self) -> usize {
        let number = self.call.row().number;
        let [first, second, third, fourth, fifth, sixth] = cpu::registers(number, &self.args).0;
        // SAFETY: the caller keeps the call's contract.
        unsafe { raw::syscall6(number as usize, first, second, third, fourth, fifth, sixth) }
    }
}

/// Makes [`Call`], the constructors of [`Request`] and [`TABLE`] from the rows.
macro_rules! calls {
    ($($call:ident($($arg:ident: $kind:ident),*);)*) => {
        /// The system calls of this program, by their names in the manual pages.
        #[allow(non_camel_case_types, missing_docs, reason = "the names say it all")]
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        pub enum Call {
            $($call),*
        }

        #[allow(missing_docs, clippy::too_many_arguments, reason = "as the call has them")]
        impl Request {
            $(
                #[must_use]
                pub fn $call($($arg: impl Into<Word>),*) -> Self {
                    Self::new(Call::$call, [$($arg.into()),*])
                }
            )*
        }

        /// The rows, in the order of [`Call`].
        pub const TABLE: &[Row] =
            &[$(Row::new(Call::$call, number::$call, &[$(Kind::$kind),*])),*];
    };
}

calls! {
    capget(hdrp: CapHeader, datap: CapFilled);
    capset(hdrp: CapHeader, datap: CapSets);
    chroot(path: Path);
    clock_nanosleep(clockid: Clock, flags: Int, request: Timespec64, remain: Address);
    clone(flags: Clone, child_stack: Hidden, parent_tid: Hidden, child_tid: Hidden, tls: Hidden);
    clone3(cl_args: CloneArgs, size: Size);
    close(fd: Int);
    execve(pathname: Path, argv: Argv, envp: Envp);
    exit(status: Int);
    exit_group(status: Int);
    fcntl(fd: Int, cmd: Fcntl, arg: FcntlArg);
    getegid();
    geteuid();
    getpid();
    getpgid(pid: Int);
    getppid();
    getsid(pid: Int);
    ioctl(fd: Int, request: Ioctl, arg: IoctlArg);
    kill(pid: Int, sig: Signal);
    mkdirat(dirfd: Dirfd, pathname: Path, mode: Mode);
    mmap(addr: Address, length: Size, prot: Prot, flags: Map, fd: Int, offset: Size);
    mount(source: Path, target: Path, filesystemtype: Path, mountflags: Mount, data: Address);
    mprotect(addr: Address, size: Size, prot: Prot);
    nanosleep(req: Timespec, rem: Address);
    openat(dirfd: Dirfd, pathname: Path, flags: Open, mode: OpenMode);
    pidfd_open(pid: Int, flags: Pidfd);
    pipe2(pipefd: Pipe, flags: PipeFlags);
    prctl(option: Prctl, arg2: PrctlArg);
    read(fd: Int, buf: Filled, count: Size);
    readlinkat(dirfd: Dirfd, pathname: Path, buf: Filled, bufsiz: Size);
    reboot(magic: Reboot, magic2: Reboot, cmd: Reboot);
    rt_sigaction(signum: Signal, act: Sigaction, oldact: SigactionFilled, sigsetsize: Size);
    rt_sigpending(set: SigsetFilled, sigsetsize: Size);
    rt_sigprocmask(how: How, set: Sigset, oldset: SigsetFilled, sigsetsize: Size);
    rt_sigqueueinfo(pid: Int, sig: Signal, info: Siginfo);
    rt_sigtimedwait(set: Sigset, info: SiginfoFilled, timeout: Address, sigsetsize: Size);
    rt_sigtimedwait_time64(set: Sigset, info: SiginfoFilled, timeout: Address, sigsetsize: Size);
    setdomainname(name: Nodename, len: Size);
    sethostname(name: Nodename, len: Size);
    setns(fd: Int, nstype: Namespaces);
    setpgid(pid: Int, pgid: Int);
    setresgid(rgid: Id, egid: Id, sgid: Id);
    setresuid(ruid: Id, euid: Id, suid: Id);
    statx(dirfd: Dirfd, pathname: Path, flags: StatxFlags, mask: StatxMask, statxbuf: Statx);
    sync();
    umount2(target: Path, flags: Umount);
    uname(buf: Utsname);
    unlinkat(dirfd: Dirfd, pathname: Path, flags: Size);
    unshare(flags: Namespaces);
    wait4(pid: Int, wstatus: WaitStatus, options: WaitOptions, rusage: Address);
    write(fd: Int, buf: Bytes, count: Size);
}

impl Call {
    /// What there is to know of it.
    #[must_use]
    pub fn row(self) -> &'static Row {
        &TABLE[self as usize]
    }
}
