//! Signals by name and by number.
//! Follows signal(7), "Standard signals".

use linux_raw_sys::general::SIGRTMIN;

use super::line::Line;
use crate::sys::bytes;

/// The names, in the order of their numbers from 1 on: asm-generic/signal.h, which every CPU of
/// this program uses.
const NAMES: &str = "HUP INT QUIT ILL TRAP ABRT BUS FPE KILL USR1 SEGV USR2 PIPE ALRM TERM STKFLT \
                     CHLD CONT STOP TSTP TTIN TTOU URG XCPU XFSZ VTALRM PROF WINCH IO PWR SYS";

/// The largest number: the real-time signals end there.
const LAST: u64 = 64;

/// The name of a signal, without `SIG`; none for a real-time signal.
#[must_use]
pub fn name(number: usize) -> Option<&'static [u8]> {
    names().nth(number.checked_sub(1)?)
}

/// The number of a signal that is given as kill(1) and unshare(1) take it: a number, or a name
/// with or without `SIG`, in upper or lower case.
#[must_use]
pub fn number(given: &[u8]) -> Option<u32> {
    if let Some(number) = bytes::number(given) {
        return u32::try_from(number).ok().filter(|_| (1..=LAST).contains(&number));
    }
    let name = match given {
        [b's' | b'S', b'i' | b'I', b'g' | b'G', name @ ..] => name,
        _ => given,
    };
    (1..).zip(names()).find_map(|(number, known)| {
        let same = name.iter().map(u8::to_ascii_uppercase).eq(known.iter().copied());
        same.then_some(number)
    })
}

/// The names, one by one.
fn names() -> impl Iterator<Item = &'static [u8]> {
    NAMES.as_bytes().split(|byte| *byte == b' ')
}

/// Appends a signal as strace(1) shows it: `SIGTERM`, `SIGRT_2` for one without a name, or the
/// number, if it is none.
pub fn show(line: &mut Line, number: usize) {
    /// The kernel's first real-time signal.
    const FIRST: usize = SIGRTMIN as usize;

    match name(number) {
        Some(name) => line.text("SIG").bytes(name),
        None if number == FIRST => line.text("SIGRTMIN"),
        None if number > FIRST => line.text("SIGRT_").number((number - FIRST) as u64),
        None => line.number(number as u64),
    };
}
