//! `--check`: does this kernel keep the promises of uts_namespaces(7)?
//! Follows the manual pages that the checks name; the output is KTAP (the kernel's ktap.rst).
//!
//! A check is a list of steps. It runs in a process of its own, in a sandbox: a UTS namespace of
//! its own, in a user namespace of its own where that can be had. There no check has power over the
//! caller's names, whatever else goes wrong.
//!
//! To add a check, add it to the list of `checks!`: what it needs, the promise, and the steps, each
//! of which must go as it says.
#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_sign_loss,
    reason = "the words of a step are words of a call"
)]

use core::ffi::{CStr, c_char};
use core::mem::MaybeUninit;
use core::{mem, ptr, slice};

use linux_raw_sys::errno;
use linux_raw_sys::general::{
    __user_cap_data_struct, __user_cap_header_struct, _LINUX_CAPABILITY_U32S_3,
    _LINUX_CAPABILITY_VERSION_3, AT_FDCWD, CLONE_NEWNS, CLONE_NEWUSER, CLONE_NEWUTS, CLONE_VFORK,
    MS_BIND, MS_PRIVATE, MS_REC, O_RDONLY, SIGALRM, SIGCHLD, SIGKILL,
};
use linux_raw_sys::system::__NEW_UTS_LEN;
use syscalls::{Errno, Sysno};

use crate::failure::{During as _, Failure};
use crate::init::Init;
use crate::line::Line;
use crate::namespace::Outside;
use crate::packed;
use crate::packed::unpack;
use crate::sys::{Fork, Pid, STDOUT, Sys, until_nul};

/// How long a check may take, in seconds.
const LIMIT: i64 = 5;

/// What names are made of.
const LETTER: u8 = b'x';

/// A file of /proc: the UTS namespace of the process that opens it.
const UTS_FILE: &CStr = c"/proc/self/ns/uts";

/// What a check needs, and a machine may lack.
#[derive(Clone, Copy)]
enum Need {
    /// Nothing.
    Nothing,
    /// A UTS namespace, and the capability in it.
    Power,
    /// User namespaces.
    User,
    /// The capability, and /proc.
    Proc,
    /// The capability, and setns(2) with a pidfd.
    Pidfd,
}

/// What a step does. Most are the calls of their names, with the step's two words.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Act {
    Capset,
    Clone,
    Kill,
    /// mount(2) of one path on another.
    MountBind,
    /// The same for a path and all below it, so that what is mounted there is mounted in this mount
    /// namespace only: mount_namespaces(7), "Shared subtrees".
    MountPrivate,
    Openat,
    PidfdOpen,
    Setdomainname,
    Sethostname,
    Setns,
    Setpgid,
    Uname,
    Unshare,
    Wait4,
    /// The host name is of this length, with nothing but NULs behind it.
    Nodename,
    /// The domain name is.
    Domainname,
    /// The call that follows fails, with this errno.
    Expect,
    /// Makes a child, in new namespaces if so told. It does the steps up to the next `Exit`, and this
    /// process those behind it.
    Fork,
    /// The child ends with this status.
    Exit,
    /// Waits for the child: it ends with this status.
    Wait,
    /// The check ends.
    End,
}

/// A word of a call, in a byte: a number, or from `MINUS_ONE` on what [`Process::word`] makes one of.
type Word = u8;

/// The longest name, in bytes.
const LONGEST: Word = __NEW_UTS_LEN as Word;
/// A name that is too long.
const TOO_LONG: Word = LONGEST + 1;
/// The status of a child that `SIGKILL` killed.
const KILLED: Word = 128 + SIGKILL as Word;
/// The signal.
const KILL: Word = SIGKILL as Word;
/// An address where nothing is: nobody may map the first page (proc(5), `mmap_min_addr`).
const NOWHERE: Word = 1;

