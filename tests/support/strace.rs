// SPDX-License-Identifier: MIT OR Apache-2.0
//! The program under strace(1): its calls in order, and faults injected into them. In namespaces
//! of its own, because a fault can make a parent do what the child should.

use std::ffi::OsStr;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::LazyLock;

use regex::Regex;
use tempfile::NamedTempFile;

use super::apart::{self, ALONE};
use super::require;
use super::run::{NEWUTS, Outcome, Watched as _, command};

/// Whether [`Strace`] can run here.
pub fn here() -> Result<(), String> {
    require::root()?;
    require::tool("unshare")?;
    require::tool("strace")
}

/// A success that is none, injected into a call that makes or enters a process, a namespace or a
/// mount. Whoever believes it does to others what it means to do to its own.
static LIES: LazyLock<Regex> = LazyLock::new(|| {
    let calls = "clone3?|v?fork|unshare|setns|u?mount2?|pivot_root|chroot";
    Regex::new(&format!(r"\b({calls})\b[\w,]*:(\S*:)?retval=")).unwrap()
});

/// Asserts that a command with a lie in it runs it below namespaces that are real.
#[track_caller]
pub fn assert_lies_stay_inside(command: &Command) {
    let words = [command.get_program()].into_iter().chain(command.get_args());
    let words: Vec<_> = words.map(OsStr::to_string_lossy).collect();
    if let Some(lie) = words.iter().position(|word| LIES.is_match(word)) {
        let below = ALONE.iter().all(|word| words[..lie].iter().any(|before| before == word));
        let inside = apart::is_apart() && below;
        assert!(inside, "a lie outside of {ALONE:?}: {words:?}");
    }
}

/// `strace -a1 -o LOG OPTION...`, with names of its own, and with more of its own where an option
/// is a lie.
pub fn strace(log: &Path, options: &[&str]) -> Command {
    let lies = options.iter().any(|option| LIES.is_match(option));
    let alone = [&ALONE[..], &["--uts"]].concat();
    strace_in(if lies { &alone } else { &["unshare", "--uts"] }, log, options)
}

/// [`strace`] in these namespaces. SIGCHLD is blocked, until the program sets a mask of its own: under
/// strace even a signal that does nothing interrupts a call, which is then made anew, or a sleep, with
/// which the kernel goes on by another call.
pub fn strace_in(namespaces: &[&str], log: &Path, options: &[&str]) -> Command {
    let mut strace = command(namespaces[0]);
    strace.args(&namespaces[1..]).args(["strace", "-a1", "-o"]).arg(log).args(options);
    strace.blocking(&[libc::SIGCHLD]);
    strace
}

/// What a run under strace said, without what strace itself says: it complains where it may not look
/// at a name, and where somebody is killed whose call it changes.
pub fn without_its_own(mut run: Outcome) -> Outcome {
    let lines = run.stderr.split_inclusive('\n');
    run.stderr = lines.filter(|line| !line.starts_with("strace: ")).collect();
    run
}

/// `newuts` under strace.
pub struct Strace {
    /// The command, whose descriptors and limits the test may choose.
    pub command: Command,
    log: NamedTempFile,
}

impl Strace {
    /// Runs `newuts` with `args` under strace with `options` of its own.
    pub fn new(options: &[&str], args: &[&str]) -> Self {
        let log = apart::file();
        let mut command = strace(log.path(), &[&["-f", "-s4096"], options].concat());
        command.arg(NEWUTS).args(args);
        Self { command, log }
    }

    /// The same in a mount namespace, too, where it may mount.
    pub fn mounting(options: &[&str], args: &[&str]) -> Self {
        let log = apart::file();
        let options = [&["-f", "-s4096"], options].concat();
        let mut command = strace_in(&["unshare", "--uts", "--mount"], log.path(), &options);
        command.arg(NEWUTS).args(args);
        Self { command, log }
    }

    /// Runs it to its end.
    #[track_caller]
    pub fn run(mut self) -> (Outcome, Log) {
        let outcome = without_its_own(self.command.run());
        (outcome, self.log())
    }

    /// Where the log is.
    pub fn path(&self) -> &Path {
        self.log.path()
    }

    /// The log so far.
    pub fn log(&self) -> Log {
        Log::parse(&fs::read_to_string(self.log.path()).unwrap())
    }
}

/// Runs `newuts` with `args`, its faults given as strace's `-e inject=`.
#[track_caller]
pub fn inject(faults: &[&str], args: &[&str]) -> (Outcome, Log) {
    let options: Vec<_> = faults.iter().map(|fault| format!("--inject={fault}")).collect();
    let options: Vec<_> = options.iter().map(String::as_str).collect();
    Strace::new(&options, args).run()
}

/// What strace wrote, per process, in the order in which they appear: the parent first.
pub struct Log(Vec<Process>);

/// What one process did.
#[derive(Default)]
pub struct Process {
    pub pid: i32,
    /// Its calls, as strace shows them: `getpid() = 1234`. Not the execve that made it. A call
    /// that did not return ends in `= ?`, or is cut off.
    pub calls: Vec<String>,
    /// The signals that it got, `--- SIGCHLD {…} ---`, and its end, `+++ exited with 0 +++`.
    pub events: Vec<String>,
}

impl Log {
    /// Reads a log, and joins the calls that strace split because another process came between.
    fn parse(log: &str) -> Self {
        let resumed = Regex::new(r"^<\.\.\. \w+ resumed>").unwrap();
        let anew = Regex::new(r" = \? ERESTART(NOINTR|NOHAND|SYS) \(").unwrap();
        let mut processes: Vec<Process> = Vec::new();
        for line in log.lines() {
            let Some((pid, what)) = line.split_once(' ') else { continue };
            let (pid, what) = (pid.parse().unwrap(), what.trim_start());
            let process = if let Some(known) = processes.iter_mut().find(|known| known.pid == pid) {
                known
            } else {
                processes.push(Process { pid, ..Process::default() });
                processes.last_mut().unwrap()
            };
            if what.starts_with("---") || what.starts_with("+++") {
                process.events.push(what.to_owned());
                continue;
            }
            let call = what.replace(" <unfinished ...>", "");
            match resumed.find(&call) {
                Some(mark) => process.calls.last_mut().unwrap().push_str(&call[mark.end()..]),
                None => process.calls.push(call),
            }
            // A signal came: the call is made anew.
            process.calls.pop_if(|call| anew.is_match(call));
        }
        for process in &mut processes {
            // The kernel's own call, by which it goes on with a sleep.
            process.calls.retain(|call| !call.starts_with("restart_syscall("));
        }
        if let Some(parent) = processes.first_mut() {
            parent.calls.remove(0);
        }
        Self(processes)
    }

    /// The demonstration's parent.
    pub fn parent(&self) -> &Process {
        &self.0[0]
    }

    /// The demonstration's child.
    pub fn child(&self) -> &Process {
        &self.0[1]
    }

    /// How many processes there were.
    pub fn processes(&self) -> usize {
        self.0.len()
    }
}

impl Process {
    /// The calls with every address as `ADDR`.
    pub fn without_addresses(&self) -> Vec<String> {
        let address = Regex::new("0x[0-9a-f]+").unwrap();
        self.calls.iter().map(|call| address.replace_all(call, "ADDR").into_owned()).collect()
    }

    /// The calls of this name.
    pub fn named(&self, name: &str) -> Vec<&str> {
        let calls = self.calls.iter().map(String::as_str);
        calls.filter(|call| call.split('(').next() == Some(name)).collect()
    }
}
