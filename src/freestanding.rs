// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a program without a C library needs beside its code: `_start`, and a panic handler.

/// Makes a freestanding program of `main`, a `fn(&InitialStack<'_>) -> !`.
///
/// The panic handler calls a function that is defined nowhere. The optimiser removes every call to
/// the panic handler, and the linker then removes the handler; if one panic path survives, this
/// name is missed and the link fails. So a program that links cannot panic.
#[macro_export]
macro_rules! freestanding {
    ($main:path) => {
        $crate::start!(enter);

        /// Where `_start` calls Rust for the first time.
        ///
        /// # Safety
        ///
        /// `sp` is the stack pointer as execve(2) left it.
        unsafe extern "C" fn enter(sp: *const usize) -> ! {
            // SAFETY: `sp` is what execve left, by this function's own contract.
            let process = unsafe { $crate::sys::start::InitialStack::new(sp) };
            $main(&process)
        }

        // Where the callers are is for debuggers only: nothing unwinds here. `strip` removes it.
        ::core::arch::global_asm!(".cfi_sections .debug_frame");

        unsafe extern "C" {
            fn a_panic_path_survived() -> !;
        }

        #[panic_handler]
        fn panic(_: &::core::panic::PanicInfo<'_>) -> ! {
            // SAFETY: a function that does not exist cannot be called: the link fails before.
            unsafe { a_panic_path_survived() }
        }
    };
}
