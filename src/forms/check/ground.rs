//! What the processes of a check have in common: a page that they share with the watcher, and
//! memory of which the end is known, for addresses that are good, bad, or good up to there.
//! Follows mmap(2) and mprotect(2).

use core::ffi::c_char;
use core::mem::offset_of;
use core::sync::atomic::{AtomicI32, AtomicU8, AtomicU32, Ordering};
use core::{ptr, slice};

use linux_raw_sys::general::{
    __user_cap_data_struct, __user_cap_header_struct, _LINUX_CAPABILITY_U32S_3,
    _LINUX_CAPABILITY_VERSION_3, MAP_ANONYMOUS, MAP_PRIVATE, MAP_SHARED, PROT_NONE, PROT_READ,
    PROT_WRITE,
};
use linux_raw_sys::system::{__NEW_UTS_LEN, new_utsname};

use crate::sys::process::Pid;
use crate::sys::{Failure, Sys};

/// The most that is said of a step, in bytes.
const LONGEST_TEXT: usize = 1024;

/// The longest name, and one byte more.
const TOO_LONG: usize = __NEW_UTS_LEN as usize + 1;

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
    /// The same of another.
    told: AtomicI32,
    /// What is being done, or what is to be said of it.
    text: [AtomicU8; LONGEST_TEXT],
    len: AtomicU32,
}

impl Board {
    /// Begins a check, and is the end of what is left of the last.
    pub fn clean(&self) {
        self.verdict.store(0, Ordering::SeqCst);
        self.stage.store(0, Ordering::SeqCst);
        self.me.store(0, Ordering::SeqCst);
        self.told.store(0, Ordering::SeqCst);
        self.say(b"");
        self.round.store(self.round() + 1, Ordering::SeqCst);
    }

    /// Says that all checks are done.
    pub fn finish(&self) {
        self.over.store(1, Ordering::SeqCst);
    }

    /// Whether they are.
    pub fn is_over(&self) -> bool {
        self.over.load(Ordering::SeqCst) != 0
    }

    /// Says that a check has had a user namespace of its own.
    pub fn set_had_user(&self) {
        self.had_user.store(1, Ordering::SeqCst);
    }

    /// Whether one has.
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

    /// Says what is known of it, and why. The first word is the last: what follows from a step that
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

    /// Says so.
    pub fn set_parent_knows(&self, knows: bool) {
        self.parent_knows.store(knows.into(), Ordering::SeqCst);
    }

    /// What the check's process said its own id is; 0 before it has begun.
    pub fn me(&self) -> Pid {
        self.me.load(Ordering::SeqCst)
    }

    /// Says so: it has begun.
    pub fn begin(&self, pid: Pid) {
        self.me.store(pid, Ordering::SeqCst);
    }

    /// What another process said its own id is.
    pub fn told(&self) -> Pid {
        self.told.load(Ordering::SeqCst)
    }

    /// Says so.
    pub fn tell(&self, pid: Pid) {
        self.told.store(pid, Ordering::SeqCst);
    }
}

/// Memory that every process has a copy of, and behind it memory that nobody may touch:
///
/// ```text
///   base →                names, and what the calls of a check fill in
///   edge - 390            a utsname fits here, but no more
///   edge - 325            here its last field does not
///   edge - 3              a name of which only three bytes can be read
///   edge →                PROT_NONE
/// ```
#[derive(Clone, Copy)]
pub struct Room {
    base: usize,
    edge: usize,
}

/// What lies in the room, from its base on. Names are bytes that are all different, so that it can
/// be told where one came from.
#[repr(C)]
struct Furniture {
    /// A name, too long by one byte; its beginnings are the names that are used most.
    name: [u8; TOO_LONG],
    /// The same backwards.
    other: [u8; TOO_LONG],
    /// Bytes that are no letters.
    bytes: [u8; TOO_LONG],
    /// The name of the caller's UTS namespace when this was filled in last.
    present: [c_char; TOO_LONG],
    no_capabilities: [__user_cap_data_struct; _LINUX_CAPABILITY_U32S_3 as usize],
    /// In memory that can be written to, because the kernel may say here which version it knows.
    cap_header: __user_cap_header_struct,
    scratch: Scratch,
    before: [u8; GUARD],
    utsname: [u8; size_of::<new_utsname>()],
    behind: [u8; GUARD],
}

/// Room for anything.
#[repr(C, align(16))]
pub struct Scratch(pub [u8; 512]);

/// How many bytes beside a buffer are watched.
pub const GUARD: usize = 128;

/// What stands in a buffer and beside it, before it is filled in. No text has this byte.
pub const UNTOUCHED: u8 = 0xa5;

/// The letters of the names.
const LETTERS: &[u8; TOO_LONG] =
    b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._";

/// A NUL, a newline, and bytes above 0x7f are among these; none is there twice.
const BYTES: [u8; TOO_LONG] = {
    let mut bytes = [0xf6_u8; TOO_LONG];
    let mut place = 1;
    while place < TOO_LONG {
        bytes[place] = bytes[place - 1].wrapping_add(5);
        place += 1;
    }
    bytes
};