const MINUS_ONE: Word = 0xc0;
const CWD: Word = 0xc1;
const NEWNS: Word = 0xc2;
const NEWUSER: Word = 0xc3;
const NEWUTS: Word = 0xc4;
const NEWUTS_NEWUSER: Word = 0xc5;
/// A flag that unshare(2) does not have, beside one that it has.
const NEWUTS_VFORK: Word = 0xc6;
/// No process: ids end at 2^22 (proc(5), `pid_max`).
const NOBODY: Word = 0xc7;
/// The caller's process id.
const ME: Word = 0xc8;
/// That of its parent.
const PARENT: Word = 0xc9;
/// The descriptor or child that was made last.
const LAST: Word = 0xca;
/// The address of a name. All names are its beginning, and differ in their lengths.
const NAME: Word = 0xcb;
/// The addresses of the structures of capset(2): no capabilities.
const CAP_HEADER: Word = 0xcc;
const CAP_NONE: Word = 0xcd;
/// The addresses of paths.
const OWN_UTS: Word = 0xce;
const MOUNT_POINT: Word = 0xcf;
const ROOT: Word = 0xd0;

/// One step: what to do, and with which words.
struct Step {
    act: Act,
    words: [Word; 2],
}

/// The list of the checks: makes three tables of it, without a pointer, which would have to be
/// relocated.
macro_rules! checks {
    ($($need:ident $promise:literal: $($act:ident($($word:tt)*) $(= $errno:ident)?)*;)*) => {
        /// What each needs.
        const NEEDS: &[Need] = &[$(Need::$need),*];

        /// The promises.
        const PROMISES: &[u8] = packed!(concat!($($promise, "\0"),*));

        /// The steps, up to an `End` for each.
        const STEPS: &[Step] = &[$(
            $(
                $(step(Act::Expect, &[errno::$errno as Word]),)?
                step(Act::$act, &[$($word),*]),
            )*
            step(Act::End, &[]),
        )*];
    };
}

/// Makes a step. Words that are missing are 0.
const fn step(act: Act, given: &[Word]) -> Step {
    let mut words = [0; 2];
    let (place, _) = words.split_at_mut(given.len());
    place.copy_from_slice(given);
    Step { act, words }
}

