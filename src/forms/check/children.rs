// SPDX-License-Identifier: MIT OR Apache-2.0
//! The children and threads that a check makes, and how they and their maker wait for each other.
//! Follows clone(2), wait(2).
#![allow(clippy::cast_sign_loss, reason = "the words of a step are words of a call")]

use core::ffi::{c_int, c_void};
use core::ptr;
use core::sync::atomic::AtomicI32;

use linux_raw_sys::general::{SIGCHLD, SIGKILL};
use syscalls::Errno;

use super::board::{Board, Verdict};
use super::clock::{self, Clock};
use super::fork::{Forked, fork};
use super::judge::Wanted;
use super::memory::Scratch;
use super::process::Process;
use super::step::{Act, Steps, Word};
use super::words::KILLED;
use crate::sys::Failure;
use crate::sys::clone::clone3_args;
use crate::sys::memory::Stack;
use crate::sys::process::Pid;
use crate::sys::table::{Call, Request};
use crate::sys::wait::WaitStatus;
use crate::text::line::Line;
use crate::text::{errno, signal};

/// The stack of a thread, in bytes, beside its guard page: a multiple of a page's size on every CPU.
const STACK_SIZE: usize = 64 * 1024;

/// What a thread is told.
struct Thread<'a> {
    process: Process<'a>,
    steps: Steps<'a>,
}

const _: () = assert!(size_of::<Thread<'_>>() <= size_of::<Scratch>());

impl<'a> Process<'a> {
    /// Makes a child, and goes on behind its steps. Gives whether that went as expected.
    pub fn fork(&mut self, act: Act, flags: u32, steps: &mut Steps<'a>) -> bool {
        let args = clone3_args(flags);
        let request = match act {
            Act::Clone3 => Request::clone3(ptr::from_ref(&args), size_of_val(&args)),
            _ => Request::clone(flags | SIGCHLD, 0, 0, 0, 0),
        };
        let line = self.announce(&request);
        let expected = self.expected;
        let place = self.board.free_place();
        let forked = fork(self.sys, self.board, || match act {
            Act::Clone3 => self.sys.clone3_fork(flags),
            _ => self.sys.clone_fork(flags | SIGCHLD),
        });
        let result = match forked {
            // There is not to be one.
            Ok(Forked::Child) if expected.is_some() => self.sys.exit_group(0),
            Ok(Forked::Child) => {
                self.join_the_check(place);
                let status = self.perform(steps);
                self.sys.exit_group(status)
            }
            Ok(Forked::Parent(pid)) => {
                Board::enlist(place, pid);
                self.first = self.child;
                self.child = pid;
                Ok(pid as usize)
            }
            Ok(Forked::Confused) => {
                let verdict = self.blame(request.call);
                return self.conclude(verdict, line, |line| {
                    line.text(": expected a process id, got 0, and this is the parent");
                });
            }
            Err(failure) => Err(failure),
        };
        let request = Request::clone(flags, 0, 0, 0, 0);
        let last = self.last;
        let goes_on = self.judge(&request, line, result, Wanted::Number);
        self.last = last;
        goes_on && steps.any(|step| step.act == Act::Exit)
    }

    /// What a child does first, so that it does not outlive the check: when its parent dies, so does
    /// it; and if its parent has died already, whoever has become its parent knows of it.
    fn join_the_check(&self, place: Option<&AtomicI32>) {
        let _ = self.sys.prctl_set_pdeathsig(SIGKILL);
        Board::enlist(place, self.sys.getpid());
        if self.board.round() != self.round {
            self.sys.exit_group(0);
        }
    }

    /// Makes a thread, and goes on behind its steps.
    pub fn thread(&mut self, steps: &mut Steps<'a>) -> bool {
        self.board.announce(b"clone(CLONE_VM|...|CLONE_THREAD)");
        let thread: *mut Thread<'a> = self.memory.scratch().cast();
        // SAFETY: the buffer is large enough for it, and nobody looks at it before the thread.
        unsafe { thread.write(Thread { process: *self, steps: steps.clone() }) };
        let size = STACK_SIZE + self.page_size;
        let begun = Stack::map(self.sys, size, self.page_size).and_then(|stack| {
            // SAFETY: the stack is for the thread alone; it gets a `Thread`, which is never
            // overwritten while the thread runs. What that refers to is on the stack of the process,
            // which ends before the functions that have called this one return.
            unsafe { self.sys.clone_thread(&stack, in_thread, thread.cast_const().cast()) }
        });
        match begun {
            Ok(()) => steps.any(|step| step.act == Act::Leave),
            Err(failure) => {
                let request = Request::clone(0, 0, 0, 0, 0);
                let mut line = Line::new();
                line.bytes(failure.call.row().name());
                self.judge(&request, line, Err(failure), Wanted::Number)
            }
        }
    }

    /// Whether a child ends so: with a status, or by the signal.
    pub fn wait(&mut self, pid: Pid, how: Word) -> bool {
        let expected = match how {
            KILLED => WaitStatus::killed_by(SIGKILL),
            status => WaitStatus::exited_with(status),
        };
        let mut line = Line::new();
        line.text("wait4(").number(pid.unsigned_abs().into()).byte(b')');
        self.board.announce(line.as_bytes());
        let ended = loop {
            match self.sys.wait4(pid) {
                Err(Failure { errno: Errno::EINTR, .. }) => {}
                ended => break ended,
            }
        };
        if let Ok((who, _)) = ended {
            self.board.strike(who);
        }
        if matches!(ended, Ok((who, status)) if who == pid && status == expected) {
            return true;
        }
        self.conclude(self.blame(Call::wait4), line, |line| {
            show_end(line.text(": expected "), expected);
            line.text(", got ");
            match ended {
                Ok((who, status)) if who == pid => show_end(line, status),
                Ok((who, _)) => {
                    line.text("process ").number(who.unsigned_abs().into());
                }
                Err(failure) => {
                    errno::name(line, failure.errno);
                }
            }
        })
    }

    /// Waits until a stage is reached. Whoever is left over when the check has ended, or when
    /// another step went wrong, does not wait any longer.
    pub fn hear(&self, stage: u32) -> bool {
        let mut clock = Clock::new(self.sys);
        loop {
            if self.board.stage() >= stage {
                return true;
            }
            let is_over = self.board.round() != self.round
                || self.board.verdict() != Verdict::None
                || clock.is_over(clock::LIMIT);
            if is_over {
                return false;
            }
            clock.tick();
        }
    }

    /// Whether the child said the id that clone(2) gave.
    pub fn was_told(&self) -> bool {
        let told = self.board.told();
        told == self.child
            || self.conclude(Verdict::Broken, Line::new(), |line| {
                line.text("clone gave ").number(self.child.unsigned_abs().into());
                line.text(", getpid in the child ").number(told.unsigned_abs().into());
            })
    }
}

/// Where a thread begins.
extern "C" fn in_thread(thread: *const c_void) -> c_int {
    // SAFETY: `Process::thread` passes a `Thread`, and nobody else reads it.
    let Thread { mut process, mut steps } = unsafe { thread.cast::<Thread<'_>>().read() };
    process.is_thread = true;
    process.perform(&mut steps).into()
}

/// Appends how a process ended: `exit status 5`, `signal SIGKILL`.
pub fn show_end(line: &mut Line, status: WaitStatus) {
    match status.signal() {
        Some(number) => signal::show(line.text("signal "), number.into()),
        None => {
            line.text("exit status ").number(status.code().into());
        }
    }
}
