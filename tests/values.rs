// SPDX-License-Identifier: MIT OR Apache-2.0
//! The values of options: numbers, durations and signals, against the standard library's parsers
//! and the C library's signals.

use newuts::args;
use newuts::sys::bytes;
use newuts::text::signal;
use proptest::prelude::{any, prop_assert, prop_assert_eq, proptest};
use regex::Regex;

use crate::support::require::{self, needs};
use crate::support::run::{Watched as _, command};
use crate::support::strace::{self, Strace};

/// Seconds and nanoseconds.
fn duration(value: &str) -> Option<(i64, i64)> {
    args::duration(value.as_bytes()).map(|time| (time.tv_sec, time.tv_nsec))
}

#[test]
fn durations() {
    for (value, expected) in [
        ("0", Some((0, 0))),
        ("200", Some((200, 0))),
        ("0.25", Some((0, 250_000_000))),
        (".5", Some((0, 500_000_000))),
        ("5.", Some((5, 0))),
        ("007.070", Some((7, 70_000_000))),
        ("0.123456789", Some((0, 123_456_789))),
        ("0.9999999999", Some((0, 999_999_999))),
        ("9223372036854775807.5", Some((i64::MAX, 500_000_000))),
        ("9223372036854775808", None),
        ("18446744073709551616", None),
        ("", None),
        (".", None),
        ("..", None),
        ("1.2.", None),
        ("1.x", None),
        ("0.0000000000x", None),
        ("-1", None),
        ("+1", None),
        ("1e3", None),
        ("0x10", None),
        ("inf", None),
        ("nan", None),
        ("forever", None), // --hold's own
        ("\u{0661}", None),
    ] {
        assert_eq!(duration(value), expected, "{value}");
    }
}

proptest! {
    #[test]
    fn durations_are_f64s(value in r"[0-9]{0,6}\.?[0-9]{0,12}") {
        match (duration(&value), value.parse::<f64>()) {
            (Some((seconds, nanoseconds)), Ok(float)) => {
                prop_assert!((0..1_000_000_000).contains(&nanoseconds));
                #[expect(clippy::cast_precision_loss, reason = "six digits and nine")]
                let ours = seconds as f64 + nanoseconds as f64 / 1e9;
                // What is below the nanosecond is left out.
                prop_assert!((-1e-9..=2e-9).contains(&(float - ours)), "{float} {ours}");
            }
            (ours, theirs) => prop_assert!(ours.is_none() && theirs.is_err()),
        }
    }

    #[test]
    fn durations_are_digits_and_a_point(value in "[-+0-9.ex ]{0,8}") {
        let valid = Regex::new(r"^([0-9]+\.?[0-9]*|\.[0-9]+)$").unwrap();
        prop_assert_eq!(duration(&value).is_some(), valid.is_match(&value));
    }

    #[test]
    fn numbers_are_u64s(number in any::<u64>(), other in "[-0-9 ]{0,30}") {
        prop_assert_eq!(bytes::number(number.to_string().as_bytes()), Some(number));
        prop_assert_eq!(bytes::number(other.as_bytes()), other.parse().ok());
    }

    #[test]
    fn signals_are_numbers_to_64(number in any::<u64>()) {
        for number in [number, number % 100] {
            let expected = u32::try_from(number).ok().filter(|number| (1..=64).contains(number));
            prop_assert_eq!(signal::number(number.to_string().as_bytes()), expected);
        }
    }
}

#[test]
fn signals_have_the_c_librarys_numbers() {
    use libc::{
        SIGABRT, SIGALRM, SIGBUS, SIGCHLD, SIGCONT, SIGFPE, SIGHUP, SIGILL, SIGINT, SIGIO, SIGKILL,
        SIGPIPE, SIGPROF, SIGPWR, SIGQUIT, SIGSEGV, SIGSTKFLT, SIGSTOP, SIGSYS, SIGTERM, SIGTRAP,
        SIGTSTP, SIGTTIN, SIGTTOU, SIGURG, SIGUSR1, SIGUSR2, SIGVTALRM, SIGWINCH, SIGXCPU, SIGXFSZ,
    };
    let signals = [
        ("ABRT", SIGABRT),
        ("ALRM", SIGALRM),
        ("BUS", SIGBUS),
        ("CHLD", SIGCHLD),
        ("CONT", SIGCONT),
        ("FPE", SIGFPE),
        ("HUP", SIGHUP),
        ("ILL", SIGILL),
        ("INT", SIGINT),
        ("IO", SIGIO),
        ("KILL", SIGKILL),
        ("PIPE", SIGPIPE),
        ("PROF", SIGPROF),
        ("PWR", SIGPWR),
        ("QUIT", SIGQUIT),
        ("SEGV", SIGSEGV),
        ("STKFLT", SIGSTKFLT),
        ("STOP", SIGSTOP),
        ("SYS", SIGSYS),
        ("TERM", SIGTERM),
        ("TRAP", SIGTRAP),
        ("TSTP", SIGTSTP),
        ("TTIN", SIGTTIN),
        ("TTOU", SIGTTOU),
        ("URG", SIGURG),
        ("USR1", SIGUSR1),
        ("USR2", SIGUSR2),
        ("VTALRM", SIGVTALRM),
        ("WINCH", SIGWINCH),
        ("XCPU", SIGXCPU),
        ("XFSZ", SIGXFSZ),
    ];
    for (name, number) in signals {
        let lower = name.to_lowercase();
        for spelling in [name, &lower, &format!("SIG{name}"), &format!("sIg{lower}")] {
            let read = signal::number(spelling.as_bytes());
            assert_eq!(read, u32::try_from(number).ok(), "{spelling}");
        }
    }
    assert_eq!(signals.len(), 31);
}

