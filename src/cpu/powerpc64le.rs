// SPDX-License-Identifier: MIT OR Apache-2.0
//! What must be written in assembly, on `powerpc64` that is little-endian (`powerpc64le`):
//! `_start`, clone(2) with the child's first steps, and the memory routines. Follows clone(2),
//! syscall(2), the "64-Bit ELF V2 ABI Specification" ("Process Initialization" for what `_start`
//! finds), and the kernel's `Documentation/arch/powerpc/syscall64-abi.rst`.
//!
//! | | number | 1 | 2 | 3 | 4 | 5 | 6 | result | destroyed |
//! |---|---|---|---|---|---|---|---|---|---|
//! | system call | r0 | r3 | r4 | r5 | r6 | r7 | r8 | r3, cr0.so | r0, r4 to r12, ctr, xer, cr0 |
//! | function | | r3 | r4 | r5 | r6 | r7 | r8 | r3 | all but r1, r2, r13 to r31, cr2 to cr4, f14 to f31 |
//!
//! A call that fails sets the bit "summary overflow" of cr0, and gives the error number as it is. A
//! function's return address is not on the stack but in lr. r1 is the stack, r2 the address from
//! which constants are found (the TOC): a function that is called by its address makes it out of
//! that address, which must be in r12. The lowest 32 bytes of the stack are for whom a function
//! calls; the first word there is the back chain, the address of the frame before.

use core::arch::naked_asm;
use core::ffi::{c_int, c_void};

use linux_raw_sys::general::{__kernel_sighandler_t, kernel_sigaction, kernel_sigset_t};
use syscalls::Sysno;

/// The registers of a system call: its number's, and those of its six arguments.
pub const REGISTERS: &str = "r0 r3 r4 r5 r6 r7 r8";

/// The numbers of the calls. On this CPU each call has its manual page's name, and times of 64 bits.
pub mod number {
    pub use syscalls::Sysno::rt_sigtimedwait as rt_sigtimedwait_time64;
    pub use syscalls::Sysno::*;
}

/// The words in the registers of a call: its arguments, in their order, all six of them.
pub(crate) fn registers(_: Sysno, args: &[usize; 6]) -> ([usize; 6], usize) {
    (*args, 6)
}

/// What the result's register holds when a call fails: the error number. That it is one says a bit
/// of the condition register.
pub(crate) fn failed(errno: usize) -> usize {
    errno
}

/// Makes `_start`, where the kernel starts the process: `r1` points to argc, `r12` is the address
/// of `_start`, and the other registers hold nothing that may be relied on. It calls `enter` with
/// what `r1` is.
///
/// It also gives the memory routines of [`cpu`](crate::cpu) the names by which the compiler calls
/// them. In the library they must not have these, because tests call them beside the C library's.
#[macro_export]
macro_rules! start {
    ($enter:path) => {
        #[unsafe(no_mangle)]
        #[unsafe(naked)]
        unsafe extern "C" fn _start() -> ! {
            ::core::arch::naked_asm!(
                ".cfi_startproc",
                ".cfi_undefined lr",
                "addis 2, 12, .TOC.-_start@ha", // from here on constants are found
                "addi 2, 2, .TOC.-_start@l",
                "mr 3, 1",                      // enter's argument, before the stack moves
                "clrrdi 1, 1, 4",               // the ABI promises it; a debugger or emulator may not
                "li 0, 0",                      // no back chain: a debugger's backtrace ends here;
                "stdu 0, -32(1)",               // and what a function wants of its caller's stack
                "mtlr 0",                       // no caller; if enter returned, that is a fault
                "b {enter}",                    // and not bl, which would set lr
                ".cfi_endproc",
                enter = sym $enter,
            )
        }

        $crate::start!(@export memcpy memmove memset memcmp bcmp);
    };
    (@export $($routine:ident)*) => {$(
        #[unsafe(no_mangle)]
        #[unsafe(naked)]
        unsafe extern "C" fn $routine() {
            ::core::arch::naked_asm!("b {}", sym $crate::cpu::$routine)
        }
    )*};
}

