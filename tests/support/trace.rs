// SPDX-License-Identifier: MIT OR Apache-2.0
//! A run with `--trace` under strace(1): what strace wrote of it, brought into the form in which
//! the program itself writes it. All that differs by SPEC is in [`Log::lines`].

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::process::Command;

use newuts::sys::table::TABLE;
use regex::Captures;
use rustix::process::Signal;
use rustix::thread::CapabilitySet;
use syscalls::Sysno;
use tempfile::NamedTempFile;

use super::apart;
use super::run::{LIMIT, NEWUTS, Outcome, Watched as _, eventually, kill, until_in};
use super::strace::{strace, without_its_own};

/// Compiles a pattern once.
macro_rules! regex {
    ($pattern:expr) => {{
        use std::sync::LazyLock;
        static REGEX: LazyLock<::regex::Regex> =
            LazyLock::new(|| ::regex::Regex::new($pattern).unwrap());
        &*REGEX
    }};
}
pub(crate) use regex;

/// The names in the table of calls, but for those that are made only where a long has 32 bits:
/// `tests/boot.rs` sees them.
pub fn table() -> Vec<&'static str> {
    let names = TABLE.iter().map(|row| str::from_utf8(row.name()).unwrap());
    let names: BTreeSet<_> = names.filter(|name| *name != "clock_nanosleep").collect();
    names.into_iter().collect()
}

/// A program under strace, in a UTS namespace of its own.
pub struct Traced {
    /// The command, whose descriptors the test may choose.
    pub command: Command,
    log: NamedTempFile,
    /// Whether the program is told that it is the machine's init, which never ends.
    endless: bool,
}

impl Traced {
    /// `strace -f -a1 -o FILE OPTION... UNDER... PROGRAM ARG...`
    pub fn of<S: AsRef<OsStr>>(
        program: &OsStr,
        options: &[&str],
        under: &[&str],
        args: &[S],
    ) -> Self {
        let log = apart::file();
        let mut command = strace(log.path(), &[&["-f"], options].concat());
        command.args(under).arg(program).args(args);
        Self { command, log, endless: false }
    }

    /// The same with `newuts`, and the faults of strace's `-e inject=`.
    pub fn new<S: AsRef<OsStr>>(faults: &[&str], under: &[&str], args: &[S]) -> Self {
        let endless = faults.contains(&"reboot:retval=0");
        let faults: Vec<_> = faults.iter().map(|fault| format!("--inject={fault}")).collect();
        let faults: Vec<_> = faults.iter().map(String::as_str).collect();
        Self { endless, ..Self::of(OsStr::new(NEWUTS), &faults, under, args) }
    }

    /// Runs it to its end.
    #[track_caller]
    pub fn run(mut self) -> (Outcome, Log) {
        let running = self.command.start();
        let text = || fs::read_to_string(self.log.path()).unwrap();
        if self.endless {
            // It sleeps, when the child that is to power the machine off has ended.
            eventually("a child's end", LIMIT, || {
                text().contains("+++ exited with ").then_some(())
            });
            let init = Log::parse(&text()).processes[0].0;
            until_in(init, Sysno::nanosleep);
            kill(init, Signal::KILL).unwrap();
        }
        let outcome = without_its_own(running.finish());
        (outcome, Log::parse(&text()))
    }
}

/// Makes one call of a sleep into which a signal came and of what went on with it. strace has shown
/// the time that was left, and not its address.
fn join_sleeps(calls: &mut Vec<String>) {
    let mut joined: Vec<String> = Vec::new();
    for call in calls.drain(..) {
        let result = regex!(r"^restart_syscall\(.*\)( = .*)$").captures(&call);
        if let (Some(result), Some(sleep)) = (&result, joined.last_mut()) {
            let asked = regex!(r"^(nanosleep\(\{[^}]*\}, ).*ERESTART_RESTARTBLOCK.*$");
            let whole = format!("${{1}}{SOMEWHERE}){}", &result[1]);
            *sleep = asked.replace(sleep, whole).into_owned();
        } else {
            joined.push(call);
        }
    }
    *calls = joined;
}

