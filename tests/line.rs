// SPDX-License-Identifier: MIT OR Apache-2.0
//! Lines, and the escapes in them: against strace's rules, stated once more, and against strace.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;

use newuts::text::line::Line;
use proptest::collection::vec;
use proptest::prelude::{any, prop_assert_eq, prop_oneof, proptest};

use crate::support::require::needs;
use crate::support::strace::{self, Strace};

/// What strace(1) does to strings: C's escapes; else octal, with all three digits where a digit
/// follows.
fn quoted(string: &[u8]) -> String {
    let quoted = string.iter().enumerate().map(|(index, &byte)| match char::from(byte) {
        '\t' => r"\t".to_owned(),
        '\n' => r"\n".to_owned(),
        '\x0b' => r"\v".to_owned(),
        '\x0c' => r"\f".to_owned(),
        '\r' => r"\r".to_owned(),
        '"' => r#"\""#.to_owned(),
        '\\' => r"\\".to_owned(),
        printable @ ' '..='~' => printable.to_string(),
        _ if matches!(string.get(index + 1), Some(b'0'..=b'7')) => format!("\\{byte:03o}"),
        _ => format!("\\{byte:o}"),
    });
    quoted.collect()
}

/// What the program makes of it.
fn escaped(string: &[u8]) -> String {
    let mut line = Line::new();
    line.escaped(string);
    String::from_utf8(line.as_bytes().to_vec()).unwrap()
}

proptest! {
    #[test]
    fn escapes_are_straces(string in vec(any::<u8>(), 0..200)) {
        prop_assert_eq!(escaped(&string), quoted(&string));
    }

    #[test]
    fn digits_after_escapes_are_told_apart(
        string in vec(prop_oneof![0_u8..32, b'0'..=b'9', 0x7f_u8..], 0..100)
    ) {
        prop_assert_eq!(escaped(&string), quoted(&string));
    }

    #[test]
    fn numbers_are_decimal(number in any::<u64>()) {
        let mut line = Line::new();
        line.text("<").number(number).text(">");
        prop_assert_eq!(line.as_bytes(), [b"<", number.to_string().as_bytes(), b">"].concat());
    }
}

#[test]
fn every_byte_before_every_byte() {
    for first in 0..=255 {
        for second in 0..=255 {
            let pair = [first, second];
            assert_eq!(escaped(&pair), quoted(&pair));
        }
    }
}

#[test]
fn strace_shows_the_same_names() {
    needs!(strace::here());
    // All bytes that a word can have, alone and before a digit.
    let alone = (1..=255).collect::<Vec<_>>();
    let before_digits = (1..=255).flat_map(|byte| [byte, b'0' + byte % 10]).collect::<Vec<_>>();
    for name in alone.chunks(64).chain(before_digits.chunks(64)) {
        let mut strace = Strace::new(&[], &["--hold=0", "--delay=0", "--"]);
        strace.command.arg(OsStr::from_bytes(name));
        let (run, log) = strace.run();
        let shown = escaped(name);
        let call = format!("sethostname(\"{shown}\", {}) = 0", name.len());
        assert_eq!(log.child().named("sethostname"), [call]);
        assert!(run.stdout.contains(&format!("uts.nodename in child: {shown}\n")), "{run:?}");
    }
}

#[test]
fn what_does_not_fit_is_left_out() {
    let mut line = Line::default();
    for _ in 0..5000 {
        line.byte(b'x');
    }
    assert_eq!(line.as_bytes(), [b'x'; 4096]);
}
