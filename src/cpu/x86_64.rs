// SPDX-License-Identifier: MIT OR Apache-2.0
//! What must be written in assembly, on `x86_64`: `_start`, clone(2) with the child's first steps,
//! and the memory routines. Follows clone(2), syscall(2) and the System V ABI's x86-64 supplement
//! ("Process Initialization" for what `_start` finds).
//!
//! | | number | 1 | 2 | 3 | 4 | 5 | 6 | result | destroyed |
//! |---|---|---|---|---|---|---|---|---|---|
//! | system call | rax | rdi | rsi | rdx | r10 | r8 | r9 | rax | rcx, r11 |
//! | function | | rdi | rsi | rdx | rcx | r8 | r9 | rax | all but rbx, rbp, rsp, r12 to r15 |

use core::arch::naked_asm;
use core::ffi::{c_int, c_void};

use linux_raw_sys::general::{
    __kernel_sighandler_t, SA_RESTORER, kernel_sigaction, kernel_sigset_t,
};
use syscalls::Sysno;

/// The registers of a system call: its number's, and those of its six arguments.
pub const REGISTERS: &str = "rax rdi rsi rdx r10 r8 r9";

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

/// Makes `_start`, where the kernel starts the process: `rsp` points to argc, and the other
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
                ".cfi_undefined rip",
                "xor ebp, ebp",  // the outermost frame, so that a debugger's backtrace ends here
                "mov rdi, rsp",  // enter's argument, before the stack moves
                "and rsp, -16",  // the ABI promises it already; a debugger or emulator may not
                "call {enter}",
                "ud2",           // enter does not return; if it did, stop here
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
            ::core::arch::naked_asm!("jmp {}", sym $crate::cpu::$routine)
        }
    )*};
}

/// `clone(flags, child_stack, NULL, NULL, 0)`, whose child calls `func(arg)` on its own stack and
/// exits with the result.
///
/// Returns in the parent only: the child's process id, or the negative error number.
///
/// The lines that begin with a dot are no instructions. They tell a debugger where the function
/// ends and where its caller is; `.cfi_undefined` says that there is none (DWARF 5, "Call Frame
/// Information").
///
/// | | `flags` | `child_stack` | `parent_tid` | `child_tid` | `tls` | `func` | `arg` |
/// |---|---|---|---|---|---|---|---|
/// | here | rdi | rsi | | | | rdx | rcx |
/// | the kernel | rdi | rsi | rdx | r10 | r8 | | |
/// | meanwhile | | | | | | r9 | rbx |
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
        "newuts_clone:",      // a debugger's name for it: Rust's own ends with a hash
        ".cfi_startproc",
        ".cfi_remember_state",
        "push rbx",           // the caller's, who wants it back
        ".cfi_adjust_cfa_offset 8",
        ".cfi_rel_offset rbx, 0",
        "mov rbx, rcx",       // arg waits in a register that the kernel leaves alone: not in rcx
        "mov r9, rdx",        // func waits in the one argument register that clone does not use
        "xor edx, edx",       // no parent_tid,
        "xor r10d, r10d",     // no child_tid,
        "xor r8d, r8d",       // no tls
        "mov eax, {clone}",
        "syscall",            // from here on there are two processes, with all registers alike
        "test rax, rax",      // but rax and rsp
        "jz 2f",
        "pop rbx",
        ".cfi_restore_state",
        "ret",                // the parent, on the stack it had
        "2:",
        ".cfi_undefined rip",
        "xor ebp, ebp",       // the child has no caller: its backtrace ends here
        "mov rdi, rbx",
        "call r9",            // the stack is aligned, as the ABI wants it before a call
        "mov edi, eax",       // there is nothing to return to, so the result goes to exit(2)
        "mov eax, {exit}",
        "syscall",
        "ud2",                // if a tracer makes exit return, stop here
        ".cfi_endproc",
        ".size newuts_clone, . - newuts_clone",
        clone = const Sysno::clone as usize,
        exit = const Sysno::exit as usize,
    )
}

/// A fault on purpose: `SIGILL`.
#[unsafe(naked)]
pub(crate) extern "C" fn trap() -> ! {
    naked_asm!("ud2")
}

/// The flags of `rt_sigaction(2)` for a handler that does not return. This CPU's kernel delivers no
/// signal unless it is told that there is a restorer, the code to which a handler returns
/// (`arch/x86/kernel/signal_64.c`).
pub(crate) const HANDLER_FLAGS: u32 = SA_RESTORER;

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
        "mov rax, rdi", // the result is dest
        "mov rcx, rdx",
        "rep movsb", // rdi, rsi and the clear direction flag are the ABI's own
        "ret",
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
    naked_asm!("jmp {}", sym memcpy)
}

/// `memmove(dest, src, n)`. Like [`memcpy`], but the two may overlap.
///
/// # Safety
///
/// Same contract as memmove(3).
#[unsafe(naked)]
pub unsafe extern "C" fn memmove(dest: *mut u8, src: *const u8, n: usize) -> *mut u8 {
    naked_asm!(
        "mov rax, rdi",
        "mov rcx, rdx",
        "mov r8, rdi",
        "sub r8, rsi",
        "cmp r8, rdx", // dest - src, unsigned: below n only where dest starts inside src
        "jb 2f",
        "rep movsb",
        "ret",
        "2:",
        "lea rdi, [rdi+rdx-1]", // then from the end, so that no byte is overwritten unread
        "lea rsi, [rsi+rdx-1]",
        "std",
        "rep movsb",
        "cld", // the ABI wants it clear again
        "ret",
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
        "mov r8, rdi",
        "mov eax, esi", // only al is stored
        "mov rcx, rdx",
        "rep stosb",
        "mov rax, r8",
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
        "xor r8d, r8d",
        "2:",
        "cmp r8, rdx",
        "je 3f",
        "movzx eax, byte ptr [rdi+r8]", // unsigned char, says C
        "movzx ecx, byte ptr [rsi+r8]",
        "inc r8",
        "sub eax, ecx",
        "jz 2b",
        "ret",
        "3:",
        "xor eax, eax",
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
    naked_asm!("jmp {}", sym memcmp)
}

/// `strlen(s)`: the bytes before the NUL.
///
/// # Safety
///
/// Same contract as strlen(3).
#[unsafe(naked)]
pub(crate) unsafe extern "C" fn strlen(s: *const u8) -> usize {
    naked_asm!("or rax, -1", "2:", "inc rax", "cmp byte ptr [rdi+rax], 0", "jne 2b", "ret",)
}
