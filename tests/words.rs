// SPDX-License-Identifier: MIT OR Apache-2.0
//! Words from outside that are longer than a line: what is shortened is the word, and it shows
//! that; what is wrong with it is always there.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::process::CommandExt as _;
use std::process::Command;

use tempfile::TempDir;

use crate::support::require::{self, needs};
use crate::support::run::{Watched as _, host_name, newuts};

const HELP_IS_THERE: &str = "Try 'newuts --help' for more information.\n";

/// A line's longest form: what a pipe takes in one piece (pipe(7)).
const LINE: usize = 4096;

/// A word is shown whole at least up to here.
const WHOLE: usize = 256;

/// Each byte of a word as it is to be shown.
fn escaped(word: &[u8]) -> Vec<String> {
    let one = |(index, byte): (usize, &u8)| match byte {
        b'\t' => r"\t".to_owned(),
        b'\n' => r"\n".to_owned(),
        0x0b => r"\v".to_owned(),
        0x0c => r"\f".to_owned(),
        b'\r' => r"\r".to_owned(),
        b'"' | b'\\' => format!("\\{}", char::from(*byte)),
        b' '..=b'~' => char::from(*byte).to_string(),
        // All three digits where one more would be taken for a part of it.
        _ if matches!(word.get(index + 1), Some(b'0'..=b'7')) => format!("\\{byte:03o}"),
        _ => format!("\\{byte:o}"),
    };
    word.iter().enumerate().map(one).collect()
}

/// Asserts that `text` is `before`, the word, and `after`, and that the word is cut only if it is
/// long, between two bytes, and visibly.
#[track_caller]
fn quotes(text: &str, before: &str, word: &[u8], after: &str) {
    let excerpt = || {
        let (start, end) = (text.len().min(80), text.len().saturating_sub(120));
        format!("{} … {} ({} bytes)", &text[..start], &text[end..], text.len())
    };
    let shown = text.strip_prefix(before).and_then(|rest| rest.strip_suffix(after));
    let shown = shown.unwrap_or_else(|| panic!("{before}WORD{after}\n{}", excerpt()));
    for line in text.split_inclusive('\n') {
        assert!(line.len() <= LINE, "{}", excerpt());
    }
    let pieces = escaped(word);
    if shown == pieces.concat() {
        return;
    }
    let rest = shown.strip_suffix("...").unwrap_or_else(|| panic!("no sign: {}", excerpt()));
    assert!(pieces.concat().len() > WHOLE && rest.len() >= WHOLE, "cut early: {}", excerpt());
    let mut length = 0;
    let ends = pieces.iter().map(|piece| {
        length += piece.len();
        length
    });
    assert!(ends.into_iter().any(|end| end == rest.len()), "cut in a byte: {}", excerpt());
    assert!(pieces.concat().starts_with(rest), "{}", excerpt());
}

/// Words of many lengths, round the length of a line too, and of bytes that need one to four
/// characters. None has a slash.
fn words() -> Vec<Vec<u8>> {
    let lengths = [1, 100, 256, 1000, 2000, 4000, 5000, 20_000, 100_000];
    let lengths = lengths.into_iter().chain((4015..4100).step_by(3));
    let mut words: Vec<_> = lengths.map(|length| vec![b'a'; length]).collect();
    for bytes in [&b"\x80"[..], b"\n", b"\x01", b"\x017", b"a\x1b[2J", b"'\"", b"ab\xff8\xff9"] {
        for length in [64, 1000, 1020, 1024, 1030, 5000] {
            words.push(bytes.iter().copied().cycle().take(length).collect());
        }
    }
    words
}

/// `newuts` with words that are bytes.
fn with(args: &[&[u8]]) -> Command {
    newuts(args.iter().map(|arg| OsStr::from_bytes(arg)))
}

#[test]
fn mistakes_are_still_named() {
    for word in words() {
        let joined = |before: &[u8], after: &[u8]| [before, &word, after].concat();
        for (args, before, after) in [
            (vec![joined(b"--x", b"")], "unrecognized option '--x", "'"),
            (vec![joined(b"--x", b"=1")], "unrecognized option '--x", "=1'"),
            (vec![joined(b"--hold=x", b"")], "invalid argument 'x", "' for '--hold'"),
            (vec![b"--delay".into(), joined(b"x", b"")], "invalid argument 'x", "' for '--delay'"),
            (vec![joined(b"--kill-child=x", b"")], "invalid argument 'x", "' for '--kill-child'"),
            (vec![joined(b"--trace=x", b"")], "invalid argument 'x", "' for '--trace'"),
            (vec![joined(b"--join=x", b"")], "invalid argument 'x", "' for '--join'"),
            (vec![b"--join".into(), joined(b"x", b"")], "invalid argument 'x", "' for '--join'"),
            (vec![b"--check".into(), joined(b"x", b"")], "extra operand 'x", "'"),
        ] {
            let args: Vec<_> = args.iter().map(Vec::as_slice).collect();
            let run = with(&args).run();
            assert_eq!((run.status, run.stdout.as_str()), (2, ""));
            let tail = format!("'\n{HELP_IS_THERE}");
            let after = after.strip_suffix('\'').map(|after| format!("{after}{tail}"));
            if before.starts_with("unrecognized") && args[0].ends_with(b"=1") {
                // All of the word is quoted: its end is cut with it.
                let whole = &args[0][3..];
                quotes(&run.stderr, "newuts: unrecognized option '--x", whole, &tail);
            } else {
                let before = format!("newuts: {before}");
                quotes(&run.stderr, &before, &word, &after.unwrap());
            }
        }
    }
}

