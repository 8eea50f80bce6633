// SPDX-License-Identifier: MIT OR Apache-2.0
//! Every call fails once: each system call that a form makes, at each place where it makes it, with
//! each errno that its manual page lists and some that no page does. What is asserted is one rule
//! and not a transcript for each: see [`Effect`].

use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::{fs, thread};

use regex::Regex;

use crate::support::apart;
use crate::support::require::{self, needs};
use crate::support::run::{NEWUTS, Running, Watched as _, command, newuts};
use crate::support::setting::refusing_where;
use crate::support::strace::{self, Strace, inject, strace};

/// How many cases run side by side: they mostly wait.
const WORKERS: usize = 6;

/// What may go wrong with any call, whether its page says so or not.
const ANY: &str = "EINTR EIO ENOSYS EPERM";

/// What the manual pages list. A call without a line is one that "is always successful".
const LISTED: &[(&str, &str)] = &[
    ("clone", "EACCES EAGAIN EBUSY EEXIST EINVAL ENOMEM ENOSPC EOPNOTSUPP EUSERS"),
    (
        "execve",
        // Not ENOEXEC, after which there is another: tests/scripts.rs.
        "E2BIG EACCES EAGAIN EFAULT EINVAL EISDIR ELIBBAD ELOOP EMFILE ENAMETOOLONG ENFILE ENOENT \
         ENOMEM ENOTDIR ETXTBSY",
    ),
    ("close", "EBADF EIO"),
    ("fcntl", "EACCES EAGAIN EBADF EBUSY EDEADLK EFAULT EINVAL EMFILE ENOLCK ENOTDIR"),
    ("getpgid", "ESRCH"),
    ("getsid", "ESRCH"),
    ("ioctl", "EBADF EFAULT EINVAL ENOTTY"),
    ("kill", "EINVAL ESRCH"),
    (
        "mknodat",
        // Without EEXIST: that is no fault, but a file that is there.
        "EACCES EBADF EDQUOT EFAULT EINVAL ELOOP ENAMETOOLONG ENOENT ENOMEM ENOSPC ENOTDIR EROFS",
    ),
    ("mmap", "EACCES EAGAIN EBADF EEXIST EINVAL ENFILE ENODEV ENOMEM EOVERFLOW ETXTBSY"),
    (
        "mount",
        "EACCES EBUSY EFAULT EINVAL ELOOP EMFILE ENAMETOOLONG ENODEV ENOENT ENOMEM ENOTBLK ENOTDIR \
         ENXIO EROFS",
    ),
    ("mprotect", "EACCES EINVAL ENOMEM"),
    ("nanosleep", "EFAULT EINVAL"),
    (
        "openat",
        "EACCES EAGAIN EBADF EBUSY EDQUOT EEXIST EFAULT EFBIG EINVAL EISDIR ELOOP EMFILE \
         ENAMETOOLONG ENFILE ENODEV ENOENT ENOMEM ENOSPC ENOTDIR ENXIO EOPNOTSUPP EOVERFLOW EROFS \
         ETXTBSY",
    ),
    ("pidfd_open", "EINVAL EMFILE ENFILE ENODEV ENOENT ENOMEM ESRCH"),
    ("pipe2", "EFAULT EINVAL EMFILE ENFILE ENOPKG"),
    ("prctl", "EACCES EBADF EBUSY EFAULT EINVAL ENODEV ENXIO EOPNOTSUPP EOVERFLOW"),
    ("read", "EAGAIN EBADF EFAULT EINVAL EISDIR"),
    ("rt_sigaction", "EFAULT EINVAL"),
    ("rt_sigpending", "EFAULT EINVAL"),
    ("rt_sigprocmask", "EFAULT EINVAL"),
    ("rt_sigqueueinfo", "EAGAIN EINVAL ESRCH"),
    ("rt_sigtimedwait", "EAGAIN EINVAL"),
    ("setdomainname", "EFAULT EINVAL ENAMETOOLONG"),
    ("sethostname", "EFAULT EINVAL ENAMETOOLONG"),
    ("setns", "EBADF EINVAL ENOMEM ESRCH"),
    ("uname", "EFAULT"),
    ("unshare", "EINVAL ENOMEM ENOSPC EUSERS"),
    ("wait4", "EAGAIN ECHILD EINVAL ESRCH"),
    ("write", "EAGAIN EBADF EDESTADDRREQ EDQUOT EFAULT EFBIG EINVAL ENOSPC EPIPE"),
];

