//! The steps of a check: what each does, and the process that does them.
#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_sign_loss,
    reason = "the words of a step are words of a call"
)]

use core::ffi::{CStr, c_char, c_int, c_void};
use core::mem::{self, MaybeUninit};
use core::{ptr, slice};

use linux_raw_sys::general::{
    AT_FDCWD, CLONE_NEWNS, CLONE_NEWUSER, CLONE_NEWUTS, CLONE_VFORK, F_GETFD, FD_CLOEXEC, MS_BIND,
    MS_PRIVATE, MS_REC, O_RDONLY, O_WRONLY, SIGCHLD, SIGKILL, WNOHANG,
};
use linux_raw_sys::ioctl::{NS_GET_NSTYPE, NS_GET_PARENT, NS_GET_USERNS};
use linux_raw_sys::system::{__NEW_UTS_LEN, new_utsname};
use syscalls::Errno;

use super::caller::{self, Caller};
use super::clock::{self, Clock};
use super::ground::{Board, GUARD, Room, Scratch, UNTOUCHED, Verdict};
use super::lack;
use crate::sys::bytes::{begins, c_str, same, split};
use crate::sys::memory::Stack;
use crate::sys::process::{Fork, Pid, WaitStatus, clone3_args};
use crate::sys::table::{Call, Kind, Request};
use crate::sys::{Failure, Sys};
use crate::text::line::Line;
use crate::text::{argument, errno, signal};

/// How many bytes of a name are shown where it is an argument.
const SHOWN: usize = 5;

/// The stack of a thread, in bytes, beside its guard page: a multiple of a page's size on every CPU.
const STACK_SIZE: usize = 64 * 1024;

/// What a check needs, and a machine may lack.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// Nothing: it sets no name, but one that is there, and that is to fail.
    Nothing,
    /// A UTS namespace whose names it can set.
    Names,
    /// That, and a user namespace in which it is root.
    User,
}

/// What a step does. Most are the calls of their names, with the step's words.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Act {
    Capset,
    /// fcntl(2), `F_GETFD`.
    Getfd,
    /// ioctl(2) with a request that takes nothing.
    Ioctl,
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
    /// wait4(2) with `WNOHANG`.
    Wait4Nohang,
    /// The result of the last call is this.
    Gives,
    /// The call that follows fails, with this errno.
    Expect,

    /// The host name is of these bytes, with nothing but NULs behind them.
    Nodename,
    /// The domain name is.
    Domainname,
    /// The other fields of the utsname are what they are for the caller.
    OthersAreTheSame,
    /// They are not empty, and end with a NUL.
    OthersAreThere,
    /// uname(2) fills in all of its buffer, and touches nothing beside it.
    FillsAll,

    /// Keeps the number in a namespace's link, `uts:[4026531838]`.
    Keep,
    /// It is still that one.
    IsKept,
    /// It is another.
    HasChanged,
    /// The descriptor is of what the link leads to.
    IsOf,

    /// A file shows these bytes, and a newline.
    Shows,
    /// The same for a descriptor that is open.
    ShowsNow,
    /// Writes these bytes to a file.
    Writes,

    /// Makes a child, in new namespaces if so told. It does the steps up to the next `Exit`, and this
    /// process those behind it.
    Fork,
    /// The same by clone3(2).
    Clone3,
    /// Makes a thread. It does the steps up to the next `Leave`.
    Thread,
    /// The child ends with this status.
    Exit,
    /// The thread ends.
    Leave,
    /// Waits for a child: it ends so.
    Wait,
    /// Goes on to a stage, of which the others hear.
    Say,
    /// Waits until that stage is reached.
    Hear,
    /// Tells the others its own process id.
    Tell,
    /// That was the id of the child.
    Told,
    /// The check ends.
    End,
}

/// A word of a call, in a byte: a number, or from `MINUS_ONE` on what [`Process::word`] makes one of.
pub type Word = u8;

/// The longest name, in bytes.
pub const LONGEST: Word = __NEW_UTS_LEN as Word;
/// A name that is too long.
pub const TOO_LONG: Word = LONGEST + 1;
/// The signal.
pub const KILL: Word = SIGKILL as Word;
/// An exit status that looks like the end by that signal, as a shell says it.
pub const LIKE_KILLED: Word = 128 + KILL;

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
/// The descriptor, or other result, of the last call that gives one.
pub const LAST: Word = 0xca;
/// The child that was made last.
pub const CHILD: Word = 0xcb;
/// The one before.
pub const FIRST: Word = 0xcc;
/// For `Wait`: the end by a signal.
pub const KILLED: Word = 0xcd;