#[test]
fn the_usage_is_still_shown() {
    for word in words() {
        let run = newuts([""; 0]).arg0(OsStr::from_bytes(&word)).run();
        assert_eq!((run.status, run.stdout.as_str()), (0, ""));
        quotes(&run.stderr, "Usage: ", &word, &format!(" <child-hostname>\n{HELP_IS_THERE}"));
    }
}

#[test]
fn what_is_wrong_with_a_command_is_still_said() {
    needs!(require::root());
    for word in words() {
        for (before, names) in [("", 1), ("/no/such/", 1), ("./", 1), ("/", 3)] {
            if names * word.len() > 100_000 {
                continue; // more than execve takes for one word
            }
            let name = [before.as_bytes(), &vec![word.clone(); names].join(&b'/')].concat();
            // The kernel takes no word of 128 KiB (execve(2), MAX_ARG_STRLEN).
            if name.len() >= 128 * 1024 {
                continue;
            }
            let too_long = name.len() > 4095 || word.len() > 255;
            // The folder that is not there is found out first.
            let (status, text) = match (before, too_long) {
                ("/no/such/", true) if name.len() <= 4095 => (127, "No such file or directory"),
                (_, true) => (126, "File name too long"),
                (_, false) => (127, "No such file or directory"),
            };
            for options in [&[&b"box"[..]][..], &[b"--user", b"box"]] {
                let run = with(options).arg(OsStr::from_bytes(&name)).run();
                assert_eq!((run.status, run.stdout.as_str()), (status, ""), "{:?}", run.stderr);
                quotes(&run.stderr, "newuts: ", &name, &format!(": {text}\n"));
            }
        }
    }
}

#[test]
fn the_host_name_is_there_behind_any_target() {
    needs!(require::root());
    let folder = TempDir::new().unwrap();
    let odd = folder.path().join(OsStr::from_bytes(&[0x80; 250]));
    fs::create_dir(&odd).unwrap();
    // The way into the odd folder and back, so often.
    let by_odd = |times: usize| {
        let mut path = OsString::from(folder.path());
        for _ in 0..times {
            path.push("/");
            path.push(odd.file_name().unwrap());
            path.push("/..");
        }
        path
    };
    let slashes = |count: usize| OsString::from("/".repeat(count));
    let starts = (3900..=4070).step_by(10).map(slashes).chain((1..15).map(by_odd));
    for start in starts.chain((4030..4070).map(slashes)) {
        let mut path = start;
        path.push("/proc/self/ns/uts".repeat(usize::from(!path.as_bytes().starts_with(b"/tmp"))));
        if !path.as_bytes().ends_with(b"uts") {
            path.push("/..".repeat(folder.path().components().count() - 1));
            path.push("/proc/self/ns/uts");
        }
        let run = newuts([OsStr::new("--join"), &path]).run();
        assert_eq!((run.status, run.stderr.as_str()), (0, ""), "{}", path.len());
        let name = format!(": {}\n", host_name());
        quotes(&run.stdout, "uts.nodename in ", path.as_bytes(), &name);
    }
}

/// A name of 64 bytes, each of which is shown as four, behind a word that is too long.
#[test]
fn the_longest_host_name_is_there_behind_the_longest_target() {
    needs!(require::root());
    let name = OsStr::from_bytes(&[0x80; 64]);
    let path = format!("{}proc/self/ns/uts", "/".repeat(4079));
    assert_eq!(path.len(), 4095);
    let mut command = newuts([name, OsStr::new(crate::support::run::NEWUTS)]);
    let run = command.arg("--join").arg(&path).run();
    assert_eq!((run.status, run.stderr.as_str()), (0, ""));
    let name = format!(": {}\n", r"\200".repeat(64));
    quotes(&run.stdout, "uts.nodename in ", path.as_bytes(), &name);
}

#[test]
fn a_target_that_is_too_long_is_an_error() {
    needs!(require::root());
    for length in [4096, 5000, 100_000] {
        let path = "/".repeat(length);
        newuts(["--join", &path]).run().is(125, "", "openat: File name too long\n");
    }
}
