// SPDX-License-Identifier: MIT OR Apache-2.0
//! What can be wrong with the words of the command line, and how that is said.
//! Follows `getopt_long(3)`, whose messages it uses.

use crate::sys::Sys;
use crate::sys::file::STDERR;
use crate::text::line::Line;

/// What can be wrong.
#[derive(Clone, Copy)]
pub enum Wrong {
    /// There is no host name.
    Usage,
    /// There is no such long option.
    Unrecognized,
    /// The option needs a value.
    NoValue,
    /// The option takes no value.
    Value,
    /// The option does not take this value.
    Invalid,
    /// There is no such short option.
    Letter,
    /// The option does not go with what the program is to do.
    Unfit,
    /// One operand too many.
    Operand,
}

/// Words that cannot be understood: what is wrong with them, and which they are.
pub struct Mistake<'a> {
    /// What is wrong.
    pub(super) wrong: Wrong,
    /// The word, and what else the message names.
    pub(super) words: [&'a [u8]; 2],
}

impl<'a> Mistake<'a> {
    /// A mistake about one word.
    pub(super) fn new(wrong: Wrong, word: &'a [u8]) -> Self {
        Self { wrong, words: [word, b""] }
    }

    /// Says what is wrong, and where help is, in two lines.
    pub fn describe(&self, line: &mut Line) {
        let [word, option] = self.words;
        let (before, between, behind) = match self.wrong {
            Wrong::Usage => ("Usage: ", " <child-hostname>", ""),
            Wrong::Unrecognized => ("newuts: unrecognized option '", "'", ""),
            Wrong::NoValue => ("newuts: option '", "' requires an argument", ""),
            Wrong::Value => ("newuts: option '", "' doesn't allow an argument", ""),
            Wrong::Invalid => ("newuts: invalid argument '", "' for '", "'"),
            Wrong::Letter => ("newuts: invalid option -- '", "'", ""),
            Wrong::Unfit => ("newuts: option '", "' cannot be used ", ""),
            Wrong::Operand => ("newuts: extra operand '", "'", ""),
        };
        line.text(before).word(word).text(between).word(option).text(behind);
        line.text("\nTry 'newuts --help' for more information.");
    }

    /// Says so on standard error. Gives the exit status. Its line is not to be part of the stack of
    /// every run.
    #[cold]
    #[inline(never)]
    #[must_use]
    pub fn report(&self, sys: &Sys) -> u8 {
        let mut line = Line::new();
        self.describe(&mut line);
        match (self.wrong, line.write_to(sys, STDERR)) {
            // The example's own choice: no host name is a question, not an error.
            (Wrong::Usage, written) => written.is_err().into(),
            _ => 2,
        }
    }
}
