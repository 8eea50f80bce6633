// SPDX-License-Identifier: MIT OR Apache-2.0
//! The example program of the clone(2) manual page, and nothing else: a child that executes in a
//! UTS namespace of its own. <https://man7.org/linux/man-pages/man2/clone.2.html>
//!
//! The functions, their order and what they print are the page's; the calls are the kernel's own.
//! It needs `CAP_SYS_ADMIN`: `cargo clone-example bizarro`, as root.
#![no_std]
#![no_main]

use core::ffi::{CStr, c_int};
use core::mem::MaybeUninit;

use linux_raw_sys::general::{
    __kernel_timespec, CLONE_NEWUTS, MAP_ANONYMOUS, MAP_PRIVATE, MAP_STACK, PROT_READ, PROT_WRITE,
    SIGCHLD,
};
use newuts::sys::bytes::until_nul;
use newuts::sys::file::{STDERR, STDOUT};
use newuts::sys::start::InitialStack;
use newuts::sys::{Failure, Sys};
use newuts::text::line::Line;

// Makes `_start`, which the kernel jumps to and which calls `main`; and the panic handler, which
// must not be reached: the link fails if the program can panic.
newuts::freestanding!(main);

/// The kernel: a method for each system call.
const SYS: Sys = Sys::new(None);

/// Prints an error as perror(3) does, and ends.
fn err_exit(failure: Failure) -> ! {
    failure.report(&SYS);
    SYS.exit_group(1)
}

/// Prints a line, in one write(2).
fn print(line: &mut Line) {
    line.write_to(&SYS, STDOUT).unwrap_or_else(|failure| err_exit(failure));
}

/// Sleeps for whole seconds. A signal that interrupts is the end of the sleep, as in sleep(3).
fn sleep(seconds: i64) {
    let _ = SYS.nanosleep(&__kernel_timespec { tv_sec: seconds, tv_nsec: 0 });
}

/// Start function for the cloned child.
extern "C" fn child_func(arg: &&CStr) -> c_int {
    // Change the host name in the UTS namespace of the child.
    SYS.sethostname(arg).unwrap_or_else(|failure| err_exit(failure));

    // Retrieve and display the host name.
    let mut uts = MaybeUninit::uninit();
    let uts = SYS.uname(&mut uts).unwrap_or_else(|failure| err_exit(failure));
    print(Line::new().text("uts.nodename in child: ").escaped(until_nul(&uts.nodename)));

    // Keep the namespace open for a while, by sleeping. This allows some experimentation: for
    // example, another process might join the namespace.
    sleep(200);

    0 // The child terminates now.
}

/// The size of the stack for the cloned child, in bytes.
const STACK_SIZE: usize = 1024 * 1024;

fn main(process: &InitialStack<'_>) -> ! {
    let mut argv = process.argv();
    let name = argv.next().unwrap_or_default();
    let Some(hostname) = argv.next() else {
        let mut usage = Line::new();
        usage.text("Usage: ").escaped(name.to_bytes()).text(" <child-hostname>");
        let _ = usage.write_to(&SYS, STDERR);
        SYS.exit_group(0)
    };

    // Allocate memory to be used for the stack of the child.
    let flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK;
    let stack = SYS.mmap(STACK_SIZE, PROT_READ | PROT_WRITE, flags);
    let stack = stack.unwrap_or_else(|failure| err_exit(failure));
    let stack_top = stack.wrapping_byte_add(STACK_SIZE); // Stacks grow downward.

    // Create a child that has its own UTS namespace; it begins in child_func().
    // SAFETY: without CLONE_VM the child has a copy of all memory, and the stack is new.
    let pid = unsafe { SYS.clone(child_func, stack_top, CLONE_NEWUTS | SIGCHLD, &hostname) };
    let pid = pid.unwrap_or_else(|failure| err_exit(failure));
    print(Line::new().text("clone() returned ").number(pid.unsigned_abs().into()));

    // The parent comes here.
    sleep(1); // Give the child time to change its host name.

    // Display the host name in the parent's UTS namespace. It differs from that of the child.
    let mut uts = MaybeUninit::uninit();
    let uts = SYS.uname(&mut uts).unwrap_or_else(|failure| err_exit(failure));
    print(Line::new().text("uts.nodename in parent: ").escaped(until_nul(&uts.nodename)));

    // Wait for the child.
    SYS.wait4(pid).unwrap_or_else(|failure| err_exit(failure));
    print(Line::new().text("child has terminated"));

    SYS.exit_group(0)
}
