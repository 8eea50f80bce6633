// SPDX-License-Identifier: MIT OR Apache-2.0
//! Memory: mmap(2), mprotect(2), and the child's stack that is made of both.
//! Follows their pages, and clone(2), "The child stack", with the reasons for mmap in its example.

use core::ffi::c_void;
use core::ptr;

use linux_raw_sys::general::{
    MAP_ANONYMOUS, MAP_PRIVATE, MAP_STACK, PROT_NONE, PROT_READ, PROT_WRITE,
};

use super::table::Request;
use super::{Failure, Sys};

impl Sys {
    /// `mmap(NULL, length, prot, flags, -1, 0)`—Creates a mapping of zeroed memory, `length` bytes
    /// long, rounded up to pages, at an address of the kernel's choice.
    ///
    /// # Errors
    ///
    /// `ENOMEM` where the limit of the address space or of mappings is reached, `EAGAIN` with
    /// locked memory.
    pub fn mmap(&self, length: usize, prot: u32, flags: u32) -> Result<*mut c_void, Failure> {
        let (no_address, no_file) = (0_usize, -1);
        let request = Request::mmap(no_address, length, prot, flags, no_file, 0_usize);
        // SAFETY: without MAP_FIXED a new mapping replaces nothing.
        unsafe { self.call(request) }.map(ptr::with_exposed_provenance_mut)
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
    pub unsafe fn mprotect(
        &self,
        addr: *mut c_void,
        size: usize,
        prot: u32,
    ) -> Result<(), Failure> {
        // SAFETY: by this function's own contract.
        unsafe { self.call(Request::mprotect(addr, size, prot)) }.map(|_| ())
    }
}

/// Memory for a child to run on: `size` bytes, of which the lowest page is the guard.
///
/// ```text
///   top  →  ┌──────────────┐  the child's first push goes just below
///           │ grows down   │  PROT_READ | PROT_WRITE
///           │      ↓       │
///           ├──────────────┤
///           │ guard page   │  PROT_NONE: an overflow is a SIGSEGV, and corrupts nothing
///   base →  └──────────────┘
/// ```
///
/// It is never unmapped: the process that maps one ends soon after.
pub struct Stack {
    base: *mut c_void,
    size: usize,
}

impl Stack {
    /// Maps a stack of `size` bytes, a multiple of `page_size`.
    ///
    /// # Errors
    ///
    /// mmap(2) and mprotect(2): `ENOMEM` where there is no room for it.
    pub fn map(sys: &Sys, size: usize, page_size: usize) -> Result<Self, Failure> {
        let prot = PROT_READ | PROT_WRITE;
        // MAP_STACK does nothing on Linux so far. It says what the memory is for.
        let flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK;
        let base = sys.mmap(size, prot, flags)?;
        // SAFETY: the mapping is new, so the page at its start is ours and nothing is in it.
        unsafe { sys.mprotect(base, page_size, PROT_NONE) }?;
        Ok(Self { base, size })
    }

    /// Its upper end, one byte past the last: what clone(2) wants, as stacks grow down.
    #[must_use]
    pub fn top(&self) -> *mut c_void {
        self.base.wrapping_byte_add(self.size)
    }
}
