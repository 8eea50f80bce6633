//! The values of options: numbers, durations and signals, against the standard library's parsers
//! and the C library's signals.

use newuts::args;
use newuts::sys::bytes;
use newuts::text::signal;
use proptest::prelude::{any, prop_assert, prop_assert_eq, proptest};
use regex::Regex;

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

#[test]
fn what_is_no_signal() {
    for given in
        ["", " ", "SIG", "SIGSIGTERM", "TER", "TERMS", "KILL ", " KILL", "HUP INT", "0", "-9", "9 "]
    {
        assert_eq!(signal::number(given.as_bytes()), None, "{given}");
    }
}
