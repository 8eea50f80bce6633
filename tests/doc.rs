//! The manual page: well-formed, and true of the program.

use std::collections::BTreeSet;
use std::env;
use std::path::Path;

use regex::Regex;

use crate::support::package::{PACKAGE, read};
use crate::support::require::{self, needs};
use crate::support::run::{Copied, Watched as _, command, newuts};
use crate::support::setting::settings;
use crate::support::strace;

/// The options that a text names: `--hold`, `-U`.
pub fn options(text: &str) -> BTreeSet<String> {
    let option = Regex::new(r"(?m)(?:^|[\s\[(])(--?[A-Za-z][a-z-]*)").unwrap();
    option.captures_iter(text).map(|option| option[1].to_owned()).collect()
}

/// The options that `--help` names.
pub fn options_of_help() -> BTreeSet<String> {
    let options = options(&newuts(["--help"]).run().stdout);
    assert!(options.len() >= 15, "few options: {options:?}");
    options
}

#[test]
fn mandoc_and_groff_have_nothing_to_say() {
    needs!(require::tool("mandoc"), require::tool("groff"));
    let page = Path::new(PACKAGE).join("doc/newuts.1");
    command("mandoc").args(["-T", "lint"]).arg(&page).run().is(0, "", "");
    command("groff").args(["-ww", "-man", "-z"]).arg(&page).run().is(0, "", "");
}

#[test]
fn the_page_is_of_this_version() {
    let title =
        read("doc/newuts.1").lines().find(|line| line.starts_with(".TH")).unwrap().to_owned();
    assert!(title.contains(concat!("\"newuts ", env!("CARGO_PKG_VERSION"), "\"")), "{title}");
}

#[test]
fn the_page_and_help_have_the_same_options() {
    let source = read("doc/newuts.1");
    // The line below each .TP is what is explained.
    let explained = source.lines().zip(source.lines().skip(1)).filter(|(tag, _)| *tag == ".TP");
    let explained: Vec<_> = explained.map(|(_, line)| line).collect();
    let markup = Regex::new(r#"\.B[RI]? ?|\\f[A-Z]|[",|]"#).unwrap();
    let explained = markup.replace_all(&explained.join("\n"), " ").replace(r"\-", "-");
    assert_eq!(options(&explained), options_of_help());
}

/// Every word in the parser's source, and every letter, is asked of the program.
#[test]
fn the_parser_and_help_have_the_same_options() {
    let source = read("src/args.rs");
    let word = Regex::new("[a-z][a-z-]*").unwrap();
    let words: BTreeSet<_> =
        word.find_iter(&source).map(|word| format!("--{}", word.as_str())).collect();
    let long = words.into_iter().filter(|word| {
        // With an empty value none does anything: it is the value that is wrong, or not allowed.
        let unrecognized = format!("newuts: unrecognized option '{word}='\n");
        !newuts([format!("{word}=")]).run().stderr.starts_with(&unrecognized)
    });
    let short = (b'!'..=b'~')
        .map(char::from)
        .filter(|letter| *letter != '-')
        .map(|letter| format!("-{letter}"));
    let short = short.filter(|option| newuts([option]).run().status == 0);
    assert_eq!(long.chain(short).collect::<BTreeSet<_>>(), options_of_help());
}

#[test]
fn the_page_s_sections_are_those_that_a_reader_looks_for() {
    let source = read("doc/newuts.1");
    let titles = source.lines().filter_map(|line| line.strip_prefix(".SH "));
    let titles: Vec<_> = titles.map(|title| title.replace('"', "")).collect();
    assert_eq!(
        titles,
        [
            "NAME",
            "SYNOPSIS",
            "DESCRIPTION",
            "OPTIONS",
            "EXIT STATUS",
            "AS PROCESS 1",
            "ENVIRONMENT",
            "DIAGNOSTICS",
            "EXAMPLES",
            "NOTES",
            "BUGS",
            "SEE ALSO",
        ]
    );
}

/// The synopsis, the page's and `--help`'s, word for word.
#[test]
fn the_page_and_help_have_the_same_synopsis() {
    needs!(require::tool("mandoc"));
    let page = Path::new(PACKAGE).join("doc/newuts.1");
    let page = command("mandoc").args(["-T", "ascii", "-O", "width=100"]).arg(page).run().stdout;
    let page = Regex::new(".\x08").unwrap().replace_all(&page, "").into_owned();
    let forms = |text: &str| -> Vec<String> {
        let forms =
            text.lines().filter_map(|line| line.split_once("newuts [")).map(|(_, form)| form);
        forms.map(str::to_owned).collect()
    };
    let help = forms(&newuts(["--help"]).run().stdout);
    assert_eq!(help.len(), 4);
    assert_eq!(forms(&page), help);
}

/// Each file of the library is in the map on the crate's page, and in the README's.
#[test]
fn the_maps_have_every_room() {
    let (library, readme) = (read("src/lib.rs"), read("README.md"));
    let map: Vec<_> = library.lines().filter(|line| line.starts_with("//! |")).collect();
    let map = map.join("\n");
    let rooms = library.lines().filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';'));
    for room in rooms.clone() {
        assert!(
            map.contains(&format!("`{room}`]")) || map.contains(&format!("`mod@{room}`]")),
            "{room}"
        );
        let there = readme.contains(&format!("`src/{room}.rs`"))
            || readme.contains(&format!("`src/{room}/`"));
        assert!(there, "{room}");
    }
    assert!(rooms.count() > 10);
}