/// What a failed call does to the process that made it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Effect {
    /// The run completes as if nothing had been.
    None,
    /// The process says `call: text`, and ends with the status of a failure.
    Fatal,
    /// It ends so without a word: what failed was the word.
    Silent,
    /// The command could not be executed: `newuts: COMMAND: text`, 126 or 127.
    NotExecuted,
    /// It ends by a signal.
    Signal(i32),
}

/// A form of the program, as a command line.
struct Form {
    args: Vec<String>,
    /// The status of a run in which all goes well, and of one in which a call fails.
    done: i32,
    failed: i32,
}

impl Form {
    fn new(args: &[&str], done: i32, failed: i32) -> Self {
        Self { args: args.iter().copied().map(str::to_owned).collect(), done, failed }
    }

    /// The words, with the child's sleep in seconds where there is a child.
    fn words(&self, hold: &str) -> Vec<String> {
        self.args.iter().map(|word| word.replace("HOLD", hold)).collect()
    }

    /// What `call` does when it gives `errno`. These are the calls that do
    /// not matter, each with the reason; all others do.
    fn effect(&self, call: &str, errno: &str) -> Effect {
        let name = name(call);
        let is_pid = self.args.iter().any(|word| word.starts_with("--join=") && !is_path(word));
        // These are made again, for the rest.
        let again = errno == "EINTR" && matches!(name, "write" | "nanosleep" | "wait4");
        // An older kernel, in which a process is joined by its file in /proc.
        let user = self.args.iter().any(|word| word == "--user");
        let older = matches!((name, errno), ("pidfd_open", "ENOSYS" | "EINVAL" | "ENOENT"))
            || is_pid && !user && matches!((name, errno), ("setns", "EINVAL" | "ENOSYS"))
            || call.contains("_IOC(") && matches!(errno, "ENOTTY" | "EINVAL");
        match name {
            _ if again || older => Effect::None,
            // "This call is always successful." Where it is not, 0 is taken for the answer: not
            // process 1; root; and a parent of whom it must be asked in another way whether it
            // lives.
            "getpid" | "getppid" | "geteuid" | "getegid" => Effect::None,
            // "This function does not return." Where it does, there is a trap.
            "exit" | "exit_group" => Effect::Signal(libc::SIGILL),
            "execve" => Effect::NotExecuted,
            // Where an error cannot be said, the status says it.
            "write" if call.starts_with("write(2, ") => Effect::Silent,
            _ => Effect::Fatal,
        }
    }
}

/// Whether a word names a file.
fn is_path(word: &str) -> bool {
    word.contains('/')
}

/// The name of a call, as strace shows it.
fn name(call: &str) -> &str {
    call.split('(').next().unwrap()
}

/// The text that a call writes to `fd`, if it does.
fn written(call: &str, fd: i32) -> Option<String> {
    let text = call.strip_prefix(&format!("write({fd}, \""))?.rsplit_once("\", ")?.0;
    Some(text.replace("\\n", "\n").replace("\\\"", "\"").replace("\\\\", "\\"))
}

/// A fault: the `nth` call of a name gives an errno, in the parent only, or in every process that
/// comes so far.
struct Fault<'a> {
    name: &'a str,
    nth: usize,
    errno: &'a str,
    follow: bool,
}

/// The calls of one process, and where a fault hits it.
struct Hit<'a> {
    calls: &'a [String],
    index: usize,
    effect: Effect,
}

impl<'a> Hit<'a> {
    fn find(form: &Form, calls: &'a [String], fault: &Fault<'_>) -> Self {
        let same = |call: &&String| name(call) == fault.name;
        let call = calls.iter().filter(same).nth(fault.nth - 1);
        let index =
            call.map_or(calls.len(), |call| calls.iter().position(|it| it == call).unwrap());
        let effect = call.map_or(Effect::None, |call| form.effect(call, fault.errno));
        Self { calls, index, effect }
    }

