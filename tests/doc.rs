// SPDX-License-Identifier: MIT OR Apache-2.0
//! The manual page: well-formed, and true of the program.

use std::collections::BTreeSet;
use std::env;
use std::path::Path;

use newuts::args::OPTIONS;
use regex::Regex;
use serde_json::Value;

use crate::support::hint::ALL;
use crate::support::machine::{self, Machine};
use crate::support::package::{PACKAGE, cargo, read};
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

/// The long options of the parser's own list; every letter is asked of the program.
#[test]
fn the_parser_and_help_have_the_same_options() {
    let long = OPTIONS.iter().map(|option| str::from_utf8(option.name.as_bytes()).unwrap());
    let long = long.map(|name| format!("--{name}"));
    assert!(long.len() > 10);
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

/// Each folder of the library is in the map on the crate's page, and in the guide's; and what the
/// README and the guide name is there.
#[test]
fn the_maps_are_true() {
    let (library, guide) = (read("src/lib.rs"), read("doc/guide.md"));
    let map: Vec<_> = library.lines().filter(|line| line.starts_with("//! |")).collect();
    let map = map.join("\n");
    let modules =
        library.lines().filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';'));
    for module in modules.clone() {
        assert!(map.contains(&format!("[`{module}`]")), "{module}");
        let there = guide.contains(&format!("`src/{module}.rs`"))
            || guide.contains(&format!("`src/{module}/`"));
        assert!(there, "{module}");
    }
    assert!(modules.count() >= 5);
    let files = Regex::new("`((?:src|examples|tests|doc)/[a-z0-9_./-]*)`").unwrap();
    let pages = guide + &read("README.md");
    for file in files.captures_iter(&pages) {
        assert!(Path::new(PACKAGE).join(&file[1]).exists(), "{}", &file[1]);
    }
    assert!(files.captures_iter(&pages).count() > 10);
}

/// docs.rs makes its pages for each CPU that the program is for, and shows private items.
#[test]
fn docs_rs_has_a_book_for_each_cpu() {
    let run = cargo(Path::new(PACKAGE), ["metadata", "--no-deps", "--format-version=1"]).run();
    let metadata: Value = serde_json::from_str(&run.stdout).unwrap();
    let book = &metadata["packages"][0]["metadata"]["docs"]["rs"];
    let targets: BTreeSet<_> =
        book["targets"].as_array().unwrap().iter().map(|target| target.as_str().unwrap()).collect();
    assert_eq!(targets, machine::table().map(|machine| machine.target).collect());
    assert_eq!(book["rustdoc-args"][0], "--document-private-items");
}

/// Who looks for a CPU finds its target in the README, and a row in both tables of the guide.
#[test]
fn the_readme_and_the_guide_have_each_cpu() {
    let (readme, guide) = (read("README.md"), read("doc/guide.md"));
    for Machine { rust, target, .. } in machine::table() {
        assert!(readme.contains(&format!("`{target}`")), "{target}");
        assert_eq!(guide.matches(&format!("\n| {rust} | ")).count(), 2, "{rust}");
    }
}

/// What brings about each of the messages below DIAGNOSTICS.
const CAUSES: [(&str, &str); 29] = [
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
    ("openat: No such process", "unshare --pid --fork newuts --fork --persist /tmp/f x true"),
    ("pidfd_open: No such process", "newuts --join 2147483647"),
    ("setns: Invalid argument", "newuts --join /dev/null"),
    ("ioctl: Inappropriate ioctl for device", "newuts --user --join /dev/null"),
    ("clone: Permission denied", "$STRACE --inject=clone:error=EACCES:when=1 newuts x"),
    ("unshare: Permission denied", "$STRACE --inject=unshare:error=EACCES:when=1 newuts x true"),
    ("ioctl: Permission denied", "$NOBODY newuts --user --join 1"),
    ("openat: Permission denied", "$NOBODY newuts --join /proc/1/ns/uts"),
    ("openat: No such device or address", "setsid --wait newuts --join /dev/tty"),
    (
        "openat: Resource temporarily unavailable",
        "$STRACE --inject=openat:error=EAGAIN newuts --join /etc/passwd",
    ),
    ("fcntl: Invalid argument", "exec <&-; prlimit --nofile=3 newuts --join /proc/self/ns/uts"),
    ("setns: No such process", "$STRACE --inject=setns:error=ESRCH newuts --join 1"),
    ("write: File too large", "file=$(mktemp); (ulimit -f 0; newuts x >$file); rm $file"),
    (
        "write: Operation not permitted",
        "setpriv --bounding-set=-setfcap --inh-caps=-setfcap newuts -r x true",
    ),
    ("write: Broken pipe", "{ sleep .1; newuts --hold=5 x; } | true"),
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

/// The page as it is read: without emphasis, and without line ends.
fn page_as_read() -> String {
    let page = Path::new(PACKAGE).join("doc/newuts.1");
    let page = command("mandoc").args(["-T", "ascii", "-O", "width=500"]).arg(page).run().stdout;
    let page = Regex::new(".\x08").unwrap().replace_all(&page, "").into_owned();
    page.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn the_page_has_every_hint() {
    needs!(require::tool("mandoc"));
    let page = page_as_read();
    for hint in ALL {
        let hint = hint.trim_start_matches("newuts: hint: ").trim_end();
        assert!(page.contains(hint), "{hint}");
    }
}

/// What nobody would find out by trying.
#[test]
fn the_page_has_what_cannot_be_tried_out() {
    needs!(require::tool("mandoc"));
    let page = page_as_read();
    for words in [
        // An installation that gives a privilege away, and one that does not.
        "set-user-ID",
        "setcap cap_sys_admin+ep",
        "keeps the capabilities",
        "for he could cover any other file",
        // The limit of a control group gives the same errno.
        "pids.max",
        // The kernel's words before the two dashes.
        "before --",
        "Xauthority",
        "execve",
        "/bin/sh",
        "RTMIN+",
    ] {
        assert!(page.contains(words), "{words}");
    }
}
