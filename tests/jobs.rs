// SPDX-License-Identifier: MIT OR Apache-2.0
//! `--fork` on a real terminal and under a shell's job control: the command gets each key once,
//! and where it stops its parent stops with it, so that the shell knows. Side by side with
//! unshare(1) and tini(1), where they do the same.

use std::fs;
use std::os::unix::process::CommandExt as _;
use std::process::Command;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use syscalls::Sysno;
use tempfile::TempDir;

use crate::support::apart;
use crate::support::parents::{Parent, side_by_side};
use crate::support::require::{self, needs};
use crate::support::run::{
    LIMIT, NEWUTS, Running, Watched as _, command, eventually, in_time, is_in, kill, newuts, state,
    until_in,
};
use crate::support::strace;
use crate::support::terminal::Terminal;
use crate::support::witness::{self, Heard, Witness, send};

side_by_side! {
    each_key_arrives_once: Forked Joined Tini;
    ctrl_c_arrives_once: Forked Joined Unshare Tini;
    ctrl_c_ends_a_command_and_its_parent: Forked Joined Unshare Tini;
    a_session_that_ends_hangs_up_once: Forked Joined Unshare;
    a_group_stops_and_goes_on: Forked Joined Unshare;
    a_command_that_stops_takes_its_parent_with_it: Forked Joined;
    a_stop_passed_on_is_a_stop_of_both: Forked Joined;
    one_who_is_told_to_go_on_tells_the_other: Forked Joined;
    a_pair_that_is_stopped_one_by_one_goes_on: Forked Joined;
    a_parent_that_is_stopped_alone_goes_on_alone: Forked Joined Unshare Tini;
    a_command_that_goes_on_by_itself_is_waited_for: Forked Joined Unshare Tini;
    stops_in_any_order_lose_nothing: Forked Joined;
    ctrl_z_and_fg_in_every_shell: Forked Joined Unshare;
    ctrl_z_and_bg_in_every_shell: Forked Joined Unshare;
    a_background_job_that_reads_stops: Forked Joined Unshare;
    a_background_job_that_writes_may_stop: Forked Joined Unshare;
    a_background_job_does_not_get_the_keys: Forked Joined Unshare;
    a_status_reaches_the_shell_after_a_stop: Forked Joined Unshare;
}

/// A witness below this parent, which is the leader of a session with a terminal.
fn on(terminal: &Terminal, parent: Parent) -> Witness {
    Witness::start(terminal.control(&mut parent.of([witness::program()])))
}

/// The keys that the terminal turns into signals.
const KEYS: [(&str, i32); 3] =
    [("\x03", libc::SIGINT), ("\x1c", libc::SIGQUIT), ("\x1a", libc::SIGTSTP)];

/// As the terminal sends it.
fn from_terminal(signal: i32) -> Heard {
    Heard::new(signal, libc::SI_KERNEL)
}

/// As it is passed on.
fn from_a_process(signal: i32) -> Heard {
    Heard::new(signal, libc::SI_USER)
}

fn each_key_arrives_once(parent: Parent) {
    needs!(witness::here());
    let terminal = Terminal::new();
    let witness = on(&terminal, parent);
    let mut expected = Vec::new();
    for (key, signal) in KEYS {
        terminal.enter(key);
        expected.push(from_terminal(signal));
        witness.hear(expected.len());
    }
    terminal.resize();
    expected.push(from_terminal(libc::SIGWINCH));
    witness.hear(expected.len());
    assert_eq!(witness.hear_all(witness.running.pid()), expected);
    assert_eq!(witness.end().status, 128 + libc::SIGKILL);
}

fn ctrl_c_arrives_once(parent: Parent) {
    needs!(witness::here());
    let terminal = Terminal::new();
    let witness = on(&terminal, parent);
    let mut expected = Vec::new();
    for _ in 0..50 {
        terminal.enter("\x03");
        expected.push(from_terminal(libc::SIGINT));
        assert_eq!(witness.hear(expected.len()), expected);
    }
    // unshare(1) passes nothing on: so its command is asked itself.
    let last = if parent == Parent::Unshare { witness.pid } else { witness.running.pid() };
    assert_eq!(witness.hear_all(last), expected);
    witness.end();
}

