// SPDX-License-Identifier: MIT OR Apache-2.0
//! Runs each check in a process of its own, and finds out what came of it, whatever becomes of that.
//! Follows clone(2), wait(2), pid_namespaces(7).

use core::cell::Cell;

use linux_raw_sys::general::{SIGCHLD, SIGKILL};
use syscalls::Errno;

use super::board::{Board, Verdict};
use super::caller::Caller;
use super::clock::{EXIT, End, GRACE, LIMIT, Watched, wait_until};
use super::fork::{Forked, fork, reap};
use super::lack;
use super::memory::Memory;
use super::process::Process;
use super::promises::{need, promise};
use super::result::{Outcome, say_failure};
use super::step::Steps;
use crate::sys::process::Pid;
use crate::sys::table::Call;
use crate::sys::{Failure, Sys};
use crate::text::line::{Line, LongLine};
use crate::text::signal;

/// How many processes there are at most beside the caller's own.
const MOST_PROCESSES: usize = 4;

/// What is said where clone(2) gives 0 to the parent, or an id that no process has.
const CONFUSED: &str = "clone(SIGCHLD): expected a process id, got 0, and this is the parent";
const NOBODY: &str = "clone(SIGCHLD): expected a process, got an id and no process";

/// What all checks need.
pub struct Runner<'a> {
    sys: &'a Sys,
    board: &'static Board,
    memory: Memory,
    caller: &'a Caller,
    page_size: usize,
    /// Whether children have another PID namespace than this process.
    is_elsewhere: bool,
    /// What is wrong with clone(2), so that there is no use in trying it again.
    no_clone: Cell<Option<&'static str>>,
    /// Whether wait4(2) has told of an exit.
    is_told: Cell<bool>,
}

impl<'a> Runner<'a> {
    /// A runner that knows nothing yet about what clone(2) and wait4(2) do.
    pub fn new(
        sys: &'a Sys,
        board: &'static Board,
        memory: Memory,
        caller: &'a Caller,
        page_size: usize,
    ) -> Self {
        Self {
            sys,
            board,
            memory,
            caller,
            page_size,
            is_elsewhere: false,
            no_clone: Cell::new(None),
            is_told: Cell::new(false),
        }
    }

    /// Finds out whether children are in another PID namespace, as behind `unshare --pid` without
    /// `--fork`. The first child is that namespace's process 1, with which it would end: it then
    /// stays until the last check is done. Gives that one, if there is one.
    pub fn start_keeper(&mut self) -> Option<Pid> {
        let Self { sys, board, .. } = *self;
        board.clean();
        match fork(sys, board, || sys.clone_fork(SIGCHLD)).ok()? {
            Forked::Child => {
                let _ = sys.prctl_set_pdeathsig(SIGKILL);
                let me = sys.getpid();
                board.begin(me);
                board.tell(me);
                board.conclude(Verdict::Kept, b"");
                // Whoever loses its parent in that namespace becomes a child of its process 1.
                while me == 1 && !board.is_over() {
                    wait_until(sys, GRACE, || {
                        reap(sys, board);
                        board.is_over()
                    });
                }
                sys.exit_group(0)
            }
            Forked::Parent(pid) => {
                wait_until(sys, GRACE, || board.told() != 0);
                self.is_elsewhere = board.told() == 1 && pid != 1;
                if self.is_elsewhere {
                    return Some(pid);
                }
                self.wait(pid);
                None
            }
            Forked::Confused => {
                self.no_clone.set(Some(CONFUSED));
                None
            }
        }
    }

    /// Waits for a child.
    pub fn wait(&self, pid: Pid) -> End {
        let Self { sys, board, is_elsewhere, .. } = *self;
        let end = Watched { sys, board, pid, is_elsewhere, is_told: self.is_told.get() }.wait();
        if matches!(end, End::Known(_)) {
            self.is_told.set(true);
        }
        end
    }

    /// Runs a check. Gives what came of it, and says why.
    pub fn check(&self, index: usize, steps: &Steps<'static>, why: &mut LongLine) -> Outcome {
        self.board.clean();
        match self.start(index, steps, why) {
            Ok(pid) => {
                let end = self.wait(pid);
                self.clear();
                self.outcome(&end, why)
            }
            Err(outcome) => outcome,
        }
    }

    /// Waits until none of the processes is left that the check has started. Its own has ended before.
    fn clear(&self) {
        let Self { sys, board, .. } = *self;
        board.end_round();
        let limit = if self.is_told.get() || self.is_elsewhere { GRACE } else { EXIT };
        wait_until(sys, limit, || {
            // In another PID namespace it is that one's process 1 that waits for them.
            if self.is_elsewhere { board.children().next().is_none() } else { reap(sys, board) }
        });
        for pid in board.children() {
            board.strike(pid);
        }
    }

