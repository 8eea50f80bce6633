// SPDX-License-Identifier: MIT OR Apache-2.0
//! `--fork`: the command is a child, and the program stays, as its parent: it passes signals on,
//! stops with it, waits for those who have no parent, and ends with its status.
//! Follows sigwaitinfo(2), wait(2), signal(7), and credentials(7) for process groups.
//!
//! All signals are blocked, and taken one by one: there is no handler, and so none is lost between
//! the moment in which it is looked for and the moment in which it is waited for.

use linux_raw_sys::general::{
    SIGCHLD, SIGCONT, SIGHUP, SIGINT, SIGKILL, SIGQUIT, SIGTSTP, SIGTTIN, SIGTTOU, SIGWINCH,
    kernel_sigset_t,
};
use syscalls::Errno;

use super::death::DeathSignal;
use super::init::Init;
use super::persist::Agreement;
use crate::sys::clone::Fork;
use crate::sys::process::Pid;
use crate::sys::signal::{SignalInfo, sigset, sigset_has};
use crate::sys::{Failure, Sys};

/// Every signal.
const ALL: core::ops::RangeInclusive<u32> = 1..=64;

/// The signals that the kernel sends to a whole process group, on behalf of its terminal.
const OF_TERMINAL: [u32; 8] =
    [SIGHUP, SIGINT, SIGQUIT, SIGCONT, SIGTSTP, SIGTTIN, SIGTTOU, SIGWINCH];

/// Does `task` in a child, which has the caller's signals, and stays until that ends. Gives the
/// exit status: the child's N, or 128+S. What the new namespace is to be bound to, `agreement` says.
///
/// # Errors
///
/// Where there could be no child, or it could not be waited for. Then there is none left.
pub fn run(
    sys: &Sys,
    init: Init,
    kill_child: Option<u32>,
    agreement: Option<&Agreement<'_>>,
    task: impl FnOnce(Option<DeathSignal>) -> u8,
) -> Result<u8, Failure> {
    let mask = sys.sigprocmask_exchange(&sigset(ALL))?;
    // Where it is ignored, the kernel throws the child's status away.
    let sigchld = sys.sigaction_exchange(SIGCHLD)?;
    let death_signal = DeathSignal::prepare(sys, kill_child)?;
    let child = match sys.clone_fork(SIGCHLD)? {
        Fork::Parent(pid) => pid.get(),
        Fork::Child => {
            let restored = sys
                .sigaction_restore(SIGCHLD, &sigchld)
                .and_then(|()| sys.sigprocmask_setmask(&mask));
            let status = match restored {
                Ok(()) => task(death_signal),
                Err(failure) => {
                    failure.report(sys);
                    super::run::FAILED
                }
            };
            sys.exit_group(status)
        }
    };
    let status = sys.sigpending().and_then(|early| {
        if let Some(agreement) = agreement {
            agreement.bind(sys, child)?;
        }
        Parent { sys, init, child, state: State::Running, at_hand: 0, early }.watch()
    });
    if status.is_err() {
        // Whatever cannot be done, no child is left behind.
        let _ = sys.kill(child, SIGKILL);
        let _ = sys.wait4(child);
    }
    status
}

/// What the child does.
#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Running,
    Stopped,
    /// Somebody else let it go on.
    Continued,
    /// This process told it to go on.
    Resumed,
}

/// The parent.
struct Parent<'a> {
    sys: &'a Sys,
    init: Init,
    child: Pid,
    state: State,
    /// The signal that was taken, and is to be passed on; 0 if there is none.
    at_hand: u32,
    /// The signals that were there when the child was: before it, perhaps, and for its parent alone.
    early: kernel_sigset_t,
}

