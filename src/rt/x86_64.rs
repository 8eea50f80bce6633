//! What the C runtime would bring, on `x86_64`: `_start`, and the routines that compilers call
//! without being asked. Follows the System V ABI's x86-64 supplement, "Process Initialization".

use core::arch::naked_asm;

/// Where the kernel starts the process: `rsp` points to argc, and the other registers hold
/// nothing that may be relied on.
#[unsafe(no_mangle)]
#[unsafe(naked)]
unsafe extern "C" fn _start() -> ! {
    naked_asm!(
        "xor ebp, ebp",  // the outermost frame, so that a debugger's backtrace ends here
        "mov rdi, rsp",  // start's argument, before the stack moves
        "and rsp, -16",  // the ABI promises it already; a debugger or emulator may not
        "call {start}",
        "ud2",           // start does not return; if it did, this is a fault and not a stroll
        start = sym crate::start,
    )
}

/// Names one routine of [`newuts::arch`] as the compiler expects it.
///
/// The routines themselves are in the library, under names of their own, so that the tests can
/// call them beside the C library's.
macro_rules! export {
    ($($name:ident)*) => {$(
        #[unsafe(no_mangle)]
        #[unsafe(naked)]
        unsafe extern "C" fn $name() {
            naked_asm!("jmp {}", sym newuts::arch::$name)
        }
    )*};
}

export!(memcpy memmove memset memcmp bcmp);