/// The addresses of names: `"abcde…"`, `"98765…"`, and bytes that are no letters.
pub const NAME: Word = 0xd0;
pub const OTHER: Word = 0xd1;
pub const BYTES: Word = 0xd2;
/// An address where nothing is.
pub const NOWHERE: Word = 0xd3;
/// That of a name, `"abc"`, behind which nothing is.
pub const NEAR_EDGE: Word = 0xd4;
/// Those of a utsname that just fits into memory, and of one that does not.
pub const UP_TO_EDGE: Word = 0xd5;
pub const OVER_EDGE: Word = 0xd6;
/// The name that is there anyhow; and the length of that, or of the caller's.
pub const PRESENT: Word = 0xd7;
pub const PRESENT_DOMAIN: Word = 0xd8;
/// The names of the caller.
pub const CALLERS: Word = 0xd9;
pub const CALLERS_DOMAIN: Word = 0xda;
/// The length of the one of these four that was used last.
pub const ITS_LENGTH: Word = 0xdb;
/// Digits.
pub const ONE: Word = 0xdc;
pub const TWO: Word = 0xdd;

/// The addresses of paths.
pub const UTS_LINK: Word = 0xe0;
pub const USER_LINK: Word = 0xe1;
pub const PROC: Word = 0xe2;
pub const MOUNT_POINT: Word = 0xe3;
pub const ROOT: Word = 0xe4;
pub const HOSTNAME_FILE: Word = 0xe5;
pub const DOMAINNAME_FILE: Word = 0xe6;
pub const MAX_UTS_FILE: Word = 0xe7;

/// Requests of ioctl_ns(2).
pub const GET_USERNS: Word = 0xf0;
pub const GET_PARENT: Word = 0xf1;
pub const GET_NSTYPE: Word = 0xf2;
/// The flag of a descriptor.
pub const CLOEXEC: Word = FD_CLOEXEC as Word;

/// How many words a step has.
const WORDS: usize = 3;

/// One step: what to do, and with which words.
pub struct Step {
    pub act: Act,
    words: [Word; WORDS],
}

impl Step {
    /// Makes a step. Words that are missing are 0.
    pub const fn new(act: Act, given: &[Word]) -> Self {
        let mut words = [0; WORDS];
        let (place, _) = words.split_at_mut(given.len());
        place.copy_from_slice(given);
        Self { act, words }
    }
}

/// The steps that are left.
pub type Steps<'a> = slice::Iter<'a, Step>;

/// What a call is to give.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// 0.
    Zero,
    /// A number: a descriptor, a length.
    Number,
}

/// A process, or a thread, that does the steps of a check.
#[derive(Clone, Copy)]
pub struct Process<'a> {
    pub sys: &'a Sys,
    pub board: &'a Board,
    pub room: Room,
    pub caller: &'a Caller,
    /// The size of a page of memory, in bytes.
    pub page_size: usize,
    /// The promise that is tried.
    pub promise: &'static [u8],
    /// Which check this is.
    round: u32,
    /// The number of the UTS namespace that it was in first: the caller's.
    pub outside: Option<u64>,
    /// Whether it is a thread beside the process's first.
    is_thread: bool,
    /// The errno with which the next call is to fail.
    expected: Option<Errno>,
    /// What [`LAST`], [`CHILD`] and [`FIRST`] stand for.
    last: usize,
    child: Pid,
    first: Pid,
    /// The number that [`Act::Keep`] found.
    kept: u64,
}

/// What a thread is told.
struct Thread<'a> {
    process: Process<'a>,
    steps: Steps<'a>,
}

