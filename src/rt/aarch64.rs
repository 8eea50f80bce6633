//! What the C runtime would bring, on `aarch64`: `_start`, and the routines that compilers call
//! without being asked. Follows the Linux kernel's `arch/arm64/include/asm/processor.h` for what
//! it leaves in the registers, and Arm's "Procedure Call Standard" (AAPCS64).

use core::arch::naked_asm;

/// Where the kernel starts the process: `sp` points to argc, and the other registers hold nothing
/// that may be relied on.
#[unsafe(no_mangle)]
#[unsafe(naked)]
unsafe extern "C" fn _start() -> ! {
    naked_asm!(
        "mov x29, xzr",     // the outermost frame, so that a debugger's backtrace ends here:
        "mov x30, xzr",     // it has no caller either, and if start returned, that is a fault
        "mov x0, sp",       // start's argument, before the stack moves
        "and x9, x0, #-16", // the ABI promises it already; a debugger or emulator may not
        "mov sp, x9",
        "b {start}",        // and not bl, which would set x30
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
            naked_asm!("b {}", sym newuts::arch::$name)
        }
    )*};
}

export!(memcpy memmove memset memcmp bcmp);
