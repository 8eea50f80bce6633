// SPDX-License-Identifier: MIT OR Apache-2.0
//! The command line: every word that is understood, and what is said of the others.

use std::ffi::CString;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::process::CommandExt as _;
use std::ptr;

use crate::support::require::{self, needs};
use crate::support::run::{NEWUTS, Watched as _, newuts};

const HELP_IS_THERE: &str = "Try 'newuts --help' for more information.\n";

#[test]
fn without_a_name_the_usage_is_shown() {
    for args in [&[][..], &["--"], &["--hold", "3", "--kill-child"]] {
        let usage = format!("Usage: {NEWUTS} <child-hostname>\n{HELP_IS_THERE}");
        newuts(args).run().is(0, "", &usage);
    }
}

#[test]
fn the_usage_has_the_name_that_it_was_called_by() {
    for (name, shown) in
        [("newuts", "newuts"), ("./a b", "./a b"), ("", ""), ("new\nuts\x1b[2J", r"new\nuts\33[2J")]
    {
        let usage = format!("Usage: {shown} <child-hostname>\n{HELP_IS_THERE}");
        newuts([""; 0]).arg0(name).run().is(0, "", &usage);
    }
}

#[test]
fn no_words_at_all_are_no_name_either() {
    let program = CString::new(NEWUTS).unwrap();
    let empty = move || {
        let nothing = ptr::null();
        // SAFETY: the path is a string, and both arrays are ended by their only pointer.
        unsafe { libc::execve(program.as_ptr(), &raw const nothing, &raw const nothing) };
        Err(io::Error::last_os_error())
    };
    let mut command = newuts([""; 0]);
    // SAFETY: execve is one system call and no more.
    unsafe { command.pre_exec(empty) };
    let run = command.run();
    // Since Linux 5.18 there is always a first word, but an empty one.
    assert!(run.stderr.starts_with("Usage: newuts <") || run.stderr.starts_with("Usage:  <"));
    assert_eq!(run.status, 0);
}

#[test]
fn mistakes_are_named() {
    for (args, mistake) in [
        (&["--bogus"][..], "unrecognized option '--bogus'"),
        (&["--bogus=1", "x"], "unrecognized option '--bogus=1'"),
        (&["--hol", "1", "x"], "unrecognized option '--hol'"),
        (&["--hold2", "1", "x"], "unrecognized option '--hold2'"),
        (&["--=", "x"], "unrecognized option '--='"),
        (&["--\x1b[2J"], r"unrecognized option '--\33[2J'"),
        (&["-x"], "invalid option -- 'x'"),
        (&["-Ux"], "invalid option -- 'x'"),
        (&["-H"], "invalid option -- 'H'"),
        (&["-\n"], r"invalid option -- '\n'"),
        (&["--hold"], "option '--hold' requires an argument"),
        (&["--delay"], "option '--delay' requires an argument"),
        (&["--help=1"], "option '--help' doesn't allow an argument"),
        (&["--version="], "option '--version' doesn't allow an argument"),
        (&["--delay", "forever", "x"], "invalid argument 'forever' for '--delay'"),
        (&["--hold", "x\ny", "x"], r"invalid argument 'x\ny' for '--hold'"),
        (&["--kill-child=", "x"], "invalid argument '' for '--kill-child'"),
        (&["--kill-child=SIGFOO", "x"], "invalid argument 'SIGFOO' for '--kill-child'"),
        (&["--kill-child=0", "x"], "invalid argument '0' for '--kill-child'"),
        (&["--kill-child=65", "x"], "invalid argument '65' for '--kill-child'"),
        (&["--hold=1", "box", "true"], "option '--hold' cannot be used with a command"),
        (&["--kill-child", "TERM", "x"], "option '--kill-child' cannot be used with a command"),
        (&["--delay=1", "--join=1"], "option '--delay' cannot be used with --join"),
        (&["--domainname=x", "--join=1"], "option '--domainname' cannot be used with --join"),
        (&["-Ur", "--join=1"], "option '-Ur' cannot be used with --join"),
        (&["--join=self"], "invalid argument 'self' for '--join'"),
        (&["--trace=all", "x"], "invalid argument 'all' for '--trace'"),
    ] {
        let message = format!("newuts: {mistake}\n{HELP_IS_THERE}");
        newuts(args).run().is(2, "", &message);
    }
}

#[test]
fn bad_times_are_mistakes() {
    for value in
        ["", ".", "-1", "+1", "1e3", "0x1", "1,5", "1.2.3", " 1", "1 ", "inf", "Forever", "1s"]
    {
        for option in ["--hold", "--delay"] {
            let message =
                format!("newuts: invalid argument '{value}' for '{option}'\n{HELP_IS_THERE}");
            newuts([option, value, "x"]).run().is(2, "", &message);
            newuts([&format!("{option}={value}"), "x"]).run().is(2, "", &message);
        }
    }
    // One second more than a time can be.
    let run = newuts(["--hold=9223372036854775808", "x"]).run();
    assert_eq!(run.status, 2);
}

