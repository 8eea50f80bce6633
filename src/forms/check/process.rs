// SPDX-License-Identifier: MIT OR Apache-2.0
//! A process, or a thread, that does the steps of a check: what it knows, and how it says what came
//! of them.

use syscalls::Errno;

use super::board::{Board, Verdict};
use super::caller::Caller;
use super::memory::Memory;
use crate::sys::process::Pid;
use crate::sys::{Failure, Sys};
use crate::text::line::{Line, LongLine};

/// A process, or a thread, that does the steps of a check.
#[derive(Clone, Copy)]
pub struct Process<'a> {
    pub sys: &'a Sys,
    pub board: &'a Board,
    pub memory: Memory,
    pub caller: &'a Caller,
    /// The size of a page of memory, in bytes.
    pub page_size: usize,
    /// The promise that is tried.
    pub promise: &'static [u8],
    /// Which check this is.
    pub round: u32,
    /// The number of the UTS namespace that it was in first: the caller's.
    pub outside: Option<u64>,
    /// Whether it is a thread beside the process's first.
    pub is_thread: bool,
    /// The errno with which the next call is to fail.
    pub expected: Option<Errno>,
    /// What `LAST`, `CHILD` and `FIRST` of `words.rs` stand for.
    pub last: usize,
    pub child: Pid,
    pub first: Pid,
    /// The number that `Act::Keep` found.
    pub kept: u64,
}

impl<'a> Process<'a> {
    /// A process that has done nothing yet.
    pub fn new(
        sys: &'a Sys,
        board: &'a Board,
        memory: Memory,
        caller: &'a Caller,
        page_size: usize,
        promise: &'static [u8],
    ) -> Self {
        Self {
            sys,
            board,
            memory,
            caller,
            page_size,
            promise,
            round: board.round(),
            outside: None,
            is_thread: false,
            expected: None,
            last: 0,
            child: 0,
            first: 0,
            kept: 0,
        }
    }

    /// The check cannot be done, and it is not the kernel's fault. Gives false.
    pub fn skip(&self, failure: Failure, reason: &str) -> bool {
        let mut line = Line::new();
        failure.describe(&mut line);
        line.text(" (").text(reason).byte(b')');
        self.board.conclude(Verdict::Skipped, line.as_bytes());
        false
    }

    /// Says what went wrong. Gives false.
    pub fn conclude(
        &self,
        verdict: Verdict,
        mut line: LongLine,
        what: impl FnOnce(&mut Line),
    ) -> bool {
        what(&mut line);
        self.board.conclude(verdict, line.as_bytes());
        false
    }
}
