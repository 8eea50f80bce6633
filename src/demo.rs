//! The story: the program of the manual page, parent and child on one screen.
//! Follows the example of clone(2), in the order of its events and with its names.

use core::ffi::{CStr, c_int};
use core::mem::MaybeUninit;

use linux_raw_sys::general::{CLONE_NEWUTS, SIGCHLD, SIGKILL, SIGPIPE, timespec};
use syscalls::Errno;

use crate::failure::{During as _, Failure};
use crate::line::Line;
use crate::stack::Stack;
use crate::sys::{Pid, STDOUT, Sleep, Sys, WaitStatus, until_nul};

/// The size of the child's stack, in bytes.
const STACK_SIZE: usize = 1024 * 1024;

/// What the demonstration is told.
pub struct Demo<'a> {
    /// The child's host name.
    pub hostname: &'a CStr,
    /// How long the child keeps its namespace open.
    pub hold: timespec,
    /// How long the parent waits before it looks at its own host name.
    pub delay: timespec,
    /// The signal that the child gets when the parent dies.
    pub kill_child: Option<u32>,
}

/// What the child is told.
struct Child<'a> {
    sys: &'a Sys,
    demo: &'a Demo<'a>,
    parent: Pid,
}

/// Shows that a child in a UTS namespace of its own has a host name of its own. `pid` is the
/// caller's own process id. Gives the exit status.
#[must_use]
pub fn demonstrate(sys: &Sys, pid: Pid, page_size: usize, demo: &Demo<'_>) -> u8 {
    parent(sys, pid, page_size, demo).unwrap_or_else(|failure| {
        failure.report(sys);
        1
    })
}

fn parent(sys: &Sys, pid: Pid, page_size: usize, demo: &Demo<'_>) -> Result<u8, Failure> {
    // A closed pipe shall be an EPIPE to report, not a death that leaves the child asleep.
    sys.ignore(SIGPIPE).during("rt_sigaction")?;

    // Allocate memory to be used for the stack of the child.
    let child_stack = Stack::map(sys, STACK_SIZE, page_size)?;

    // Create the child with its own UTS namespace; it commences execution in child_func().
    let flags = CLONE_NEWUTS | SIGCHLD;
    let child = Child { sys, demo, parent: pid };
    // SAFETY: the child gets a copy of the memory, and the stack is for it alone.
    let child_pid =
        unsafe { sys.clone(flags, &child_stack, child_func, &child) }.during("clone")?;

    // The parent falls through to here. Whatever it cannot do, it leaves no child behind.
    let shown = show_parent(sys, child_pid, demo);
    if shown.is_err() {
        let _ = sys.kill(child_pid, SIGKILL);
    }
    let status = wait(sys, child_pid);
    shown?;
    let status = status.during("wait4")?;

    Line::new().text("child has terminated").write_to(sys, STDOUT).during("write")?;
    Ok(status.code())
}

/// What the parent does while the child sleeps.
fn show_parent(sys: &Sys, child_pid: Pid, demo: &Demo<'_>) -> Result<(), Failure> {
    let mut line = Line::new();
    line.text("clone() returned ").number(child_pid.unsigned_abs().into());
    line.write_to(sys, STDOUT).during("write")?;

    sleep(sys, demo.delay).during("nanosleep")?; // give the child time to change its host name

    show_names(sys, "parent")
}

/// Start function of the cloned child. There is no caller to return to: the trampoline that
/// called it passes its result to exit(2).
extern "C" fn child_func(child: &Child<'_>) -> c_int {
    match in_child(child) {
        Ok(()) => 0,
        Err(failure) => {
            failure.report(child.sys);
            1
        }
    }
}

fn in_child(child: &Child<'_>) -> Result<(), Failure> {
    let Child { sys, demo, parent } = child;
    if let Some(signal) = demo.kill_child {
        sys.set_pdeathsig(signal).during("prctl")?;
        // A parent that died before the call sends nothing any more.
        if sys.getppid() != *parent {
            sys.kill(sys.getpid(), signal).during("kill")?;
        }
    }

    // Change the host name in the UTS namespace of the child.
    sys.sethostname(demo.hostname).during("sethostname")?;

    show_names(sys, "child")?;

    // Keep the namespace open for a while. This allows some experimentation: for example, another
    // process might join the namespace.
    sleep(sys, demo.hold).during("nanosleep")
}

/// Retrieves and displays the names of the caller's UTS namespace, in one write.
fn show_names(sys: &Sys, who: &str) -> Result<(), Failure> {
    let mut buf = MaybeUninit::uninit();
    let uts = sys.uname(&mut buf).during("uname")?;
    let mut line = Line::new();
    line.text("uts.nodename in ").text(who).text(": ");
    line.escaped(until_nul(&uts.nodename));
    line.write_to(sys, STDOUT).during("write")
}

/// Sleeps for all of `duration`: what a signal takes away is slept afterwards.
fn sleep(sys: &Sys, mut duration: timespec) -> Result<(), Errno> {
    while let Sleep::Interrupted(remaining) = sys.nanosleep(&duration)? {
        duration = remaining;
    }
    Ok(())
}

/// Waits for the child, however often a signal interrupts. A child that cannot be waited for is
/// killed, unless it is gone: `ECHILD`.
fn wait(sys: &Sys, pid: Pid) -> Result<WaitStatus, Errno> {
    loop {
        match sys.wait4(pid) {
            Err(Errno::EINTR) => {}
            Err(errno) if errno != Errno::ECHILD => {
                let _ = sys.kill(pid, SIGKILL);
                return Err(errno);
            }
            result => return result,
        }
    }
}
