// SPDX-License-Identifier: MIT OR Apache-2.0
//! What must be written in assembly, on `s390x`: `_start`, clone(2) with the child's first steps,
//! and the memory routines. Follows clone(2), syscall(2), the "S/390x ELF Application Binary
//! Interface Supplement" ("Process Initialization" for what `_start` finds), and the kernel's
//! `arch/s390/kernel/syscall.c`.
//!
//! | | number | 1 | 2 | 3 | 4 | 5 | 6 | result | destroyed |
//! |---|---|---|---|---|---|---|---|---|---|
//! | system call | r1 | r2 | r3 | r4 | r5 | r6 | r7 | r2 | |
//! | function | | r2 | r3 | r4 | r5 | r6 | r15+160 | r2 | all but r6 to r13, r15 and f8 to f15 |
//!
//! A function's return address is not on the stack but in r14. The lowest 160 bytes of the stack
//! are for whom a function calls: there it keeps the caller's registers. The first word there is
//! the back chain, the address of the frame before.

use core::arch::naked_asm;
use core::ffi::{c_int, c_void};

use linux_raw_sys::general::{__kernel_sighandler_t, kernel_sigaction, kernel_sigset_t};
use syscalls::Sysno;

/// The registers of a system call: its number's, and those of its six arguments.
pub const REGISTERS: &str = "r1 r2 r3 r4 r5 r6 r7";

/// The numbers of the calls. On this CPU each call has its manual page's name, and times of 64 bits.
pub mod number {
    pub use syscalls::Sysno::rt_sigtimedwait as rt_sigtimedwait_time64;
    pub use syscalls::Sysno::*;
}

/// The words in the registers of a call: its arguments, in their order, all six of them; but for
/// two calls. And how many they are at most.
///
/// clone's first two are the other way round: the kernel is built with `CONFIG_CLONE_BACKWARDS2`
/// (clone(2), "C library/kernel differences"). mmap's six are a structure in memory, for it is
/// older than a call with six registers here (`mmap_arg_struct` in the kernel's `mm/mmap.c`).
pub(crate) fn registers(number: Sysno, args: &[usize; 6]) -> ([usize; 6], usize) {
    let [first, second, third, fourth, fifth, sixth] = *args;
    match number {
        Sysno::clone => ([second, first, third, fourth, fifth, sixth], 6),
        Sysno::mmap => ([args.as_ptr().expose_provenance(), 0, 0, 0, 0, 0], 1),
        _ => (*args, 6),
    }
}

/// What the result's register holds when a call fails: the negative error number.
pub(crate) fn failed(errno: usize) -> usize {
    errno.wrapping_neg()
}

/// Makes `_start`, where the kernel starts the process: `r15` points to argc, and the other
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
                ".cfi_undefined %r14",
                "lgr %r2, %r15",          // enter's argument, before the stack moves
                "nill %r15, 0xfff8",      // the ABI promises it; a debugger or emulator may not
                "aghi %r15, -160",        // what a function wants below its caller's stack
                "xc 0(8, %r15), 0(%r15)", // no back chain: a debugger's backtrace ends here
                "lghi %r14, 0",           // no caller either; if enter returned, that is a fault
                "jg {enter}",             // and not brasl, which would set r14
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
            ::core::arch::naked_asm!("jg {}", sym $crate::cpu::$routine)
        }
    )*};
}

