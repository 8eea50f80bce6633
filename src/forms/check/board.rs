// SPDX-License-Identifier: MIT OR Apache-2.0
//! The page of memory that the processes of a check share with the process that watches them: what is
//! done, what came of it, and how far those who wait for each other have come. Follows mmap(2).

use core::sync::atomic::{AtomicI32, AtomicU8, AtomicU32, Ordering};

use linux_raw_sys::general::{MAP_ANONYMOUS, MAP_SHARED, PROT_READ, PROT_WRITE};

use crate::sys::process::Pid;
use crate::sys::{Failure, Sys};

/// The most that is said of a step, in bytes.
const LONGEST_TEXT: usize = 1024;

/// What is known of a check. Its number is also the status with which the check's process exits, in
/// case that the board cannot be read.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// All steps went as they should.
    Kept = 0,
    /// One did not.
    Broken = 1,
    /// One that only prepares did not.
    Error = 2,
    /// The machine lacks something.
    Skipped = 3,
    /// No process could be made: the watcher finds out whether that is a limit's doing.
    NoProcess = 4,
    /// Nothing yet.
    None = 5,
}

impl Verdict {
    /// The verdict of this number.
    pub fn of(number: u32) -> Self {
        const ALL: [Verdict; 5] =
            [Verdict::Kept, Verdict::Broken, Verdict::Error, Verdict::Skipped, Verdict::NoProcess];
        let known = ALL.into_iter().find(|verdict| *verdict as u32 == number);
        known.unwrap_or(Self::None)
    }
}

/// How many children of a check are kept in mind: more than one has at a time.
const MOST_CHILDREN: usize = 4;

/// The shared page. All zeros is how it begins.
pub struct Board {
    /// One more than the verdict's number; 0 while there is none.
    verdict: AtomicU32,
    /// How often the board was cleaned: which check this is.
    round: AtomicU32,
    /// Whether all checks are done.
    over: AtomicU32,
    /// Whether a check has had a user namespace of its own.
    had_user: AtomicU32,
    /// How far those who wait for each other have come.
    stage: AtomicU32,
    /// Whether the parent knows that it has made a process.
    parent_knows: AtomicU32,
    /// What the check's process says its own id is; 0 before it has begun.
    me: AtomicI32,
    /// What another process says its own id is.
    told: AtomicI32,
    /// The children of a check that nobody has waited for; 0 where there is none.
    children: [AtomicI32; MOST_CHILDREN],
    /// What is being done, or what is to be said of it.
    text: [AtomicU8; LONGEST_TEXT],
    len: AtomicU32,
}

