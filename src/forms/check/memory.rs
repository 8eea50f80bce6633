// SPDX-License-Identifier: MIT OR Apache-2.0
//! The memory whose addresses the steps use: names and buffers, and an end behind which nothing may be
//! read or written, for addresses that are good, bad, or good up to there. Follows mmap(2), mprotect(2).

use core::ffi::c_char;
use core::mem::offset_of;
use core::{ptr, slice};

use linux_raw_sys::general::{
    __user_cap_data_struct, __user_cap_header_struct, _LINUX_CAPABILITY_U32S_3,
    _LINUX_CAPABILITY_VERSION_3, MAP_ANONYMOUS, MAP_PRIVATE, PROT_NONE, PROT_READ, PROT_WRITE,
};
use linux_raw_sys::system::{__NEW_UTS_LEN, new_utsname};

use crate::sys::{Failure, Sys};

/// The longest name, and one byte more.
const TOO_LONG: usize = __NEW_UTS_LEN as usize + 1;

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
pub struct Memory {
    base: usize,
    edge: usize,
}

/// What lies in it, from its base on. Names are bytes that are all different, so that it can
/// be told where one came from.
#[repr(C)]
struct Contents {
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

impl Memory {
    /// Maps it, and fills in the names.
    ///
    /// # Errors
    ///
    /// mmap(2), mprotect(2): `ENOMEM` where there is no memory for it.
    pub fn map(sys: &Sys, page_size: usize) -> Result<Self, Failure> {
        let (prot, flags) = (PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS);
        let base = sys.mmap(2 * page_size, prot, flags)?;
        let edge = base.wrapping_byte_add(page_size);
        // SAFETY: the mapping is new, so the page is ours and nothing is in it.
        unsafe { sys.mprotect(edge, page_size, PROT_NONE) }?;
        let memory = Self { base: base.expose_provenance(), edge: edge.expose_provenance() };
        let contents: *mut Contents = base.cast();
        // SAFETY: the page is new, as large as this or larger, and zeros are good for all of it.
        let contents = unsafe { &mut *contents };
        contents.name = *LETTERS;
        contents.other = BACKWARDS;
        contents.bytes = BYTES;
        contents.cap_header.version = _LINUX_CAPABILITY_VERSION_3;
        let near = ptr::with_exposed_provenance_mut::<[u8; READABLE]>(memory.near_edge());
        // SAFETY: these are the last bytes of the page.
        unsafe { near.write([LETTERS[0], LETTERS[1], LETTERS[2]]) };
        Ok(memory)
    }

    /// Whether all of these bytes can be read.
    pub fn has(self, address: usize, len: usize) -> bool {
        (self.base..self.edge).contains(&address) && len <= self.edge - address
    }

    /// Bytes that can be read; none if they cannot.
    pub fn bytes<'a>(self, address: usize, len: usize) -> &'a [u8] {
        if !self.has(address, len) {
            return &[];
        }
        // SAFETY: the bytes are in this memory, which is never unmapped, and nobody writes to
        // them while they are looked at: that is done between calls.
        unsafe { slice::from_raw_parts(ptr::with_exposed_provenance(address), len) }
    }

    /// The address of a name.
    pub fn name(self) -> usize {
        self.base + offset_of!(Contents, name)
    }

    /// The address of another name, which begins otherwise.
    pub fn other(self) -> usize {
        self.base + offset_of!(Contents, other)
    }

    /// The address of bytes that are no letters.
    pub fn no_letters(self) -> usize {
        self.base + offset_of!(Contents, bytes)
    }

    /// The address of the name that was kept last.
    pub fn present(self) -> usize {
        self.base + offset_of!(Contents, present)
    }

    /// Keeps a name of a utsname.
    pub fn keep(self, field: &[c_char; TOO_LONG]) {
        // SAFETY: these bytes are there for it, and nobody looks at them now.
        unsafe {
            ptr::with_exposed_provenance_mut::<[c_char; TOO_LONG]>(self.present()).write(*field);
        };
    }

    /// The addresses of the structures of capset(2): no capabilities.
    pub fn no_capabilities(self) -> (usize, usize) {
        let header = offset_of!(Contents, cap_header);
        (self.base + header, self.base + offset_of!(Contents, no_capabilities))
    }

    /// Memory for a thread's argument, or for what is read from a file.
    pub fn scratch(self) -> *mut Scratch {
        ptr::with_exposed_provenance_mut(self.base + offset_of!(Contents, scratch))
    }

    /// A buffer for uname(2), in which and beside which all bytes are [`UNTOUCHED`].
    pub fn untouched(self) -> usize {
        let before = self.base + offset_of!(Contents, before);
        let len = 2 * GUARD + size_of::<new_utsname>();
        // SAFETY: these bytes are there for it, one behind the other, and nobody looks at
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

    /// The address of a utsname whose last field lies where nothing may be read or written.
    pub fn over_edge(self) -> usize {
        self.up_to_edge() + TOO_LONG
    }
}
