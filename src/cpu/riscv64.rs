// SPDX-License-Identifier: MIT OR Apache-2.0
//! What must be written in assembly, on `riscv64`: `_start`, clone(2) with the child's first
//! steps, and the memory routines. Follows clone(2), syscall(2), the RISC-V ELF psABI ("Procedure
//! Calling Convention"), and the kernel's `arch/riscv/kernel/process.c` for what `_start` finds.
//!
//! | | number | 1 | 2 | 3 | 4 | 5 | 6 | result | destroyed |
//! |---|---|---|---|---|---|---|---|---|---|
//! | system call | a7 | a0 | a1 | a2 | a3 | a4 | a5 | a0 | |
//! | function | | a0 | a1 | a2 | a3 | a4 | a5 | a0 | all but s0 to s11, sp, gp, tp and fs0 to fs11 |
//!
//! A function's return address is not on the stack but in ra.

use core::arch::naked_asm;
use core::ffi::{c_int, c_void};

use linux_raw_sys::general::{__kernel_sighandler_t, kernel_sigaction, kernel_sigset_t};
use syscalls::Sysno;

/// The registers of a system call: its number's, and those of its six arguments.
pub const REGISTERS: &str = "a7 a0 a1 a2 a3 a4 a5";

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
                ".cfi_undefined ra",
                "mv s0, zero",      // the outermost frame, so that a backtrace ends here:
                "mv ra, zero",      // it has no caller either; if enter returned, that is a fault
                "mv a0, sp",        // enter's argument, before the stack moves
                "andi sp, sp, -16", // the ABI promises it already; a debugger or emulator may not
                "tail {enter}",     // and not call, which would set ra
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
            ::core::arch::naked_asm!("tail {}", sym $crate::cpu::$routine)
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
/// | here | a0 | a1 | | | | a2 | a3 |
/// | the kernel | a0 | a1 | a2 | a3 | a4 | | |
/// | meanwhile | | | | | | t0 | t1 |
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
        "newuts_clone:", // a debugger's name for it: Rust's own ends with a hash
        ".cfi_startproc",
        "mv t0, a2",     // func and arg wait in registers that the kernel leaves alone,
        "mv t1, a3",     // and that a caller does not want back
        "mv a2, zero",   // no parent_tid,
        "mv a3, zero",   // no tls,
        "mv a4, zero",   // no child_tid
        "li a7, {clone}",
        "ecall",         // from here on there are two processes, with all registers alike
        "beqz a0, 2f",   // but a0 and sp
        "ret",           // the parent, to where ra says, on the stack it had
        "2:",
        ".cfi_undefined ra",
        "mv s0, zero",   // the child has no caller: its backtrace ends here
        "mv a0, t1",
        "jalr t0",
        "li a7, {exit}", // there is nothing to return to: the result in a0 goes to exit(2)
        "ecall",
        "unimp",         // if a tracer makes exit return, stop here
        ".cfi_endproc",
        ".size newuts_clone, . - newuts_clone",
        clone = const Sysno::clone as usize,
        exit = const Sysno::exit as usize,
    )
}

/// A fault on purpose: `SIGILL`.
#[unsafe(naked)]
pub(crate) extern "C" fn trap() -> ! {
    naked_asm!("unimp")
}

/// The flags of `rt_sigaction(2)` for a handler that does not return: none. This CPU's kernel has
/// the code to which a handler returns in its vDSO (`arch/riscv/kernel/signal.c`), and no field for
/// another.
pub(crate) const HANDLER_FLAGS: u32 = 0;

/// The argument of `rt_sigaction(2)`: no signals are blocked meanwhile, and nobody returns.
pub(crate) fn sigaction(handler: __kernel_sighandler_t, flags: u32) -> kernel_sigaction {
    kernel_sigaction {
        sa_handler_kernel: handler,
        sa_flags: flags.into(),
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
        "beqz a2, 3f",
        "addi a2, a2, -1", // from the end, because then memmove can come here, and a0 stays:
        "add a3, a1, a2",
        "lbu a3, 0(a3)",
        "add a4, a0, a2",
        "sb a3, 0(a4)",
        "j 2b",
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
    naked_asm!("tail {}", sym memcpy)
}

/// `memmove(dest, src, n)`. Like [`memcpy`], but the two may overlap.
///
/// # Safety
///
/// Same contract as memmove(3).
#[unsafe(naked)]
pub unsafe extern "C" fn memmove(dest: *mut u8, src: *const u8, n: usize) -> *mut u8 {
    naked_asm!(
        "sub a3, a0, a1",
        "bgeu a3, a2, 2f", // dest - src, unsigned: below n only where dest starts inside src
        "tail {memcpy}", // then from the end, so that no byte is overwritten unread
        "2:",
        "mv a3, a0",
        "3:",
        "beqz a2, 4f",
        "lbu a4, 0(a1)",
        "sb a4, 0(a3)",
        "addi a1, a1, 1",
        "addi a3, a3, 1",
        "addi a2, a2, -1",
        "j 3b",
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
        "beqz a2, 3f",
        "addi a2, a2, -1", // from the end, so that a0 stays the result
        "add a3, a0, a2",
        "sb a1, 0(a3)", // only the lowest byte is stored
        "j 2b",
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
        "mv a3, zero", // nothing differs so far
        "2:",
        "beqz a2, 3f",
        "lbu a3, 0(a0)", // unsigned char, says C
        "lbu a4, 0(a1)",
        "addi a0, a0, 1",
        "addi a1, a1, 1",
        "addi a2, a2, -1",
        "sub a3, a3, a4",
        "beqz a3, 2b",
        "3:",
        "mv a0, a3",
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
    naked_asm!("tail {}", sym memcmp)
}

/// `strlen(s)`: the bytes before the NUL.
///
/// # Safety
///
/// Same contract as strlen(3).
#[unsafe(naked)]
pub(crate) unsafe extern "C" fn strlen(s: *const u8) -> usize {
    naked_asm!(
        "mv a1, a0",
        "2:",
        "lbu a2, 0(a1)",
        "addi a1, a1, 1",
        "bnez a2, 2b",
        "sub a0, a1, a0",
        "addi a0, a0, -1", // a1 went past the NUL
        "ret",
    )
}