checks! {
    Nothing "uname(2): EFAULT for a bad address":
        Uname(NOWHERE) = EFAULT;
    Power "uname(2): no stale bytes after nodename":
        Sethostname(NAME LONGEST) Sethostname(NAME 5) Nodename(5);
    Power "uname(2): no stale bytes after domainname":
        Setdomainname(NAME LONGEST) Setdomainname(NAME 5) Domainname(5);

    Power "sethostname(2): takes 64 bytes":
        Sethostname(NAME LONGEST) Nodename(LONGEST);
    Power "sethostname(2): takes no bytes":
        Sethostname(NAME 0) Nodename(0);
    Power "sethostname(2): EINVAL for 65 bytes":
        Sethostname(NAME 5) Sethostname(NAME TOO_LONG) = EINVAL Nodename(5);
    Power "sethostname(2): EINVAL for a negative length":
        Sethostname(NAME MINUS_ONE) = EINVAL;
    Power "sethostname(2): EFAULT for a bad address":
        Sethostname(NOWHERE 5) = EFAULT;
    Nothing "sethostname(2): EPERM without CAP_SYS_ADMIN, whatever the length":
        Capset(CAP_HEADER CAP_NONE) Sethostname(NAME 0) = EPERM Sethostname(NAME TOO_LONG) = EPERM;

    Power "setdomainname(2): takes 64 bytes":
        Setdomainname(NAME LONGEST) Domainname(LONGEST);
    Power "setdomainname(2): EINVAL for 65 bytes":
        Setdomainname(NAME 5) Setdomainname(NAME TOO_LONG) = EINVAL Domainname(5);
    Power "setdomainname(2): EINVAL for a negative length":
        Setdomainname(NAME MINUS_ONE) = EINVAL;
    Power "setdomainname(2): EFAULT for a bad address":
        Setdomainname(NOWHERE 5) = EFAULT;
    Nothing "setdomainname(2): EPERM without CAP_SYS_ADMIN, whatever the length":
        Capset(CAP_HEADER CAP_NONE)
        Setdomainname(NAME 0) = EPERM Setdomainname(NAME TOO_LONG) = EPERM;

    Power "clone(2): no flag, the same names":
        Sethostname(NAME 5) Fork(0) Sethostname(NAME 3) Exit(0) Wait(0)
        Nodename(3);
    Power "clone(2): CLONE_NEWUTS begins with the same names":
        Sethostname(NAME 5) Setdomainname(NAME 3)
        Fork(NEWUTS) Nodename(5) Domainname(3) Exit(0) Wait(0);
    Power "clone(2): CLONE_NEWUTS isolates nodename":
        Sethostname(NAME 5) Fork(NEWUTS) Sethostname(NAME 3) Nodename(3) Exit(0)
        Wait(0) Nodename(5);
    Power "clone(2): CLONE_NEWUTS isolates domainname":
        Setdomainname(NAME 5) Fork(NEWUTS) Setdomainname(NAME 3) Domainname(3)
        Exit(0) Wait(0) Domainname(5);
    Nothing "clone(2): gives the child's getpid(2)":
        Fork(0) Setpgid(0 ME) Exit(0) Wait(0);
    Nothing "clone(2): EPERM for CLONE_NEWUTS without CAP_SYS_ADMIN":
        Capset(CAP_HEADER CAP_NONE) Clone(NEWUTS) = EPERM;

    Power "unshare(2): CLONE_NEWUTS begins with the same names":
        Sethostname(NAME 5) Setdomainname(NAME 3)
        Unshare(NEWUTS) Nodename(5) Domainname(3);
    Power "unshare(2): CLONE_NEWUTS isolates nodename":
        Sethostname(NAME 5) Fork(0) Unshare(NEWUTS) Sethostname(NAME 3)
        Nodename(3) Exit(0) Wait(0) Nodename(5);
    Power "unshare(2): CLONE_NEWUTS isolates domainname":
        Setdomainname(NAME 5) Fork(0) Unshare(NEWUTS) Setdomainname(NAME 3)
        Domainname(3) Exit(0) Wait(0) Domainname(5);
    Power "unshare(2): EINVAL for an invalid flag":
        Unshare(NEWUTS_VFORK) = EINVAL;
    Nothing "unshare(2): EPERM for CLONE_NEWUTS without CAP_SYS_ADMIN":
        Capset(CAP_HEADER CAP_NONE) Unshare(NEWUTS) = EPERM;

    Pidfd "setns(2): a pidfd leads to the names of its process":
        Sethostname(NAME 5) PidfdOpen(PARENT) Unshare(NEWUTS) Sethostname(NAME 3)
        Setns(LAST NEWUTS) Nodename(5);
    Proc "setns(2): a file of /proc leads to its names":
        Sethostname(NAME 5) Openat(CWD OWN_UTS) Unshare(NEWUTS) Sethostname(NAME 3)
        Setns(LAST NEWUTS) Nodename(5);
    Proc "setns(2): EINVAL for the wrong type":
        Openat(CWD OWN_UTS) Setns(LAST NEWNS) = EINVAL;
    Power "setns(2): EINVAL for what is no namespace":
        Openat(CWD ROOT) Setns(LAST NEWUTS) = EINVAL;
    Power "setns(2): EBADF for a bad descriptor":
        Setns(MINUS_ONE NEWUTS) = EBADF;
    Pidfd "setns(2): ESRCH for a process that has ended":
        Fork(0) Exit(0) PidfdOpen(LAST) Wait(0) Setns(LAST NEWUTS) = ESRCH;
    Pidfd "setns(2): EPERM without CAP_SYS_ADMIN":
        PidfdOpen(ME) Capset(CAP_HEADER CAP_NONE) Setns(LAST NEWUTS) = EPERM;

    Nothing "wait(2): gives what clone gave, and the exit status":
        Fork(0) Exit(5) Wait(5);
    Nothing "wait(2): gives the signal that killed":
        Fork(0) Setpgid(0 ME) Kill(ME KILL) Exit(0) Wait(KILLED);
    Nothing "wait(2): ECHILD without a child":
        Wait4(MINUS_ONE) = ECHILD;

    Pidfd "pidfd_open(2): ESRCH for no process":
        PidfdOpen(NOBODY) = ESRCH;
    Pidfd "pidfd_open(2): EINVAL for process id 0":
        PidfdOpen(0) = EINVAL;

    User "user_namespaces(7): clone gives CAP_SYS_ADMIN":
        Capset(CAP_HEADER CAP_NONE) Fork(NEWUTS_NEWUSER) Sethostname(NAME 5) Nodename(5) Exit(0)
        Wait(0);
    User "user_namespaces(7): unshare gives CAP_SYS_ADMIN":
        Capset(CAP_HEADER CAP_NONE) Unshare(NEWUTS_NEWUSER) Sethostname(NAME 5) Nodename(5);
    User "user_namespaces(7): but not over the names outside":
        Fork(NEWUSER) Sethostname(NAME 5) = EPERM Exit(0) Wait(0);

    Proc "namespaces(7): a descriptor keeps a namespace":
        Unshare(NEWUTS) Sethostname(NAME 5) Openat(CWD OWN_UTS)
        Unshare(NEWUTS) Sethostname(NAME 3) Setns(LAST NEWUTS) Nodename(5);
    Proc "namespaces(7): a bind mount keeps a namespace":
        Unshare(NEWUTS) Sethostname(NAME 5) Unshare(NEWNS) MountPrivate(ROOT ROOT)
        MountBind(OWN_UTS MOUNT_POINT)
        Unshare(NEWUTS) Sethostname(NAME 3) Openat(CWD MOUNT_POINT) Setns(LAST NEWUTS)
        Nodename(5);
}