const _: () = assert!(size_of::<Thread<'_>>() <= size_of::<Scratch>());

/// What came of an attempt to make a process.
pub enum Forked {
    Child,
    Parent(Pid),
    /// This is the parent, and it was told that it is the child.
    Confused,
}

/// Makes a process by `clone`, and asks anew which of the two this is.
///
/// # Errors
///
/// Those of the call.
pub fn fork(
    sys: &Sys,
    board: &Board,
    clone: impl FnOnce() -> Result<Fork, Failure>,
) -> Result<Forked, Failure> {
    let me = sys.getpid();
    board.set_parent_knows(false);
    let forked = clone()?;
    let is_another = sys.getpid() != me;
    Ok(match forked {
        // A child that is told that it is the parent must not go on as one.
        Fork::Parent(_) if is_another => Forked::Child,
        Fork::Parent(pid) => {
            board.set_parent_knows(true);
            Forked::Parent(pid.get())
        }
        // In another PID namespace a child can have the parent's number. Then the parent must have
        // been told of its child.
        Fork::Child
            if is_another || clock::wait_until(sys, clock::GRACE, || board.parent_knows()) =>
        {
            Forked::Child
        }
        Fork::Child => Forked::Confused,
    })
}

impl<'a> Process<'a> {
    /// A process that has done nothing yet.
    pub fn new(
        sys: &'a Sys,
        board: &'a Board,
        room: Room,
        caller: &'a Caller,
        page_size: usize,
        promise: &'static [u8],
    ) -> Self {
        Self {
            sys,
            board,
            room,
            caller,
            page_size,
            promise,
            round: board.round(),
            outside: None,
            is_thread: false,
            expected: None,
            last: 0,
            child: 0,
            first: 0,
            kept: 0,
        }
    }

    /// Does steps, until one does not go as it says or they end for this process. Gives the exit
    /// status.
    pub fn perform(&mut self, steps: &mut Steps<'a>) -> u8 {
        while let Some(step) = steps.next() {
            match step.act {
                Act::Exit | Act::Leave => return self.word(step.words[0]) as u8,
                Act::End => {
                    self.board.conclude(Verdict::Kept, b"");
                    return 0;
                }
                _ if !self.step(step, steps) => return 1,
                _ => {}
            }
        }
        1
    }

    /// Does a step. Gives whether it went as it says.
    fn step(&mut self, step: &Step, steps: &mut Steps<'a>) -> bool {
        let [first, second, third] = step.words.map(|word| self.word(word));
        match step.act {
            Act::Expect => {
                self.expected = Some(Errno::new(first as i32));
                true
            }
            Act::Gives => self.gives(first),
            Act::Nodename => self.is_called(Field::Nodename, first, second),
            Act::Domainname => self.is_called(Field::Domainname, first, second),
            Act::OthersAreTheSame => self.others(|field, callers| field.iter().eq(callers)),
            Act::OthersAreThere => {
                self.others(|field, _| matches!(field, [first, .., 0] if *first != 0))
            }
            Act::FillsAll => self.fills_all(),
            Act::Keep => self.link(first, |process, number| {
                process.kept = number;
                true
            }),
            Act::IsKept => self.link(first, |process, number| number == process.kept),
            Act::HasChanged => self.link(first, |process, number| number != process.kept),
            Act::IsOf => self.is_of(first, second),
            Act::Shows => {
                let request = Request::openat(AT_FDCWD, first, O_RDONLY, 0_u32);
                self.call(request, Wanted::Number) && self.shows(self.last, second, third)
            }
            Act::ShowsNow => self.shows(first, second, third),
            Act::Writes => self.writes(first, second, third),
            Act::Fork | Act::Clone3 => self.fork(step.act, first as u32, steps),
            Act::Thread => self.thread(steps),
            Act::Wait => self.wait(first as Pid, step.words[1]),
            Act::Say => {
                self.board.go_on(first as u32);
                true
            }
            Act::Hear => self.hear(first as u32),
            Act::Tell => {
                self.board.tell(self.sys.getpid());
                true
            }
            Act::Told => self.was_told(),
            Act::Openat | Act::PidfdOpen | Act::Ioctl | Act::Getfd => {
                self.call(self.request(step.act, first, second), Wanted::Number)
            }
            _ => self.call(self.request(step.act, first, second), Wanted::Zero),
        }
    }

    /// What a word is in this process.
    fn word(&self, word: Word) -> usize {
        let room = self.room;
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
            LAST => self.last,
            CHILD => self.child as usize,
            FIRST => self.first as usize,
            NAME => room.name(),
            OTHER => room.other(),
            BYTES => room.no_letters(),
            NOWHERE => room.nowhere(),
            NEAR_EDGE => room.near_edge(),
            UP_TO_EDGE => room.up_to_edge(),
            OVER_EDGE => room.over_edge(),
            PRESENT | PRESENT_DOMAIN => {
                let mut buf = MaybeUninit::uninit();
                if let Ok(uts) = self.sys.uname(&mut buf) {
                    room.keep(if word == PRESENT { &uts.nodename } else { &uts.domainname });
                }
                room.present()
            }
            CALLERS | CALLERS_DOMAIN => {
                let uts = &self.caller.names;
                room.keep(if word == CALLERS { &uts.nodename } else { &uts.domainname });
                room.present()
            }
            ITS_LENGTH => {
                let bytes = room.bytes(room.present(), LONGEST.into());
                bytes.iter().rposition(|byte| *byte != 0).map_or(0, |place| place + 1)
            }
            ONE => c"1".as_ptr().expose_provenance(),
            TWO => c"2".as_ptr().expose_provenance(),
            UTS_LINK => caller::UTS.as_ptr().expose_provenance(),
            USER_LINK => caller::USER.as_ptr().expose_provenance(),
            PROC => c"/proc".as_ptr().expose_provenance(),
            // A file that is there wherever /proc is.
            MOUNT_POINT => c"/proc/version".as_ptr().expose_provenance(),
            ROOT => c"/".as_ptr().expose_provenance(),
            HOSTNAME_FILE => c"/proc/sys/kernel/hostname".as_ptr().expose_provenance(),
            DOMAINNAME_FILE => c"/proc/sys/kernel/domainname".as_ptr().expose_provenance(),
            MAX_UTS_FILE => c"/proc/sys/user/max_uts_namespaces".as_ptr().expose_provenance(),
            GET_USERNS => NS_GET_USERNS as usize,
            GET_PARENT => NS_GET_PARENT as usize,
            GET_NSTYPE => NS_GET_NSTYPE as usize,
            number => number.into(),
        }
    }

    /// The call that a step makes.
    fn request(&self, act: Act, first: usize, second: usize) -> Request {
        match act {
            Act::Capset => {
                let (header, sets) = self.room.no_capabilities();
                Request::capset(header, sets)
            }
            Act::Getfd => Request::fcntl(first, F_GETFD, 0),
            Act::Ioctl => Request::ioctl(first, second, 0),
            Act::Kill => Request::kill(first, second),
            Act::MountBind => Request::mount(first, second, 0, MS_BIND, 0),
            Act::MountPrivate => Request::mount(0, first, 0, MS_REC | MS_PRIVATE, 0),
            Act::Openat => Request::openat(first, second, O_RDONLY, 0_u32),
            Act::PidfdOpen => Request::pidfd_open(first, second),
            Act::Setdomainname => Request::setdomainname(first, second),
            Act::Sethostname => Request::sethostname(first, second),
            Act::Setns => Request::setns(first, second),
            Act::Setpgid => Request::setpgid(first, second),
            Act::Uname => Request::uname(first),
            Act::Unshare => Request::unshare(first),
            Act::Wait4Nohang => Request::wait4(first, 0, WNOHANG, 0),
            _ => Request::wait4(first, 0, 0, 0),
        }
    }

    /// Makes a call. Gives whether it went as expected.
    pub fn call(&mut self, request: Request, wanted: Wanted) -> bool {
        let line = self.announce(&request);
        if let Some(reason) = self.forbids(&request) {
            return self.conclude(Verdict::Broken, line, |line| {
                line.text(": not done, for ").text(reason);
            });
        }
        // SAFETY: an address that comes here is a bad one, or that of something to read, or of
        // memory in the room that nobody else uses.
        let result = unsafe { self.sys.call(request) };
        self.judge(&request, line, result, wanted)
    }

    /// Says what is about to be done: `sethostname("abcde"..., 65)`.
    fn announce(&self, request: &Request) -> Line {
        let mut line = Line::new();
        let row = request.call.row();
        line.bytes(row.name()).byte(b'(');
        for (index, kind) in row.kinds().enumerate() {
            if !argument::is_shown(kind, request) {
                break;
            }
            line.text(if index == 0 { "" } else { ", " });
            let (word, next) = (argument::word(request, index), argument::word(request, index + 1));
            match kind {
                Kind::Nodename if next != 0 && self.room.has(word, next) => {
                    let shown = self.room.bytes(word, next.min(SHOWN));
                    line.byte(b'"').escaped(shown).byte(b'"');
                    line.text(if next > SHOWN { "..." } else { "" });
                }
                Kind::Nodename => {
                    argument::show(&mut line, Kind::Address, request, index, None);
                }
                _ => argument::show(&mut line, kind, request, index, None),
            }
        }
        line.byte(b')');
        self.board.announce(line.as_bytes());
        line
    }

    /// Why a call is not to be made: it would reach the caller, if this kernel has not done what it
    /// said before.
    fn forbids(&self, request: &Request) -> Option<&'static str> {
        match request.call {
            Call::sethostname | Call::setdomainname if request.args[0] != self.room.present() => {
                self.is_in_callers_namespace().then_some("this is the caller's namespace")
            }
            Call::mount => self
                .is_in_callers_mount_namespace()
                .then_some("this is the caller's mount namespace"),
            Call::kill if request.args[0] != self.sys.getpid() as usize => {
                Some("this is another process")
            }
            _ => None,
        }
    }

    /// Whether a name that is set here would be the caller's. (A thread has its own namespace, but
    /// not its own links.)
    fn is_in_callers_namespace(&self) -> bool {
        !self.is_thread
            && self.outside.is_some()
            && caller::uts_number(self.sys).ok() == self.outside
    }

    /// Whether a mount that is made here would be the caller's.
    fn is_in_callers_mount_namespace(&self) -> bool {
        let here = caller::link(self.sys, caller::MNT).ok();
        here.is_none() || here == self.caller.mnt
    }

    /// Judges the result of a call. Gives whether it is as expected.
    fn judge(
        &mut self,
        request: &Request,
        line: Line,
        result: Result<usize, Failure>,
        wanted: Wanted,
    ) -> bool {
        let expected = self.expected.take();
        match (result, expected) {
            (Ok(0), None) if wanted == Wanted::Zero => return true,
            (Ok(number), None) if wanted == Wanted::Number => {
                self.last = number;
                return true;
            }
            (Err(failure), Some(errno)) if failure.errno == errno => return true,
            _ => {}
        }
        if let Err(failure) = result
            && let Some(reason) = self.excuse(request, failure, expected)
        {
            return self.skip(failure, reason);
        }
        let is_clone = matches!(request.call, Call::clone | Call::clone3);
        let verdict = match result {
            Err(Failure { errno: Errno::EAGAIN, .. }) if is_clone => Verdict::NoProcess,
            _ => self.blame(request.call),
        };
        self.conclude(verdict, line, |line| {
            line.text(": expected ");
            match expected {
                Some(errno) => {
                    errno::name(line, errno);
                }
                None if wanted == Wanted::Zero => {
                    line.byte(b'0');
                }
                None => {
                    line.text("success");
                }
            }
            line.text(", got ");
            match result {
                Ok(number) => {
                    line.number(number as u64);
                }
                Err(failure) => {
                    errno::name(line, failure.errno);
                }
            }
        })
    }

    /// Why a call was refused, if that is no fault of the kernel's.
    fn excuse(
        &self,
        request: &Request,
        failure: Failure,
        expected: Option<Errno>,
    ) -> Option<&'static str> {
        let (flags, file) = match request.call {
            Call::unshare | Call::clone => (request.args[0] as u32, None),
            Call::setns => (request.args[1] as u32, None),
            Call::openat => (0, Some(Self::path(request.args[1]))),
            Call::readlinkat => (0, Some(caller::UTS)),
            _ => (0, None),
        };
        if expected.is_some() {
            return lack::explain_any(self.sys, failure, flags);
        }
        lack::explain(self.sys, failure, flags, file, self.caller.ids)
    }

    /// A path of the steps'.
    fn path(address: usize) -> &'static CStr {
        // SAFETY: whatever a step opens is a path.
        unsafe { c_str(ptr::with_exposed_provenance(address)) }
    }

    /// The check cannot be done, and it is not the kernel's fault. Gives false.
    pub fn skip(&self, failure: Failure, reason: &str) -> bool {
        let mut line = Line::new();
        failure.describe(&mut line);
        line.text(" (").text(reason).byte(b')');
        self.board.conclude(Verdict::Skipped, line.as_bytes());
        false
    }

    /// Says what went wrong. Gives false.
    pub fn conclude(&self, verdict: Verdict, mut line: Line, what: impl FnOnce(&mut Line)) -> bool {
        what(&mut line);
        self.board.conclude(verdict, line.as_bytes());
        false
    }

    /// Whether a call that goes wrong breaks the promise, or only prepares for it: the pages of
    /// section 2 promise something of their own call only.
    pub fn blame(&self, call: Call) -> Verdict {
        let prepares = matches!(call, Call::capset | Call::setpgid | Call::mmap | Call::mprotect);
        if !prepares && is_of(self.promise, call.row().name()) {
            Verdict::Broken
        } else {
            Verdict::Error
        }
    }
}