fn ctrl_c_ends_a_command_and_its_parent(parent: Parent) {
    for (key, signal) in &KEYS[..2] {
        let terminal = Terminal::new();
        let mut command = parent.of(["sh", "-c", "echo ready; exec sleep 300"]);
        let running = terminal.control(&mut command).start();
        running.until("ready\n");
        terminal.enter(key);
        running.finish().is(128 + signal, "ready\n", "");
    }
}

/// In a session of its own the command is no part of the group that the keys reach: then they are
/// passed on, as a signal to the parent alone would be.
#[test]
fn a_command_that_left_the_terminal_gets_the_keys_from_its_parent() {
    needs!(require::root(), witness::here(), require::tool("setsid"));
    for parent in [Parent::Forked, Parent::Joined] {
        let terminal = Terminal::new();
        let mut command = parent.of(["setsid".as_ref(), witness::program().as_os_str()]);
        let witness = Witness::start(terminal.control(&mut command));
        // There was no need for a further process.
        assert_eq!(witness.parent, witness.running.pid());
        let mut expected = Vec::new();
        for (key, signal) in KEYS {
            terminal.enter(key);
            expected.push(from_a_process(signal));
            assert_eq!(witness.hear(expected.len()), expected);
        }
        assert_eq!(witness.hear_all(witness.parent), expected);
        witness.end();
    }
}

/// The session's leader alone is told that the terminal is gone: here that is the parent.
#[test]
fn a_hangup_of_the_session_s_leader_is_passed_on() {
    needs!(require::root(), witness::here());
    for parent in [Parent::Forked, Parent::Joined] {
        let terminal = Terminal::new();
        let witness = on(&terminal, parent);
        terminal.hang_up();
        let expected = [libc::SIGHUP, libc::SIGCONT].map(from_a_process);
        assert_eq!(witness.hear(2), expected);
        assert_eq!(witness.hear_all(witness.running.pid()), expected);
        witness.end();
    }
}

/// When its leader ends, all of the foreground is told.
fn a_session_that_ends_hangs_up_once(parent: Parent) {
    needs!(witness::here());
    let terminal = Terminal::new();
    let words = parent.words().join(" ");
    let script = format!("{words} {}; exit 0", witness::program().display());
    let mut witness = Witness::start(terminal.control(command("sh").args(["-c", &script])));
    terminal.hang_up();
    // The leader dies of it.
    witness.running.wait(LIMIT);
    let expected = [libc::SIGHUP, libc::SIGCONT].map(from_terminal);
    assert_eq!(witness.hear(2), expected);
    if parent == Parent::Unshare {
        // It died of it, too, and left its command alone.
        assert_eq!(witness.hear_all(witness.pid), expected);
    } else {
        assert_eq!(witness.hear_all(witness.parent), expected);
    }
    assert_eq!(witness.end().status, 128 + libc::SIGHUP);
}

/// A parent and its command that lasts, as a group whose stops mean something: the test is in the
/// same session, and in another group.
struct Group {
    running: Running,
    child: i32,
}

impl Group {
    fn start(parent: Parent, script: &str) -> Self {
        Self::of(&mut parent.of([""; 0]), script)
    }

    /// With a command that runs its arguments below the parent.
    fn of(parent: &mut Command, script: &str) -> Self {
        let script = format!("echo $$; {script}");
        let running = parent.args(["sh", "-c", &script]).process_group(0).start();
        running.until("\n");
        let child = running.stdout().lines().next().unwrap().parse().unwrap();
        Self { running, child }
    }

    fn lasting(parent: Parent) -> Self {
        Self::start(parent, "exec sleep 300")
    }

    /// Sends a signal to both.
    fn to_both(&self, signal: Signal) {
        kill_process_group(Pid::from_raw(self.running.pid()).unwrap(), signal).unwrap();
    }

    /// Waits until parent and command are stopped, or not.
    #[track_caller]
    fn until_stopped(&self, parent: bool, command: bool) {
        let are = || [self.running.pid(), self.child].map(|pid| state(pid) == Some('T'));
        let what = format!("stopped: parent {parent}, command {command}");
        eventually(&what, LIMIT, || (are() == [parent, command]).then_some(()));
    }

