// SPDX-License-Identifier: MIT OR Apache-2.0
//! The completions, as the shells themselves find them.

use std::collections::BTreeSet;
use std::fs;

use crate::doc::options_of_help;
use crate::support::apart;
use crate::support::package::PACKAGE;
use crate::support::require::{self, needs};
use crate::support::run::{Watched as _, command, newuts};

/// The last words with which bash, and the two others, complete `line`.
type Shell = fn(&str) -> BTreeSet<String>;

const SHELLS: [(&str, Shell); 3] = [("bash", bash), ("fish", fish), ("zsh", zsh)];

fn bash(line: &str) -> BTreeSet<String> {
    // As bash would with its COMP_WORDBREAKS: `=` is a word.
    let line = line.to_owned();
    let spaced = line.replace('=', " = ");
    let mut words: Vec<_> = spaced.split_whitespace().collect();
    if line.ends_with(' ') {
        words.push("");
    }
    let mut bash = command("bash");
    bash.args(["--norc", "tests/support/complete.bash"]).args(words).env("LINE", &line);
    found(&bash.current_dir(PACKAGE).run().stdout)
}

fn fish(line: &str) -> BTreeSet<String> {
    let home = apart::folder();
    let mut fish = command("fish");
    fish.args(["--no-config", "-c", "source doc/newuts.fish; complete -C $argv[1]", "--", line]);
    let run = fish.current_dir(PACKAGE).env("HOME", home.path()).run();
    assert_eq!(run.stderr, "");
    // Behind a tab there is what it means; a value comes with its option.
    let words = run.stdout.lines().map(|line| line.split('\t').next().unwrap());
    let words = words.map(|word| word.rsplit('=').next().unwrap());
    words.filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

fn zsh(line: &str) -> BTreeSet<String> {
    let home = apart::folder();
    let rc = format!("{PACKAGE}/tests/support/complete.zsh");
    fs::copy(rc, home.path().join(".zshrc")).unwrap();
    let answer = home.path().join("answer");
    fs::write(&answer, "").unwrap();
    // It completes in a terminal only.
    let mut script = command("script");
    script.args(["--quiet", "--return", "--command", "zsh -d -i", "/dev/null"]);
    script.current_dir(PACKAGE).env("ZDOTDIR", home.path()).env("TERM", "dumb");
    script.env("LINE", line).env("ANSWER", &answer);
    let run = script.run();
    assert_eq!(run.status, 0, "{}", run.stdout);
    found(&fs::read_to_string(answer).unwrap())
}

fn found(lines: &str) -> BTreeSet<String> {
    lines.lines().filter(|line| !line.is_empty()).map(str::to_owned).collect()
}

/// Asserts what each shell finds.
#[track_caller]
fn complete(line: &str, expected: &[&str]) {
    for (shell, complete) in SHELLS {
        let expected: BTreeSet<_> = expected.iter().copied().map(str::to_owned).collect();
        assert_eq!(complete(line), expected, "{shell}: {line}");
    }
}

/// Asserts that each shell finds `word` among others.
#[track_caller]
fn offers(line: &str, word: &str) {
    for (shell, complete) in SHELLS {
        let found = complete(line);
        let found =
            found.iter().any(|found| found.trim_end_matches('/').rsplit('/').next() == Some(word));
        assert!(found, "{shell}: {line}");
    }
}

/// What has to be there for the shells to be asked.
fn shells() -> Result<(), String> {
    ["bash", "fish", "script", "zsh"].into_iter().try_for_each(require::tool)
}

#[test]
fn of_the_options_are_those_of_help() {
    needs!(shells());
    let options = options_of_help();
    complete("newuts -", &options.iter().map(String::as_str).collect::<Vec<_>>());
    complete("newuts --ma", &["--map-current-user", "--map-root-user"]);
    complete("newuts --user --dom", &["--domainname"]);
}

#[test]
fn of_values_are_behind_their_options() {
    needs!(shells());
    complete("newuts --hold ", &["forever"]);
    complete("newuts --hold=", &["forever"]);
    complete("newuts --trace=", &["regs"]);
    complete("newuts --check=l", &["list"]);
    complete("newuts --check=set", &["setdomainname", "sethostname", "setns"]);
    complete("newuts --kill-child=TE", &["TERM"]);
    complete("newuts --delay ", &[]);
    complete("newuts --domainname ", &[]);
}

#[test]
fn of_signals_are_those_that_the_program_takes() {
    needs!(shells());
    for (shell, complete) in SHELLS {
        let signals = complete("newuts --kill-child=");
        assert_eq!(signals.len(), 31, "{shell}");
        for signal in signals {
            assert_eq!(
                newuts([format!("--kill-child={signal}")]).run().status,
                0,
                "{shell}: {signal}"
            );
        }
    }
}

#[test]
fn of_checks_are_those_that_the_program_takes() {
    needs!(shells());
    let list = newuts(["--check=list"]).run().stdout;
    let pages = list.lines().map(|line| line.split([' ', '(']).nth(1).unwrap());
    let expected: BTreeSet<_> = pages.chain(["list"]).map(str::to_owned).collect();
    for (shell, complete) in SHELLS {
        assert_eq!(complete("newuts --check="), expected, "{shell}");
    }
}

#[test]
fn of_targets_are_files_and_processes() {
    needs!(shells());
    offers("newuts --join /proc/1/n", "ns");
    offers("newuts --join=/proc/1/n", "ns");
    for (shell, complete) in [SHELLS[0], SHELLS[1]] {
        assert!(complete("newuts --join ").contains("1"), "{shell}");
    }
}

#[test]
fn of_a_command_follow_the_name_or_the_target() {
    needs!(shells());
    complete("newuts unshar", &[]);
    complete("newuts -- unshar", &[]);
    for line in [
        "newuts box",
        "newuts -U --hold 1 box",
        "newuts -- box",
        "newuts --join 1",
        "newuts --join=1",
    ] {
        offers(&format!("{line} unshar"), "unshare");
    }
}

#[test]
fn of_options_end_at_the_first_operand() {
    needs!(shells());
    for line in ["newuts box true --ho", "newuts -- --ho", "newuts --join 1 true --ho"] {
        for (shell, complete) in SHELLS {
            assert!(complete("newuts --ho").contains("--hold"), "{shell}");
            assert!(!complete(line).contains("--hold"), "{shell}: {line}");
        }
    }
}
