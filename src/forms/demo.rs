//! The story: the program of the manual page, parent and child on one screen.
//! Follows the example of clone(2), in the order of its events and with its names.

use core::ffi::c_int;

use linux_raw_sys::general::{__kernel_timespec, SIGCHLD, SIGKILL, SIGPIPE};
use syscalls::Errno;

use super::hint;
use super::init::Init;
use super::namespace::{Ids, Namespace, show_names};
use crate::sys::file::STDOUT;
use crate::sys::memory::Stack;
use crate::sys::process::{Pid, Sleep, WaitStatus};
use crate::sys::start::InitialStack;
use crate::sys::{Failure, Sys};
use crate::text::line::Line;

/// The size of the child's stack, in bytes.
const STACK_SIZE: usize = 1024 * 1024;

/// What the demonstration is told.
pub struct Demo<'a> {
    /// The child's namespace.
    pub namespace: Namespace<'a>,
    /// How long the child keeps its namespace open.
    pub hold: __kernel_timespec,
    /// How long the parent waits before it looks at its own host name.
    pub delay: __kernel_timespec,
    /// The signal that the child gets when the parent dies.
    pub kill_child: Option<u32>,
}

/// What the child is told.
struct Child<'a> {
    sys: &'a Sys,
    demo: &'a Demo<'a>,
    ids: Option<Ids>,
    death_signal: Option<DeathSignal>,
}

/// What the child is to get when its parent dies.
struct DeathSignal {
    signal: u32,
    parent: Pid,
}

/// Shows that a child in a UTS namespace of its own has a host name of its own. Gives the exit
/// status.
#[must_use]
pub fn demonstrate(sys: &Sys, process: &InitialStack<'_>, init: Init, demo: &Demo<'_>) -> u8 {
    parent(sys, process, init, demo).unwrap_or_else(|failure| fail(sys, failure, demo))
}

/// Says what failed, and why if that can be found. Gives the exit status.
fn fail(sys: &Sys, failure: Failure, demo: &Demo<'_>) -> u8 {
    failure.report(sys);
    hint::give(sys, failure, &demo.namespace);
    1
}

fn parent(
    sys: &Sys,
    process: &InitialStack<'_>,
    init: Init,
    demo: &Demo<'_>,
) -> Result<u8, Failure> {
    // A closed pipe shall be an EPIPE to report, not a death that leaves the child asleep.
    sys.sigaction_ignore(SIGPIPE)?;
    init.catch_signals(sys)?;

    // The child has a copy of this memory, and could run on its copy of this stack: fork(2) does
    // that. A new stack is what clone(2) is about, as the manual page shows it.
    let child_stack = Stack::map(sys, STACK_SIZE, process.page_size())?;

    // From here on there are two: the child begins in child_func(), in its own UTS namespace.
    let flags = demo.namespace.flags() | SIGCHLD;
    let ids = demo.namespace.ids_before(sys);
    let death_signal = demo.kill_child.map(|signal| DeathSignal { signal, parent: sys.getpid() });
    let child = Child { sys, demo, ids, death_signal };
    // SAFETY: the child gets a copy of the memory, and the stack is for it alone.
    let child_pid = unsafe { sys.clone(child_func, child_stack.top(), flags, &child) }?;

    // Only the parent comes here. Whatever it cannot do, it leaves no child behind.
    let shown = show_parent(sys, child_pid, demo);
    if shown.is_err() {
        let _ = sys.kill(child_pid, SIGKILL);
    }
    let status = wait(sys, child_pid);
    shown?;
    let status = status?;

    Line::new().text("child has terminated").write_to(sys, STDOUT)?;
    Ok(status.code())
}

/// What the parent does while the child sleeps.
fn show_parent(sys: &Sys, child_pid: Pid, demo: &Demo<'_>) -> Result<(), Failure> {
    let mut line = Line::new();
    line.text("clone() returned ").number(child_pid.unsigned_abs().into());
    line.write_to(sys, STDOUT)?;

    // Time for the child to rename itself: nothing else makes the two wait for each other.
    sleep(sys, demo.delay)?;

    show_names(sys, b"parent", demo.namespace.domainname.is_some())
}

/// Where the child begins. There is no caller to return to: its result goes to exit(2).
extern "C" fn child_func(child: &Child<'_>) -> c_int {
    match in_child(child) {
        Ok(()) => 0,
        Err(failure) => fail(child.sys, failure, child.demo).into(),
    }
}

fn in_child(child: &Child<'_>) -> Result<(), Failure> {
    let Child { sys, demo, ids, death_signal } = child;
    if let Some(DeathSignal { signal, parent }) = death_signal {
        sys.prctl_set_pdeathsig(*signal)?;
        // A parent that died before the call sends nothing any more.
        if sys.getppid() != *parent {
            sys.kill(sys.getpid(), *signal)?;
        }
    }

    demo.namespace.set_up(sys, *ids)?;
    show_names(sys, b"child", demo.namespace.domainname.is_some())?;

    // The namespace lives as long as the child: time to look at it, or to join it.
    sleep(sys, demo.hold)
}

/// Sleeps for all of `duration`: what a signal takes away is slept afterwards.
fn sleep(sys: &Sys, mut duration: __kernel_timespec) -> Result<(), Failure> {
    while let Sleep::Interrupted(remaining) = sys.nanosleep(&duration)? {
        duration = remaining;
    }
    Ok(())
}

/// Waits for the child, however often a signal interrupts. A child that cannot be waited for is
/// killed, unless it is gone: `ECHILD`.
fn wait(sys: &Sys, pid: Pid) -> Result<WaitStatus, Failure> {
    loop {
        match sys.wait4(pid) {
            Err(Failure { errno: Errno::EINTR, .. }) => {}
            Err(failure) if failure.errno != Errno::ECHILD => {
                let _ = sys.kill(pid, SIGKILL);
                return Err(failure);
            }
            result => return result.map(|(_, status)| status),
        }
    }
}
