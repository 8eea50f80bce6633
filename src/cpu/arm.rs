// SPDX-License-Identifier: MIT OR Apache-2.0
//! What must be written in assembly, on `arm` of 32 bits (`armv7`): `_start`, clone(2) with the
//! child's first steps, and the memory routines. Follows clone(2), syscall(2) (`arm/EABI`), Arm's
//! "Procedure Call Standard" (AAPCS32), and the kernel's `arch/arm/include/asm/processor.h` for
//! what `_start` finds.
//!
//! | | number | 1 | 2 | 3 | 4 | 5 | 6 | result | destroyed |
//! |---|---|---|---|---|---|---|---|---|---|
//! | system call | r7 | r0 | r1 | r2 | r3 | r4 | r5 | r0 | |
//! | function | | r0 | r1 | r2 | r3 | sp | sp+4 | r0 | all but r4 to r11, sp and d8 to d15 |
//!
//! A function's return address is not on the stack but in lr.

use core::arch::naked_asm;
use core::ffi::{c_int, c_void};

use linux_raw_sys::general::{__kernel_sighandler_t, kernel_sigaction, kernel_sigset_t};
use syscalls::Sysno;

/// The registers of a system call: its number's, and those of its six arguments.
pub const REGISTERS: &str = "r7 r0 r1 r2 r3 r4 r5";

/// The numbers of the calls. Where this CPU has an older call of the manual page's name, with
/// shorter ids, times or offsets, it is the newer one's.
pub mod number {
    pub use syscalls::Sysno::*;
    pub use syscalls::Sysno::{
        clock_nanosleep_time64 as clock_nanosleep, fcntl64 as fcntl, getegid32 as getegid,
        geteuid32 as geteuid, mmap2 as mmap, setresgid32 as setresgid, setresuid32 as setresuid,
    };
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
                ".cfi_undefined lr",
                "mov r11, #0",    // the outermost frame, so that a debugger's backtrace ends here:
                "mov lr, #0",     // it has no caller either; if enter returned, that is a fault
                "mov r0, sp",     // enter's argument, before the stack moves
                "bic r1, r0, #7", // the ABI promises it already; a debugger or emulator may not
                "mov sp, r1",
                "b {enter}",      // and not bl, which would set lr
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
/// | here | r0 | r1 | | | | r2 | r3 |
/// | the kernel | r0 | r1 | r2 | r3 | r4 | | |
/// | meanwhile | | | | | | r5 | r6 |
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
        "newuts_clone:",           // a debugger's name for it: Rust's own ends with a hash
        ".cfi_startproc",
        ".cfi_remember_state",
        "push {{r4, r5, r6, r7}}", // the caller's, who wants them back
        ".cfi_adjust_cfa_offset 16",
        ".cfi_rel_offset r4, 0",
        ".cfi_rel_offset r5, 4",
        ".cfi_rel_offset r6, 8",
        ".cfi_rel_offset r7, 12",
        "mov r5, r2",              // func and arg wait in registers that the kernel leaves alone
        "mov r6, r3",
        "mov r2, #0",              // no parent_tid,
        "mov r3, #0",              // no tls,
        "mov r4, #0",              // no child_tid
        "mov r7, #{clone}",
        "svc 0",                   // from here on there are two processes, with all registers alike
        "cmp r0, #0",              // but r0 and sp
        "beq 2f",
        "pop {{r4, r5, r6, r7}}",
        ".cfi_restore_state",
        "bx lr",                   // the parent, on the stack it had
        "2:",
        ".cfi_undefined lr",
        "mov r11, #0",             // the child has no caller: its backtrace ends here
        "mov r0, r6",
        "blx r5",
        "mov r7, #{exit}",         // there is nothing to return to: r0, the result, goes to exit(2)
        "svc 0",
        "udf #0",                  // if a tracer makes exit return, stop here
        ".cfi_endproc",
        ".size newuts_clone, . - newuts_clone",
        clone = const Sysno::clone as usize,
        exit = const Sysno::exit as usize,
    )
}

/// A fault on purpose: `SIGILL`.
#[unsafe(naked)]
pub(crate) extern "C" fn trap() -> ! {
    naked_asm!("udf #0")
}

/// The flags of `rt_sigaction(2)` for a handler that does not return: none. Where there is no
/// restorer, the code to which a handler returns, this CPU's kernel has its own
/// (`arch/arm/kernel/signal.c`).
pub(crate) const HANDLER_FLAGS: u32 = 0;

/// The argument of `rt_sigaction(2)`: no signals are blocked meanwhile, and nobody returns.
pub(crate) fn sigaction(handler: __kernel_sighandler_t, flags: u32) -> kernel_sigaction {
    kernel_sigaction {
        sa_handler_kernel: handler,
        sa_flags: flags,
        sa_restorer: None,
        sa_mask: kernel_sigset_t { sig: [0, 0] },
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
        "subs r2, r2, #1", // from the end, because then memmove can come here, and r0 stays:
        "blo 3f",
        "ldrb r3, [r1, r2]",
        "strb r3, [r0, r2]",
        "b 2b",
        "3:",
        "bx lr", // the result is dest
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
        "sub r3, r0, r1",
        "cmp r3, r2", // dest - src, unsigned: below n only where dest starts inside src
        "bhs 2f",
        "b {memcpy}", // then from the end, so that no byte is overwritten unread
        "2:",
        "mov r3, r0",
        "3:",
        "subs r2, r2, #1",
        "blo 4f",
        "ldrb r12, [r1], #1",
        "strb r12, [r3], #1",
        "b 3b",
        "4:",
        "bx lr",
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
        "subs r2, r2, #1", // from the end, so that r0 stays the result
        "blo 3f",
        "strb r1, [r0, r2]", // only the lowest byte is stored
        "b 2b",
        "3:",
        "bx lr",
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
        "mov r3, #0", // nothing differs so far
        "2:",
        "subs r2, r2, #1",
        "blo 3f",
        "ldrb r3, [r0], #1", // unsigned char, says C
        "ldrb r12, [r1], #1",
        "subs r3, r3, r12",
        "beq 2b",
        "3:",
        "mov r0, r3",
        "bx lr",
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
        "mov r1, r0",
        "2:",
        "ldrb r2, [r1], #1",
        "cmp r2, #0",
        "bne 2b",
        "sub r0, r1, r0",
        "sub r0, r0, #1", // r1 went past the NUL
        "bx lr",
    )
}
