//! The program under strace(1): its calls in order, and faults injected into them. In a UTS
//! namespace of its own, because a fault can make a parent do what the child should.

use std::fs;
use std::path::Path;
use std::process::Command;

use regex::Regex;
use tempfile::NamedTempFile;

use super::require;
use super::run::{NEWUTS, Outcome, Watched as _, command};

/// Whether [`Strace`] can run here.
pub fn here() -> Result<(), String> {
    require::root()?;
    require::tool("unshare")?;
    require::tool("strace")
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
        Self::within(&["--uts"], options, args)
    }

    /// The same in a mount namespace, too, where it may mount.
    pub fn mounting(options: &[&str], args: &[&str]) -> Self {
        Self::within(&["--uts", "--mount"], options, args)
    }

    fn within(namespaces: &[&str], options: &[&str], args: &[&str]) -> Self {
        let log = NamedTempFile::new().unwrap();
        let mut command = command("unshare");
        command.args(namespaces).args(["strace", "-f", "-a1", "-s4096", "-o"]).arg(log.path());
        command.args(options).arg(NEWUTS).args(args);
        Self { command, log }
    }

    /// Runs it to its end.
    #[track_caller]
    pub fn run(mut self) -> (Outcome, Log) {
        let outcome = self.command.run();
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
