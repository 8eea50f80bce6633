//! What must be written in assembly, on `aarch64`: clone(2) with the child's first steps, and the
//! memory routines. Follows clone(2), syscall(2) and Arm's "Procedure Call Standard" (AAPCS64).
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

/// `clone(flags, child_stack, NULL, 0, NULL)`, whose child calls `func(arg)` on its own stack and
/// exits with the result.
///
/// Returns in the parent only: the child's process id, or the negative error number.
///
/// | | `flags` | `child_stack` | `parent_tid` | `tls` | `child_tid` | `func` | `arg` |
/// |---|---|---|---|---|---|---|---|
/// | here | x0 | x1 | | | | x2 | x3 |
/// | the kernel | x0 | x1 | x2 | x3 | x4 | | |
///
/// The last two are in another order than on `x86_64`: the kernel is built with
/// `CONFIG_CLONE_BACKWARDS` (clone(2), "C library/kernel differences").
///
/// # Safety
///
/// `child_stack` is a multiple of 16, the 16 bytes from it on and the memory below are writable,
/// nobody else uses them, and `func` accepts `arg`. The child must have its own copy of the
/// address space (no `CLONE_VM`), or everything that `func` touches must be fit for sharing.
#[unsafe(naked)]
pub(crate) unsafe extern "C" fn clone(
    flags: usize,
    child_stack: *mut c_void,
    func: extern "C" fn(*const c_void) -> c_int,
    arg: *const c_void,
) -> usize {
    naked_asm!(
        "str x3, [x1]",     // arg waits on the child's stack: its register is tls's
        "mov x5, x2",       // func waits in the one argument register that clone leaves alone
        "mov x2, xzr",      // no parent_tid,
        "mov x3, xzr",      // no tls,
        "mov x4, xzr",      // no child_tid
        "mov x8, {clone}",
        "svc 0",            // from here on there are two processes, with all registers alike
        "cbz x0, 2f",       // but x0 and sp
        "ret",              // the parent, to where x30 says, on the stack it had
        "2:",
        "mov x29, xzr",     // the child has no caller: its backtrace ends here
        "ldr x0, [sp]",     // the stack is aligned here, or the CPU would refuse this
        "blr x5",
        "mov x8, {exit}",   // there is nothing to return to: the result in x0 goes to exit(2)
        "svc 0",
        "udf 0",            // and exit is not trusted either
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
/// As for memcpy(3).
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

/// `memmove(dest, src, n)`. Like [`memcpy`], but the two may overlap.
///
/// # Safety
///
/// As for memmove(3).
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
/// As for memset(3).
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
/// As for memcmp(3).
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
/// As for bcmp(3).
#[unsafe(naked)]
#[must_use]
pub unsafe extern "C" fn bcmp(s1: *const u8, s2: *const u8, n: usize) -> c_int {
    naked_asm!("b {}", sym memcmp)
}

/// `strlen(s)`: the bytes before the NUL.
///
/// # Safety
///
/// As for strlen(3).
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
