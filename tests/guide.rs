// SPDX-License-Identifier: MIT OR Apache-2.0
//! doc/guide.md: the program as a debugger has it, and every gdb command of the guide, typed as it
//! is written there. (Its other sessions are typed by tests/readme.rs.)

use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use object::{Object as _, ObjectSection as _};
use regex::{Captures, Regex};

use crate::support::cross::LIMIT;
use crate::support::package::{PACKAGE, cargo, read};
use crate::support::require::{self, needs};
use crate::support::run::{NEWUTS, Watched as _, command};

/// What the guide says to type first.
const BUILD: &str = "cargo student";

/// The reader's machine is called antero, and gdb's processes end with it. They have numbers that are
/// nothing else in what gdb says.
const MACHINE: &str = "unshare --uts --mount --pid --fork --kill-child --mount-proc sh -c \
     'echo antero >/proc/sys/kernel/hostname; echo 2300 >/proc/sys/kernel/ns_last_pid; \
     exec sh -c \"exec $1\"' sh \"$1\"";

/// The program for a debugger, built as the guide says.
fn student() -> PathBuf {
    assert!(read("doc/guide.md").contains(&format!("`{BUILD}`")));
    let words = BUILD.split(' ').skip(1);
    let run = cargo(Path::new(PACKAGE), words).start().finish_within(LIMIT);
    assert_eq!(run.status, 0, "{}", run.stderr);
    Path::new(PACKAGE).join("target/student/release/newuts")
}

#[test]
fn a_debugger_has_the_program_byte_for_byte() {
    let files = [student(), NEWUTS.into()].map(|file| fs::read(file).unwrap());
    let [student, program] = files.each_ref().map(|bytes| object::File::parse(&**bytes).unwrap());
    for name in [".text", ".rodata"] {
        let [student, program] = [&student, &program].map(|file| {
            let section = file.section_by_name(name).expect(name);
            (section.address(), section.data().unwrap())
        });
        assert!(student == program, "{name} differs");
        assert!(program.1.len() > 1000, "{name} has {} bytes", program.1.len());
    }
    assert!(student.section_by_name(".debug_frame").is_some());
    assert!(program.section_by_name(".debug_frame").is_none());
}

/// What is compared: processes and addresses by the order in which they come, so that the same ones
/// are the same; no lines of the source, no folder; white space is a blank. Which of the two processes'
/// places of a breakpoint is the first, gdb leaves to chance.
fn normalised(text: &str) -> String {
    let text = Regex::new(r"[^\s(]*/target/student/").unwrap().replace_all(text, "STUDENT/");
    let text = Regex::new(r"\.rs:\d+").unwrap().replace_all(&text, ".rs:LINE");
    let text = Regex::new(r"(?m)^\d+\t").unwrap().replace_all(&text, "LINE ");
    let text =
        Regex::new(r"\bBreakpoint 2\.\d,").unwrap().replace_all(&text, "Breakpoint 2.PLACE,");
    let mut text =
        Regex::new(r"\bat 0x[0-9a-f]{4,6}\b").unwrap().replace_all(&text, "at OFFSET").into_owned();
    let process = Regex::new(r"\bprocess (\d+)").unwrap();
    let mut pids: Vec<u32> =
        process.captures_iter(&text).map(|found| found[1].parse().unwrap()).collect();
    pids.sort_unstable();
    pids.dedup();
    for (place, pid) in pids.into_iter().enumerate() {
        for number in [format!(r"\b{pid}\b"), format!(r"\b{pid:#x}\b")] {
            text = Regex::new(&number).unwrap().replace_all(&text, format!("PID{place}")).into();
        }
    }
    // In hexadecimal with or without zeros before, and, beside a register, in decimal.
    let address = Regex::new(r"\b0x0*(7f[0-9a-f]{10})\b|\b(1[34]\d{13})\b").unwrap();
    let mut addresses = Vec::new();
    let text = address.replace_all(&text, |found: &Captures<'_>| {
        let value = match (found.get(1), found.get(2)) {
            (Some(hex), _) => u64::from_str_radix(hex.as_str(), 16).unwrap(),
            (None, decimal) => decimal.unwrap().as_str().parse().unwrap(),
        };
        let known = addresses.iter().position(|address| *address == value);
        let place = known.unwrap_or_else(|| {
            addresses.push(value);
            addresses.len() - 1
        });
        format!("ADDRESS{place}")
    });
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The text of the guide's blocks of gdb: one session.
fn session() -> String {
    let guide = read("doc/guide.md");
    let blocks = guide.split("```gdb\n").skip(1);
    blocks.map(|block| block.split("```").next().unwrap()).collect()
}

#[test]
fn gdb_says_what_the_guide_says() {
    needs!(require::namespaces(), require::tool("gdb"));
    student();
    let session = session();
    let (call, written) = session.split_once('\n').unwrap();
    let call = call.strip_prefix("# ").expect("a call of gdb");
    let commands: Vec<_> = written.lines().filter_map(|line| line.strip_prefix("(gdb) ")).collect();
    assert!(commands.len() > 15, "{commands:?}");

    let folder = tempfile::tempdir().unwrap();
    let typed = folder.path().join("typed");
    for command in &commands {
        writeln!(File::options().create(true).append(true).open(&typed).unwrap(), "{command}")
            .unwrap();
    }
    let mut gdb = command("sh");
    gdb.args(["-c", MACHINE, "sh", call]).stdin(File::open(typed).unwrap());
    // There is no file of the user's that changes how gdb behaves.
    gdb.current_dir(PACKAGE).env("HOME", folder.path()).env("TERM", "dumb");
    let run = gdb.start().finish_within(LIMIT);

    // What is typed does not come from a terminal, which would show it.
    let (first, answers) = run.stdout.split_once("(gdb) ").unwrap_or_default();
    let answers: Vec<_> = answers.split("(gdb) ").collect();
    assert_eq!(answers.len(), commands.len(), "{}\n{}", run.stdout, run.stderr);
    let answers = commands.iter().zip(answers);
    let answers = answers.map(|(command, answer)| format!("(gdb) {command}\n{answer}"));
    let printed = first.to_owned() + &answers.collect::<Vec<_>>().concat();
    assert_eq!(normalised(&printed), normalised(written), "{printed}\n{}", run.stderr);
}
