// SPDX-License-Identifier: MIT OR Apache-2.0
//! Running a program under watch: what it said, how it ended, that nothing stays behind and that
//! the machine keeps its name.

use std::ffi::OsStr;
use std::fmt::Display;
use std::fs::{self, File};
use std::io::{self, PipeWriter, Read, Write as _};
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Resource, Rlimit, Signal, getrlimit, kill_process, setrlimit};
use syscalls::Sysno;
use tempfile::TempDir;

use super::apart::{self, apart};
use super::strace::assert_lies_stay_inside;

/// The program under test.
pub const NEWUTS: &str = env!("CARGO_BIN_EXE_newuts");

/// How long a run may take where the test does not say otherwise. It is there to end what hangs,
/// and never what is slow: a busy machine has time enough. But a child that is left asleep, for
/// 300 seconds and more, does not end within it.
pub const LIMIT: Duration = Duration::from_secs(200);

/// How long the processes of a run may outlive the program: a killed one needs a moment.
const GRACE: Duration = Duration::from_secs(60);

/// How often is looked whether something happened.
const INTERVAL: Duration = Duration::from_millis(5);

/// A command with nothing to read, whose output is collected unless the test gives it a file. It
/// ignores no signal, although who runs the tests may: a shell, in the background, does.
pub fn command(program: impl AsRef<OsStr>) -> Command {
    let heed_all = || {
        for signal in 1..=libc::SIGRTMAX() {
            // SAFETY: no handler is installed that could be run.
            unsafe { libc::signal(signal, libc::SIG_DFL) };
        }
        Ok(())
    };
    let mut command = Command::new(program);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    // SAFETY: signal is allowed between fork and execve (signal-safety(7)).
    unsafe { command.pre_exec(heed_all) };
    command
}

/// A command that runs `newuts`.
pub fn newuts<S: AsRef<OsStr>>(args: impl IntoIterator<Item = S>) -> Command {
    let mut command = command(NEWUTS);
    command.args(args);
    command
}

/// A command that runs its arguments as a user without any privilege.
pub fn unprivileged() -> Command {
    let mut command = command("setpriv");
    command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]);
    command
}

/// A copy of the program where every user can reach it.
pub struct Copied {
    /// The folder, removed with this.
    _folder: TempDir,
    /// The copy.
    pub path: PathBuf,
}

impl Copied {
    pub fn new() -> Self {
        let folder = apart::folder_for_all();
        let path = folder.path().join("newuts");
        let _lock = no_fork();
        fs::copy(NEWUTS, &path).unwrap();
        Self { _folder: folder, path }
    }
}

/// While this is held, no other test starts a process, which would inherit every descriptor for
/// the moment before its execve: a pipe's end that should be closed, a program being written.
pub fn no_fork() -> MutexGuard<'static, ()> {
    static LOCK: Mutex<()> = Mutex::new(());
    LOCK.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The writing end of a pipe that nobody reads.
pub fn broken_pipe() -> PipeWriter {
    let _lock = no_fork();
    io::pipe().unwrap().1
}

/// `/dev/full`, the file on a disk that is always full.
pub fn full_disk() -> File {
    File::options().write(true).open("/dev/full").unwrap()
}

/// The machine's host name.
pub fn host_name() -> &'static str {
    static NAME: LazyLock<String> =
        LazyLock::new(|| rustix::system::uname().nodename().to_str().unwrap().to_owned());
    &NAME
}

/// Waits until `look` gives something.
#[track_caller]
pub fn eventually<T>(
    what: impl Display,
    limit: Duration,
    mut look: impl FnMut() -> Option<T>,
) -> T {
    let start = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(start.elapsed() < limit, "not within {limit:?}: {what}");
        thread::sleep(INTERVAL);
    }
}

/// Makes an attempt with ever more time, in seconds, until the machine was quick enough for what is
/// to be seen: one that was not gives nothing. So a test that needs two things to happen at once
/// says so, and takes no longer than it must.
#[track_caller]
pub fn in_time<T>(mut attempt: impl FnMut(u32) -> Option<T>) -> T {
    for seconds in [1, 4, 16, 64] {
        if let Some(seen) = attempt(seconds) {
            return seen;
        }
    }
    panic!("not within 64 seconds")
}

/// Whether a process is in a call, as /proc says it.
pub fn is_in(pid: i32, call: Sysno) -> bool {
    let current = fs::read_to_string(format!("/proc/{pid}/syscall")).unwrap_or_default();
    current.starts_with(&format!("{} ", call.id()))
}

/// Waits until a process is in a call.
#[track_caller]
pub fn until_in(pid: i32, call: Sysno) {
    eventually(call.name(), LIMIT, || is_in(pid, call).then_some(()));
}

/// The state of a process, as /proc says it: `T` is stopped, `Z` a zombie. Nothing if it is gone.
pub fn state(pid: i32) -> Option<char> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // Behind its name, which may hold anything.
    stat.rsplit_once(") ")?.1.chars().next()
}

