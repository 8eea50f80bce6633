// SPDX-License-Identifier: MIT OR Apache-2.0
//! What must be written in assembly, on `x86` of 32 bits (`i686`): `_start`, clone(2) with the
//! child's first steps, and the memory routines. Follows clone(2), syscall(2) and the System V
//! ABI's Intel386 supplement ("Process Initialization" for what `_start` finds).
//!
//! | | number | 1 | 2 | 3 | 4 | 5 | 6 | result | destroyed |
//! |---|---|---|---|---|---|---|---|---|---|
//! | system call | eax | ebx | ecx | edx | esi | edi | ebp | eax | |
//! | function | | esp+4 | esp+8 | esp+12 | esp+16 | esp+20 | esp+24 | eax | all but ebx, ebp, esp, esi, edi |
//!
//! A function's arguments are on the stack, above the return address.

use core::arch::naked_asm;
use core::ffi::{c_int, c_void};

use linux_raw_sys::general::{__kernel_sighandler_t, kernel_sigaction, kernel_sigset_t};
use syscalls::Sysno;

/// The registers of a system call: its number's, and those of its six arguments.
pub const REGISTERS: &str = "eax ebx ecx edx esi edi ebp";

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

/// Makes `_start`, where the kernel starts the process: `esp` points to argc, and the other
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
                ".cfi_undefined eip",
                "xor ebp, ebp",  // the outermost frame, so that a debugger's backtrace ends here
                "mov eax, esp",  // enter's argument, before the stack moves
                "and esp, -16",  // the ABI promises it already; a debugger or emulator may not
                "sub esp, 12",   // with the argument it is aligned again, as the ABI wants it
                "push eax",
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
/// | here | esp+4 | esp+8 | | | | esp+12 | esp+16 |
/// | the kernel | ebx | ecx | edx | esi | edi | | |
/// | meanwhile | | | | | | xmm0 | xmm1 |
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
        "newuts_clone:",                 // a debugger's name for it: Rust's own ends with a hash
        ".cfi_startproc",
        ".cfi_remember_state",
        "movd xmm0, dword ptr [esp+12]", // clone needs all registers but one: func and arg wait in
        "movd xmm1, dword ptr [esp+16]", // two that no call takes, and that a child has too
        "push ebx",                      // the caller's three, who wants them back: so the
        "push esi",                      // arguments are 12 bytes further up
        "push edi",
        ".cfi_adjust_cfa_offset 12",
        ".cfi_rel_offset ebx, 8",
        ".cfi_rel_offset esi, 4",
        ".cfi_rel_offset edi, 0",
        "mov ebx, [esp+16]",
        "mov ecx, [esp+20]",
        "xor edx, edx",                  // no parent_tid,
        "xor esi, esi",                  // no tls,
        "xor edi, edi",                  // no child_tid
        "mov eax, {clone}",
        "int 0x80",                      // from here on there are two processes, with all registers
        "test eax, eax",                 // alike but eax and esp
        "jz 2f",
        "pop edi",
        "pop esi",
        "pop ebx",
        ".cfi_restore_state",
        "ret",                           // the parent, on the stack it had
        "2:",
        ".cfi_undefined eip",
        "xor ebp, ebp",                  // the child has no caller: its backtrace ends here
        "sub esp, 16",                   // the argument's place; so the stack is aligned as the
        "movd dword ptr [esp], xmm1",    // ABI wants it before a call
        "movd eax, xmm0",
        "call eax",
        "mov ebx, eax",                  // there is nothing to return to, so the result goes to
        "mov eax, {exit}",               // exit(2)
        "int 0x80",
        "ud2",                           // if a tracer makes exit return, stop here
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

/// The flags of `rt_sigaction(2)` for a handler that does not return: none. Where there is no
/// restorer, the code to which a handler returns, this CPU's kernel has its own
/// (`arch/x86/kernel/signal_32.c`).
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
        "mov eax, esi", // the caller's two, who wants them back
        "mov edx, edi",
        "mov edi, [esp+4]",
        "mov esi, [esp+8]",
        "mov ecx, [esp+12]",
        "rep movsb", // edi and esi are the instruction's own; the ABI has the direction flag clear
        "mov esi, eax",
        "mov edi, edx",
        "mov eax, [esp+4]", // the result is dest
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
        "mov ecx, [esp+12]",
        "mov eax, [esp+4]",
        "sub eax, [esp+8]",
        "cmp eax, ecx", // dest - src, unsigned: below n only where dest starts inside src
        "jb 2f",
        "jmp {memcpy}",
        "2:",
        "mov eax, esi", // the caller's two, who wants them back
        "mov edx, edi",
        "mov edi, [esp+4]",
        "mov esi, [esp+8]",
        "lea edi, [edi+ecx-1]", // then from the end, so that no byte is overwritten unread
        "lea esi, [esi+ecx-1]",
        "std",
        "rep movsb",
        "cld", // the ABI wants it clear again
        "mov esi, eax",
        "mov edi, edx",
        "mov eax, [esp+4]",
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
        "mov edx, edi", // the caller's, who wants it back
        "mov edi, [esp+4]",
        "mov eax, [esp+8]", // only al is stored
        "mov ecx, [esp+12]",
        "rep stosb",
        "mov edi, edx",
        "mov eax, [esp+4]",
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
        "push ebx", // the caller's two, who wants them back: so the arguments are 8 bytes up
        "push esi",
        "mov ecx, [esp+12]",
        "mov edx, [esp+16]",
        "mov esi, [esp+20]",
        "xor eax, eax", // nothing differs so far
        "2:",
        "test esi, esi",
        "jz 3f",
        "movzx eax, byte ptr [ecx]", // unsigned char, says C
        "movzx ebx, byte ptr [edx]",
        "inc ecx",
        "inc edx",
        "dec esi",
        "sub eax, ebx",
        "jz 2b",
        "3:",
        "pop esi",
        "pop ebx",
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
    naked_asm!(
        "mov eax, [esp+4]",
        "2:",
        "cmp byte ptr [eax], 0",
        "je 3f",
        "inc eax",
        "jmp 2b",
        "3:",
        "sub eax, [esp+4]",
        "ret",
    )
}
