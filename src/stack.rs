//! The child's stack: memory of its own from mmap(2) with a page below it that nobody may touch.
//! Follows clone(2), "The child stack", and the reasons for mmap in its example.

use core::ffi::c_void;

use linux_raw_sys::general::{
    MAP_ANONYMOUS, MAP_PRIVATE, MAP_STACK, PROT_NONE, PROT_READ, PROT_WRITE,
};

use syscalls::Sysno;

use crate::failure::{During as _, Failure};
use crate::sys::Sys;

/// Memory for a child to run on: `size` bytes, of which the lowest page is the guard.
///
/// ```text
///   top  →  ┌──────────────┐
///           │ argument     │  16 bytes, where the trampoline leaves it
///           ├──────────────┤  child_stack: the child's first push goes just below
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
        let base = sys.mmap(size, prot, flags).during(Sysno::mmap)?;
        // SAFETY: the mapping is new, so the page at its start is ours and nothing is in it.
        unsafe { sys.mprotect(base, page_size, PROT_NONE) }.during(Sysno::mprotect)?;
        Ok(Self { base, size })
    }

    /// Where the child begins: just below the top, so that the trampoline has room there for an
    /// argument, and the alignment that every ABI asks for.
    #[must_use]
    pub fn child_stack(&self) -> *mut c_void {
        self.top().wrapping_byte_sub(16)
    }

    /// Its upper end, one byte past the last.
    #[must_use]
    pub fn top(&self) -> *mut c_void {
        self.base.wrapping_byte_add(self.size)
    }
}
