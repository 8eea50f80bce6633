// SPDX-License-Identifier: MIT OR Apache-2.0
//! What came of the checks, as it is printed and counted.
//! Follows the kernel's ktap.rst, and the line of totals of its kselftest.h.

use super::promises::promise;
use crate::sys::file::STDOUT;
use crate::sys::{Failure, Sys};
use crate::text::errno;
use crate::text::line::Line;

/// What came of a check, as it is printed and counted.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    Pass,
    Fail,
    Skip,
    Error,
    Timeout,
}

/// How many came out how.
#[derive(Default)]
pub struct Totals {
    pass: u64,
    fail: u64,
    skip: u64,
    error: u64,
}

impl Totals {
    /// Counts a result, and prints it.
    ///
    /// # Errors
    ///
    /// write(2).
    pub fn print_one(
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

    /// Prints how many came out how.
    ///
    /// # Errors
    ///
    /// write(2).
    pub fn print_all(&self, sys: &Sys) -> Result<(), Failure> {
        let mut line = Line::new();
        line.text("# Totals: pass:").number(self.pass).text(" fail:").number(self.fail);
        line.text(" xfail:0 xpass:0 skip:").number(self.skip);
        line.text(" error:").number(self.error).write_to(sys, STDOUT)
    }

    /// The exit status: 1 if a check failed, 0 if none did.
    pub fn status(&self) -> u8 {
        (self.fail + self.error > 0).into()
    }
}

/// Says which call failed: `clone: expected success, got ENOSYS`.
pub fn say_failure(line: &mut Line, failure: Failure) {
    line.bytes(failure.call.row().name()).text(": expected success, got ");
    errno::name(line, failure.errno);
}