    /// Ends the command, and asserts that its parent learns of it.
    #[track_caller]
    fn end(self) {
        kill(self.child, Signal::KILL).unwrap();
        let run = self.running.finish();
        // unshare(1) tries to kill itself in the same way, and stumbles.
        assert!([1, 128 + libc::SIGKILL].contains(&run.status), "{run:?}");
    }
}

const STOPS: [Signal; 4] = [Signal::TSTP, Signal::TTIN, Signal::TTOU, Signal::STOP];

fn a_group_stops_and_goes_on(parent: Parent) {
    let group = Group::lasting(parent);
    for stop in STOPS {
        group.to_both(stop);
        group.until_stopped(true, true);
        group.to_both(Signal::CONT);
        group.until_stopped(false, false);
    }
    group.end();
}

fn a_command_that_stops_takes_its_parent_with_it(parent: Parent) {
    let group = Group::lasting(parent);
    for stop in STOPS {
        kill(group.child, stop).unwrap();
        group.until_stopped(true, true);
        group.to_both(Signal::CONT);
        group.until_stopped(false, false);
    }
    group.end();
}

fn a_stop_passed_on_is_a_stop_of_both(parent: Parent) {
    let group = Group::lasting(parent);
    for stop in &STOPS[..3] {
        kill(group.running.pid(), *stop).unwrap();
        group.until_stopped(true, true);
        group.to_both(Signal::CONT);
        group.until_stopped(false, false);
    }
    group.end();
}

fn one_who_is_told_to_go_on_tells_the_other(parent: Parent) {
    let group = Group::lasting(parent);
    for stop in STOPS {
        kill(group.child, stop).unwrap();
        group.until_stopped(true, true);
        kill(group.running.pid(), Signal::CONT).unwrap();
        group.until_stopped(false, false);
    }
    group.end();
}

/// As who suspends a tree of processes, and resumes it from its root.
fn a_pair_that_is_stopped_one_by_one_goes_on(parent: Parent) {
    let group = Group::lasting(parent);
    for _ in 0..3 {
        kill(group.running.pid(), Signal::STOP).unwrap();
        group.until_stopped(true, false);
        kill(group.child, Signal::STOP).unwrap();
        group.until_stopped(true, true);
        kill(group.running.pid(), Signal::CONT).unwrap();
        group.until_stopped(false, false);
        kill(group.child, Signal::CONT).unwrap();
    }
    group.end();
}

/// SIGSTOP cannot be passed on: nobody is asked.
fn a_parent_that_is_stopped_alone_goes_on_alone(parent: Parent) {
    let group = Group::lasting(parent);
    kill(group.running.pid(), Signal::STOP).unwrap();
    group.until_stopped(true, false);
    kill(group.running.pid(), Signal::CONT).unwrap();
    group.until_stopped(false, false);
    group.end();
}

/// Without a shell that could tell both to go on, as in a service: who stops the command and lets
/// it go on does not think of its parent.
fn a_command_that_goes_on_by_itself_is_waited_for(parent: Parent) {
    let script = "echo $$; exec sleep 300";
    // A session of its own, in which nobody else is: its group is an orphan.
    let running = command("setsid").args(parent.words()).args(["sh", "-c", script]).start();
    running.until("\n");
    let child = running.stdout().trim_end().parse().unwrap();
    for stop in STOPS {
        kill(child, stop).unwrap();
        if stop == Signal::STOP {
            eventually("a stop", LIMIT, || (state(child) == Some('T')).then_some(()));
        }
        kill(child, Signal::CONT).unwrap();
        eventually("no stop", LIMIT, || (state(child) == Some('S')).then_some(()));
    }
    kill(child, Signal::TERM).unwrap();
    assert_eq!(running.finish().status, 128 + libc::SIGTERM);
}

/// However stops and their ends come, after the last end both go on.
fn stops_in_any_order_lose_nothing(parent: Parent) {
    let group = Group::lasting(parent);
    let mut random: u32 = 1;
    for _ in 0..300 {
        for _ in 0..6 {
            random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let signals = [STOPS[0], STOPS[1], STOPS[2], STOPS[3], Signal::CONT, Signal::CONT];
            let signal = signals[(random >> 16) as usize % signals.len()];
            match (random >> 8) % 3 {
                0 => group.to_both(signal),
                1 => kill(group.child, signal).unwrap(),
                _ => kill(group.running.pid(), signal).unwrap(),
            }
        }
        // Who stopped the group lets it go on when it sees that it has stopped: so does a shell.
        eventually("both go on", LIMIT, || {
            group.to_both(Signal::CONT);
            std::thread::sleep(Duration::from_millis(2));
            let both = [group.running.pid(), group.child];
            both.iter().all(|pid| state(*pid) == Some('S')).then_some(())
        });
    }
    group.end();
}