    /// What the process writes to standard output before the fault ends it; all, if it does not.
    fn says(&self) -> Vec<String> {
        let end = if self.effect == Effect::None { self.calls.len() } else { self.index };
        self.calls[..end].iter().filter_map(|call| written(call, 1)).collect()
    }

    /// Whether it ends the process before the call `name`.
    fn before(&self, name_of_call: &str) -> bool {
        let place = self.calls.iter().position(|call| name(call) == name_of_call);
        self.effect != Effect::None && place.is_some_and(|place| self.index <= place)
    }
}

/// All ways in which the lines of two processes can be woven into one file.
fn woven(first: &[String], second: &[String]) -> Vec<String> {
    let begin = |line: &String, rest: Vec<String>| -> Vec<String> {
        rest.into_iter().map(|rest| line.to_owned() + &rest).collect()
    };
    match (first, second) {
        ([], lines) | (lines, []) => vec![lines.concat()],
        ([a, rest_a @ ..], [b, rest_b @ ..]) => {
            [begin(a, woven(rest_a, second)), begin(b, woven(first, rest_b))].concat()
        }
    }
}

/// A form, and what its processes do when nothing fails.
struct Subject {
    form: Form,
    parent: Vec<String>,
    child: Vec<String>,
}

impl Subject {
    fn new(form: Form) -> Self {
        let words = form.words("0.05");
        let words: Vec<_> = words.iter().map(String::as_str).collect();
        let (run, log) = Strace::new(&[], &words).run();
        assert_eq!(run.status, form.done, "{words:?}: {run:?}");
        let calls = |calls: &[String]| {
            // What follows a successful execve is the command's.
            let end =
                calls.iter().position(|call| name(call) == "execve" && call.ends_with(" = 0"));
            calls[..end.map_or(calls.len(), |end| end + 1)].to_vec()
        };
        let parent = calls(&log.parent().calls);
        let child = if log.processes() > 1 { calls(&log.child().calls) } else { Vec::new() };
        Self { form, parent, child }
    }

