// SPDX-License-Identifier: MIT OR Apache-2.0
//! The program: only what cannot exist in a library is here. `_start`, the panic handler and the
//! memory routines are made by [`newuts::freestanding!`]; what the program does is in the library.
#![no_std]
#![no_main]

use newuts::sys::start::InitialStack;

newuts::freestanding!(main);

/// Begins with what the kernel left on the stack, and never returns: there is no caller.
fn main(process: &InitialStack<'_>) -> ! {
    newuts::run(process)
}