/// Waits until all are stopped, or none is.
#[track_caller]
fn until_stopped(pids: [i32; 2], stopped: bool) {
    let what = format!("{pids:?} stopped: {stopped}");
    eventually(&what, LIMIT, || {
        pids.iter().all(|pid| (state(*pid) == Some('T')) == stopped).then_some(())
    });
}

/// The shells, as they are without anybody's settings, and without an editor for their lines.
const SHELLS: [&[&str]; 3] = [
    &["bash", "--norc", "--noprofile", "--noediting", "-i"],
    &["dash", "-i"],
    &["zsh", "-fi", "+Z"],
];

/// A shell at a terminal.
struct Session {
    terminal: Terminal,
    running: Running,
}

impl Session {
    fn start(shell: &[&str]) -> Self {
        let terminal = Terminal::new();
        let mut command = command(shell[0]);
        command.args(&shell[1..]).env("PS1", "$ ").env("TERM", "dumb").env_remove("ENV");
        let running = terminal.hold(&mut command).start();
        let session = Self { terminal, running };
        session.said("echo $((40+2))", "42\n");
        session
    }

    /// Enters a line, and waits for what is said then.
    #[track_caller]
    fn said(&self, line: &str, text: &str) {
        self.terminal.enter(&format!("{line}\n"));
        self.terminal.until(text);
    }

    /// The parent and its command, by the words that only the command has.
    #[track_caller]
    fn pair(&self, parent: Parent, script: &str) -> [i32; 2] {
        eventually("parent and command", LIMIT, || {
            let words = |pid: &i32| fs::read_to_string(format!("/proc/{pid}/cmdline")).ok();
            let is = |pid: &i32| words(pid).is_some_and(|words| words.contains(script));
            let mut pair: Vec<_> = self.running.living().into_iter().filter(is).collect();
            let own = parent.words()[0].clone();
            pair.sort_by_key(|pid| !words(pid).unwrap_or_default().starts_with(&own));
            pair.try_into().ok()
        })
    }

    /// Leaves.
    #[track_caller]
    fn end(self) {
        // A job that is there still would hold a shell back.
        self.said("jobs; echo no $((6*7)) jobs", "no 42 jobs\n");
        self.terminal.enter("exit 0\n");
        assert_eq!(self.running.finish().status, 0);
    }
}

/// For each shell that is here.
fn in_every_shell(test: impl Fn(&Session)) {
    for shell in SHELLS {
        match require::tool(shell[0]) {
            Ok(()) => {
                let session = Session::start(shell);
                test(&session);
                session.end();
            }
            Err(missing) => require::skip(&missing),
        }
    }
}

/// A command line of a shell's: the script below this parent. It has no `'`.
fn line(parent: Parent, script: &str) -> String {
    format!("{} sh -c '{script}'", parent.words().join(" "))
}

fn ctrl_z_and_fg_in_every_shell(parent: Parent) {
    let script = "echo wait; read line; echo got $line";
    in_every_shell(|session| {
        session.said(&line(parent, script), "wait\n");
        let pair = session.pair(parent, script);
        for _ in 0..3 {
            session.terminal.enter("\x1a");
            until_stopped(pair, true);
            // The shell knows, and reads the next line itself.
            session.said("echo shell $((1+2))", "shell 3\n");
            session.terminal.enter("fg\n");
            until_stopped(pair, false);
        }
        session.said("hello", "got hello\n");
    });
}

fn ctrl_z_and_bg_in_every_shell(parent: Parent) {
    // It waits in one call: a shell that has just forked may stop in its child only.
    let folder = TempDir::new().unwrap();
    let pipe = folder.path().join("pipe");
    command("mkfifo").arg(&pipe).run().is(0, "", "");
    let script = format!("echo start; read line <{}; echo got $line", pipe.display());
    in_every_shell(|session| {
        session.said(&line(parent, &script), "start\n");
        let pair = session.pair(parent, &script);
        session.terminal.enter("\x1a");
        until_stopped(pair, true);
        session.said("bg; echo shell $((1+2))", "shell 3\n");
        until_stopped(pair, false);
        fs::write(&pipe, "hello\n").unwrap();
        session.terminal.until("got hello\n");
        session.said("wait; echo waited $((3*3))", "waited 9\n");
    });
}