    /// Every fault that can happen to it.
    fn faults(&self) -> Vec<Fault<'_>> {
        let mut faults: Vec<Fault<'_>> = Vec::new();
        for calls in [&self.parent, &self.child] {
            for (index, call) in calls.iter().enumerate() {
                let name = name(call);
                let nth = calls[..=index].iter().filter(|call| self::name(call) == name).count();
                if faults.iter().any(|known| (known.name, known.nth) == (name, nth)) {
                    // The child makes it as often as the parent: it was hit already, with it.
                    continue;
                }
                let in_child = self.child.iter().filter(|call| self::name(call) == name).count();
                let in_parent = std::ptr::eq(calls, &raw const self.parent);
                let listed = LISTED.iter().find(|(known, _)| *known == name);
                let errnos = listed.map_or("", |(_, errnos)| errnos).split(' ');
                let errnos = errnos.chain(ANY.split(' ')).filter(|errno| !errno.is_empty());
                for errno in errnos.filter(|errno| !is_no_error(call, errno)) {
                    faults.push(Fault { name, nth, errno, follow: true });
                    if in_parent && in_child >= nth {
                        faults.push(Fault { name, nth, errno, follow: false });
                    }
                }
            }
        }
        faults
    }

    /// Makes it happen, and asserts the rule.
    fn fails(&self, fault: &Fault<'_>) {
        let Fault { name, errno, follow, .. } = *fault;
        let parent = Hit::find(&self.form, &self.parent, fault);
        let child = if follow { &self.child[..] } else { &[] };
        let mut child = Hit::find(&self.form, child, fault);
        child.calls = &self.child;

        // A parent that cannot go on takes its child with it, however long that would sleep. But
        // ECHILD says that there is no child any more.
        let takes_child = parent.before("wait4") && (name, errno) != ("wait4", "ECHILD");
        let (run, log) = self.run(fault, if takes_child { "300" } else { "0.05" });
        assert!(log.contains("(INJECTED)"), "{log}");

        // Each line is whole and there once, in the order of its process, up to the fault.
        let parents = parent.says();
        let childs = if parent.before("clone") { Vec::new() } else { child.says() };
        let least = if parent.before("wait4") { 0 } else { childs.len() };
        let pid = Regex::new("(?m)^clone\\(\\) returned [0-9]+$").unwrap();
        let without_pid = |text: &str| pid.replace_all(text, "clone() returned PID").into_owned();
        let stdout = without_pid(&run.0);
        assert!(
            (least..=childs.len()).any(|said| {
                woven(&parents, &childs[..said]).iter().any(|text| without_pid(text) == stdout)
            }),
            "{parents:?} {childs:?} {stdout:?}"
        );

        // Each process says once what failed, and perhaps why; one that was killed may not.
        let says =
            |hit: &Hit<'_>| usize::from(matches!(hit.effect, Effect::Fatal | Effect::NotExecuted));
        let most = says(&parent) + if parent.before("clone") { 0 } else { says(&child) };
        let least = if parent.before("wait4") { says(&parent) } else { most };
        let who = match parent.effect {
            Effect::NotExecuted => "newuts: /bin/true",
            _ => name,
        };
        let message = format!("{who}: {}\n", strerror(errno));
        let is_hint = |line: &&str| line.starts_with("newuts: hint: ");
        let hints = run.1.split_inclusive('\n').filter(is_hint).count();
        let others: String = run.1.split_inclusive('\n').filter(|line| !is_hint(line)).collect();
        let usual = self.parent.iter().filter_map(|call| written(call, 2)).collect::<String>();
        let usual = if parent.effect == Effect::Silent { "" } else { &usual };
        assert!(
            (least..=most).any(|times| message.repeat(times) + usual == others) && hints <= most,
            "{message:?} {usual:?} {:?}",
            run.1
        );

        let status = match (parent.effect, child.effect) {
            (Effect::Signal(signal), _) if name == "exit_group" => 128 + signal,
            (Effect::Fatal | Effect::Silent, _) => self.form.failed,
            (Effect::NotExecuted, _) if errno == "ENOENT" => 127,
            (Effect::NotExecuted, _) => 126,
            (_, Effect::Signal(signal)) | (Effect::Signal(signal), _) => 128 + signal,
            (_, Effect::Fatal | Effect::Silent | Effect::NotExecuted) => 1,
            (Effect::None, Effect::None) => self.form.done,
        };
        assert_eq!(run.2, status);
    }

    /// Standard output and error, the status, and strace's log.
    fn run(&self, fault: &Fault<'_>, hold: &str) -> ((String, String, i32), String) {
        let Fault { name, nth, errno, follow } = fault;
        let log = apart::file();
        let (trace, fault) =
            (format!("--trace={name}"), format!("--inject={name}:error={errno}:when={nth}"));
        let mut command = strace(log.path(), &[&trace, &fault]);
        if *follow {
            command.arg("-f");
        }
        let run = strace::without_its_own(command.arg(NEWUTS).args(self.form.words(hold)).run());
        let log = fs::read_to_string(log.path()).unwrap();
        ((run.stdout, run.stderr, run.status), log)
    }
}

/// Whether the program goes on after this: a script is run by a shell (tests/scripts.rs), and a
/// kernel without the file needs none (tests/user.rs).
fn is_no_error(call: &str, errno: &str) -> bool {
    let is_setgroups = call.contains("\"/proc/self/setgroups\"");
    matches!((name(call), errno), ("execve", "ENOEXEC"))
        || is_setgroups && (name(call), errno) == ("openat", "ENOENT")
        // That is tried once more.
        || call.contains("\"/proc/self/uid_map\"") && (name(call), errno) == ("openat", "EACCES")
}

