// SPDX-License-Identifier: MIT OR Apache-2.0
//! Signals by name and by number.
//! Follows signal(7), "Standard signals".

use linux_raw_sys::general::{
    SIGABRT, SIGBUS, SIGCHLD, SIGIO, SIGRTMIN, SIGSYS, SIGUSR1, kernel_sigset_t,
};

use super::line::Line;
use crate::sys::bytes::{self, Name};
use crate::sys::signal::sigset_has;

/// The names, in the order of their numbers from 1 on: asm-generic/signal.h, which every CPU of
/// this program uses.
const NAMES: &str = "HUP INT QUIT ILL TRAP ABRT BUS FPE KILL USR1 SEGV USR2 PIPE ALRM TERM STKFLT \
                     CHLD CONT STOP TSTP TTIN TTOU URG XCPU XFSZ VTALRM PROF WINCH IO PWR SYS";

// MIPS, SPARC, Alpha and PA-RISC have another order. For one of them, the names would have to come
// from its file of `cpu`.
const _: () = assert!(SIGBUS == 7 && SIGUSR1 == 10 && SIGCHLD == 17 && SIGSYS == 31);

/// The other names that kill(1) knows.
const SYNONYMS: [(Name<4>, u32); 3] =
    [(Name::new("IOT"), SIGABRT), (Name::new("CLD"), SIGCHLD), (Name::new("POLL"), SIGIO)];

/// The first real-time signal that is not the C library's: signal(7), "Real-time signals". This is
/// what `RTMIN` means to kill(1); the kernel's own first one is 32.
const RTMIN: u32 = 34;

/// The largest number, `RTMAX`: the real-time signals end there.
const LAST: u32 = 64;

/// The name of a signal, without `SIG`; none for a real-time signal.
#[must_use]
pub fn name(number: usize) -> Option<&'static [u8]> {
    names().nth(number.checked_sub(1)?)
}

/// The number of a signal that is given as kill(1) and unshare(1) take it: a number, or a name
/// with or without `SIG`, in upper or lower case; `RTMIN+N` and `RTMAX-N` too.
#[must_use]
pub fn number(given: &[u8]) -> Option<u32> {
    if let Some(number) = bytes::number(given) {
        return u32::try_from(number).ok().filter(|number| (1..=LAST).contains(number));
    }
    let (beginning, name) = given.split_at_checked(3).unwrap_or_default();
    let name = if same(beginning, b"SIG") { name } else { given };
    let known = (1..).zip(names()).find(|(_, known)| same(name, known));
    let synonym = || SYNONYMS.iter().find(|(known, _)| same(name, known.as_bytes()));
    known
        .map(|(number, _)| number)
        .or_else(|| synonym().map(|(_, number)| *number))
        .or_else(|| real_time(name))
}

/// The number of a real-time signal: `RTMIN`, `RTMIN+N`, `RTMAX`, `RTMAX-N`.
fn real_time(name: &[u8]) -> Option<u32> {
    let (base, rest) = name.split_at_checked(5)?;
    let distance = |sign| match rest {
        [] => Some(0),
        [first, digits @ ..] if *first == sign => u32::try_from(bytes::number(digits)?).ok(),
        _ => None,
    };
    let number = if same(base, b"RTMIN") {
        RTMIN.checked_add(distance(b'+')?)?
    } else if same(base, b"RTMAX") {
        LAST.checked_sub(distance(b'-')?)?
    } else {
        return None;
    };
    (RTMIN..=LAST).contains(&number).then_some(number)
}

/// Whether a name is a known one, in upper or lower case.
fn same(name: &[u8], known: &[u8]) -> bool {
    name.iter().map(u8::to_ascii_uppercase).eq(known.iter().copied())
}

/// The names, one by one.
fn names() -> impl Iterator<Item = &'static [u8]> {
    NAMES.as_bytes().split(|byte| *byte == b' ')
}

/// Appends a signal as strace(1) shows it: `SIGTERM`, `SIGRT_2` for one without a name, or the
/// number, if it is none.
pub fn show(line: &mut Line, number: usize) {
    if number == 0 {
        line.byte(b'0');
    } else {
        show_in_set(line.text("SIG"), number);
    }
}

/// Appends a signal as it is shown in a set: `TERM`.
fn show_in_set(line: &mut Line, number: usize) {
    /// The kernel's first real-time signal.
    const FIRST: usize = SIGRTMIN as usize;

    match name(number) {
        Some(name) => line.bytes(name),
        None if number == FIRST => line.text("RTMIN"),
        None => line.text("RT_").number((number - FIRST) as u64),
    };
}

/// Appends a set of signals as strace(1) shows it: `[PIPE ALRM]`; `~[KILL STOP]` for a set of so
/// many that it is shorter to name the others.
pub fn show_set(line: &mut Line, set: &kernel_sigset_t) {
    let count = (1..=LAST).filter(|signal| sigset_has(set, *signal)).count();
    // strace's signal.c, sprintsigmask_n: from two thirds on.
    let inverted = count >= LAST as usize * 2 / 3;
    line.text(if inverted { "~[" } else { "[" });
    let mut separator = "";
    for signal in (1..=LAST).filter(|signal| sigset_has(set, *signal) != inverted) {
        show_in_set(line.text(separator), signal as usize);
        separator = " ";
    }
    line.byte(b']');
}
