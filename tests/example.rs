// SPDX-License-Identifier: MIT OR Apache-2.0
//! `examples/clone.rs`: it does what a program in C does that makes the same calls by way of the C
//! library (benches/peers/demo.c), and what the manual page says of its example.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use rustix::process::Signal;

use crate::support::cross::LIMIT;
use crate::support::package::{PACKAGE, cargo};
use crate::support::require::{self, needs};
use crate::support::run::{NEWUTS, Outcome, Watched as _, command, kill, transcript, unprivileged};

/// The most that the file may take, in bytes: the texts of all errnos are half of it, and the table
/// of all calls a sixth.
const LARGEST: u64 = 12 * 1024;

/// The most lines that the source may have: its licence, and two screens.
const LONGEST: usize = 101;

/// The example, built like the program, once for all tests: cargo builds what the tests need anew
/// for it, which takes long where the machine has much else to do.
fn example() -> PathBuf {
    static EXAMPLE: LazyLock<PathBuf> = LazyLock::new(build);
    EXAMPLE.clone()
}

/// Builds the example.
fn build() -> PathBuf {
    let profile = Path::new(NEWUTS).parent().unwrap();
    let mut cargo = cargo(
        Path::new(PACKAGE),
        ["build", "--locked", "--features=freestanding", "--example=clone"],
    );
    if profile.ends_with("release") {
        cargo.arg("--release");
    }
    let run = cargo.env("CARGO_TARGET_DIR", profile.parent().unwrap()).start();
    let run = run.finish_within(LIMIT);
    assert_eq!(run.status, 0, "{}", run.stderr);
    profile.join("examples/clone")
}

/// Runs a demonstration, and wakes its child as soon as the parent waits for it.
fn demonstrate(program: &Path) -> Outcome {
    let running = command(program).arg("bizarro").start();
    running.until("uts.nodename in parent: ");
    // Where it holds its namespace for 200 seconds.
    let _ = kill(running.cloned(), Signal::TERM);
    running.finish()
}

#[test]
fn it_says_what_the_program_in_c_says() {
    needs!(require::root(), require::tool("gcc"));
    let folder = tempfile::tempdir().unwrap();
    let in_c = folder.path().join("demo");
    let source = Path::new(PACKAGE).join("benches/peers/demo.c");
    command("gcc").arg("-o").arg(&in_c).arg(source).run().is(0, "", "");
    let (rust, c) = (demonstrate(&example()), demonstrate(&in_c));
    assert_eq!((rust.status, rust.stderr), (0, String::new()));
    assert_eq!(transcript(&rust.stdout).1, transcript(&c.stdout).1);
    assert_eq!(transcript(&rust.stdout).1.lines().count(), 4);
}

#[test]
fn without_a_name_it_says_how_it_is_called() {
    let example = example();
    let usage = format!("Usage: {} <child-hostname>\n", example.display());
    command(&example).run().is(0, "", &usage);
}

#[test]
fn a_refused_call_is_an_error_and_not_silence() {
    needs!(require::user_namespaces());
    let folder = tempfile::tempdir_in("/tmp").unwrap();
    let program = folder.path().join("clone");
    crate::support::package::copy_tree(&example(), &program);
    command("chmod").arg("755").arg(folder.path()).run().is(0, "", "");
    let refused = "clone: Operation not permitted\n";
    unprivileged().arg(&program).arg("bizarro").run().is(1, "", refused);
}

#[test]
fn it_is_small_to_run_and_to_read() {
    let size = fs::metadata(example()).unwrap().len();
    println!("SIZE: examples/clone {size}");
    assert!(size <= LARGEST, "{size}");
    let source = fs::read_to_string(Path::new(PACKAGE).join("examples/clone.rs")).unwrap();
    assert!(source.lines().count() <= LONGEST, "{}", source.lines().count());
}