/// `clone(flags, child_stack, NULL, 0, NULL)`, whose child calls `func(arg)` on its own stack and
/// exits with the result.
///
/// Returns in the parent only: the child's process id, or the negative error number.
///
/// The lines that begin with a dot are no instructions. They tell a debugger where the function
/// ends and where its caller is; `.cfi_undefined` says that there is none (DWARF 5, "Call Frame
/// Information").
///
/// | | `flags` | `child_stack` | `parent_tid` | `tls` | `child_tid` | `func` | `arg` |
/// |---|---|---|---|---|---|---|---|
/// | here | r3 | r4 | | | | r5 | r6 |
/// | the kernel | r3 | r4 | r5 | r6 | r7 | | |
/// | meanwhile | | | | | | r30 | r31 |
///
/// The fourth and fifth are in another order than on `x86_64`: the kernel is built with
/// `CONFIG_CLONE_BACKWARDS` (clone(2), "C library/kernel differences").
///
/// # Safety
///
/// `child_stack` is a multiple of 16, the memory below it is writable, nobody else uses that, and
/// `func` accepts `arg`. The child must have its own copy of the address space (no `CLONE_VM`), or
/// everything that `func` touches must be fit for sharing.
#[unsafe(naked)]
pub(crate) unsafe extern "C" fn clone(
    flags: usize,
    child_stack: *mut c_void,
    func: extern "C" fn(*const c_void) -> c_int,
    arg: *const c_void,
) -> usize {
    naked_asm!(
        "newuts_clone:",  // a debugger's name for it: Rust's own ends with a hash
        ".cfi_startproc",
        ".cfi_remember_state",
        "std 30, -16(1)", // the caller's, who wants them back: below the stack are 288 bytes that
        "std 31, -8(1)",  // no signal touches
        ".cfi_offset 30, -16",
        ".cfi_offset 31, -8",
        "mr 30, 5",       // func and arg wait in registers that the kernel leaves alone
        "mr 31, 6",
        "li 5, 0",        // no parent_tid,
        "li 6, 0",        // no tls,
        "li 7, 0",        // no child_tid
        "li 0, {clone}",
        "sc",             // from here on there are two processes, with all registers alike
        "bns 2f",         // but r3 and r1; an error is made negative, as it is on other CPUs
        "neg 3, 3",
        "2:",
        "cmpdi 3, 0",
        "beq 3f",
        "ld 30, -16(1)",
        "ld 31, -8(1)",
        ".cfi_restore_state",
        "blr",            // the parent, on the stack it had
        "3:",
        ".cfi_undefined lr",
        "li 0, 0",        // the child has no caller: its backtrace ends here;
        "stdu 0, -32(1)", // and what a function wants below its caller's stack
        "mr 3, 31",
        "mr 12, 30",      // from where func finds its constants
        "mtctr 12",
        "bctrl",
        "li 0, {exit}",   // there is nothing to return to: the result in r3 goes to exit(2)
        "sc",
        ".long 0",        // if a tracer makes exit return, stop here
        ".cfi_endproc",
        ".size newuts_clone, . - newuts_clone",
        clone = const Sysno::clone as usize,
        exit = const Sysno::exit as usize,
    )
}

/// A fault on purpose: `SIGILL`.
#[unsafe(naked)]
pub(crate) extern "C" fn trap() -> ! {
    naked_asm!(".long 0")
}

/// The flags of `rt_sigaction(2)` for a handler that does not return: none. This CPU's kernel has
/// the code to which a handler returns in its vDSO (`arch/powerpc/kernel/signal_64.c`).
pub(crate) const HANDLER_FLAGS: u32 = 0;

/// The argument of `rt_sigaction(2)`: no signals are blocked meanwhile, and nobody returns.
pub(crate) fn sigaction(handler: __kernel_sighandler_t, flags: u32) -> kernel_sigaction {
    kernel_sigaction {
        sa_handler_kernel: handler,
        sa_flags: flags.into(),
        sa_restorer: None,
        sa_mask: kernel_sigset_t { sig: [0] },
    }
}