/// Whether a promise is of this call: in section 2 each page has its own.
pub fn is_of(promise: &[u8], call: &[u8]) -> bool {
    let (page, rest) = split(promise, b'(');
    let is_of_a_call = rest.is_some_and(|rest| begins(rest, b"2"));
    !is_of_a_call || begins(page, call) || begins(call, page)
}

/// Which of the two names of a UTS namespace.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Field {
    Nodename,
    Domainname,
}

/// The fields of a utsname that no UTS namespace has for itself, with their names.
fn others(uts: &new_utsname) -> [(&'static str, &[c_char]); 4] {
    [
        ("sysname", &uts.sysname),
        ("release", &uts.release),
        ("version", &uts.version),
        ("machine", &uts.machine),
    ]
}

/// What the steps are that are no mere calls.
impl<'a> Process<'a> {
    /// Whether the result of the last call is this.
    fn gives(&self, number: usize) -> bool {
        let mut line = Line::new();
        line.bytes(self.promise.split(|byte| *byte == b':').next().unwrap_or_default());
        self.last == number
            || self.conclude(Verdict::Broken, line, |line| {
                line.text(": expected ").number(number as u64);
                line.text(", got ").number(self.last as u64);
            })
    }

    /// Asks for the names. None if that goes wrong.
    fn uname<'b>(&self, buf: &'b mut MaybeUninit<new_utsname>) -> Option<&'b new_utsname> {
        self.board.announce(b"uname");
        match self.sys.uname(buf) {
            Ok(uts) => Some(uts),
            Err(failure) => {
                let verdict = self.blame(Call::uname);
                self.conclude(verdict, Line::new(), |line| {
                    line.text("uname: expected 0, got ");
                    errno::name(line, failure.errno);
                });
                None
            }
        }
    }

    /// Whether one of the two names is this, and nothing behind it.
    fn is_called(&self, field: Field, address: usize, len: usize) -> bool {
        let mut buf = MaybeUninit::uninit();
        let Some(uts) = self.uname(&mut buf) else { return false };
        let (label, found) = match field {
            Field::Nodename => ("uname: nodename", &uts.nodename),
            Field::Domainname => ("uname: domainname", &uts.domainname),
        };
        let name = self.room.bytes(address, len);
        let is_this = found.iter().enumerate().all(|(place, byte)| {
            byte.to_le_bytes() == [name.get(place).copied().unwrap_or_default()]
        });
        is_this
            || self.conclude(Verdict::Broken, Line::new(), |line| {
                line.text(label).text(": expected \"").escaped(name);
                line.text("\", got ");
                show_field(line, found);
            })
    }

    /// Whether the four other fields are right, each beside the caller's.
    fn others(&self, is_right: fn(&[c_char], &[c_char]) -> bool) -> bool {
        let mut buf = MaybeUninit::uninit();
        let Some(uts) = self.uname(&mut buf) else { return false };
        let callers = others(&self.caller.names);
        for ((label, found), (_, callers)) in others(uts).into_iter().zip(callers) {
            if !is_right(found, callers) {
                return self.conclude(Verdict::Broken, Line::new(), |line| {
                    line.text("uname: ").text(label).text(": expected ");
                    show_field(line, callers);
                    show_field(line.text(", got "), found);
                });
            }
        }
        true
    }

    /// Whether uname(2) fills in its whole buffer, and nothing beside that.
    fn fills_all(&mut self) -> bool {
        let buf = self.room.untouched();
        if !self.call(Request::uname(buf), Wanted::Zero) {
            return false;
        }
        let size = size_of::<new_utsname>();
        let bytes = self.room.bytes(buf - GUARD, 2 * GUARD + size);
        // Whether a byte is in the buffer or beside it, it must not be the other.
        let wrong = (0..)
            .zip(bytes)
            .find(|(place, byte)| (GUARD..GUARD + size).contains(place) == (**byte == UNTOUCHED));
        let Some((place, _)) = wrong else { return true };
        self.conclude(Verdict::Broken, Line::new(), |line| {
            line.text("uname: expected ").number(size as u64).text(" bytes, got ");
            match place.checked_sub(GUARD) {
                None => line.number((GUARD - place) as u64).text(" bytes before them"),
                Some(place) if place < size => {
                    line.text("nothing in byte ").number(place as u64 + 1)
                }
                Some(place) => line.text("something in byte ").number(place as u64 + 1),
            };
        })
    }

    /// Looks at the number in a namespace's link.
    fn link(&mut self, path: usize, look: impl FnOnce(&mut Self, u64) -> bool) -> bool {
        let (buf, size) = (self.room.scratch(), caller::LONGEST_LINK);
        let last = self.last;
        if !self.call(Request::readlinkat(AT_FDCWD, path, buf, size), Wanted::Number) {
            return false;
        }
        // The steps know nothing of the length.
        let len = mem::replace(&mut self.last, last);
        let text = self.room.bytes(buf.expose_provenance(), len.min(size));
        if caller::number_in(text).is_some_and(|number| look(self, number)) {
            return true;
        }
        self.conclude(Verdict::Broken, Line::new(), |line| {
            line.text("readlinkat: expected ");
            line.text(if self.kept == 0 { "a number" } else { "another relation" });
            line.text(" to ").number(self.kept).text(", got ").word(text);
        })
    }

    /// Whether a descriptor is of the namespace that a link leads to.
    fn is_of(&mut self, fd: usize, path: usize) -> bool {
        let mut own = Line::new();
        own.text("/proc/self/fd/").number(fd as u64);
        let Some(own) = own.as_c_str() else { return false };
        let own = own.as_ptr().expose_provenance();
        self.link(path, |process, number| {
            process.kept = number;
            true
        }) && self.link(own, |process, number| number == process.kept)
    }

    /// Whether a file shows these bytes, and a newline.
    fn shows(&mut self, fd: usize, address: usize, len: usize) -> bool {
        let buf = self.room.scratch();
        if !self.call(Request::read(fd, buf, size_of::<Scratch>()), Wanted::Number) {
            return false;
        }
        let name = self.room.bytes(address, len);
        let found = self.room.bytes(buf.expose_provenance(), self.last);
        let is_this = found
            .split_last()
            .is_some_and(|(last, name_there)| *last == b'\n' && same(name_there, name));
        is_this
            || self.conclude(Verdict::Broken, Line::new(), |line| {
                line.text("read: expected \"").escaped(name);
                line.text("\\n\", got \"").escaped(found).byte(b'"');
            })
    }

    /// Writes a name, or a number, to a file. A name that cannot be written there in one piece is
    /// no name to try this with.
    fn writes(&mut self, path: usize, address: usize, len: usize) -> bool {
        let name = self.room.bytes(address, len);
        if address == self.room.present()
            && (len == 0 || name.contains(&0) || name.contains(&b'\n'))
        {
            self.board.conclude(Verdict::Skipped, b"the caller's name is none that a file can set");
            return false;
        }
        let request = Request::openat(AT_FDCWD, path, O_WRONLY, 0_u32);
        self.call(request, Wanted::Number)
            && self.call(Request::write(self.last, address, len), Wanted::Number)
            && self.gives(len)
    }

    /// Makes a child, and goes on behind its steps. Gives whether that went as expected.
    fn fork(&mut self, act: Act, flags: u32, steps: &mut Steps<'a>) -> bool {
        let args = clone3_args(flags);
        let request = match act {
            Act::Clone3 => Request::clone3(ptr::from_ref(&args), size_of_val(&args)),
            _ => Request::clone(flags | SIGCHLD, 0, 0, 0, 0),
        };
        let line = self.announce(&request);
        let expected = self.expected;
        let forked = fork(self.sys, self.board, || match act {
            Act::Clone3 => self.sys.clone3_fork(flags),
            _ => self.sys.clone_fork(flags | SIGCHLD),
        });
        let result = match forked {
            // There is not to be one.
            Ok(Forked::Child) if expected.is_some() => self.sys.exit_group(0),
            Ok(Forked::Child) => {
                let _ = self.sys.prctl_set_pdeathsig(SIGKILL);
                let status = self.perform(steps);
                self.sys.exit_group(status)
            }
            Ok(Forked::Parent(pid)) => {
                self.first = self.child;
                self.child = pid;
                Ok(pid as usize)
            }
            Ok(Forked::Confused) => {
                let verdict = self.blame(request.call);
                return self.conclude(verdict, line, |line| {
                    line.text(": expected a process id, got 0, and this is the parent");
                });
            }
            Err(failure) => Err(failure),
        };
        let request = Request::clone(flags, 0, 0, 0, 0);
        let last = self.last;
        let goes_on = self.judge(&request, line, result, Wanted::Number);
        self.last = last;
        goes_on && steps.any(|step| step.act == Act::Exit)
    }

    /// Makes a thread, and goes on behind its steps.
    fn thread(&mut self, steps: &mut Steps<'a>) -> bool {
        self.board.announce(b"clone(CLONE_VM|...|CLONE_THREAD)");
        let thread: *mut Thread<'a> = self.room.scratch().cast();
        // SAFETY: the room has place for it, and nobody looks at it before the thread.
        unsafe { thread.write(Thread { process: *self, steps: steps.clone() }) };
        let size = STACK_SIZE + self.page_size;
        let begun = Stack::map(self.sys, size, self.page_size).and_then(|stack| {
            // SAFETY: the stack is for the thread alone; it gets a `Thread`, which is never
            // overwritten while the thread runs. What that refers to is on the stack of the process,
            // which ends before the functions that have called this one return.
            unsafe { self.sys.clone_thread(&stack, in_thread, thread.cast_const().cast()) }
        });
        match begun {
            Ok(()) => steps.any(|step| step.act == Act::Leave),
            Err(failure) => {
                let request = Request::clone(0, 0, 0, 0, 0);
                let mut line = Line::new();
                line.bytes(failure.call.row().name());
                self.judge(&request, line, Err(failure), Wanted::Number)
            }
        }
    }

    /// Whether a child ends so: with a status, or by the signal.
    fn wait(&mut self, pid: Pid, how: Word) -> bool {
        let expected = match how {
            KILLED => WaitStatus::killed_by(SIGKILL),
            status => WaitStatus::exited_with(status),
        };
        let mut line = Line::new();
        line.text("wait4(").number(pid.unsigned_abs().into()).byte(b')');
        self.board.announce(line.as_bytes());
        let ended = loop {
            match self.sys.wait4(pid) {
                Err(Failure { errno: Errno::EINTR, .. }) => {}
                ended => break ended,
            }
        };
        if matches!(ended, Ok((who, status)) if who == pid && status == expected) {
            return true;
        }
        self.conclude(self.blame(Call::wait4), line, |line| {
            show_end(line.text(": expected "), expected);
            line.text(", got ");
            match ended {
                Ok((who, status)) if who == pid => show_end(line, status),
                Ok((who, _)) => {
                    line.text("process ").number(who.unsigned_abs().into());
                }
                Err(failure) => {
                    errno::name(line, failure.errno);
                }
            }
        })
    }

    /// Waits until a stage is reached. Whoever is left over when the check has ended, or when
    /// another step went wrong, does not wait any longer.
    fn hear(&self, stage: u32) -> bool {
        let mut clock = Clock::new(self.sys);
        loop {
            if self.board.stage() >= stage {
                return true;
            }
            let is_over = self.board.round() != self.round
                || self.board.verdict() != Verdict::None
                || clock.is_over(clock::LIMIT);
            if is_over {
                return false;
            }
            clock.tick();
        }
    }

    /// Whether the child said the id that clone(2) gave.
    fn was_told(&self) -> bool {
        let told = self.board.told();
        told == self.child
            || self.conclude(Verdict::Broken, Line::new(), |line| {
                line.text("clone gave ").number(self.child.unsigned_abs().into());
                line.text(", getpid in the child ").number(told.unsigned_abs().into());
            })
    }
}

/// Where a thread begins.
extern "C" fn in_thread(thread: *const c_void) -> c_int {
    // SAFETY: `Process::thread` passes a `Thread`, and nobody else reads it.
    let Thread { mut process, mut steps } = unsafe { thread.cast::<Thread<'_>>().read() };
    process.is_thread = true;
    process.perform(&mut steps).into()
}

/// Appends a field of a utsname: `"antero"`, without the NULs at its end.
fn show_field(line: &mut Line, field: &[c_char]) {
    // SAFETY: a char is a byte, whatever its sign is on this CPU.
    let bytes = unsafe { slice::from_raw_parts(field.as_ptr().cast::<u8>(), field.len()) };
    let len = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |place| place + 1);
    line.byte(b'"').escaped(bytes.get(..len).unwrap_or_default()).byte(b'"');
}

/// Appends how a process ended: `exit status 5`, `signal SIGKILL`.
pub fn show_end(line: &mut Line, status: WaitStatus) {
    match status.signal() {
        Some(number) => signal::show(line.text("signal "), number.into()),
        None => {
            line.text("exit status ").number(status.code().into());
        }
    }
}