/// The letters from the last to the first.
const BACKWARDS: [u8; TOO_LONG] = {
    let mut bytes = [0; TOO_LONG];
    let mut place = 0;
    while place < TOO_LONG {
        // Not the three that are no letters: they would be the first.
        bytes[place] = LETTERS[(2 * TOO_LONG - 4 - place) % TOO_LONG];
        place += 1;
    }
    bytes
};

/// How many bytes of a name can be read at the edge.
const READABLE: usize = 3;

/// Maps both.
///
/// # Errors
///
/// mmap(2), mprotect(2): `ENOMEM` where there is no memory for it.
pub fn map(sys: &Sys, page_size: usize) -> Result<(&'static Board, Room), Failure> {
    let prot = PROT_READ | PROT_WRITE;
    let board = sys.mmap(size_of::<Board>(), prot, MAP_SHARED | MAP_ANONYMOUS)?;
    let base = sys.mmap(2 * page_size, prot, MAP_PRIVATE | MAP_ANONYMOUS)?;
    let edge = base.wrapping_byte_add(page_size);
    // SAFETY: the mapping is new, so the page is ours and nothing is in it.
    unsafe { sys.mprotect(edge, page_size, PROT_NONE) }?;
    let room = Room { base: base.expose_provenance(), edge: edge.expose_provenance() };
    let furniture: *mut Furniture = base.cast();
    // SAFETY: the page is new, as large as this or larger, and zeros are good for all of it.
    let furniture = unsafe { &mut *furniture };
    furniture.name = *LETTERS;
    furniture.other = BACKWARDS;
    furniture.bytes = BYTES;
    furniture.cap_header.version = _LINUX_CAPABILITY_VERSION_3;
    let near = ptr::with_exposed_provenance_mut::<[u8; READABLE]>(room.near_edge());
    // SAFETY: these are the last bytes of the page.
    unsafe { near.write([LETTERS[0], LETTERS[1], LETTERS[2]]) };
    // SAFETY: the mapping is new, as large as a board, never unmapped, and zeros are good for it.
    Ok((unsafe { &*board.cast::<Board>() }, room))
}

impl Room {
    /// Whether all of these bytes can be read.
    pub fn has(self, address: usize, len: usize) -> bool {
        (self.base..self.edge).contains(&address) && len <= self.edge - address
    }

    /// Bytes that can be read; none if they cannot.
    pub fn bytes<'a>(self, address: usize, len: usize) -> &'a [u8] {
        if !self.has(address, len) {
            return &[];
        }
        // SAFETY: the bytes are in the room, whose memory is never unmapped, and nobody writes to
        // them while they are looked at: that is done between calls.
        unsafe { slice::from_raw_parts(ptr::with_exposed_provenance(address), len) }
    }

    /// The address of a name.
    pub fn name(self) -> usize {
        self.base + offset_of!(Furniture, name)
    }

    /// That of another, of which the beginning is not the first one's.
    pub fn other(self) -> usize {
        self.base + offset_of!(Furniture, other)
    }

    /// That of bytes that are no letters.
    pub fn no_letters(self) -> usize {
        self.base + offset_of!(Furniture, bytes)
    }

    /// That of the name that was kept last.
    pub fn present(self) -> usize {
        self.base + offset_of!(Furniture, present)
    }

    /// Keeps a name of a utsname.
    pub fn keep(self, field: &[c_char; TOO_LONG]) {
        // SAFETY: these bytes of the room are for it, and nobody looks at them now.
        unsafe {
            ptr::with_exposed_provenance_mut::<[c_char; TOO_LONG]>(self.present()).write(*field);
        };
    }

    /// The addresses of the structures of capset(2): no capabilities.
    pub fn no_capabilities(self) -> (usize, usize) {
        let header = offset_of!(Furniture, cap_header);
        (self.base + header, self.base + offset_of!(Furniture, no_capabilities))
    }

    /// Memory for a thread's argument, or for what is read from a file.
    pub fn scratch(self) -> *mut Scratch {
        ptr::with_exposed_provenance_mut(self.base + offset_of!(Furniture, scratch))
    }

    /// A buffer for uname(2), in which and beside which all bytes are [`UNTOUCHED`].
    pub fn untouched(self) -> usize {
        let before = self.base + offset_of!(Furniture, before);
        let len = 2 * GUARD + size_of::<new_utsname>();
        // SAFETY: these bytes of the room are for it, one behind the other, and nobody looks at
        // them now.
        unsafe { ptr::with_exposed_provenance_mut::<u8>(before).write_bytes(UNTOUCHED, len) };
        before + GUARD
    }

    /// An address where nothing may be read or written.
    pub fn nowhere(self) -> usize {
        self.edge + GUARD
    }

    /// The address of a name of which only a part can be read.
    pub fn near_edge(self) -> usize {
        self.edge - READABLE
    }

    /// The address of a utsname that ends where memory does.
    pub fn up_to_edge(self) -> usize {
        self.edge - size_of::<new_utsname>()
    }

    /// That of one whose last field is nowhere.
    pub fn over_edge(self) -> usize {
        self.up_to_edge() + TOO_LONG
    }
}