/// Runs all checks and prints what they found. Gives the exit status: 0 if none failed.
#[must_use]
pub fn check(sys: &Sys, init: Init) -> u8 {
    outside(sys, init).unwrap_or_else(|failure| fail(sys, failure))
}

/// Says what failed. Gives the exit status.
fn fail(sys: &Sys, failure: Failure) -> u8 {
    failure.report(sys);
    1
}

/// Has all checks run in a sandbox, and sees to it that the caller is afterwards what it was.
fn outside(sys: &Sys, init: Init) -> Result<u8, Failure> {
    init.catch_signals(sys)?;
    // If the caller ignores these, the checks do too, and would wait in vain.
    sys.reset(SIGALRM).during(Sysno::rt_sigaction)?;
    sys.reset(SIGCHLD).during(Sysno::rt_sigaction)?;

    let mut buf = MaybeUninit::uninit();
    let before = sys.uname(&mut buf).during(Sysno::uname)?;
    let status = match fork(sys, 0).during(Sysno::clone)? {
        Fork::Child => sys.exit_group(sandboxed(sys).unwrap_or_else(|failure| fail(sys, failure))),
        Fork::Parent(pid) => u8::from(!Process { sys, last: 0, child: pid.get() }.wait(0)),
    };
    // Where unshare(2) succeeds and does nothing, there was no sandbox.
    let mut buf = MaybeUninit::uninit();
    let after = sys.uname(&mut buf).during(Sysno::uname)?;
    Ok(status
        | restore(sys, Sysno::sethostname, &before.nodename, &after.nodename)
        | restore(sys, Sysno::setdomainname, &before.domainname, &after.domainname))
}

/// Gives the caller a name back. Gives 1 if it had lost it.
fn restore(sys: &Sys, call: Sysno, before: &[c_char], after: &[c_char]) -> u8 {
    // Who else renames the host meanwhile is no concern of the checks', whose names are letters.
    if before.iter().eq(after) || until_nul(after).iter().any(|byte| *byte != LETTER) {
        return 0;
    }
    let name = until_nul(before);
    // SAFETY: the kernel only reads the name.
    let _ = unsafe { sys.attempt(call, [name.as_ptr().addr(), name.len(), 0, 0, 0, 0]) };
    1
}

