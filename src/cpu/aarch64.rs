// SPDX-License-Identifier: MIT OR Apache-2.0
//! What must be written in assembly, on `aarch64`: `_start`, clone(2) with the child's first
//! steps, and the memory routines. Follows clone(2), syscall(2), Arm's "Procedure Call Standard"
//! (AAPCS64), and the kernel's `arch/arm64/include/asm/processor.h` for what `_start` finds.
//!
//! | | number | 1 | 2 | 3 | 4 | 5 | 6 | result | destroyed |
//! |---|---|---|---|---|---|---|---|---|---|
//! | system call | x8 | x0 | x1 | x2 | x3 | x4 | x5 | x0 | |
//! | function | | x0 | x1 | x2 | x3 | x4 | x5 | x0 | all but x19 to x29, sp and d8 to d15 |
//!
//! A function's return address is not on the stack but in x30, the link register.

use core::arch::naked_asm;
use core::ffi::{c_int, c_void};

use linux_raw_sys::general::{__kernel_sighandler_t, kernel_sigaction, kernel_sigset_t};
use syscalls::Sysno;

/// The registers of a system call: its number's, and those of its six arguments.
pub const REGISTERS: &str = "x8 x0 x1 x2 x3 x4 x5";

/// The numbers of the calls. On this CPU each call has its manual page's name, and times of 64 bits.
pub mod number {
    pub use syscalls::Sysno::rt_sigtimedwait as rt_sigtimedwait_time64;
    pub use syscalls::Sysno::*;
}

/// The words in the registers of a call: its arguments, in their order, all six of them.
pub(crate) fn registers(_: Sysno, args: &[usize; 6]) -> ([usize; 6], usize) {
    (*args, 6)
}

/// What the result's register holds when a call fails: the negative error number.
pub(crate) fn failed(errno: usize) -> usize {
    errno.wrapping_neg()
}

/// Makes `_start`, where the kernel starts the process: `sp` points to argc, and the other
/// registers hold nothing that may be relied on. It calls `enter` with that address.
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
                ".cfi_undefined x30",
                "mov x29, xzr",     // the outermost frame, so that a debugger's backtrace ends here:
                "mov x30, xzr",     // it has no caller either; if enter returned, that is a fault
                "mov x0, sp",       // enter's argument, before the stack moves
                "and x9, x0, #-16", // the ABI promises it already; a debugger or emulator may not
                "mov sp, x9",
                "b {enter}",        // and not bl, which would set x30
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
/// | here | x0 | x1 | | | | x2 | x3 |
/// | the kernel | x0 | x1 | x2 | x3 | x4 | | |
/// | meanwhile | | | | | | x9 | x10 |
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
        "newuts_clone:",    // a debugger's name for it: Rust's own ends with a hash
        ".cfi_startproc",
        "mov x9, x2",       // func and arg wait in registers that the kernel leaves alone,
        "mov x10, x3",      // and that a caller does not want back
        "mov x2, xzr",      // no parent_tid,
        "mov x3, xzr",      // no tls,
        "mov x4, xzr",      // no child_tid
        "mov x8, {clone}",
        "svc 0",            // from here on there are two processes, with all registers alike
        "cbz x0, 2f",       // but x0 and sp
        "ret",              // the parent, to where x30 says, on the stack it had
        "2:",
        ".cfi_undefined x30",
        "mov x29, xzr",     // the child has no caller: its backtrace ends here
        "mov x0, x10",
        "blr x9",
        "mov x8, {exit}",   // there is nothing to return to: the result in x0 goes to exit(2)
        "svc 0",
        "udf 0",            // if a tracer makes exit return, stop here
        ".cfi_endproc",
        ".size newuts_clone, . - newuts_clone",
        clone = const Sysno::clone as usize,
        exit = const Sysno::exit as usize,
    )
}

/// A fault on purpose: `SIGILL`.
#[unsafe(naked)]
pub(crate) extern "C" fn trap() -> ! {
    naked_asm!("udf 0")
}

/// The flags of `rt_sigaction(2)` for a handler that does not return: none. This CPU's kernel has
/// the code to which a handler returns in its vDSO (`arch/arm64/kernel/signal.c`).
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
        "cbz x2, 3f",
        "sub x2, x2, #1", // from the end, because then memmove can come here, and x0 stays:
        "ldrb w3, [x1, x2]",
        "strb w3, [x0, x2]",
        "b 2b",
        "3:",
        "ret", // the result is dest
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
        "sub x3, x0, x1",
        "cmp x3, x2", // dest - src, unsigned: below n only where dest starts inside src
        "b.hs 2f",
        "b {memcpy}", // then from the end, so that no byte is overwritten unread
        "2:",
        "mov x3, x0",
        "3:",
        "cbz x2, 4f",
        "ldrb w4, [x1], #1",
        "strb w4, [x3], #1",
        "sub x2, x2, #1",
        "b 3b",
        "4:",
        "ret",
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
        "cbz x2, 3f",
        "sub x2, x2, #1",    // from the end, so that x0 stays the result
        "strb w1, [x0, x2]", // only the lowest byte is stored
        "b 2b",
        "3:",
        "ret",
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
        "mov w3, wzr", // nothing differs so far
        "2:",
        "cbz x2, 3f",
        "ldrb w3, [x0], #1", // unsigned char, says C
        "ldrb w4, [x1], #1",
        "sub x2, x2, #1",
        "subs w3, w3, w4",
        "b.eq 2b",
        "3:",
        "mov w0, w3",
        "ret",
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
        "mov x1, x0",
        "2:",
        "ldrb w2, [x1], #1",
        "cbnz w2, 2b",
        "sub x0, x1, x0",
        "sub x0, x0, #1", // x1 went past the NUL
        "ret",
    )
}