    /// Starts a check in a process of its own. Gives the process.
    ///
    /// # Errors
    ///
    /// If there is none: the outcome of the check. Says why.
    fn start(
        &self,
        index: usize,
        steps: &Steps<'static>,
        why: &mut LongLine,
    ) -> Result<Pid, Outcome> {
        let Self { sys, board, memory, caller, page_size, .. } = *self;
        if let Some(reason) = self.no_clone.get() {
            why.text(reason);
            return Err(Outcome::Error);
        }
        match fork(sys, board, || sys.clone_fork(SIGCHLD)) {
            Ok(Forked::Child) => {
                let promise = promise(index);
                let mut process = Process::new(sys, board, memory, caller, page_size, promise);
                let status = process.run(need(index), &mut steps.clone());
                sys.exit_group(status)
            }
            Ok(Forked::Parent(pid)) => Ok(pid),
            Ok(Forked::Confused) => {
                self.no_clone.set(Some(CONFUSED));
                why.text(CONFUSED);
                Err(Outcome::Error)
            }
            Err(failure) => {
                let is_limit = failure.errno == Errno::EAGAIN;
                let Some(reason) = is_limit.then(|| lack::no_process(sys)).flatten() else {
                    say_failure(why, failure);
                    return Err(Outcome::Error);
                };
                failure.describe(why);
                why.text(" (").text(reason).byte(b')');
                Err(Outcome::Skip)
            }
        }
    }

    /// What came of a check whose process has ended so, and why.
    fn outcome(&self, end: &End, why: &mut LongLine) -> Outcome {
        for byte in self.board.text() {
            why.byte(byte);
        }
        let verdict = match (end, self.board.verdict()) {
            (End::Late, _) => {
                self.name_last(why).text(": no end within 5 seconds");
                return Outcome::Timeout;
            }
            (End::Known(status), _) if status.signal().is_some() => {
                let number = status.signal().unwrap_or_default();
                signal::show(self.name_last(why).text(": killed by "), number.into());
                return Outcome::Fail;
            }
            // The board is the better witness. But where memory is not shared, it is empty.
            (End::Known(status), Verdict::None) => Verdict::of(status.code().into()),
            (_, verdict) => verdict,
        };
        match verdict {
            Verdict::Kept => Outcome::Pass,
            Verdict::Broken => Outcome::Fail,
            Verdict::Skipped => Outcome::Skip,
            Verdict::NoProcess if self.are_processes_limited() => {
                *why = Line::new();
                let failure = Failure { call: Call::clone, errno: Errno::EAGAIN };
                failure.describe(why);
                why.text(" (no more processes)");
                Outcome::Skip
            }
            Verdict::Error | Verdict::NoProcess => Outcome::Error,
            Verdict::None if self.board.me() == 0 => {
                self.no_clone.set(Some(NOBODY));
                why.text(NOBODY);
                Outcome::Error
            }
            Verdict::None => {
                why.text(": the check's process is gone");
                Outcome::Fail
            }
        }
    }

    /// What the process did last stands in the line already, unless that was before the first step or
    /// after the last one.
    fn name_last<'l>(&self, why: &'l mut Line) -> &'l mut Line {
        match self.board.verdict() {
            _ if why.len() != 0 => why,
            Verdict::None => why.text("the check's process"),
            _ => why.text("exit_group"),
        }
    }

    /// Whether there can be only so many processes at a time: while as many as a check has are
    /// there, another cannot be made.
    fn are_processes_limited(&self) -> bool {
        let Self { sys, board, .. } = *self;
        board.clean();
        let round = board.round();
        let mut pids = [0; MOST_PROCESSES];
        let mut is_limited = false;
        for place in &mut pids {
            match fork(sys, board, || sys.clone_fork(SIGCHLD)) {
                Ok(Forked::Child) => {
                    let _ = sys.prctl_set_pdeathsig(SIGKILL);
                    wait_until(sys, LIMIT, || board.round() != round);
                    sys.exit_group(0)
                }
                Ok(Forked::Parent(pid)) => *place = pid,
                Ok(Forked::Confused) => break,
                Err(failure) => {
                    is_limited = failure.errno == Errno::EAGAIN;
                    break;
                }
            }
        }
        board.clean();
        for pid in pids.into_iter().filter(|pid| *pid != 0) {
            wait_until(sys, GRACE, || {
                let is_gone = !matches!(sys.wait4_nohang(pid), Ok(None));
                if !is_gone {
                    let _ = sys.kill(pid, SIGKILL);
                }
                is_gone
            });
        }
        is_limited
    }
}
