//! `_start`'s other half: read the initial stack, do what the words ask for, leave.
//! Only what cannot exist in a library is here: the entry point and the panic handler.
#![no_std]
#![no_main]

use core::panic::PanicInfo;

use newuts::process::InitialStack;

#[cfg_attr(target_arch = "x86_64", path = "rt/x86_64.rs")]
#[cfg_attr(target_arch = "aarch64", path = "rt/aarch64.rs")]
mod rt;

/// Where `_start` calls Rust for the first time, with the address at which the kernel left the
/// arguments.
///
/// # Safety
///
/// `sp` is the stack pointer as execve(2) left it.
unsafe extern "C" fn start(sp: *const usize) -> ! {
    // SAFETY: `sp` is what execve left, by this function's own contract.
    let process = unsafe { InitialStack::new(sp) };
    newuts::run(&process)
}

unsafe extern "C" {
    /// Defined nowhere. The optimiser removes every call to the panic handler, and the linker
    /// then removes the handler; if one panic path survives, this name is missed and the link
    /// fails. So a program that links cannot panic.
    fn a_panic_path_survived() -> !;
}

#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    // SAFETY: a function that does not exist cannot be called: the link fails before.
    unsafe { a_panic_path_survived() }
}
