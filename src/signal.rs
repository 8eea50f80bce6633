//! Signals by name and by number.
//! Follows signal(7), "Standard signals".

use crate::args;
use crate::bytes::nth;

/// The names, in the order of their numbers from 1 on: asm-generic/signal.h, which every CPU of
/// this program uses.
const NAMES: &str = "HUP INT QUIT ILL TRAP ABRT BUS FPE KILL USR1 SEGV USR2 PIPE ALRM TERM STKFLT \
                     CHLD CONT STOP TSTP TTIN TTOU URG XCPU XFSZ VTALRM PROF WINCH IO PWR SYS";

/// The largest number: the real-time signals end there.
const LAST: u64 = 64;

/// The name of a signal, without `SIG`; none for a real-time signal.
#[must_use]
pub fn name(number: usize) -> Option<&'static [u8]> {
    let name = nth(NAMES.as_bytes(), b' ', number.checked_sub(1)?);
    (!name.is_empty()).then_some(name)
}

/// The number of a signal that is given as kill(1) and unshare(1) take it: a number, or a name
/// with or without `SIG`, in upper or lower case.
#[must_use]
pub fn number(given: &[u8]) -> Option<u32> {
    if let Some(number) = args::number(given) {
        return u32::try_from(number).ok().filter(|_| (1..=LAST).contains(&number));
    }
    let name = match given {
        [b's' | b'S', b'i' | b'I', b'g' | b'G', name @ ..] => name,
        _ => given,
    };
    let known = NAMES.as_bytes().split(|byte| *byte == b' ');
    (1..).zip(known).find_map(|(number, known)| {
        let same = name.iter().map(u8::to_ascii_uppercase).eq(known.iter().copied());
        same.then_some(number)
    })
}
