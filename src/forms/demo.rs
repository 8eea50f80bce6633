// SPDX-License-Identifier: MIT OR Apache-2.0
//! The story: the program of the manual page, parent and child on one screen.
//! Follows the example of clone(2), in the order of its events and with its names.

use core::ffi::{CStr, c_int};

use linux_raw_sys::general::{
    __kernel_timespec, SIGALRM, SIGCHLD, SIGCONT, SIGKILL, SIGPIPE, SIGPROF, SIGSTOP, SIGTSTP,
    SIGTTIN, SIGTTOU, SIGURG, SIGVTALRM, SIGWINCH, SIGXFSZ,
};
use syscalls::Errno;

use super::death::DeathSignal;
use super::hint;
use super::init::{self, Init};
use super::namespace::{Ids, Namespace, show_names};
use super::persist::{Bound, Pending};
use crate::sys::file::STDOUT;
use crate::sys::memory::Stack;
use crate::sys::process::Pid;
use crate::sys::signal::sigset;
use crate::sys::sleep::Sleep;
use crate::sys::start::InitialStack;
use crate::sys::wait::{ANY_CHILD, WaitStatus};
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
    /// The file to which the child's namespace is bound.
    pub persist: Option<&'a CStr>,
}

/// What the child is told.
struct Child<'a> {
    sys: &'a Sys,
    demo: &'a Demo<'a>,
    ids: Option<Ids>,
    death_signal: Option<DeathSignal>,
    pending: Option<Pending>,
}

/// The signals that would end the parent without a word, and leave the child asleep: nobody reads what
/// it writes, the file may not grow, or a timer that the caller has started runs out. While they are
/// blocked, write(2) fails instead, and its errno says why.
const BLOCKED: [u32; 5] = [SIGPIPE, SIGXFSZ, SIGALRM, SIGVTALRM, SIGPROF];

/// The signals that end nobody who has no handler for them: signal(7), "Standard signals".
const HARMLESS: [u32; 8] = [SIGCHLD, SIGCONT, SIGSTOP, SIGTSTP, SIGTTIN, SIGTTOU, SIGURG, SIGWINCH];

/// Shows that a child in a UTS namespace of its own has a host name of its own. Gives the exit
/// status. Its lines are not to be part of the stack of a command.
#[inline(never)]
#[must_use]
pub fn demonstrate(sys: &Sys, process: &InitialStack<'_>, init: Init, demo: &Demo<'_>) -> u8 {
    parent(sys, process, init, demo).unwrap_or_else(|failure| fail(sys, failure))
}

/// Sets the signals of both processes, whatever the caller has blocked or ignored.
///
/// # Errors
///
/// rt_sigprocmask(2), rt_sigaction(2).
pub fn set_signals(sys: &Sys) -> Result<(), Failure> {
    sys.sigprocmask_setmask(&sigset(BLOCKED.iter().copied()))?;
    // Where it is ignored, the kernel throws the child's status away.
    sys.sigaction_default(SIGCHLD)
}

/// Says what failed. Gives the exit status.
#[must_use]
pub fn fail(sys: &Sys, failure: Failure) -> u8 {
    failure.report(sys);
    1
}

fn parent(
    sys: &Sys,
    process: &InitialStack<'_>,
    init: Init,
    demo: &Demo<'_>,
) -> Result<u8, Failure> {
    init.catch_signals(sys)?;

    // The child has a copy of this memory, and could run on its copy of this stack: fork(2) does
    // that. A new stack is what clone(2) is about, as the manual page shows it.
    let child_stack = Stack::map(sys, STACK_SIZE, process.page_size())?;

    // From here on there are two: the child begins in child_func(), in its own UTS namespace.
    let flags = demo.namespace.flags() | SIGCHLD;
    let ids = demo.namespace.ids_before(sys);
    let death_signal = DeathSignal::prepare(sys, demo.kill_child)?;
    let pending = demo.persist.map(|_| Pending::prepare(sys)).transpose()?;
    let child = Child { sys, demo, ids, death_signal, pending };
    // SAFETY: the child gets a copy of the memory, and the stack is for it alone.
    let cloned = unsafe { sys.clone(child_func, child_stack.top(), flags, &child) };
    let child_pid = match cloned {
        Ok(child_pid) => child_pid,
        Err(failure) => return Ok(refused(sys, failure, &child)),
    };

    // Only the parent comes here. Whatever it cannot do, it leaves no child and no file behind.
    let bound = demo.persist.map(|file| Bound::bind_child(sys, child_pid, file)).transpose();
    if let Some(pending) = pending {
        pending.end(sys);
    }
    let shown = match bound {
        Ok(_) => show_parent(sys, child_pid, demo),
        Err(failure) => Err(failure),
    };
    if shown.is_err() {
        let _ = sys.kill(child_pid, SIGKILL);
    }
    let status = wait(sys, init, child_pid);
    // A child that ends with status 1 has failed before it had its name; one that was killed had it.
    let failed = status.is_ok_and(|status| status.code() == 1);
    // The child has said why. That there is no namespace left to bind is no second error.
    if failed && bound.is_err() {
        return Ok(1);
    }
    let told = shown.and(status).and_then(|status| show_end(sys, status));
    if let Ok(Some(bound)) = bound
        && (told.is_err() || failed)
    {
        bound.undo(sys);
    }
    told
}

