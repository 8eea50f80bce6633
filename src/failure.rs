//! A call that failed, said as perror(3) says it: the call's name, a colon, the errno's text.
//! The texts are those of strerror(3) in glibc.

use syscalls::{Errno, Sysno};

use crate::args::{nth, split};
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
    /// Says so on standard error, for example `clone: Operation not permitted`.
    pub fn report(self, sys: &Sys) {
        let mut line = Line::new();
        trace::name(&mut line, self.call);
        line.text(": ");
        strerror(&mut line, self.errno);
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

/// The names and texts of errnos 1, 2, 3, …, packed, a line each: `EPERM`, a tab, `Operation not
/// permitted`. An errno that is not in use has an empty line. Made by build.rs.
const ERRNOS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/errnos"));

/// The name and the text of an errno, packed.
fn describe(errno: Errno) -> Option<(&'static [u8], &'static [u8])> {
    let index = usize::try_from(errno.into_raw()).ok()?.checked_sub(1)?;
    let line = nth(ERRNOS, b'\n', index)?;
    let (name, text) = split(line, b'\t');
    Some((name, text?))
}

/// Appends the text of strerror(3), as glibc has it.
pub fn strerror(line: &mut Line, errno: Errno) {
    match describe(errno) {
        Some((_, text)) => unpack(line, text),
        None => line.text("Unknown error ").number(errno.into_raw().unsigned_abs().into()),
    };
}

/// Appends an errno as strace(1) shows it: `EPERM`, or with its text
/// `EPERM (Operation not permitted)`; `(errno 41)` for one that is not in use.
pub fn errno(line: &mut Line, errno: Errno, with_text: bool) -> &mut Line {
    match describe(errno) {
        Some((name, text)) => {
            unpack(line, name);
            if with_text {
                unpack(line.text(" ("), text).byte(b')');
            }
            line
        }
        None => line.text("(errno ").number(errno.into_raw().unsigned_abs().into()).byte(b')'),
    }
}
