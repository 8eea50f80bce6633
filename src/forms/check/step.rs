// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a step of a check is: what it does, and with which words. And what a check needs.
//! Most steps are calls of section 2 of the manual pages.

use core::slice;

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
    /// The number in the link is still the one that was kept.
    IsKept,
    /// The number in the link is another than the one that was kept.
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
    /// What was told is the id that clone(2) gave for the child.
    Told,
    /// The check ends.
    End,
}

/// A word of a call, in a byte: a number, or what `words.rs` makes one of.
pub type Word = u8;

/// How many words a step has.
const WORDS: usize = 3;

/// One step: what to do, and with which words.
pub struct Step {
    pub act: Act,
    pub words: [Word; WORDS],
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