/// Says that the child has ended. Gives the exit status, which is the child's.
fn show_end(sys: &Sys, status: WaitStatus) -> Result<u8, Failure> {
    Line::short().text("child has terminated").write_to(sys, STDOUT)?;
    Ok(status.code())
}

/// Says why there is no such namespace. Gives the exit status.
#[cold]
fn refused(sys: &Sys, failure: Failure, child: &Child<'_>) -> u8 {
    failure.report(sys);
    let Child { demo, ids, .. } = *child;
    hint::give(sys, failure, &demo.namespace, ids, demo.persist.is_some());
    1
}

/// What the parent does while the child sleeps.
fn show_parent(sys: &Sys, child_pid: Pid, demo: &Demo<'_>) -> Result<(), Failure> {
    let mut line = Line::short();
    line.text("clone() returned ").number(child_pid.unsigned_abs().into());
    line.write_to(sys, STDOUT)?;

    // Time for the child to rename itself: nothing else makes the two wait for each other.
    sleep(sys, demo.delay)?;

    show_names(sys, &mut Line::short(), b"parent", demo.namespace.domainname.is_some())
}

/// Where the child begins. There is no caller to return to: its result goes to exit(2).
extern "C" fn child_func(child: &Child<'_>) -> c_int {
    in_child(child).unwrap_or_else(|failure| fail(child.sys, failure)).into()
}

fn in_child(child: &Child<'_>) -> Result<u8, Failure> {
    let Child { sys, demo, ids, death_signal, pending } = child;
    if let Some(death_signal) = death_signal {
        ask_for(sys, death_signal)?;
    }

    if let Err(failure) = demo.namespace.set_up(sys, *ids) {
        return Ok(refused(sys, failure, child));
    }
    show_names(sys, &mut Line::short(), b"child", demo.namespace.domainname.is_some())?;

    // The namespace lives as long as the child: time to look at it, or to join it.
    sleep(sys, demo.hold)?;
    if let Some(pending) = pending {
        pending.wait(sys)?;
    }
    Ok(0)
}

/// Has the child get its signal when the parent dies: it must arrive, whatever is blocked here, and
/// whatever the caller ignores.
fn ask_for(sys: &Sys, death_signal: &DeathSignal) -> Result<(), Failure> {
    let signal = death_signal.signal;
    death_signal.ask_for(sys)?;
    if BLOCKED.contains(&signal) {
        sys.sigprocmask_setmask(&sigset(BLOCKED.into_iter().filter(|other| *other != signal)))?;
    }
    match signal {
        SIGKILL | SIGSTOP => Ok(()),
        // Process 1 of a PID namespace of its own, where only KILL ends it without a handler.
        _ if !HARMLESS.contains(&signal) && sys.getpid() == 1 => init::end_by(sys, signal),
        _ => sys.sigaction_default(signal),
    }
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
fn wait(sys: &Sys, init: Init, pid: Pid) -> Result<WaitStatus, Failure> {
    // Process 1 is the parent of all who have lost theirs, and nobody else waits for them.
    let whom = if init == Init::None { pid } else { ANY_CHILD };
    loop {
        match sys.wait4(whom) {
            Ok((ended, _)) if ended != pid => {}
            Err(Failure { errno: Errno::EINTR, .. }) => {}
            Err(failure) if failure.errno != Errno::ECHILD => {
                let _ = sys.kill(pid, SIGKILL);
                return Err(failure);
            }
            result => return result.map(|(_, status)| status),
        }
    }
}