impl Board {
    /// Maps it.
    ///
    /// # Errors
    ///
    /// mmap(2): `ENOMEM` where there is no memory for it.
    pub fn map(sys: &Sys) -> Result<&'static Self, Failure> {
        let prot = PROT_READ | PROT_WRITE;
        let board = sys.mmap(size_of::<Self>(), prot, MAP_SHARED | MAP_ANONYMOUS)?;
        // SAFETY: the mapping is new, as large as a board, never unmapped, and zeros are good for it.
        Ok(unsafe { &*board.cast::<Self>() })
    }

    /// Begins a check. Whoever is left of the last one, and looks, does not go on.
    pub fn clean(&self) {
        self.verdict.store(0, Ordering::SeqCst);
        self.stage.store(0, Ordering::SeqCst);
        self.me.store(0, Ordering::SeqCst);
        self.told.store(0, Ordering::SeqCst);
        self.say(b"");
        self.end_round();
    }

    /// The check is over: whoever is left of it, and looks, does not go on.
    pub fn end_round(&self) {
        self.round.store(self.round() + 1, Ordering::SeqCst);
    }

    /// Says that all checks are done.
    pub fn finish(&self) {
        self.over.store(1, Ordering::SeqCst);
    }

    /// Whether all checks are done.
    pub fn is_over(&self) -> bool {
        self.over.load(Ordering::SeqCst) != 0
    }

    /// Says that a check has had a user namespace of its own.
    pub fn set_had_user(&self) {
        self.had_user.store(1, Ordering::SeqCst);
    }

    /// Whether a check has had one.
    pub fn had_user(&self) -> bool {
        self.had_user.load(Ordering::SeqCst) != 0
    }

    /// Which check this is.
    pub fn round(&self) -> u32 {
        self.round.load(Ordering::SeqCst)
    }

    /// What is known of it.
    pub fn verdict(&self) -> Verdict {
        Verdict::of(self.verdict.load(Ordering::SeqCst).wrapping_sub(1))
    }

    /// Says what is known of it, and why. Only what is said first counts: what follows from a step that
    /// went wrong is of no interest.
    pub fn conclude(&self, verdict: Verdict, text: &[u8]) {
        if self.verdict() == Verdict::None {
            self.say(text);
            self.verdict.store(verdict as u32 + 1, Ordering::SeqCst);
        }
    }

    /// Says what is being done, as long as nothing is known.
    pub fn announce(&self, text: &[u8]) {
        if self.verdict() == Verdict::None {
            self.say(text);
        }
    }

    fn say(&self, text: &[u8]) {
        for (place, byte) in self.text.iter().zip(text) {
            place.store(*byte, Ordering::SeqCst);
        }
        let len = text.len().min(LONGEST_TEXT);
        self.len.store(u32::try_from(len).unwrap_or_default(), Ordering::SeqCst);
    }

    /// What was said.
    pub fn text(&self) -> impl Iterator<Item = u8> {
        let len = self.len.load(Ordering::SeqCst) as usize;
        self.text.iter().take(len).map(|byte| byte.load(Ordering::SeqCst))
    }

    /// How far those who wait for each other have come.
    pub fn stage(&self) -> u32 {
        self.stage.load(Ordering::SeqCst)
    }

    /// Goes on to a stage.
    pub fn go_on(&self, stage: u32) {
        self.stage.store(stage, Ordering::SeqCst);
    }

    /// Whether the parent knows that it has made a process.
    pub fn parent_knows(&self) -> bool {
        self.parent_knows.load(Ordering::SeqCst) != 0
    }

    /// Sets whether it does.
    pub fn set_parent_knows(&self, knows: bool) {
        self.parent_knows.store(knows.into(), Ordering::SeqCst);
    }

    /// What the check's process said its own id is; 0 before it has begun.
    pub fn me(&self) -> Pid {
        self.me.load(Ordering::SeqCst)
    }

    /// Sets that id: the check's process has begun.
    pub fn begin(&self, pid: Pid) {
        self.me.store(pid, Ordering::SeqCst);
    }

    /// A place for the next child, where it is known by its id: for [`Board::enlist`]. None if all are
    /// taken.
    pub fn free_place(&self) -> Option<&AtomicI32> {
        self.children.iter().find(|place| place.load(Ordering::SeqCst) == 0)
    }

    /// Says that there is a child of a check. Its parent says so, and the child itself, because either
    /// may be ended before it can. Both say the same, so a plain store will do. (For a compare-and-swap
    /// the compiler calls a C library on some CPUs.)
    pub fn enlist(place: Option<&AtomicI32>, pid: Pid) {
        if let Some(place) = place {
            place.store(pid, Ordering::SeqCst);
        }
    }

    /// Says that it was waited for.
    pub fn strike(&self, pid: Pid) {
        let is_it = |place: &&AtomicI32| place.load(Ordering::SeqCst) == pid;
        if let Some(place) = self.children.iter().find(is_it) {
            place.store(0, Ordering::SeqCst);
        }
    }

    /// The children that nobody has waited for.
    pub fn children(&self) -> impl Iterator<Item = Pid> {
        self.children.iter().map(|place| place.load(Ordering::SeqCst)).filter(|pid| *pid != 0)
    }

    /// What another process said its own id is.
    pub fn told(&self) -> Pid {
        self.told.load(Ordering::SeqCst)
    }

    /// Sets that id.
    pub fn tell(&self, pid: Pid) {
        self.told.store(pid, Ordering::SeqCst);
    }
}