/// Runs all checks, in the sandbox that this process makes for itself. Gives the exit status.
fn sandboxed(sys: &Sys) -> Result<u8, Failure> {
    let outside = Outside::ask(sys);
    let user = sys.unshare(CLONE_NEWUSER | CLONE_NEWUTS).during(Sysno::unshare);
    let power = user.or_else(|_| sys.unshare(CLONE_NEWUTS).during(Sysno::unshare));
    // Who has no id in a user namespace can make none in it: user_namespaces(7).
    let user = user.and_then(|()| outside.map(sys, true));
    let lacking = [Ok(()), power, user, power.and(has_proc(sys)), power.and(has_pidfd(sys))];
    // New capabilities take it away: prctl(2), PR_SET_PDEATHSIG.
    let _ = sys.set_pdeathsig(SIGKILL);
    let mut process = Process { sys, last: 0, child: 0 };

    let mut status = 0;
    let mut steps = STEPS.iter();
    for (index, need) in NEEDS.iter().enumerate() {
        let lacking = lacking.get(*need as usize).copied().and_then(Result::err);
        let holds = match lacking {
            None => process.fork(0, &mut steps, Act::End) && process.wait(0),
            Some(_) => steps.any(|step| step.act == Act::End),
        };
        let mut line = Line::new();
        if index == 0 {
            line.text("KTAP version 1\n1..").number(NEEDS.len() as u64).byte(b'\n');
        }
        line.text(if holds { "ok " } else { "not ok " }).number(index as u64 + 1).byte(b' ');
        unpack(&mut line, PROMISES, index);
        if let Some(failure) = lacking {
            failure.describe(line.text(" # SKIP "));
        }
        line.write_to(sys, STDOUT).during(Sysno::write)?;
        status |= u8::from(!holds);
    }
    Ok(status)
}

/// Whether there is a file of /proc for the UTS namespace.
fn has_proc(sys: &Sys) -> Result<(), Failure> {
    sys.openat(UTS_FILE, O_RDONLY).during(Sysno::openat).map(|_| ())
}

/// Whether setns(2) takes a pidfd, as it does from Linux 5.8 on.
fn has_pidfd(sys: &Sys) -> Result<(), Failure> {
    let pidfd = sys.pidfd_open(sys.getpid()).during(Sysno::pidfd_open)?;
    sys.setns(pidfd, CLONE_NEWUTS).during(Sysno::setns)
}

/// A process that does the steps of a check.
struct Process<'a> {
    sys: &'a Sys,
    /// What [`LAST`] stands for.
    last: usize,
    /// The child that was made last.
    child: Pid,
}

