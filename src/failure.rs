//! A call that failed, said as perror(3) says it: the call's name, a colon, the errno's text.
//! The texts are those of strerror(3) in glibc.

use syscalls::{Errno, Sysno};

use crate::line::Line;
use crate::packed::unpack;
use crate::sys::{STDERR, Sys};
use crate::trace;

/// A system call that failed.
#[derive(Clone, Copy)]
pub struct Failure {
    /// Which.
    pub call: Sysno,
    /// Why.
    pub errno: Errno,
}

impl Failure {
    /// Says so, for example `clone: Operation not permitted`.
    pub fn describe(self, line: &mut Line) {
        trace::name(line, self.call);
        line.text(": ");
        strerror(line, self.errno);
    }

    /// Says so on standard error.
    pub fn report(self, sys: &Sys) {
        let mut line = Line::new();
        self.describe(&mut line);
        // Where not even this can be written, the exit status still tells.
        let _ = line.write_to(sys, STDERR);
    }
}

/// Says on standard error why `word` will not do, for example
/// `newuts: frobnicate: No such file or directory`.
pub fn complain(sys: &Sys, word: &[u8], errno: Errno) {
    let mut line = Line::new();
    line.text("newuts: ").escaped(word).text(": ");
    strerror(&mut line, errno);
    let _ = line.write_to(sys, STDERR);
}

/// Says which call failed: `sys.unshare(flags).during(Sysno::unshare)?`.
pub trait During<T> {
    /// Turns an [`Errno`] into a [`Failure`] of `call`.
    ///
    /// # Errors
    ///
    /// The failure, if it is one.
    fn during(self, call: Sysno) -> Result<T, Failure>;
}

impl<T> During<T> for Result<T, Errno> {
    fn during(self, call: Sysno) -> Result<T, Failure> {
        self.map_err(|errno| Failure { call, errno })
    }
}

/// The name of errno 1, its text, the name of errno 2, …, packed. What an errno that is not in use
/// has is empty. Made by build.rs.
const ERRNOS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/errnos"));

/// Appends the name of an errno, or with 1 for `which` its text. Gives whether it has one.
fn describe(line: &mut Line, errno: Errno, which: usize) -> bool {
    let before = line.len();
    let index = (number(errno) - 1) * 2 + which;
    unpack(line, ERRNOS, index);
    line.len() != before
}

/// The number of an errno.
#[allow(clippy::cast_sign_loss, reason = "errnos are positive")]
fn number(errno: Errno) -> usize {
    errno.into_raw() as usize
}

/// Appends the text of strerror(3), as glibc has it.
pub fn strerror(line: &mut Line, errno: Errno) {
    if !describe(line, errno, 1) {
        line.text("Unknown error ").number(number(errno) as u64);
    }
}

/// Appends an errno as strace(1) shows it: `EPERM`, or with its text
/// `EPERM (Operation not permitted)`; `(errno 41)` for one that is not in use.
pub fn errno(line: &mut Line, errno: Errno, with_text: bool) {
    if !describe(line, errno, 0) {
        line.text("(errno ").number(number(errno) as u64).byte(b')');
    } else if with_text {
        describe(line.text(" ("), errno, 1);
        line.byte(b')');
    }
}
