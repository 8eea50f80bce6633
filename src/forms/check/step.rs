//! The steps of a check: what each does, and the process that does them.
#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_sign_loss,
    reason = "the words of a step are words of a call"
)]

use core::ffi::{CStr, c_long};
use core::mem::MaybeUninit;
use core::{mem, ptr, slice};

use linux_raw_sys::general::{
    __user_cap_data_struct, __user_cap_header_struct, _LINUX_CAPABILITY_U32S_3,
    _LINUX_CAPABILITY_VERSION_3, AT_FDCWD, CLONE_NEWNS, CLONE_NEWUSER, CLONE_NEWUTS, CLONE_VFORK,
    MS_BIND, MS_PRIVATE, MS_REC, SIGCHLD, SIGKILL,
};
use linux_raw_sys::system::__NEW_UTS_LEN;
use syscalls::Errno;

use crate::sys::process::{Fork, Pid};
use crate::sys::table::{Call, Request};
use crate::sys::{Failure, Sys};

/// How long a check may take, in seconds.
const LIMIT: c_long = 5;

/// The byte of which all names of the checks consist.
pub const LETTER: u8 = b'x';

/// A file of /proc: the UTS namespace of the process that opens it.
pub const UTS_FILE: &CStr = c"/proc/self/ns/uts";

/// What a step does. Most are the calls of their names, with the step's two words.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Act {
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
pub type Word = u8;

/// The longest name, in bytes.
pub const LONGEST: Word = __NEW_UTS_LEN as Word;
/// A name that is too long.
pub const TOO_LONG: Word = LONGEST + 1;
/// The status of a child that `SIGKILL` killed.
pub const KILLED: Word = 128 + SIGKILL as Word;
/// The signal.
pub const KILL: Word = SIGKILL as Word;
/// An address where nothing is: nobody may map the first page (proc(5), `mmap_min_addr`).
pub const NOWHERE: Word = 1;

pub const MINUS_ONE: Word = 0xc0;
pub const CWD: Word = 0xc1;
pub const NEWNS: Word = 0xc2;
pub const NEWUSER: Word = 0xc3;
pub const NEWUTS: Word = 0xc4;
pub const NEWUTS_NEWUSER: Word = 0xc5;
/// A flag that unshare(2) does not have, beside one that it has.
pub const NEWUTS_VFORK: Word = 0xc6;
/// No process: ids end at 2^22 (proc(5), `pid_max`).
pub const NOBODY: Word = 0xc7;
/// The caller's process id.
pub const ME: Word = 0xc8;
/// That of its parent.
pub const PARENT: Word = 0xc9;
/// The descriptor or child that was made last.
pub const LAST: Word = 0xca;
/// The address of a name. All names are its beginning, and differ in their lengths.
pub const NAME: Word = 0xcb;
/// The addresses of the structures of capset(2): no capabilities.
pub const CAP_HEADER: Word = 0xcc;
pub const CAP_NONE: Word = 0xcd;
/// The addresses of paths.
pub const OWN_UTS: Word = 0xce;
pub const MOUNT_POINT: Word = 0xcf;
pub const ROOT: Word = 0xd0;

/// One step: what to do, and with which words.
pub struct Step {
    pub act: Act,
    words: [Word; 2],
}

impl Step {
    /// Makes a step. Words that are missing are 0.
    pub const fn new(act: Act, given: &[Word]) -> Self {
        let mut words = [0; 2];
        let (place, _) = words.split_at_mut(given.len());
        place.copy_from_slice(given);
        Self { act, words }
    }
}

/// A process that does the steps of a check.
pub struct Process<'a> {
    pub sys: &'a Sys,
    /// What [`LAST`] stands for.
    pub last: usize,
    /// The child that was made last.
    pub child: Pid,
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
            NAME => LETTERS.as_ptr().expose_provenance(),
            CAP_HEADER => ptr::from_ref(HEADER).expose_provenance(),
            CAP_NONE => NONE.as_ptr().expose_provenance(),
            OWN_UTS => UTS_FILE.as_ptr().expose_provenance(),
            // A file that is there wherever /proc is.
            MOUNT_POINT => c"/proc/version".as_ptr().expose_provenance(),
            ROOT => c"/".as_ptr().expose_provenance(),
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
        let request = Request { call: act.call(), args };
        // SAFETY: an address that comes here is a bad one, or that of something to read.
        match unsafe { self.sys.call(request) } {
            Ok(0) => 0,
            Ok(result) => {
                self.last = result;
                0
            }
            Err(failure) => failure.errno.into_raw() as usize,
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
    pub fn fork(&mut self, flags: usize, steps: &mut slice::Iter<'_, Step>, last: Act) -> bool {
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
    pub fn wait(&self, status: usize) -> bool {
        let ended = self.sys.wait4(self.child);
        ended.is_ok_and(|(pid, how)| pid == self.child && usize::from(how.code()) == status)
    }
}

impl Act {
    /// The call of its name.
    fn call(self) -> Call {
        match self {
            Self::Capset => Call::capset,
            Self::Clone => Call::clone,
            Self::Kill => Call::kill,
            Self::MountBind | Self::MountPrivate => Call::mount,
            Self::Openat => Call::openat,
            Self::PidfdOpen => Call::pidfd_open,
            Self::Setdomainname => Call::setdomainname,
            Self::Sethostname => Call::sethostname,
            Self::Setns => Call::setns,
            Self::Setpgid => Call::setpgid,
            Self::Uname => Call::uname,
            Self::Unshare => Call::unshare,
            _ => Call::wait4,
        }
    }
}

/// Makes a child that does not outlive its parent.
pub fn fork(sys: &Sys, flags: u32) -> Result<Fork, Failure> {
    let me = sys.getpid();
    let forked = sys.clone_fork(flags | SIGCHLD);
    if let Ok(Fork::Child) = forked {
        // Where the parent is told that it is the child, there must not be two who go on.
        if sys.getpid() == me {
            let failure = Failure { call: Call::clone, errno: Errno::ECHILD };
            failure.report(sys);
            sys.exit_group(1);
        }
        let _ = sys.prctl_set_pdeathsig(SIGKILL);
    }
    forked
}