/// The text of an errno, from the C library.
fn strerror(errno: &str) -> String {
    let mut errnos = (1..134).map(syscalls::Errno::new);
    let number = errnos.find(|known| known.name() == Some(errno)).unwrap();
    let text = io::Error::from_raw_os_error(number.into_raw()).to_string();
    text.split(" (os error ").next().unwrap().to_owned()
}

/// Goes through all faults of all forms, and says how many there were.
fn all_faults(forms: Vec<Form>) {
    let subjects: Vec<_> = forms.into_iter().map(Subject::new).collect();
    let cases: Vec<_> = subjects
        .iter()
        .flat_map(|subject| subject.faults().into_iter().map(move |fault| (subject, fault)))
        .collect();
    for subject in &subjects {
        let (calls, faults) = (subject.parent.len(), subject.faults().len());
        assert!(calls >= 3 && faults >= calls, "{calls} calls, {faults} faults");
    }
    each_of(
        &cases,
        |(subject, fault)| subject.fails(fault),
        |(subject, fault)| {
            let Fault { name, nth, errno, follow } = fault;
            format!("{:?}: {name} {nth}: {errno} ({follow})", subject.form.args)
        },
    );
}

/// Does this for each case, side by side; names those that failed, and says how many there were.
fn each_of<C: Sync>(cases: &[C], test: impl Fn(&C) + Sync, name: impl Fn(&C) -> String + Sync) {
    let next = AtomicUsize::new(0);
    let work = || {
        let mut failures = String::new();
        while let Some(case) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
            if catch_unwind(AssertUnwindSafe(|| test(case))).is_err() {
                writeln!(failures, "{}", name(case)).unwrap();
            }
        }
        failures
    };
    let failures: String = thread::scope(|scope| {
        let workers: Vec<_> = (0..WORKERS).map(|_| apart::beside(scope, work)).collect();
        workers.into_iter().map(|worker| worker.join().unwrap()).collect()
    });
    let test = thread::current().name().unwrap_or_default().to_owned();
    let _ = io::stderr().write_all(format!("CASES: {test}: {}\n", cases.len()).as_bytes());
    assert_eq!(failures, "");
}

#[test]
fn every_fault_of_the_demonstration() {
    needs!(strace::here(), require::namespaces());
    all_faults(vec![
        Form::new(&["--delay=0.02", "--hold=HOLD", "bizarro"], 0, 1),
        Form::new(
            &["-r", "--domainname=d", "--kill-child", "--delay=0.02", "--hold=HOLD", "bizarro"],
            0,
            1,
        ),
    ]);
}

#[test]
fn every_fault_of_a_command() {
    needs!(strace::here(), require::namespaces());
    all_faults(vec![
        Form::new(&["box", "/bin/true"], 0, 125),
        Form::new(&["-r", "--domainname=d", "box", "/bin/true"], 0, 125),
    ]);
}

#[test]
fn every_fault_of_joining() {
    needs!(strace::here(), require::namespaces());
    // In a user namespace of its own, so that --user has one to join.
    let target = newuts(["-U", "--hold=3000", "target"]).start();
    let pid = target.cloned();
    let (pid, path) = (format!("--join={pid}"), format!("--join=/proc/{pid}/ns/uts"));
    all_faults(vec![
        Form::new(&[&pid], 0, 125),
        Form::new(&[&path], 0, 125),
        Form::new(&[&pid, "/bin/true"], 0, 125),
        Form::new(&["--user", &pid], 0, 125),
        Form::new(&["--user", &path], 0, 125),
    ]);
    end(target);
}

/// Ends a demonstration that serves as a target.
fn end(target: Running) {
    let child = target.cloned();
    crate::support::run::kill(child, rustix::process::Signal::KILL).unwrap();
    assert_eq!(target.finish().status, 137);
}

/// A command below a parent of its own, which is the program: it ends with 7.
const COMMAND: [&str; 3] = ["/bin/sh", "-c", "echo ran; exit 7"];

/// A form with `--fork` or `--persist`. Here the rule is a weaker one, for parent and command run
/// side by side: either nothing was, or it is said, and the status says so, too. Never is there
/// another status, nor is anybody or anything left behind.
struct Forked<'a> {
    /// The words; `FILE` is a path where nothing is.
    words: Vec<&'a str>,
    /// The status of a run in which all goes well, and of one in which a call fails.
    done: i32,
    failed: i32,
    /// The calls of the parent and of the child, where there is one.
    calls: [Vec<String>; 2],
}