/// `clone(child_stack, flags, NULL, NULL, 0)`, whose child calls `func(arg)` on its own stack and
/// exits with the result.
///
/// Returns in the parent only: the child's process id, or the negative error number.
///
/// The lines that begin with a dot are no instructions. They tell a debugger where the function
/// ends and where its caller is; `.cfi_undefined` says that there is none (DWARF 5, "Call Frame
/// Information").
///
/// | | `child_stack` | `flags` | `parent_tid` | `child_tid` | `tls` | `func` | `arg` |
/// |---|---|---|---|---|---|---|---|
/// | here | r3 | r2 | | | | r4 | r5 |
/// | the kernel | r2 | r3 | r4 | r5 | r6 | | |
/// | meanwhile | | | | | | r7 | r8 |
///
/// The first two are in another order than on `x86_64`: the kernel is built with
/// `CONFIG_CLONE_BACKWARDS2` (clone(2), "C library/kernel differences").
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
        "stmg %r6, %r8, 48(%r15)", // the caller's, who wants them back, in the room it left for that
        ".cfi_rel_offset %r6, 48",
        ".cfi_rel_offset %r7, 56",
        ".cfi_rel_offset %r8, 64",
        "lgr %r7, %r4",            // func and arg wait in registers that the kernel leaves alone
        "lgr %r8, %r5",
        "lgr %r0, %r2",            // the stack comes first, then the flags
        "lgr %r2, %r3",
        "lgr %r3, %r0",
        "lghi %r4, 0",             // no parent_tid,
        "lghi %r5, 0",             // no child_tid,
        "lghi %r6, 0",             // no tls
        "lghi %r1, {clone}",
        "svc 0",                   // from here on there are two processes, with all registers alike
        "ltgr %r2, %r2",           // but r2 and r15
        "jz 2f",
        "lmg %r6, %r8, 48(%r15)",
        ".cfi_restore_state",
        "br %r14",                 // the parent, on the stack it had
        "2:",
        ".cfi_undefined %r14",
        "aghi %r15, -160",         // what a function wants below its caller's stack
        "xc 0(8, %r15), 0(%r15)",  // the child has no caller: its backtrace ends here
        "lgr %r2, %r8",
        "basr %r14, %r7",
        "lghi %r1, {exit}",        // there is nothing to return to: r2, the result, goes to exit(2)
        "svc 0",
        ".short 0",                // if a tracer makes exit return, stop here
        ".cfi_endproc",
        ".size newuts_clone, . - newuts_clone",
        clone = const Sysno::clone as usize,
        exit = const Sysno::exit as usize,
    )
}

/// A fault on purpose: `SIGILL`.
#[unsafe(naked)]
pub(crate) extern "C" fn trap() -> ! {
    naked_asm!(".short 0")
}

/// The flags of `rt_sigaction(2)` for a handler that does not return: none. Where there is no
/// restorer, the code to which a handler returns, this CPU's kernel has its own
/// (`arch/s390/kernel/signal.c`).
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
        "aghi %r4, -1", // from the end, because then memmove can come here, and r2 stays:
        "jl 3f",
        "llgc %r5, 0(%r4, %r3)",
        "stc %r5, 0(%r4, %r2)",
        "j 2b",
        "3:",
        "br %r14", // the result is dest
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
    naked_asm!("jg {}", sym memcpy)
}

/// `memmove(dest, src, n)`. Like [`memcpy`], but the two may overlap.
///
/// # Safety
///
/// Same contract as memmove(3).
#[unsafe(naked)]
pub unsafe extern "C" fn memmove(dest: *mut u8, src: *const u8, n: usize) -> *mut u8 {
    naked_asm!(
        "lgr %r1, %r2",
        "sgr %r1, %r3",
        "clgr %r1, %r4", // dest - src, unsigned: below n only where dest starts inside src
        "jhe 2f",
        "jg {memcpy}", // then from the end, so that no byte is overwritten unread
        "2:",
        "lgr %r1, %r2",
        "3:",
        "aghi %r4, -1",
        "jl 4f",
        "llgc %r5, 0(%r3)",
        "stc %r5, 0(%r1)",
        "aghi %r3, 1",
        "aghi %r1, 1",
        "j 3b",
        "4:",
        "br %r14",
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
        "aghi %r4, -1", // from the end, so that r2 stays the result
        "jl 3f",
        "stc %r3, 0(%r4, %r2)", // only the lowest byte is stored
        "j 2b",
        "3:",
        "br %r14",
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
        "lghi %r0, 0", // nothing differs so far
        "2:",
        "aghi %r4, -1",
        "jl 3f",
        "llgc %r0, 0(%r2)", // unsigned char, says C
        "llgc %r5, 0(%r3)",
        "aghi %r2, 1",
        "aghi %r3, 1",
        "sgr %r0, %r5",
        "jz 2b",
        "3:",
        "lgr %r2, %r0",
        "br %r14",
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
    naked_asm!("jg {}", sym memcmp)
}

/// `strlen(s)`: the bytes before the NUL.
///
/// # Safety
///
/// Same contract as strlen(3).
#[unsafe(naked)]
pub(crate) unsafe extern "C" fn strlen(s: *const u8) -> usize {
    naked_asm!(
        "lgr %r1, %r2",
        "2:",
        "llgc %r0, 0(%r1)",
        "aghi %r1, 1",
        "ltgr %r0, %r0",
        "jnz 2b",
        "sgr %r1, %r2",
        "lgr %r2, %r1",
        "aghi %r2, -1", // r1 went past the NUL
        "br %r14",
    )
}
