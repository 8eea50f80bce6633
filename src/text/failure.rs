// SPDX-License-Identifier: MIT OR Apache-2.0
//! A call that failed, said as perror(3) says it: the call's name, a colon, the errno's text.

use syscalls::Errno;

use super::errno::strerror;
use super::line::Line;
use crate::sys::file::STDERR;
use crate::sys::{Failure, Sys};

impl Failure {
    /// Says so, for example `clone: Operation not permitted`.
    pub fn describe(self, line: &mut Line) {
        line.bytes(self.call.row().name()).text(": ");
        strerror(line, self.errno);
    }

    /// Says so on standard error.
    #[cold]
    pub fn report(self, sys: &Sys) {
        let mut line = Line::new();
        self.describe(&mut line);
        // Where not even this can be written, the exit status still tells.
        let _ = line.write_to(sys, STDERR);
    }
}

/// Says on standard error why `word` will not do, for example
/// `newuts: frobnicate: No such file or directory`. Its line is not to be part of the stack of a
/// command that is found.
#[cold]
#[inline(never)]
pub fn complain(sys: &Sys, word: &[u8], errno: Errno) {
    let mut line = Line::new();
    line.text("newuts: ").word(word).text(": ");
    strerror(&mut line, errno);
    // Where it cannot be written, the exit status still tells.
    let _ = line.write_to(sys, STDERR);
}
