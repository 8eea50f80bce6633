//! `--check`: does this kernel keep the promises of uts_namespaces(7)?
//! Follows the manual pages that the promises name; the output is KTAP (the kernel's ktap.rst).
//!
//! A check is a list of steps (`promises.rs`). It runs in a process of its own (`step.rs`), which
//! enters a sandbox (`sandbox.rs`) and says on a shared page what it does and what came of it
//! (`ground.rs`). The caller's own process only watches, by a clock of its own (`clock.rs`), and
//! prints: so there is a result for every check, whatever becomes of the check's process. What could
//! not be tried is skipped only where the reason is proven (`lack.rs`).

use core::cell::Cell;

use linux_raw_sys::general::{SIGCHLD, SIGKILL, SIGXFSZ};
use syscalls::Errno;

use super::init::Init;
use crate::sys::file::STDOUT;
use crate::sys::process::Pid;
use crate::sys::start::InitialStack;
use crate::sys::table::Call;
use crate::sys::{Failure, Sys};
use crate::text::line::Line;
use crate::text::{errno, signal};
use caller::Caller;
use clock::{End, GRACE, Watched, wait_until};
use ground::{Board, Room, Verdict};
use promises::{COUNT, STEPS, need, promise};
use step::{Act, Forked, Process, Steps, fork};
pub use which::Which;

mod caller;
mod clock;
mod ground;
mod lack;
mod promises;
mod sandbox;
mod step;
mod which;

/// How many processes there are at most beside the caller's own.
const MOST_PROCESSES: usize = 4;

/// clone(2) gives 0 to the parent, or the id of nobody.
const CONFUSED: &str = "clone(SIGCHLD): expected a process id, got 0, and this is the parent";
const NOBODY: &str = "clone(SIGCHLD): expected a process, got an id and no process";

/// Runs the checks that are asked for, and prints what they found. Gives the exit status: 0 if none
/// failed.
#[must_use]
pub fn check(sys: &Sys, process: &InitialStack<'_>, init: Init, which: Which<'_>) -> u8 {
    let done = match which {
        Which::List => list(sys),
        _ => prepare(sys, process, init, which),
    };
    done.unwrap_or_else(|failure| {
        failure.report(sys);
        1
    })
}

/// Lists the promises.
fn list(sys: &Sys) -> Result<u8, Failure> {
    for index in 0..COUNT {
        let mut line = Line::new();
        line.number(index as u64 + 1).byte(b' ').bytes(promise(index)).write_to(sys, STDOUT)?;
    }
    Ok(0)
}

/// What came of a check, as it is printed and counted.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Pass,
    Fail,
    Skip,
    Error,
    Timeout,
}

/// How many came out how.
#[derive(Default)]
struct Totals {
    pass: u64,
    fail: u64,
    skip: u64,
    error: u64,
}

/// What all checks need.
struct Runner<'a> {
    sys: &'a Sys,
    board: &'static Board,
    room: Room,
    caller: &'a Caller,
    page_size: usize,
    /// Whether children have another PID namespace than this process.
    is_elsewhere: bool,
    /// What is wrong with clone(2), so that there is no use in trying it again.
    no_clone: Cell<Option<&'static str>>,
}

/// Sees to it that nothing which the caller left disturbs the checks, and runs them.
fn prepare(
    sys: &Sys,
    process: &InitialStack<'_>,
    init: Init,
    which: Which<'_>,
) -> Result<u8, Failure> {
    // Each of these calls may be among what is broken. Without it there is still a result.
    let _ = init.catch_signals(sys);
    let _ = sys.sigaction_default(SIGCHLD);
    let _ = sys.sigaction_ignore(SIGXFSZ);

    let mut line = Line::new();
    line.text("KTAP version 1\n1..").number(COUNT as u64).write_to(sys, STDOUT)?;
    let page_size = process.page_size();
    let ground = Caller::look(sys, init).and_then(|caller| {
        let (board, room) = ground::map(sys, page_size)?;
        Ok((caller, board, room))
    });
    match ground {
        Ok((caller, board, room)) => {
            let mut runner = Runner {
                sys,
                board,
                room,
                caller: &caller,
                page_size,
                is_elsewhere: false,
                no_clone: Cell::new(None),
            };
            let keeper = runner.start_keeper();
            let status = run(sys, which, |index, steps, line| runner.check(index, steps, line));
            board.finish();
            if let Some(pid) = keeper {
                runner.watched(pid).wait();
            }
            status
        }
        Err(failure) => run(sys, which, |_, _, line| {
            say_failure(line, failure);
            Outcome::Error
        }),
    }
}