/// What a [`Command`] can do here besides.
pub trait Watched {
    /// Starts it.
    fn start(&mut self) -> Running;
    /// Starts it with `fd` closed.
    fn closed(&mut self, fd: libc::c_int) -> &mut Self;
    /// Starts it with a resource limit.
    fn limited(&mut self, resource: Resource, value: u64) -> &mut Self;
    /// Starts it with a signal ignored.
    fn ignoring(&mut self, signal: libc::c_int) -> &mut Self;
    /// Starts it with these signals blocked.
    fn blocking(&mut self, signals: &[libc::c_int]) -> &mut Self;

    /// Runs it to its end.
    #[track_caller]
    fn run(&mut self) -> Outcome {
        self.start().finish()
    }
}

impl Watched for Command {
    fn start(&mut self) -> Running {
        static RUNS: AtomicU32 = AtomicU32::new(0);
        // Not by process id: that of a suite in a PID namespace may be the same.
        static SUITE: LazyLock<String> =
            LazyLock::new(|| fs::read_to_string("/proc/sys/kernel/random/uuid").unwrap());
        host_name();
        apart();
        assert_lies_stay_inside(self);
        // Some die of signals that leave a core file. A test that wants one may raise this again.
        let soft = || {
            let Rlimit { maximum, .. } = getrlimit(Resource::Core);
            Ok(setrlimit(Resource::Core, Rlimit { current: Some(0), maximum })?)
        };
        // SAFETY: two system calls and no more.
        unsafe { self.pre_exec(soft) };
        let (suite, number) = (SUITE.trim_end(), RUNS.fetch_add(1, Ordering::Relaxed));
        // With the test's name, so that what is left of it can be called by that.
        let run = format!("{}-{suite}-{number}", apart::test());
        let mark = format!("NEWUTS_TEST_RUN={run}").into_bytes();
        self.env("NEWUTS_TEST_RUN", run);
        let lock = no_fork();
        let mut child = self.spawn().unwrap();
        drop(lock);
        let stdout = Collected::from(child.stdout.take());
        let stderr = Collected::from(child.stderr.take());
        Running { child, mark, stdout, stderr }
    }

    fn closed(&mut self, fd: libc::c_int) -> &mut Self {
        let close = move || {
            // SAFETY: the process is about to become the program, which shall not have it.
            unsafe { libc::close(fd) };
            Ok(())
        };
        // SAFETY: close is allowed between fork and execve (signal-safety(7)).
        unsafe { self.pre_exec(close) }
    }

    fn limited(&mut self, resource: Resource, value: u64) -> &mut Self {
        let limit = Rlimit { current: Some(value), maximum: Some(value) };
        // SAFETY: setrlimit is one system call and no more.
        unsafe { self.pre_exec(move || Ok(setrlimit(resource, limit)?)) }
    }

    fn ignoring(&mut self, signal: libc::c_int) -> &mut Self {
        let ignore = move || {
            // SAFETY: no handler is installed that could be run.
            unsafe { libc::signal(signal, libc::SIG_IGN) };
            Ok(())
        };
        // SAFETY: signal is allowed between fork and execve (signal-safety(7)).
        unsafe { self.pre_exec(ignore) }
    }

    fn blocking(&mut self, signals: &[libc::c_int]) -> &mut Self {
        // SAFETY: a set of signals is plain memory.
        let mut set = unsafe { std::mem::zeroed() };
        for signal in signals {
            // SAFETY: `set` is a set, and the signal exists.
            unsafe { libc::sigaddset(&raw mut set, *signal) };
        }
        let block = move || {
            // SAFETY: it reads one set, and writes none.
            unsafe { libc::sigprocmask(libc::SIG_BLOCK, &raw const set, std::ptr::null_mut()) };
            Ok(())
        };
        // SAFETY: sigprocmask is allowed between fork and execve (signal-safety(7)).
        unsafe { self.pre_exec(block) }
    }
}

/// A run that came to its end.
#[derive(Debug)]
pub struct Outcome {
    pub stdout: String,
    pub stderr: String,
    /// As a shell says it: 128+S after death by signal S.
    pub status: i32,
}

impl Outcome {
    /// Asserts all of it.
    #[track_caller]
    pub fn is(&self, status: i32, stdout: &str, stderr: &str) {
        let found = (self.status, self.stdout.as_str(), self.stderr.as_str());
        assert_eq!(found, (status, stdout, stderr));
    }

    /// Asserts a demonstration with this status, and these words on standard error; `shown` is
    /// the child's name as it is shown.
    #[track_caller]
    pub fn demonstrates(&self, shown: &str, status: i32, stderr: &str) {
        let (_, transcript) = transcript(&self.stdout);
        assert_eq!((self.status, self.stderr.as_str()), (status, stderr));
        assert_eq!(transcript, four_lines(shown));
    }
}

/// What the demonstration prints, with `PID` for the child's process id.
pub fn four_lines(shown: &str) -> String {
    format!("clone() returned PID\nuts.nodename in child: {shown}\n{}", parents_lines())
}

/// The last two of the [`four_lines`].
pub fn parents_lines() -> String {
    let host_name = host_name();
    format!("uts.nodename in parent: {host_name}\nchild has terminated\n")
}