impl<'a> Forked<'a> {
    fn new(options: &[&'a str], words: &[&'a str], done: i32, failed: i32) -> Self {
        let words = [options, words].concat();
        let place = tempfile::tempdir().unwrap();
        let file = place.path().join("file");
        let concrete: Vec<_> =
            words.iter().map(|word| word.replace("FILE", file.to_str().unwrap())).collect();
        let concrete: Vec<_> = concrete.iter().map(String::as_str).collect();
        let (run, log) = Strace::mounting(Self::detached(&words), &concrete).run();
        assert_eq!(run.status, done, "{words:?}: {run:?}");
        let calls = |calls: &[String]| {
            let end = calls.iter().position(|call| call.starts_with("execve("));
            calls[..end.map_or(calls.len(), |end| end + 1)].to_vec()
        };
        let child = if log.processes() > 1 { calls(&log.child().calls) } else { Vec::new() };
        Self { calls: [calls(&log.parent().calls), child], words, done, failed }
    }

    /// With a parent above it strace lets the command alone: it shall not be hit.
    fn detached(words: &[&str]) -> &'static [&'static str] {
        if words.contains(&"--fork") { &["-b", "execve"] } else { &[] }
    }

    /// Every fault that can happen to it.
    fn faults(&self) -> Vec<Fault<'_>> {
        let [parent, child] = &self.calls;
        let mut faults: Vec<Fault<'_>> = Vec::new();
        for (calls, follow) in [(parent, false), (parent, true), (child, true)] {
            for (index, call) in calls.iter().enumerate() {
                let name = name(call);
                let nth = calls[..=index].iter().filter(|call| self::name(call) == name).count();
                let place = (name, nth, follow);
                // A close(2) that fails has closed: only one that is left out has not.
                if faults.iter().any(|known| (known.name, known.nth, known.follow) == place)
                    || name == "close"
                {
                    continue;
                }
                let listed = LISTED.iter().find(|(known, _)| *known == name);
                let errnos = listed.map_or("", |(_, errnos)| errnos).split(' ');
                for errno in errnos.chain(ANY.split(' ')).filter(|errno| !errno.is_empty()) {
                    // A file that is there is taken as it is; an old kernel has no setgroups file.
                    let is_answer = matches!(errno, "EEXIST" | "EISDIR" | "ENOENT");
                    if name == "openat" && is_answer {
                        continue;
                    }
                    faults.push(Fault { name, nth, errno, follow });
                }
            }
        }
        faults
    }

    /// Whether the run cannot come to a good end without this call.
    fn is_needed(name: &str, errno: &str) -> bool {
        match name {
            "write" | "read" => !matches!(errno, "EINTR" | "EAGAIN"),
            "clone" | "mknodat" | "mount" | "pipe2" | "prctl" | "rt_sigaction"
            | "rt_sigpending" | "rt_sigprocmask" | "setdomainname" | "sethostname" | "unshare" => {
                true
            }
            _ => false,
        }
    }

    /// Makes it happen, and asserts the rule.
    fn fails(&self, fault: &Fault<'_>) {
        let Fault { name, nth, errno, follow } = *fault;
        let log = apart::file();
        let place = tempfile::tempdir().unwrap();
        let file = place.path().join("file");
        // What is left is looked for where it was mounted.
        let script = "\"$@\"; status=$?; [ -e $0 ] && echo left; exit $status";
        let mut command = command("unshare");
        command.args(["--uts", "--mount", "sh", "-c", script]).arg(&file);
        command.arg("strace").args(Self::detached(&self.words)).arg("-o").arg(log.path());
        command.args(["-e", &format!("trace={name}")]);
        command.arg(format!("--inject={name}:error={errno}:when={nth}"));
        if follow {
            command.arg("-f");
        }
        command.arg(NEWUTS);
        command.args(self.words.iter().map(|word| word.replace("FILE", file.to_str().unwrap())));
        let run = strace::without_its_own(command.run());
        let log = fs::read_to_string(log.path()).unwrap();
        // A command may end before its parent waits, or waits for the second time.
        let hit = log.contains("(INJECTED)");
        assert!(hit || matches!(name, "rt_sigtimedwait" | "wait4"), "{log}");

        let (stdout, left) = match run.stdout.strip_suffix("left\n") {
            Some(stdout) => (stdout, true),
            None => (run.stdout.as_str(), false),
        };
        let persists = self.words.contains(&"FILE");
        let is_hint = |line: &&str| line.starts_with("newuts: hint: ");
        let said: Vec<_> = run.stderr.lines().filter(|line| !is_hint(line)).collect();
        let found = format!("{run:?}\n{log}");
        if run.status == self.done {
            assert!(said.is_empty() && left == persists, "{found}");
            assert!(!hit || !Self::is_needed(name, errno), "{found}");
            if self.done == 7 {
                assert_eq!(stdout, "ran\n", "{found}");
            }
            return;
        }
        let text = strerror(errno);
        match name {
            "execve" => {
                let status = if errno == "ENOENT" { 127 } else { 126 };
                assert_eq!(run.status, status, "{found}");
                assert_eq!(said, [format!("newuts: /bin/sh: {text}")], "{found}");
            }
            "exit" | "exit_group" => assert_eq!(run.status, 128 + libc::SIGILL, "{found}"),
            // It takes its parent for dead.
            "getppid" => assert_eq!(run.status, 128 + libc::SIGKILL, "{found}"),
            // It cannot fail, so it says nothing: but whoever is given what it gave does.
            "getpid" => assert!(run.status == self.failed && said.len() == 1, "{found}"),
            _ => {
                assert_eq!(run.status, self.failed, "{found}");
                let message = format!("{name}: {text}");
                // Where the fault follows, parent and child may both say so.
                assert!(!said.is_empty() && said.iter().all(|line| *line == message), "{found}");
            }
        }
        // A trap is the end of one who had done all; a wait comes when the command runs already,
        // with all that was asked for.
        let late = match name {
            "exit" | "exit_group" => true,
            "rt_sigtimedwait" | "wait4" => self.done == 7,
            _ => false,
        };
        assert!(late || !left, "{found}");
    }
}