#[test]
fn words_that_look_like_options_can_be_names() {
    needs!(require::root());
    for args in [&["--", "-odd-name"][..], &["--", "--"], &["-"], &["--", "--help"]] {
        let name = *args.last().unwrap();
        newuts(["--hold=0.3", "--delay=0.2"].iter().chain(args)).run().demonstrates(name, 0, "");
    }
}

#[test]
fn an_option_given_twice_counts_the_last_time() {
    needs!(require::root());
    newuts(["--hold=300", "--hold=0.3", "--delay=9", "--delay=.2", "x"])
        .run()
        .demonstrates("x", 0, "");
}

#[test]
fn help_fits_the_screen() {
    let run = newuts(["--hold=1", "--help", "--bogus"]).run();
    assert_eq!((run.status, run.stderr.as_str()), (0, ""));
    assert!(run.stdout.starts_with("Usage: newuts [OPTION]... HOSTNAME\n"), "{}", run.stdout);
    assert!(run.stdout.ends_with('\n'));
    assert!(run.stdout.lines().count() <= 24);
    for line in run.stdout.lines() {
        assert!(line.len() <= 80, "{line}");
        assert!(line.bytes().all(|byte| matches!(byte, b' '..=b'~')), "{line}");
    }
    for option in [
        "--hold",
        "--delay",
        "--kill-child",
        "--domainname",
        "--join",
        "-U, --user",
        "-c, --map-current-user",
        "-r, --map-root-user",
        "--trace",
        "-h, --help",
        "-V, --version",
    ] {
        assert!(run.stdout.contains(option), "{option}");
    }
}

#[test]
fn the_version_is_the_package_s() {
    newuts(["--version"]).run().is(0, concat!("newuts ", env!("CARGO_PKG_VERSION"), "\n"), "");
}

/// As `--help` and `--version` do, they end the reading of the words.
#[test]
fn help_and_version_have_letters() {
    for (letter, word) in [("-h", "--help"), ("-V", "--version")] {
        let expected = newuts([word]).run();
        assert_eq!((expected.status, expected.stderr.as_str()), (0, ""));
        for args in [
            &[letter][..],
            &[letter, "--bogus"],
            &["-U", letter, "x", "true"],
            &["--hold=1", letter],
            &["--join=1", letter],
            &["--check", letter],
            &["--trace=regs", letter],
            &[&format!("-Ur{}", &letter[1..])],
            &[&format!("{letter}U")],
            &[&format!("-U{}x", &letter[1..])],
        ] {
            let run = newuts(args).run();
            let other = args.iter().any(|word| word.starts_with("--trace"));
            assert_eq!((run.status, &run.stdout), (0, &expected.stdout), "{args:?}");
            assert!(run.stderr.is_empty() || other, "{args:?}");
        }
        // What stands before is read before.
        let message = format!("newuts: unrecognized option '--bogus'\n{HELP_IS_THERE}");
        newuts(["--bogus", letter]).run().is(2, "", &message);
        let message = format!("newuts: invalid option -- 'x'\n{HELP_IS_THERE}");
        newuts([&format!("-x{}", &letter[1..])]).run().is(2, "", &message);
    }
    needs!(require::root());
    // Behind the host name it is the command's, and behind `--` it is a name.
    newuts(["x", "echo", "-h", "-V"]).run().is(0, "-h -V\n", "");
    newuts(["--", "-h", "uname", "-n"]).run().is(0, "-h\n", "");
    newuts(["--delay=.3", "--hold=.6", "--", "-V"]).run().demonstrates("-V", 0, "");
}

#[test]
fn names_that_are_no_text_are_shown_escaped() {
    let name = std::ffi::OsStr::from_bytes(b"--\xff7");
    let message = format!("newuts: unrecognized option '--\\3777'\n{HELP_IS_THERE}");
    newuts([name]).run().is(2, "", &message);
}

#[test]
fn any_number_of_any_words_is_read() {
    let long = "x".repeat(100_000);
    assert_eq!(newuts(vec!["--user=y"; 100_000]).run().status, 2);
    let run = newuts([format!("--{long}")]).run();
    // As much as fits in one write to a pipe, and whole lines: tests/words.rs.
    assert_eq!(run.status, 2);
    assert!(run.stderr.len() <= 4096 + HELP_IS_THERE.len());
    assert!(run.stderr.ends_with(&format!("x...'\n{HELP_IS_THERE}")));
}
