// SPDX-License-Identifier: MIT OR Apache-2.0
//! The words of a step, a byte each, and what they are where the step is done: numbers, flags,
//! addresses, descriptors, process ids. Follows the manual pages of the calls that take them.
#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the words of a step are words of a call"
)]

use core::mem::MaybeUninit;

use linux_raw_sys::general::{
    AT_FDCWD, CLONE_NEWNS, CLONE_NEWUSER, CLONE_NEWUTS, CLONE_VFORK, FD_CLOEXEC, SIGKILL,
};
use linux_raw_sys::ioctl::{NS_GET_NSTYPE, NS_GET_PARENT, NS_GET_USERNS};
use linux_raw_sys::system::{__NEW_UTS_LEN, new_utsname};

use super::process::Process;
use super::step::Word;
use crate::sys::process::Pid;

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
pub const ONE: Word = 0xde;
pub const TWO: Word = 0xdf;

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

impl Process<'_> {
    /// What a word is in this process.
    pub fn word(&self, word: Word) -> usize {
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
            GET_USERNS => NS_GET_USERNS as usize,
            GET_PARENT => NS_GET_PARENT as usize,
            GET_NSTYPE => NS_GET_NSTYPE as usize,
            NAME..=ITS_LENGTH => self.name(word),
            ONE..=MAX_UTS_FILE => string(word),
            number => number.into(),
        }
    }

    /// The address of a name; or the length of the name at [`PRESENT`].
    fn name(&self, word: Word) -> usize {
        let memory = self.memory;
        match word {
            NAME => memory.name(),
            OTHER => memory.other(),
            BYTES => memory.no_letters(),
            NEAR_EDGE => memory.near_edge(),
            UP_TO_EDGE => memory.up_to_edge(),
            OVER_EDGE => memory.over_edge(),
            PRESENT | PRESENT_DOMAIN => {
                let mut buf = MaybeUninit::uninit();
                if let Ok(uts) = self.sys.uname(&mut buf) {
                    self.keep(uts, word == PRESENT_DOMAIN);
                }
                memory.present()
            }
            CALLERS | CALLERS_DOMAIN => {
                self.keep(&self.caller.names, word == CALLERS_DOMAIN);
                memory.present()
            }
            ITS_LENGTH => {
                let bytes = memory.bytes(memory.present(), LONGEST.into());
                bytes.iter().rposition(|byte| *byte != 0).map_or(0, |place| place + 1)
            }
            _ => memory.nowhere(),
        }
    }

    /// Copies one of the two names to where [`PRESENT`] is.
    fn keep(&self, uts: &new_utsname, is_domain: bool) {
        self.memory.keep(if is_domain { &uts.domainname } else { &uts.nodename });
    }
}

/// The numbers and paths from [`ONE`] on. They are one string, as a table of addresses would have to
/// be relocated.
const STRINGS: &str = concat!(
    "1\0",
    "2\0",
    "/proc/self/ns/uts\0",
    "/proc/self/ns/user\0",
    "/proc\0",
    // A file that is there wherever /proc is.
    "/proc/version\0",
    "/\0",
    "/proc/sys/kernel/hostname\0",
    "/proc/sys/kernel/domainname\0",
    "/proc/sys/user/max_uts_namespaces\0",
);

/// The address of one of them.
fn string(word: Word) -> usize {
    let before = STRINGS.as_bytes().split(|byte| *byte == 0).take(word.wrapping_sub(ONE).into());
    let place: usize = before.map(|string| string.len() + 1).sum();
    STRINGS.as_ptr().expose_provenance() + place
}