/// Goes through all faults of these forms.
fn all_faults_of_forks(forms: &[Forked<'_>]) {
    let faults = |form| Forked::faults(form).into_iter().map(move |fault| (form, fault));
    let cases: Vec<_> = forms.iter().flat_map(faults).collect();
    each_of(
        &cases,
        |(form, fault)| form.fails(fault),
        |(form, fault)| {
            let Fault { name, nth, errno, follow } = fault;
            format!("{:?}: {name} {nth}: {errno} ({follow})", form.words)
        },
    );
}

#[test]
fn every_fault_of_a_fork() {
    needs!(strace::here(), require::namespaces());
    let own = format!("--join={}", std::process::id());
    all_faults_of_forks(&[
        Forked::new(&["--fork", "box"], &COMMAND, 7, 125),
        Forked::new(&["--fork", &own], &COMMAND, 7, 125),
        Forked::new(&["--fork", "-r", "--kill-child", "--domainname=d", "box"], &COMMAND, 7, 125),
    ]);
}

#[test]
fn every_fault_of_persisting() {
    needs!(strace::here(), require::namespaces());
    all_faults_of_forks(&[
        Forked::new(&["--persist", "FILE", "box"], &COMMAND, 7, 125),
        Forked::new(&["--fork", "--persist", "FILE", "box"], &COMMAND, 7, 125),
        Forked::new(&["-U", "--fork", "--persist", "FILE", "box"], &COMMAND, 7, 125),
        Forked::new(&["--persist", "FILE", "--delay=0.02", "--hold=0.05"], &["bizarro"], 0, 1),
        Forked::new(&["-r", "--persist", "FILE", "--delay=0.02", "--hold=0.1"], &["bizarro"], 0, 1),
    ]);
}

/// strace counts the calls of each process: so the child's own call of a name that its parent used
/// first is hit by its argument.
#[test]
fn a_mask_that_cannot_be_given_back_is_an_error() {
    needs!(require::namespaces());
    for how in [libc::SIG_SETMASK, libc::SIG_UNBLOCK] {
        let mut command = newuts(["--fork", "box", "/bin/true"]);
        let run = refusing_where(&mut command, libc::SYS_rt_sigprocmask, how).run();
        if how == libc::SIG_SETMASK {
            assert_eq!((run.status, run.stdout.as_str()), (125, ""));
            assert!(run.stderr.starts_with("rt_sigprocmask: Operation not permitted\n"), "{run:?}");
        } else {
            run.is(0, "", "");
        }
    }
}

#[test]
fn every_fault_of_what_is_only_said() {
    needs!(strace::here());
    all_faults(vec![
        Form::new(&["--help"], 0, 1),
        Form::new(&["--version"], 0, 1),
        Form::new(&[], 0, 1),
        Form::new(&["--bogus"], 2, 2),
    ]);
}

#[test]
fn writes_of_one_byte_lose_nothing() {
    needs!(strace::here());
    let pid = Regex::new("returned [0-9]+").unwrap();
    for args in [
        &["-r", "--domainname=d", "--delay=0.02", "--hold=0.05", "bizarro"][..],
        &["--help"],
        &[],
        &["--bogus"],
    ] {
        let (_, whole) = Strace::new(&[], args).run();
        let (_, bytes) = inject(&["write:retval=1"], args);
        // What the kernel was given, byte by byte, and in one piece.
        let first = |call: &str| {
            let text = call.split_once(", \"").unwrap().1.rsplit_once("\", ").unwrap().0;
            text[..if text.starts_with('\\') { 2 } else { 1 }].to_owned()
        };
        for index in 0..whole.processes() {
            let process = |log: &strace::Log| {
                let process = if index == 0 { log.parent() } else { log.child() };
                process.named("write").iter().map(|call| (*call).to_owned()).collect::<Vec<_>>()
            };
            let in_bytes: String = process(&bytes).iter().map(|call| first(call)).collect();
            let in_one = |call: &String| {
                call.split_once(", \"").unwrap().1.rsplit_once("\", ").unwrap().0.to_owned()
            };
            let in_one: String = process(&whole).iter().map(in_one).collect();
            assert!(!in_one.is_empty(), "{args:?}");
            assert_eq!(pid.replace(&in_bytes, ""), pid.replace(&in_one, ""), "{args:?}");
        }
    }
}

#[test]
fn a_hint_that_cannot_be_found_is_left_out() {
    needs!(strace::here());
    // The calls that look for a cause do not matter: the error was said before.
    for (fault, cause) in [
        ("clone:error=EPERM", "capget"),
        ("clone:error=EPERM", "prctl"),
        ("clone:error=ENOSPC:when=1", "unshare"),
        ("clone:error=EINVAL", "openat"),
    ] {
        for errno in ["EINTR", "EIO", "ENOSYS", "EPERM", "EINVAL", "EFAULT", "ENOMEM"] {
            let (run, log) = inject(&[fault, &format!("{cause}:error={errno}")], &["bizarro"]);
            let text = strerror(fault.split([':', '=']).nth(2).unwrap());
            run.is(1, "", &format!("clone: {text}\n"));
            assert!(!log.parent().named(cause).is_empty(), "{cause}");
        }
    }
}

#[test]
fn a_child_that_cannot_be_killed_is_waited_for() {
    needs!(strace::here());
    for errno in ["EPERM", "EIO", "ENOSYS", "EINTR"] {
        let faults = ["write:error=EIO:when=2", &format!("kill:error={errno}")];
        let (run, log) = inject(&faults, &["--delay=0.02", "--hold=0.3", "bizarro"]);
        assert_eq!((run.status, run.stderr.as_str()), (1, "write: Input/output error\n"));
        assert_eq!(log.child().events, ["+++ exited with 0 +++"]);
    }
}