fn a_background_job_that_reads_stops(parent: Parent) {
    let script = "read line; echo got $line";
    in_every_shell(|session| {
        session.terminal.enter(&format!("{} &\n", line(parent, script)));
        let pair = session.pair(parent, script);
        until_stopped(pair, true);
        session.said("echo shell $((1+2))", "shell 3\n");
        session.terminal.enter("fg\n");
        until_stopped(pair, false);
        session.said("hello", "got hello\n");
    });
}

fn a_background_job_that_writes_may_stop(parent: Parent) {
    let script = "echo writ$((1))ten";
    in_every_shell(|session| {
        session.said("stty tostop; echo set $((2+2))", "set 4\n");
        session.terminal.enter(&format!("{} &\n", line(parent, script)));
        let pair = session.pair(parent, script);
        until_stopped(pair, true);
        session.said("echo shell $((1+2))", "shell 3\n");
        session.said("fg", "writ1ten\n");
        session.said("stty -tostop; echo set $((2+3))", "set 5\n");
    });
}

fn a_background_job_does_not_get_the_keys(parent: Parent) {
    needs!(witness::here());
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("heard");
    let heard = || fs::read_to_string(&file).unwrap_or_default();
    let line = format!(
        "{} {} >{} &\n",
        parent.words().join(" "),
        witness::program().display(),
        file.display()
    );
    in_every_shell(|session| {
        session.terminal.enter(&line);
        let ready = eventually("a witness", LIMIT, || {
            Some(heard().strip_suffix('\n')?.strip_prefix("ready ")?.to_owned())
        });
        let (child, parents) = ready.split_once(' ').unwrap();
        let (child, parents) = (child.parse().unwrap(), parents.parse::<i32>().unwrap());
        session.terminal.enter("\x03");
        // What is typed before a shell is done with the key may go with it.
        eventually("a shell that reads", LIMIT, || {
            session.terminal.enter("echo shell $((1+2))\n");
            std::thread::sleep(Duration::from_millis(50));
            session.terminal.said().contains("shell 3\n").then_some(())
        });
        assert_eq!(heard().lines().count(), 1, "{}", heard());
        let last = if parent == Parent::Unshare { child } else { parents };
        send(last, libc::SIGUSR1);
        eventually("a signal", LIMIT, || heard().contains("signal 10 code 0").then_some(()));
        assert_eq!(heard().lines().count(), 2, "{}", heard());
        kill(child, Signal::KILL).unwrap();
        session.said("wait; echo waited $((3*3))", "waited 9\n");
        fs::remove_file(&file).unwrap();
    });
}

fn a_status_reaches_the_shell_after_a_stop(parent: Parent) {
    let script = "echo wait; read status; exit $status";
    in_every_shell(|session| {
        session.said(&line(parent, script), "wait\n");
        let pair = session.pair(parent, script);
        session.terminal.enter("\x1a");
        until_stopped(pair, true);
        session.said("echo shell $((1+2))", "shell 3\n");
        session.terminal.enter("fg\n");
        until_stopped(pair, false);
        session.terminal.enter("7\n");
        session.said("echo status $?", "status 7\n");
    });
}

