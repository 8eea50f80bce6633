// SPDX-License-Identifier: MIT OR Apache-2.0
//! `--check`: does this kernel keep the promises of uts_namespaces(7)?
//! Follows the manual pages that the promises name; the output is KTAP (the kernel's ktap.rst).
//!
//! Each check runs in a process of its own. The caller's own process only watches, and prints: so
//! there is a result for every check, whatever becomes of the check's process. What could not be tried
//! is skipped only where the reason is proven.
//!
//! To read, in this order. What is tried: `promises.rs`, each a sentence of a manual page and its
//! steps; `step.rs`, what a step can do; `words.rs`, with which words. How a step is done: `process.rs`,
//! who does it; `perform.rs`, which of these it is for: `call.rs`, `names.rs`, `files.rs`,
//! `children.rs`; `judge.rs`, whether a call gave what it was to give, and `lack.rs`, what is an
//! excuse. Where: `sandbox.rs`, `memory.rs`. Who watches: `runner.rs`, with `fork.rs`, `board.rs` (what
//! the processes tell each other) and `clock.rs`; `caller.rs`, what the checks must leave as it is.
//! What is printed: `result.rs`; which of them are asked for: `which.rs`.

use linux_raw_sys::general::{SIGALRM, SIGCHLD, SIGPROF, SIGVTALRM, SIGXFSZ};

use super::init::Init;
use crate::sys::file::STDOUT;
use crate::sys::start::InitialStack;
use crate::sys::{Failure, Sys};
use crate::text::line::{Line, LongLine};
use board::Board;
use caller::Caller;
use memory::Memory;
use promises::{COUNT, STEPS, promise};
use result::{Outcome, Totals, say_failure};
use runner::Runner;
use step::{Act, Steps};
pub use which::Which;

mod board;
mod call;
mod caller;
mod children;
mod clock;
mod files;
mod fork;
mod judge;
mod lack;
mod memory;
mod names;
mod perform;
mod process;
mod promises;
mod result;
mod runner;
mod sandbox;
mod step;
mod which;
mod words;

/// Runs the checks that are asked for, and prints what they found. Gives the exit status: 0 if none
/// failed. Its lines are not to be part of the stack of every run.
#[cold]
#[inline(never)]
#[must_use]
pub fn check(sys: &Sys, process: &InitialStack<'_>, init: Init, which: Which<'_>) -> u8 {
    let status = match which {
        Which::List => list(sys),
        _ => prepare(sys, process, init, which),
    };
    status.unwrap_or_else(|failure| {
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
    // A file that may not grow, and the caller's timers.
    for signal in [SIGXFSZ, SIGALRM, SIGVTALRM, SIGPROF] {
        let _ = sys.sigaction_ignore(signal);
    }
    let _ = sys.prctl_set_child_subreaper();

    let mut line = Line::new();
    line.text("KTAP version 1\n1..").number(COUNT as u64).write_to(sys, STDOUT)?;
    let page_size = process.page_size();
    let prepared = Caller::look(sys, init)
        .and_then(|caller| Ok((caller, Board::map(sys)?, Memory::map(sys, page_size)?)));
    match prepared {
        Ok((caller, board, memory)) => {
            let mut runner = Runner::new(sys, board, memory, &caller, page_size);
            let keeper = runner.start_keeper();
            let status = run(sys, which, |index, steps, line| runner.check(index, steps, line));
            board.finish();
            if let Some(pid) = keeper {
                runner.wait(pid);
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
    mut check: impl FnMut(usize, &Steps<'static>, &mut LongLine) -> Outcome,
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
        totals.print_one(sys, index, outcome, &why)?;
    }
    totals.print_all(sys)?;
    Ok(totals.status())
}