/// The address that strace did not show.
const SOMEWHERE: &str = "SOMEWHERE";

/// Where strace did not show the address of a sleep's second argument, no line shows one.
pub fn without_unknown(found: String, expected: String) -> [String; 2] {
    let mut both = [found, expected];
    if both[1].contains(SOMEWHERE) {
        for lines in &mut both {
            let address = regex!(r"(nanosleep\(\{[^}]*\}, )0x[0-9a-f]+\)");
            *lines = address.replace_all(lines, format!("${{1}}{SOMEWHERE})")).into_owned();
        }
    }
    both
}

/// What strace wrote of the program.
pub struct Log {
    /// Per process, the parent first, its calls: `getpid() = 1234`.
    pub processes: Vec<(i32, Vec<String>)>,
    /// Those that were killed.
    killed: Vec<i32>,
}

impl Log {
    /// Reads a log from the program's start to its end: calls that strace split are joined, signals
    /// and ends are left out, and so is what ran before it and what it became.
    pub fn parse(log: &str) -> Self {
        let mut processes: Vec<(i32, Vec<String>)> = Vec::new();
        let mut killed = Vec::new();
        // Those of before; they may live on beside it.
        let mut others: Vec<i32> = Vec::new();
        for line in log.lines() {
            let (pid, what) = line.split_once(' ').expect(log);
            let (pid, what) = (pid.parse().expect(log), what.trim_start());
            if processes.iter().all(|(known, _)| *known != pid) {
                processes.push((pid, Vec::new()));
            }
            let (_, calls) = processes.iter_mut().find(|(known, _)| *known == pid).unwrap();
            if what.starts_with("+++ killed by ") {
                killed.push(pid);
                // It was killed in a call, of which it could say nothing any more.
                calls.pop_if(|call| !regex!(r"\) = [^?]|^exit").is_match(call));
            } else if let Some(mark) = regex!(r"^<\.\.\. [\w?]+ resumed>").find(what) {
                let call = calls.last_mut().unwrap();
                *call = call.strip_suffix(" <unfinished ...>").unwrap().to_owned();
                call.push_str(&what[mark.end()..]);
            } else if !what.starts_with("---") && !what.starts_with("+++") {
                calls.push(what.to_owned());
            }
            // A signal came: the call is made anew.
            calls.pop_if(|call| regex!(r" = \? ERESTART(NOINTR|NOHAND|SYS) \(").is_match(call));
            let start = regex!(r#"^execve\("[^"]*/newuts", .* = 0$"#);
            if others.is_empty() && calls.last().is_some_and(|call| start.is_match(call)) {
                calls.clear();
                others =
                    processes.iter().map(|(known, _)| *known).filter(|it| *it != pid).collect();
                others.push(0);
            }
        }
        assert!(!others.is_empty(), "the program did not run: {log}");
        processes.retain(|(pid, _)| !others.contains(pid));
        for (_, calls) in &mut processes {
            join_sleeps(calls);
            for call in calls.iter_mut() {
                *call = regex!(r"( \((INJECTED|DELAYED)[^)]*\))+$").replace(call, "").into_owned();
            }
            let end = calls.iter().position(|call| became_another(call));
            calls.truncate(end.map_or(calls.len(), |end| end + 1));
        }
        Self { processes, killed }
    }

    /// The calls without those of the trace: its writes, and the getpid before each. Who is killed
    /// between a call and its line has made one that is not here.
    #[track_caller]
    pub fn without_trace(&self) -> Vec<(i32, Vec<&str>)> {
        let mut processes = Vec::new();
        for (pid, calls) in &self.processes {
            let is_said = |call: &String| is_trace(call) && regex!(r"\) = \d+$").is_match(call);
            let end = calls.iter().rposition(is_said).map_or(0, |last| last + 1);
            // These are said before they are made.
            let is_last = |call: &String| regex!(r"^exit|_POWER_OFF\)").is_match(call);
            let cut = self.killed.contains(pid) && !calls[end..].iter().any(is_last);
            processes.push((*pid, without_trace(if cut { &calls[..end] } else { calls })));
        }
        processes
    }

    /// The writes of the trace.
    pub fn trace_writes(&self) -> impl Iterator<Item = &str> {
        let calls = self.processes.iter().flat_map(|(_, calls)| calls);
        calls.map(String::as_str).filter(|call| is_trace(call))
    }

    /// The names of all calls.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        let calls = self.processes.iter().flat_map(|(_, calls)| calls);
        calls.map(|call| call.split('(').next().unwrap())
    }

