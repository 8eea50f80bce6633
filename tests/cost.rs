// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a run costs, where that can be counted: page faults and instructions. What it costs in time
//! is for `cargo bench --bench speed`.

use std::env;
use std::mem::MaybeUninit;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

use crate::support::require::{self, needs};
use crate::support::run::{NEWUTS, Watched as _, command, newuts, no_fork};

/// The demonstration, in no time.
const DEMONSTRATION: [&str; 4] = [NEWUTS, "--delay=0", "--hold=0", "bizarro"];

/// How many runs there are, to find the one for which the random addresses were best.
const RUNS: usize = 200;

/// The `true` of the benchmarks: static, in two instructions. Its source is for this CPU alone.
fn assembler() -> Result<(), String> {
    if std::env::consts::ARCH != "x86_64" {
        return Err("x86_64".to_owned());
    }
    require::tool("gcc")
}

/// Builds it.
fn truth(folder: &TempDir) -> PathBuf {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/peers/floor.S");
    let file = folder.path().join("true");
    let mut gcc = command("gcc");
    gcc.args(["-static", "-nostdlib", "-s", "-DTRUE", "-o"]).arg(&file).arg(source);
    gcc.run().is(0, "", "");
    file
}

/// How many instructions the first process of a run makes, as callgrind counts them: the most of its
/// processes. The host name and the environment are always the same, for they are read, too.
fn instructions(words: &[&str]) -> u64 {
    let mut command = newuts(["box", "valgrind", "--tool=callgrind"]);
    command.arg("--callgrind-out-file=/dev/null").args(words);
    command.env_clear().env("PATH", env::var_os("PATH").unwrap());
    let run = command.run();
    let counts = run.stderr.lines().filter_map(|line| line.split("Collected : ").nth(1));
    counts.map(|count| count.trim().parse().unwrap()).max().expect(&run.stderr)
}

/// The page faults of a run, those of its children with them.
fn faults(words: &[&str]) -> i64 {
    let mut command = Command::new(words[0]);
    command.args(&words[1..]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let child = {
        let _lock = no_fork();
        command.spawn().unwrap()
    };
    let (mut status, mut usage) = (0, MaybeUninit::<libc::rusage>::zeroed());
    let pid = child.id().try_into().unwrap();
    // SAFETY: both are there to be written.
    let waited = unsafe { libc::wait4(pid, &raw mut status, 0, usage.as_mut_ptr()) };
    assert_eq!((waited, status), (pid, 0), "{words:?}");
    // SAFETY: a rusage of zeros is one, and wait4 has filled it in.
    unsafe { usage.assume_init() }.ru_minflt
}

/// The least of many runs.
fn least(words: &[&str]) -> i64 {
    (0..RUNS).map(|_| faults(words)).min().unwrap()
}

#[test]
fn page_faults_of_the_demonstration() {
    needs!(require::root());
    let least = least(&DEMONSTRATION);
    // Without its own two pages of the stack, code and constants, no process could do it at all.
    assert!((4..=9).contains(&least), "{least}");
}

#[test]
fn page_faults_of_a_command() {
    needs!(require::root(), assembler());
    let folder = TempDir::new().unwrap();
    let least = least(&[NEWUTS, "box", truth(&folder).to_str().unwrap()]);
    assert!((3..=7).contains(&least), "{least}");
}

#[test]
fn instructions_of_the_demonstration() {
    needs!(require::root(), require::tool("valgrind"));
    let count = instructions(&DEMONSTRATION);
    assert!((500..=3000).contains(&count), "{count}");
}

#[test]
fn instructions_of_a_command() {
    needs!(require::root(), require::tool("valgrind"));
    // Callgrind is silent about a process that becomes another: so it is counted where it cannot, and
    // says so.
    let count = instructions(&[NEWUTS, "box", "/nonexistent"]);
    assert!((300..=2500).contains(&count), "{count}");
}