/// `memcpy(dest, src, n)`. C's memcpy, which Rust calls for every large move.
///
/// # Safety
///
/// Same contract as memcpy(3).
#[unsafe(naked)]
pub unsafe extern "C" fn memcpy(dest: *mut u8, src: *const u8, n: usize) -> *mut u8 {
    naked_asm!(
        "2:",
        "cmpdi 5, 0",
        "beq 3f",
        "addi 5, 5, -1", // from the end, because then memmove can come here, and r3 stays:
        "lbzx 6, 4, 5",
        "stbx 6, 3, 5",
        "b 2b",
        "3:",
        "blr", // the result is dest
    )
}

/// [`memcpy`], for this library's own calls: only a function that is not public is called without
/// looking its address up in a table.
///
/// # Safety
///
/// Same contract as memcpy(3).
#[unsafe(naked)]
pub(crate) unsafe extern "C" fn copy(dest: *mut u8, src: *const u8, n: usize) -> *mut u8 {
    naked_asm!("b {}", sym memcpy)
}

/// `memmove(dest, src, n)`. Like [`memcpy`], but the two may overlap.
///
/// # Safety
///
/// Same contract as memmove(3).
#[unsafe(naked)]
pub unsafe extern "C" fn memmove(dest: *mut u8, src: *const u8, n: usize) -> *mut u8 {
    naked_asm!(
        "sub 6, 3, 4",
        "cmpld 6, 5", // dest - src, unsigned: below n only where dest starts inside src
        "bge 2f",
        "b {memcpy}", // then from the end, so that no byte is overwritten unread
        "2:",
        "mr 6, 3",
        "3:",
        "cmpdi 5, 0",
        "beq 4f",
        "lbz 7, 0(4)",
        "stb 7, 0(6)",
        "addi 4, 4, 1",
        "addi 6, 6, 1",
        "addi 5, 5, -1",
        "b 3b",
        "4:",
        "blr",
        memcpy = sym memcpy,
    )
}

/// `memset(s, c, n)`.
///
/// # Safety
///
/// Same contract as memset(3).
#[unsafe(naked)]
pub unsafe extern "C" fn memset(s: *mut u8, c: c_int, n: usize) -> *mut u8 {
    naked_asm!(
        "2:",
        "cmpdi 5, 0",
        "beq 3f",
        "addi 5, 5, -1", // from the end, so that r3 stays the result
        "stbx 4, 3, 5",  // only the lowest byte is stored
        "b 2b",
        "3:",
        "blr",
    )
}

/// `memcmp(s1, s2, n)`: the difference of the first two bytes that differ, or 0.
///
/// # Safety
///
/// Same contract as memcmp(3).
#[unsafe(naked)]
#[must_use]
pub unsafe extern "C" fn memcmp(s1: *const u8, s2: *const u8, n: usize) -> c_int {
    naked_asm!(
        "li 6, 0", // nothing differs so far
        "2:",
        "cmpdi 5, 0",
        "beq 3f",
        "lbz 6, 0(3)", // unsigned char, says C
        "lbz 7, 0(4)",
        "addi 3, 3, 1",
        "addi 4, 4, 1",
        "addi 5, 5, -1",
        "sub. 6, 6, 7",
        "beq 2b",
        "3:",
        "mr 3, 6",
        "blr",
    )
}

/// `bcmp(s1, s2, n)`: 0 when equal. What LLVM makes of a memcmp whose sign nobody reads.
///
/// # Safety
///
/// Same contract as bcmp(3).
#[unsafe(naked)]
#[must_use]
pub unsafe extern "C" fn bcmp(s1: *const u8, s2: *const u8, n: usize) -> c_int {
    naked_asm!("b {}", sym memcmp)
}

/// `strlen(s)`: the bytes before the NUL.
///
/// # Safety
///
/// Same contract as strlen(3).
#[unsafe(naked)]
pub(crate) unsafe extern "C" fn strlen(s: *const u8) -> usize {
    naked_asm!(
        "mr 4, 3",
        "2:",
        "lbz 5, 0(4)",
        "addi 4, 4, 1",
        "cmpdi 5, 0",
        "bne 2b",
        "sub 3, 4, 3",
        "addi 3, 3, -1", // r4 went past the NUL
        "blr",
    )
}