    /// What `--trace` is to say, in the order of the process ids. strace's own lines but for three
    /// things: a successful execve does not return, a failing one is shown before it is known to
    /// fail (and a power-off, too), and the sets of capget are numbers. Where the program has `pids` of its own, as in a PID
    /// namespace, they stand for strace's.
    #[track_caller]
    pub fn lines(&self, pids: &[i32]) -> String {
        let mut lines = Vec::new();
        for (index, (pid, calls)) in self.without_trace().into_iter().enumerate() {
            let pid = pids.get(index).copied().unwrap_or(pid);
            for call in calls {
                if let Some(asked) = before_last(call) {
                    lines.push((pid, asked));
                    if became_another(call) {
                        continue;
                    }
                }
                lines.push((pid, with_numbers_for_sets(call)));
            }
        }
        lines.sort_by_key(|(pid, _)| *pid);
        let lines: Vec<_> = lines.iter().map(|(pid, call)| format!("{pid:<5} {call}\n")).collect();
        lines.concat()
    }
}

/// Whether a call is a write of the trace's.
fn is_trace(call: &str) -> bool {
    regex!(r#"^write\(2, "\d+ +\w+(\(| rax=)"#).is_match(call)
}

/// Whether a call is an execve that succeeded.
fn became_another(call: &str) -> bool {
    call.starts_with("execve(") && call.ends_with(") = 0")
}

/// [`Log::without_trace`] for one process.
#[track_caller]
fn without_trace(all: &[String]) -> Vec<&str> {
    let mut calls: Vec<&str> = Vec::new();
    for call in all {
        if is_trace(call) {
            assert!(calls.pop().unwrap().starts_with("getpid() = "), "{all:#?}");
        } else {
            calls.push(call);
        }
    }
    calls
}

/// What is said before a call is made that is not to return: an execve, a power-off.
fn before_last(call: &str) -> Option<String> {
    let end = match call.split('(').next()? {
        "execve" => regex!(r" \*/\) = ").find_iter(call).last()?,
        "reboot" => regex!(r"_POWER_OFF\) = ").find(call)?,
        _ => return None,
    };
    Some(format!("{}?", &call[..end.end()]))
}

/// `effective=1<<CAP_CHOWN|1<<CAP_KILL` as `effective=0x21`.
fn with_numbers_for_sets(call: &str) -> String {
    if !call.starts_with("cap") {
        return call.to_owned();
    }
    let number = |set: &Captures| {
        let names = set[2].split('|').filter_map(|name| name.strip_prefix("1<<CAP_"));
        let bits = names.map(|name| CapabilitySet::from_name(name).expect(name).bits());
        format!("{}={:#x}", &set[1], bits.fold(0, |all, bit| all | bit))
    };
    regex!("(effective|permitted|inheritable)=([^,}]*)").replace_all(call, number).into_owned()
}

/// What the program wrote on standard error: the lines of its trace, in the order of the process
/// ids, and the other lines.
pub fn sorted(stderr: &str) -> (String, String) {
    let (mut trace, other): (Vec<_>, Vec<_>) = stderr
        .split_inclusive('\n')
        .partition(|line| regex!(r"^\d+ +\w+(\(| rax=)").is_match(line));
    trace.sort_by_key(|line| line.split(' ').next().unwrap().parse::<i32>().unwrap());
    (trace.concat(), other.concat())
}

/// Asserts that two texts are the same, and shows the first lines that are not.
#[track_caller]
pub fn same(found: &str, expected: &str, what: &str) {
    for (line, want) in found.lines().zip(expected.lines()) {
        assert_eq!(line, want, "\n{what}\nfound:\n{found}\nexpected:\n{expected}");
    }
    assert_eq!(found, expected, "{what}");
}