impl Process<'_> {
    /// Does steps, until one does not go as it says. Gives the exit status.
    fn perform(&mut self, steps: &mut slice::Iter<'_, Step>) -> u8 {
        let mut expected = 0;
        while let Some(Step { act, words }) = steps.next() {
            let [first, second] = words.map(|word| self.word(word));
            let kept = match act {
                Act::Exit | Act::End => return first as u8,
                Act::Nodename | Act::Domainname => self.is_called(*act, first),
                Act::Fork => self.fork(first, steps, Act::Exit),
                Act::Wait => self.wait(first),
                Act::Expect => {
                    expected = first;
                    true
                }
                _ => self.call(*act, first, second) == mem::take(&mut expected),
            };
            if !kept {
                return 1;
            }
        }
        0
    }

    /// What a word is in this process.
    #[inline(never)] // smaller than inside `perform`
    fn word(&self, word: Word) -> usize {
        const LETTERS: &[u8] = &[LETTER; TOO_LONG as usize];
        const HEADER: &__user_cap_header_struct =
            &__user_cap_header_struct { version: _LINUX_CAPABILITY_VERSION_3, pid: 0 };
        const NONE: &[__user_cap_data_struct] =
            &[__user_cap_data_struct { effective: 0, permitted: 0, inheritable: 0 };
                _LINUX_CAPABILITY_U32S_3 as usize];

        match word {
            MINUS_ONE => u32::MAX as usize,
            CWD => AT_FDCWD as usize,
            NEWNS => CLONE_NEWNS as usize,
            NEWUSER => CLONE_NEWUSER as usize,
            NEWUTS => CLONE_NEWUTS as usize,
            NEWUTS_NEWUSER => (CLONE_NEWUTS | CLONE_NEWUSER) as usize,
            NEWUTS_VFORK => (CLONE_NEWUTS | CLONE_VFORK) as usize,
            NOBODY => Pid::MAX as usize,
            ME => self.sys.getpid() as usize,
            PARENT => self.sys.getppid() as usize,
            LAST => self.last,
            NAME => LETTERS.as_ptr().addr(),
            CAP_HEADER => ptr::from_ref(HEADER).addr(),
            CAP_NONE => NONE.as_ptr().addr(),
            OWN_UTS => UTS_FILE.as_ptr().addr(),
            // A file that is there wherever /proc is.
            MOUNT_POINT => c"/proc/version".as_ptr().addr(),
            ROOT => c"/".as_ptr().addr(),
            number => number.into(),
        }
    }

    /// Makes a call. Gives its errno, or 0.
    fn call(&mut self, act: Act, first: usize, second: usize) -> usize {
        let mountflags = match act {
            Act::MountBind => MS_BIND,
            Act::MountPrivate => MS_REC | MS_PRIVATE,
            _ => 0,
        };
        let args = [first, second, 0, mountflags as usize, 0, 0];
        // SAFETY: an address that comes here is a bad one, or that of something to read.
        match unsafe { self.sys.attempt(act.number(), args) } {
            Ok(0) => 0,
            Ok(result) => {
                self.last = result;
                0
            }
            Err(errno) => errno.into_raw() as usize,
        }
    }

    /// Whether one of the two names has this length, and nothing behind it.
    fn is_called(&self, act: Act, len: usize) -> bool {
        let mut buf = MaybeUninit::uninit();
        self.sys.uname(&mut buf).is_ok_and(|uts| {
            let field = if act == Act::Nodename { &uts.nodename } else { &uts.domainname };
            let byte = |place| if place < len { LETTER } else { 0 };
            field.iter().enumerate().all(|(place, known)| *known as u8 == byte(place))
        })
    }

    /// Makes a child that does the steps up to `last`, and passes over them.
    fn fork(&mut self, flags: usize, steps: &mut slice::Iter<'_, Step>, last: Act) -> bool {
        match fork(self.sys, flags as u32) {
            Ok(Fork::Child) => {
                let _ = self.sys.setitimer(LIMIT);
                let status = self.perform(steps);
                self.sys.exit_group(status)
            }
            Ok(Fork::Parent(pid)) => {
                self.child = pid.get();
                self.last = self.child as usize;
                steps.any(|step| step.act == last)
            }
            Err(_) => false,
        }
    }

    /// Whether the child ends with this status.
    fn wait(&self, status: usize) -> bool {
        let ended = self.sys.wait4(self.child);
        ended.is_ok_and(|(pid, how)| pid == self.child && usize::from(how.code()) == status)
    }
}

impl Act {
    /// The call of its name.
    fn number(self) -> Sysno {
        match self {
            Self::Capset => Sysno::capset,
            Self::Clone => Sysno::clone,
            Self::Kill => Sysno::kill,
            Self::MountBind | Self::MountPrivate => Sysno::mount,
            Self::Openat => Sysno::openat,
            Self::PidfdOpen => Sysno::pidfd_open,
            Self::Setdomainname => Sysno::setdomainname,
            Self::Sethostname => Sysno::sethostname,
            Self::Setns => Sysno::setns,
            Self::Setpgid => Sysno::setpgid,
            Self::Uname => Sysno::uname,
            Self::Unshare => Sysno::unshare,
            _ => Sysno::wait4,
        }
    }
}

/// Makes a child that does not outlive its parent.
fn fork(sys: &Sys, flags: u32) -> Result<Fork, Errno> {
    let me = sys.getpid();
    let forked = sys.fork(flags | SIGCHLD);
    if let Ok(Fork::Child) = forked {
        // Where the parent is told that it is the child, there must not be two who go on.
        if sys.getpid() == me {
            sys.exit_group(fail(sys, Failure { call: Sysno::clone, errno: Errno::ECHILD }));
        }
        let _ = sys.set_pdeathsig(SIGKILL);
    }
    forked
}