/// Runs the checks and prints the results. Gives the exit status.
fn run(
    sys: &Sys,
    which: Which<'_>,
    mut check: impl FnMut(usize, &Steps<'static>, &mut Line) -> Outcome,
) -> Result<u8, Failure> {
    let mut totals = Totals::default();
    let mut steps = STEPS.iter();
    for index in 0..COUNT {
        let mut why = Line::new();
        let outcome = if which.selects(index) {
            check(index, &steps, &mut why)
        } else {
            why.text("not selected");
            Outcome::Skip
        };
        steps.any(|step| step.act == Act::End);
        totals.print(sys, index, outcome, &why)?;
    }
    let mut line = Line::new();
    line.text("# Totals: pass:").number(totals.pass).text(" fail:").number(totals.fail);
    line.text(" xfail:0 xpass:0 skip:").number(totals.skip);
    line.text(" error:").number(totals.error).write_to(sys, STDOUT)?;
    Ok(u8::from(totals.fail + totals.error > 0))
}

impl Totals {
    /// Counts a result, and prints it.
    fn print(
        &mut self,
        sys: &Sys,
        index: usize,
        outcome: Outcome,
        why: &Line,
    ) -> Result<(), Failure> {
        let (count, directive) = match outcome {
            Outcome::Pass => (&mut self.pass, ""),
            Outcome::Fail => (&mut self.fail, ""),
            Outcome::Timeout => (&mut self.fail, " # TIMEOUT"),
            Outcome::Skip => (&mut self.skip, " # SKIP "),
            Outcome::Error => (&mut self.error, " # ERROR"),
        };
        *count += 1;
        let is_ok = matches!(outcome, Outcome::Pass | Outcome::Skip);
        let mut line = Line::new();
        if !is_ok {
            line.text("# ").bytes(why.as_bytes()).byte(b'\n');
        }
        line.text(if is_ok { "ok " } else { "not ok " }).number(index as u64 + 1).byte(b' ');
        line.bytes(promise(index)).text(directive);
        if outcome == Outcome::Skip {
            line.bytes(why.as_bytes());
        }
        line.write_to(sys, STDOUT)
    }
}

impl Runner<'_> {
    /// Finds out whether children are in another PID namespace, as behind `unshare --pid` without
    /// `--fork`. The first child is that namespace's process 1, with which it would end: it then
    /// stays until the last check is done. Gives that one, if there is one.
    fn start_keeper(&mut self) -> Option<Pid> {
        let Self { sys, board, .. } = *self;
        board.clean();
        match fork(sys, board, || sys.clone_fork(SIGCHLD)).ok()? {
            Forked::Child => {
                let _ = sys.prctl_set_pdeathsig(SIGKILL);
                let me = sys.getpid();
                board.begin(me);
                board.tell(me);
                board.conclude(Verdict::Kept, b"");
                while me == 1 && !board.is_over() {
                    wait_until(sys, GRACE, || board.is_over());
                }
                sys.exit_group(0)
            }
            Forked::Parent(pid) => {
                wait_until(sys, GRACE, || board.told() != 0);
                self.is_elsewhere = board.told() == 1 && pid != 1;
                if self.is_elsewhere {
                    return Some(pid);
                }
                self.watched(pid).wait();
                None
            }
            Forked::Confused => {
                self.no_clone.set(Some(CONFUSED));
                None
            }
        }
    }

    /// A child, as it is watched.
    fn watched(&self, pid: Pid) -> Watched<'_> {
        Watched { sys: self.sys, board: self.board, pid, is_elsewhere: self.is_elsewhere }
    }

    /// Runs a check in a process of its own. Gives what came of it, and says why.
    fn check(&self, index: usize, steps: &Steps<'static>, why: &mut Line) -> Outcome {
        let Self { sys, board, room, caller, page_size, .. } = *self;
        board.clean();
        if let Some(reason) = self.no_clone.get() {
            why.text(reason);
            return Outcome::Error;
        }
        let pid = match fork(sys, board, || sys.clone_fork(SIGCHLD)) {
            Ok(Forked::Child) => {
                let promise = promise(index);
                let mut process = Process::new(sys, board, room, caller, page_size, promise);
                let status = process.run(need(index), &mut steps.clone());
                sys.exit_group(status)
            }
            Ok(Forked::Parent(pid)) => pid,
            Ok(Forked::Confused) => {
                self.no_clone.set(Some(CONFUSED));
                why.text(CONFUSED);
                return Outcome::Error;
            }
            Err(failure @ Failure { errno: Errno::EAGAIN, .. }) if lack::no_process(sys) => {
                failure.describe(why);
                why.text(" (no more processes: RLIMIT_NPROC)");
                return Outcome::Skip;
            }
            Err(failure) => {
                say_failure(why, failure);
                return Outcome::Error;
            }
        };
        let end = self.watched(pid).wait();
        for byte in board.text() {
            why.byte(byte);
        }
        let verdict = match (end, board.verdict()) {
            (End::Late, _) => {
                why.text(": no end within 5 seconds");
                return Outcome::Timeout;
            }
            (End::Known(status), _) if let Some(number) = status.signal() => {
                signal::show(why.text(": killed by "), number.into());
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
            Verdict::None if board.me() == 0 => {
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
                    wait_until(sys, clock::LIMIT, || board.round() != round);
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
            wait_until(sys, GRACE, || !matches!(sys.wait4_nohang(pid), Ok(None)));
        }
        is_limited
    }
}

/// Says which call failed: `clone: expected success, got ENOSYS`.
fn say_failure(line: &mut Line, failure: Failure) {
    line.bytes(failure.call.row().name()).text(": expected success, got ");
    errno::name(line, failure.errno);
}