/// A stop signal goes to both, and the parent, which has taken it, finds the command stopped before
/// it passes it on. Once both go on, it is too late for that.
#[test]
fn a_stop_that_is_over_is_not_passed_on() {
    needs!(strace::here());
    for (stop, name) in
        [(Signal::TSTP, "SIGTSTP"), (Signal::TTIN, "SIGTTIN"), (Signal::TTOU, "SIGTTOU")]
    {
        in_time(|seconds| {
            let file = apart::file();
            // strace looks at the parent alone, and is in another group.
            let mut strace = command("strace");
            strace.args(["-DD", "-o"]).arg(file.path());
            strace.arg(format!("--inject=wait4:delay_enter={}ms", 200 * seconds));
            strace.args([NEWUTS, "--fork", "box"]);
            let group = Group::of(&mut strace, "exec sleep 300");
            let log = || fs::read_to_string(file.path()).unwrap();
            let until = |what: &str| eventually(what, LIMIT, || log().contains(what).then_some(()));
            until_in(group.running.pid(), Sysno::rt_sigtimedwait);
            group.to_both(stop);
            until(&format!("--- stopped by {name} ---"));
            group.to_both(Signal::CONT);
            until("WIFCONTINUED");
            kill(group.running.pid(), Signal::USR1).unwrap();
            let run = group.running.finish();
            let log = log();
            assert_eq!(run.status, 128 + libc::SIGUSR1, "{log}");
            let passed = log.find(&format!("kill({}, {name})", group.child));
            // A command that was slow to stop was told once more, before it did.
            let was_slow = passed.is_some_and(|passed| passed < log.find("WIFSTOPPED").unwrap());
            (!was_slow).then(|| assert_eq!(passed, None, "{log}"))
        });
    }
}

/// A stop signal would discard SIGCONT, which came in the meantime: so there is none.
#[test]
fn who_is_told_to_go_on_before_it_stops_does_not_stop() {
    needs!(strace::here());
    let file = apart::file();
    let mut strace = command("strace");
    strace.args(["-DD", "-o"]).arg(file.path());
    // Behind the first, which is made at the start.
    strace.arg("--inject=rt_sigaction:delay_enter=500ms:when=2+");
    strace.args([NEWUTS, "--fork", "box"]);
    let group = Group::of(&mut strace, "exec sleep 300");
    let log = || fs::read_to_string(file.path()).unwrap();
    until_in(group.running.pid(), Sysno::rt_sigtimedwait);
    kill(group.running.pid(), Signal::TSTP).unwrap();
    eventually("a command that stops", LIMIT, || log().contains("WIFSTOPPED").then_some(()));
    kill(group.running.pid(), Signal::CONT).unwrap();
    kill(group.running.pid(), Signal::USR1).unwrap();
    assert_eq!(group.running.finish().status, 128 + libc::SIGUSR1, "{}", log());
}

/// Who has its parent trace it, as programs do that want no debugger, stops by any signal. Its parent
/// stops then, too, and does not end by a signal that was not for it.
#[test]
fn a_command_that_its_parent_traces_does_not_end_it() {
    needs!(require::root(), require::tool("perl"));
    let trace_me = libc::SYS_ptrace;
    let script = format!("exec perl -e 'syscall {trace_me}, 0; kill USR1 => $$; sleep 300'");
    let group = Group::of(&mut newuts(["--fork", "box"]), &script);
    let stopped = || (state(group.running.pid()) == Some('T')).then_some(());
    eventually("a parent that is stopped", LIMIT, stopped);
    group.to_both(Signal::KILL);
    assert_eq!(group.running.finish().status, 128 + libc::SIGKILL);
}

/// A key at any stage of the start reaches the command, or ends all: it is never lost.
#[test]
fn a_key_at_any_stage_of_the_start_is_not_lost() {
    needs!(strace::here());
    for call in ["rt_sigprocmask", "rt_sigaction", "clone", "unshare", "sethostname"] {
        // strace holds each of these back, in parent and child, and is in a group of its own.
        let terminal = Terminal::new();
        let log = apart::file();
        let delay = format!("--inject={call}:delay_enter=700000:when=1");
        let mut command = command("unshare");
        command.args(["--uts", "strace", "-D", "-f", "-o"]).arg(log.path()).arg(&delay);
        command.args([NEWUTS, "--fork", "box", "sleep", "300"]);
        let running = terminal.control(&mut command).start();
        let number = call.parse().unwrap();
        eventually(call, LIMIT, || {
            let is_newuts = |pid| {
                let name = fs::read_to_string(format!("/proc/{pid}/comm"));
                name.is_ok_and(|name| name.trim_end() == "newuts")
            };
            let held = running.living().into_iter().any(|pid| is_in(pid, number) && is_newuts(pid));
            // Where that was too short to be seen, another stage has begun.
            let made = || fs::read_to_string(log.path()).unwrap().contains(" (DELAYED)");
            (held || made()).then_some(())
        });
        terminal.enter("\x03");
        let run = running.finish();
        assert_eq!(run.status, 128 + libc::SIGINT, "{call}: {run:?}");
    }
}