/// What brings about each of the messages below DIAGNOSTICS.
const CAUSES: [(&str, &str); 19] = [
    ("clone: Operation not permitted", "$NOBODY newuts x"),
    ("unshare: Operation not permitted", "$NOBODY newuts x true"),
    ("setns: Operation not permitted", "$NOBODY sh -c 'newuts --join $$'"),
    ("clone: No space left on device", "$NO_MORE newuts x"),
    ("unshare: No space left on device", "$NO_MORE newuts x true"),
    ("clone: Invalid argument", "$STRACE --inject=clone:error=EINVAL newuts x"),
    ("unshare: Invalid argument", "$STRACE --inject=unshare:error=EINVAL newuts x true"),
    ("clone: Resource temporarily unavailable", "$NOBODY prlimit --nproc=0 newuts --user x"),
    ("mmap: Cannot allocate memory", "prlimit --as=1000000 newuts x"),
    ("sethostname: Invalid argument", "newuts $(printf %065d 0) true"),
    ("setdomainname: Invalid argument", "newuts --domainname $(printf %065d 0) x true"),
    (
        "sethostname: Operation not permitted",
        "$STRACE --inject=sethostname:error=EPERM newuts -U x true",
    ),
    ("openat: No such file or directory", "newuts --join /nowhere/uts"),
    ("pidfd_open: No such process", "newuts --join 2147483647"),
    ("setns: Invalid argument", "newuts --join /dev/null"),
    ("ioctl: Inappropriate ioctl for device", "newuts --user --join /dev/null"),
    ("wait4: No child processes", "env --ignore-signal=CHLD newuts --delay=0 --hold=0 x"),
    ("write: Broken pipe", "{ sleep .1; newuts x; } | true"),
    ("write: No space left on device", "newuts x >/dev/full"),
];

#[test]
fn the_page_s_diagnostics_are_what_the_program_says() {
    needs!(strace::here(), require::user_namespaces(), settings());
    let source = read("doc/newuts.1");
    let section = source.split(".SH DIAGNOSTICS").nth(1).unwrap().split(".SH ").next().unwrap();
    let messages = section
        .lines()
        .filter_map(|line| line.strip_prefix(".B "))
        .filter(|line| line.contains(": "));
    assert_eq!(messages.collect::<BTreeSet<_>>(), CAUSES.map(|(message, _)| message).into());

    let program = Copied::new();
    let path =
        format!("{}:{}", program.path.parent().unwrap().display(), env::var("PATH").unwrap());
    for (message, cause) in CAUSES {
        let cause = cause.replace("$NOBODY", "setpriv --reuid=65534 --regid=65534 --clear-groups");
        let cause = cause.replace("$STRACE", "strace -f -o /dev/null");
        let no_more =
            "unshare -Ur sh -c 'echo 0 >/proc/sys/user/max_uts_namespaces; exec \"$@\"' sh";
        let cause = cause.replace("$NO_MORE", no_more);
        let mut shell = command("unshare");
        let run = shell.args(["--uts", "sh", "-c", &cause]).env("PATH", &path).run();
        assert_eq!(run.stderr.lines().next(), Some(message), "{cause}");
    }
}