/// Names that are another's, and those of signals that have none of their own: signal(7),
/// "Signal numbering for standard signals" and "Real-time signals".
#[test]
fn signals_have_synonyms() {
    let (first, last) = (libc::SIGRTMIN(), libc::SIGRTMAX());
    assert_eq!((first, last), (34, 64));
    let mut signals = vec![
        ("IOT".to_owned(), libc::SIGABRT),
        ("CLD".to_owned(), libc::SIGCHLD),
        ("POLL".to_owned(), libc::SIGPOLL),
        ("RTMIN".to_owned(), first),
        ("RTMAX".to_owned(), last),
    ];
    for offset in 0..=last - first {
        signals.push((format!("RTMIN+{offset}"), first + offset));
        signals.push((format!("RTMAX-{offset}"), last - offset));
    }
    for (name, number) in &signals {
        let lower = name.to_lowercase();
        for spelling in [name, &lower, &format!("SIG{name}"), &format!("sig{lower}")] {
            let read = signal::number(spelling.as_bytes());
            assert_eq!(read, u32::try_from(*number).ok(), "{spelling}");
        }
    }
    assert_eq!(signals.len(), 67);
}

/// bash's own kill knows no other numbers for the names that it knows, and there are all of them.
#[test]
fn bash_has_the_same_numbers() {
    needs!(require::tool("bash"));
    let run = command("bash").args(["-c", "kill -l"]).run();
    let mut names = 0;
    for line in run.stdout.split(['\t', '\n']).map(str::trim).filter(|line| !line.is_empty()) {
        let (number, name) = line.split_once(") ").expect(line);
        for name in [name, name.trim_start_matches("SIG")] {
            let read = signal::number(name.as_bytes());
            assert_eq!(read, number.trim().parse().ok(), "{name}");
        }
        names += 1;
    }
    assert_eq!(names, 62);
    // Those that it knows besides.
    for name in ["RTMIN", "RTMAX", "RTMIN+1", "RTMIN+15", "RTMAX-14", "RTMAX-1"] {
        let theirs = command("bash").args(["-c", "kill -l \"$0\"", name]).run();
        let ours = signal::number(name.as_bytes()).map(|number| number.to_string());
        assert_eq!(ours.as_deref(), Some(theirs.stdout.trim_end()), "{name}");
    }
}

#[test]
fn a_synonym_is_what_the_child_gets() {
    needs!(strace::here());
    for (name, shown) in [
        ("POLL", "SIGIO"),
        ("IOT", "SIGABRT"),
        ("CLD", "SIGCHLD"),
        ("RTMIN", "SIGRT_2"),
        ("RTMIN+3", "SIGRT_5"),
        ("SIGRTMAX-1", "SIGRT_31"),
        ("rtmax", "SIGRT_32"),
    ] {
        let option = format!("--kill-child={name}");
        let (run, log) = Strace::new(&[], &[&option, "--delay=.3", "--hold=.6", "x"]).run();
        run.demonstrates("x", 0, "");
        let asked = format!("prctl(PR_SET_PDEATHSIG, {shown}) = 0");
        assert_eq!(log.child().named("prctl"), [asked]);
    }
}

#[test]
fn what_is_no_signal() {
    for given in [
        "RTMIN+31",
        "RTMAX-31",
        "RTMIN+64",
        "RTMIN+4294967296",
        "RTMIN+18446744073709551616",
        "RTMIN-1",
        "RTMAX+1",
        "RTMIN+",
        "RTMAX-",
        "RTMIN++1",
        "RTMIN+-1",
        "RTMIN + 1",
        "RTMIN+1 ",
        "RTMIN+0x1",
        "RTMIN+1+1",
        "RTMIN3",
        "RT",
        "RT_1",
        "RTMI",
        "RTMID",
        "POLL+1",
        "KILL+0",
        "9+0",
        "EXIT",
        "NULL",
        "65",
    ] {
        assert_eq!(signal::number(given.as_bytes()), None, "{given}");
    }
    for given in
        ["", " ", "SIG", "SIGSIGTERM", "TER", "TERMS", "KILL ", " KILL", "HUP INT", "0", "-9", "9 "]
    {
        assert_eq!(signal::number(given.as_bytes()), None, "{given}");
    }
}
