//! What must be written in assembly, on `x86_64`: clone(2) with the child's first steps, and the
//! memory routines. Follows clone(2), syscall(2) and the System V ABI's x86-64 supplement.
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

/// `clone(flags, child_stack, NULL, NULL, 0)`, whose child calls `func(arg)` on its own stack and
/// exits with the result.
///
/// Returns in the parent only: the child's process id, or the negative error number.
///
/// | | `flags` | `child_stack` | `parent_tid` | `child_tid` | `tls` | `func` | `arg` |
/// |---|---|---|---|---|---|---|---|
/// | here | rdi | rsi | | | | rdx | rcx |
/// | the kernel | rdi | rsi | rdx | r10 | r8 | | |
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
        "mov [rsi], rcx",     // arg waits on the child's stack: the kernel destroys rcx
        "mov r9, rdx",        // func waits in the one argument register that clone leaves alone
        "xor edx, edx",       // no parent_tid,
        "xor r10d, r10d",     // no child_tid,
        "xor r8d, r8d",       // no tls
        "mov eax, {clone}",
        "syscall",            // from here on there are two processes, with all registers alike
        "test rax, rax",      // but rax and rsp
        "jz 2f",
        "ret",                // the parent, on the stack it had
        "2:",
        "xor ebp, ebp",       // the child has no caller: its backtrace ends here
        "mov rdi, [rsp]",     // the stack is aligned here, as the ABI wants it before a call
        "call r9",
        "mov edi, eax",       // there is nothing to return to, so the result goes to exit(2)
        "mov eax, {exit}",
        "syscall",
        "ud2",                // and exit is not trusted either
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
/// As for memcpy(3).
#[unsafe(naked)]
pub unsafe extern "C" fn memcpy(dest: *mut u8, src: *const u8, n: usize) -> *mut u8 {
    naked_asm!(
        "mov rax, rdi", // the result is dest
        "mov rcx, rdx",
        "rep movsb", // rdi, rsi and the clear direction flag are the ABI's own
        "ret",
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
/// As for memset(3).
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
/// As for memcmp(3).
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
/// As for bcmp(3).
#[unsafe(naked)]
#[must_use]
pub unsafe extern "C" fn bcmp(s1: *const u8, s2: *const u8, n: usize) -> c_int {
    naked_asm!("jmp {}", sym memcmp)
}

/// `strlen(s)`: the bytes before the NUL.
///
/// # Safety
///
/// As for strlen(3).
#[unsafe(naked)]
pub(crate) unsafe extern "C" fn strlen(s: *const u8) -> usize {
    naked_asm!(
        "xor eax, eax",
        "2:",
        "cmp byte ptr [rdi+rax], 0",
        "je 3f",
        "inc rax",
        "jmp 2b",
        "3:",
        "ret",
    )
}