impl Parent<'_> {
    /// Takes signals and waits for children, until the child has ended. Gives its status.
    fn watch(&mut self) -> Result<u8, Failure> {
        loop {
            self.at_hand = 0;
            if let Some(status) = self.look()? {
                return Ok(status);
            }
            match self.sys.sigtimedwait(&sigset(ALL)) {
                Ok(info) => {
                    // The signal may tell of a change of the child: look at that before passing it on.
                    self.at_hand = info.signo().unsigned_abs();
                    if let Some(status) = self.look()? {
                        return Ok(status);
                    }
                    self.pass_on(&info);
                }
                // It was stopped meanwhile.
                Err(Failure { errno: Errno::EINTR, .. }) => {}
                Err(failure) => return Err(failure),
            }
        }
    }

    /// Looks what became of the children. Gives the child's status, if it has ended. Others were
    /// left by whoever this process was before, or lost their parent, if it is process 1.
    fn look(&mut self) -> Result<Option<u8>, Failure> {
        while let Some((pid, status)) = self.sys.wait4_any_change()? {
            if pid != self.child {
                continue;
            }
            if let Some(signal) = status.stopped_by() {
                let is_first = matches!(self.state, State::Running | State::Resumed);
                self.state = State::Stopped;
                self.stop(signal, is_first)?;
            } else if status.is_continued() {
                let is_told = self.state == State::Resumed;
                self.state = if is_told { State::Running } else { State::Continued };
            } else {
                return Ok(Some(status.code()));
            }
        }
        Ok(None)
    }

    /// Stops as the child did, so that a shell sees that its job has stopped. Returns when this
    /// process goes on. `is_first` is whether no stop came before for which SIGCONT is still awaited.
    fn stop(&self, signal: u32, is_first: bool) -> Result<(), Failure> {
        // The kernel stops no process 1.
        if self.init != Init::None {
            return Ok(());
        }
        let me = self.sys.getpid();
        // Where no shell could let this process go on again, because its group is an orphan, the
        // kernel stops it by none of these; by SIGSTOP it would. A child that is traced stops by any.
        let signal = match signal {
            SIGTSTP | SIGTTIN | SIGTTOU => signal,
            _ => SIGTSTP,
        };
        self.sys.sigaction_default(signal)?;
        // Who was told to go on meanwhile does not stop, and tells the child. A stop signal would
        // discard that (kernel/signal.c, prepare_signal).
        if is_first && (self.at_hand == SIGCONT || self.is_told_to_go_on()) {
            return Ok(());
        }
        // The terminal has sent it here, too, perhaps: it is pending then, and still comes once.
        self.sys.kill(me, signal)?;
        self.sys.sigprocmask_setmask(&sigset(ALL.filter(|other| *other != signal)))?;
        self.sys.sigprocmask_setmask(&sigset(ALL))
    }

    /// Passes a signal on to the child, if it was for this process alone.
    fn pass_on(&mut self, info: &SignalInfo) {
        let signal = info.signo().unsigned_abs();
        let from_process = info.code() <= 0;
        let before = self.state;
        if signal == SIGCONT {
            self.state = State::Running;
        }
        let is_early = sigset_has(&self.early, signal);
        if is_early {
            let early = |other: &u32| *other != signal && sigset_has(&self.early, *other);
            self.early = sigset(ALL.filter(early));
        }
        let is_for_child = match signal {
            // The kernel sends it for a child; but a process may send it as well.
            SIGCHLD => from_process,
            // Who sent it to the group let the child go on, too.
            SIGCONT if before == State::Continued => false,
            // It has stopped both, perhaps, and that is over: a SIGCONT that waits came later, for
            // each of the two discards the other (kernel/signal.c, prepare_signal).
            SIGTSTP | SIGTTIN | SIGTTOU if self.is_told_to_go_on() => false,
            _ if from_process || is_early => true,
            // The leader of a session alone is told that the terminal is gone.
            SIGHUP | SIGCONT if self.leads_session() => true,
            _ => !OF_TERMINAL.contains(&signal) || !self.shares_terminal(),
        };
        if !is_for_child {
            return;
        }
        if signal == SIGCONT && before == State::Stopped {
            self.state = State::Resumed;
        }
        // With what came with it, if a process may say that in another's place.
        let has_value = info.code() < 0 && info.code() != SI_TKILL;
        if !has_value || self.sys.sigqueueinfo(self.child, info).is_err() {
            // A child that has just ended needs none any more.
            let _ = self.sys.kill(self.child, signal);
        }
    }

    /// Whether a SIGCONT waits to be taken.
    fn is_told_to_go_on(&self) -> bool {
        self.sys.sigpending().is_ok_and(|pending| sigset_has(&pending, SIGCONT))
    }

    fn leads_session(&self) -> bool {
        self.sys.getsid(0) == Ok(self.sys.getpid())
    }

    /// Whether what the terminal sends to this process it sends to the child as well: both are in
    /// one process group. The machine's process 1 has no terminal; what the kernel sends there is
    /// Ctrl-Alt-Del.
    fn shares_terminal(&self) -> bool {
        let group = |pid| self.sys.getpgid(pid).ok();
        self.init != Init::Machine && group(self.child) == group(0)
    }
}

/// `si_code` of a signal that tkill(2) or tgkill(2) sent: only the kernel may say so.
const SI_TKILL: i32 = -6;
