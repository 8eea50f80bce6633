// SPDX-License-Identifier: MIT OR Apache-2.0
//! A command that tells which signals it gets (`witness.c`), below the program that is its parent.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use rustix::process::Signal;

use super::require;
use super::run::{LIMIT, Outcome, Running, Watched as _, command, eventually, kill};

/// What [`program`] needs.
pub fn here() -> Result<(), String> {
    require::tool("musl-gcc")
}

/// The program, built once, for this machine; it needs no library, so it runs everywhere.
pub fn program() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| {
        let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/witness.c");
        let program = Path::new(env!("CARGO_TARGET_TMPDIR")).join("witness");
        let mut compiler = command("musl-gcc");
        compiler.args(["-static", "-O2", "-Wall", "-Wextra", "-Werror", "-o"]);
        compiler.arg(&program).arg(source).run().is(0, "", "");
        program
    })
}

/// A signal as it arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Heard {
    pub signal: i32,
    /// Where it came from: `SI_USER`, `SI_KERNEL`, ...
    pub code: i32,
    /// What was sent with it, if it was sent by sigqueue(3).
    pub value: i32,
}

impl Heard {
    /// A signal from this origin, without a value.
    pub fn new(signal: i32, code: i32) -> Self {
        Self { signal, code, value: 0 }
    }

    /// The `signal 2 code 0 value 0` of the program.
    fn parse(line: &str) -> Self {
        let words: Vec<_> = line.split(' ').collect();
        let &["signal", signal, "code", code, "value", value] = &words[..] else {
            panic!("{line}");
        };
        let number = |word: &str| word.parse().expect(line);
        Self { signal: number(signal), code: number(code), value: number(value) }
    }
}

/// The program, as it runs below its parent.
pub struct Witness {
    /// What was started: the parent, or what became it.
    pub running: Running,
    /// Its process id, and that of its parent.
    pub pid: i32,
    pub parent: i32,
}

impl Witness {
    /// Starts a command that ends in [`program`], and waits until every signal is heard.
    #[track_caller]
    pub fn start(command: &mut Command) -> Self {
        let running = command.start();
        let line = eventually("a witness", LIMIT, || {
            running.stdout().split_once('\n').map(|(line, _)| line.to_owned())
        });
        let mut pids = line.strip_prefix("ready ").expect(&line).split(' ');
        let mut pid = || pids.next().unwrap().parse().unwrap();
        Self { pid: pid(), parent: pid(), running }
    }

    /// The lines after the first.
    fn lines(&self) -> Vec<String> {
        let stdout = self.running.stdout();
        let whole = stdout.rsplit_once('\n').map_or("", |(whole, _)| whole);
        whole.lines().skip(1).map(str::to_owned).collect()
    }

    /// What was heard so far.
    pub fn heard(&self) -> Vec<Heard> {
        self.lines().iter().map(|line| Heard::parse(line)).collect()
    }

    /// Waits until this many signals were heard, and gives them all.
    #[track_caller]
    pub fn hear(&self, count: usize) -> Vec<Heard> {
        eventually(format_args!("{count} signals"), LIMIT, || {
            let heard = self.heard();
            (heard.len() >= count).then_some(heard)
        })
    }

    /// Sends a last signal to `pid` and waits until it is heard; gives what was heard before it.
    /// The last signal is the one that comes after all others that wait.
    #[track_caller]
    pub fn hear_all(&self, pid: i32) -> Vec<Heard> {
        send(pid, LAST);
        let is_last = |heard: &Heard| heard.signal == LAST;
        let mut heard = eventually("the last signal", LIMIT, || {
            let heard = self.heard();
            heard.iter().any(is_last).then_some(heard)
        });
        let end = heard.iter().position(is_last).unwrap();
        assert_eq!(heard.len(), end + 1, "{heard:?}");
        heard.truncate(end);
        heard
    }

    /// With `count`: how often each signal came, up to the `nth` last one.
    #[track_caller]
    pub fn counts(&self, nth: usize) -> BTreeMap<i32, usize> {
        let line = eventually("the counts", LIMIT, || self.lines().get(nth - 1).cloned());
        let counts = line.strip_prefix("counts ").expect(&line).split(' ');
        (1..).zip(counts.map(|count| count.parse().unwrap())).collect()
    }

    /// Kills it, and waits for its parent's end.
    #[track_caller]
    pub fn end(self) -> Outcome {
        kill(self.pid, Signal::KILL).unwrap();
        self.running.finish()
    }
}

/// The highest signal of Linux on these CPUs: the kernel hands out the lowest first.
pub const LAST: i32 = 64;

/// Every signal that can be caught.
pub fn signals() -> impl Iterator<Item = i32> {
    (1..=LAST).filter(|signal| ![libc::SIGKILL, libc::SIGSTOP].contains(signal))
}

/// Sends a signal by its number: those too that have no name.
#[track_caller]
pub fn send(pid: i32, signal: i32) {
    assert!(pid > 1, "{pid} is not a process of a test");
    // SAFETY: kill is one system call, and the process is one.
    assert_eq!(unsafe { libc::kill(pid, signal) }, 0, "{signal} to {pid}");
}