/// The child's process id, and what was printed: with `PID` in its place, and the child's line,
/// which may come before or after either of the parent's first two, where the manual page has it.
#[track_caller]
pub fn transcript(stdout: &str) -> (i32, String) {
    const CHILD: &str = "uts.nodename in child: ";
    const CLONE: &str = "clone() returned ";
    let mut lines: Vec<_> = stdout.split_inclusive('\n').collect();
    if let Some(place) = lines.iter().take(3).position(|line| line.starts_with(CHILD)) {
        let line = lines.remove(place);
        lines.insert(lines.len().min(1), line);
    }
    let pid = lines.first().and_then(|line| line.strip_prefix(CLONE)).expect(stdout).trim_end();
    (pid.parse().expect(stdout), lines.concat().replacen(pid, "PID", 1))
}

/// A program that runs. However the test ends, none of its processes stays behind.
pub struct Running {
    child: Child,
    /// What the environment of each of its processes holds.
    mark: Vec<u8>,
    stdout: Collected,
    stderr: Collected,
}

impl Running {
    /// The program's process id.
    pub fn pid(&self) -> i32 {
        self.child.id().try_into().unwrap()
    }

    /// Standard output so far.
    pub fn stdout(&self) -> String {
        self.stdout.text()
    }

    /// Waits until standard output contains `text`.
    #[track_caller]
    pub fn until(&self, text: &str) {
        eventually(text, LIMIT, || self.stdout().contains(text).then_some(()));
    }

    /// The demonstration's child, once both have spoken and it sleeps.
    #[track_caller]
    pub fn cloned(&self) -> i32 {
        self.until("clone() returned ");
        self.until("uts.nodename in child: ");
        eventually("whole lines", LIMIT, || self.stdout().ends_with('\n').then_some(()));
        transcript(&self.stdout()).0
    }

    /// Whether the program has ended.
    pub fn ended(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }

    /// Waits for the program's end; other processes of the run may live on.
    #[track_caller]
    pub fn wait(&mut self, limit: Duration) -> ExitStatus {
        eventually("the program's end", limit, || self.child.try_wait().unwrap())
    }

    /// The processes of the run that live.
    pub fn living(&self) -> Vec<i32> {
        let processes = fs::read_dir("/proc").unwrap().filter_map(Result::ok);
        let marked = processes.filter(|process| is_marked(&process.path(), &self.mark));
        marked.filter_map(|process| process.file_name().to_str()?.parse().ok()).collect()
    }

    /// Waits for the end, and asserts that it is the end of all.
    #[track_caller]
    pub fn finish(self) -> Outcome {
        self.finish_within(LIMIT)
    }

    /// [`Running::finish`] for a run that may take longer.
    #[track_caller]
    pub fn finish_within(mut self, limit: Duration) -> Outcome {
        let status = self.wait(limit);
        eventually("no process left", GRACE, || self.living().is_empty().then_some(()));
        apart::assert_kept();
        Outcome {
            stdout: self.stdout.whole(),
            stderr: self.stderr.whole(),
            status: status.code().or(status.signal().map(|signal| 128 + signal)).unwrap(),
        }
    }
}

/// Whether a process, by its folder in /proc, has `mark` in its environment. One that has ended,
/// or belongs to somebody else, has none.
fn is_marked(process: &Path, mark: &[u8]) -> bool {
    let environment = fs::read(process.join("environ")).unwrap_or_default();
    environment.split(|byte| *byte == 0).any(|variable| variable == mark)
}

impl Drop for Running {
    fn drop(&mut self) {
        let start = Instant::now();
        loop {
            let living = self.living();
            if living.is_empty() || start.elapsed() > GRACE {
                break;
            }
            for pid in living {
                let _ = kill(pid, Signal::KILL);
            }
            thread::sleep(INTERVAL);
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Sends a signal to one process.
pub fn kill(pid: i32, signal: Signal) -> io::Result<()> {
    Ok(kill_process(Pid::from_raw(pid).unwrap(), signal)?)
}

/// What comes out of a pipe, read as it comes.
struct Collected {
    bytes: Arc<Mutex<Vec<u8>>>,
    reader: Option<JoinHandle<()>>,
}

impl<R: Read + Send + 'static> From<Option<R>> for Collected {
    fn from(pipe: Option<R>) -> Self {
        let bytes = Arc::new(Mutex::new(Vec::new()));
        let reader = pipe.map(|mut pipe| {
            let bytes = Arc::clone(&bytes);
            thread::spawn(move || {
                let mut buffer = [0; 4096];
                while let Ok(count @ 1..) = pipe.read(&mut buffer) {
                    bytes.lock().unwrap().write_all(&buffer[..count]).unwrap();
                }
            })
        });
        Self { bytes, reader }
    }
}

impl Collected {
    /// What came so far. All that the program prints is to be ASCII.
    fn text(&self) -> String {
        String::from_utf8(self.bytes.lock().unwrap().clone()).unwrap()
    }

    /// All of it, up to the pipe's end.
    fn whole(&mut self) -> String {
        if let Some(reader) = self.reader.take() {
            reader.join().unwrap();
        }
        self.text()
    }
}
