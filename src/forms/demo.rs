//! The story: the program of the manual page, parent and child on one screen.
//! Follows the example of clone(2), in the order of its events and with its names.

use core::ffi::c_int;

use linux_raw_sys::general::{
    __kernel_timespec, O_CLOEXEC, O_NONBLOCK, SIGALRM, SIGCHLD, SIGKILL, SIGPIPE, SIGPROF, SIGSTOP,
    SIGVTALRM, SIGXFSZ,
};
use syscalls::Errno;

use super::hint;
use super::init::Init;
use super::namespace::{Ids, Namespace, show_names};
use crate::sys::file::{Fd, STDOUT};
use crate::sys::memory::Stack;
use crate::sys::process::{ANY_CHILD, Pid, Sleep, WaitStatus};
use crate::sys::signal::sigset;
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
    /// The parent's process id.
    parent: Pid,
    /// A pipe, in which nobody writes: the end to read from, and the end to write to. When the
    /// parent has died, the child finds the pipe's end.
    pipe: [Fd; 2],
}

/// What would end the parent in silence, and leave the child asleep: that nobody reads what it
/// writes, that the file may not grow, that a timer strikes which a caller has started. While they
/// are blocked, write(2) fails instead, and says why.
const BLOCKED: [u32; 5] = [SIGPIPE, SIGXFSZ, SIGALRM, SIGVTALRM, SIGPROF];

/// Shows that a child in a UTS namespace of its own has a host name of its own. Gives the exit
/// status.
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
    sys.sigprocmask_setmask(&sigset(BLOCKED))?;
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
    let death_signal = match demo.kill_child {
        Some(signal) => {
            let pipe = sys.pipe2(O_NONBLOCK | O_CLOEXEC)?;
            Some(DeathSignal { signal, parent: sys.getpid(), pipe })
        }
        None => None,
    };
    let child = Child { sys, demo, ids, death_signal };
    // SAFETY: the child gets a copy of the memory, and the stack is for it alone.
    let cloned = unsafe { sys.clone(child_func, child_stack.top(), flags, &child) };
    let child_pid = match cloned {
        Ok(child_pid) => child_pid,
        Err(failure) => return Ok(refused(sys, failure, &child)),
    };

    // Only the parent comes here. Whatever it cannot do, it leaves no child behind.
    let shown = show_parent(sys, child_pid, demo);
    if shown.is_err() {
        let _ = sys.kill(child_pid, SIGKILL);
    }
    let status = wait(sys, init, child_pid);
    shown?;
    let status = status?;

    Line::new().text("child has terminated").write_to(sys, STDOUT)?;
    Ok(status.code())
}

/// Says why there is no such namespace. Gives the exit status.
fn refused(sys: &Sys, failure: Failure, child: &Child<'_>) -> u8 {
    failure.report(sys);
    hint::give(sys, failure, &child.demo.namespace, child.ids);
    1
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
    in_child(child).unwrap_or_else(|failure| fail(child.sys, failure)).into()
}

fn in_child(child: &Child<'_>) -> Result<u8, Failure> {
    let Child { sys, demo, ids, death_signal } = child;
    if let Some(death_signal) = death_signal {
        death_signal.ask_for(sys)?;
    }

    if let Err(failure) = demo.namespace.set_up(sys, *ids) {
        return Ok(refused(sys, failure, child));
    }
    show_names(sys, b"child", demo.namespace.domainname.is_some())?;

    // The namespace lives as long as the child: time to look at it, or to join it.
    sleep(sys, demo.hold)?;
    Ok(0)
}

impl DeathSignal {
    /// Has the kernel send the signal to this process when its parent dies.
    ///
    /// # Errors
    ///
    /// prctl(2), rt_sigaction(2), rt_sigprocmask(2).
    fn ask_for(&self, sys: &Sys) -> Result<(), Failure> {
        let signal = self.signal;
        sys.prctl_set_pdeathsig(signal)?;
        // It must arrive, whatever is blocked here, and whatever the caller ignores.
        if BLOCKED.contains(&signal) {
            sys.sigprocmask_setmask(&sigset(BLOCKED.into_iter().filter(|other| *other != signal)))?;
        }
        if !matches!(signal, SIGKILL | SIGSTOP) {
            sys.sigaction_default(signal)?;
        }
        // A parent that died before the first call sends nothing any more. Process 1 of a PID
        // namespace can send itself nothing.
        if !self.parent_lives(sys) && sys.kill(sys.getpid(), signal).is_err() {
            sys.exit_group(WaitStatus::killed_by(signal).code());
        }
        Ok(())
    }

    /// Whether the parent has not died yet.
    fn parent_lives(&self, sys: &Sys) -> bool {
        let Self { parent, pipe: [read_end, write_end], .. } = *self;
        match sys.getppid() {
            // A child that was born in another PID namespace has no number for its parent; and who
            // knows his own number or his parent's not at all, is in a sandbox. While the parent
            // lives it could write to the pipe, and there is nothing to read yet: EAGAIN.
            0 => {}
            _ if parent == 0 => {}
            found => return found == parent,
        }
        sys.close(write_end);
        sys.read(read_end, &mut [0]) != Ok(0)
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
