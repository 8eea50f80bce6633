// SPDX-License-Identifier: MIT OR Apache-2.0
//! `--fork`: the command is a child, and the program its parent, which waits for it and passes on
//! what is sent to it. Side by side with unshare(1) and tini(1), where they do the same.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::unix::process::CommandExt as _;
use std::process::Command;

use rustix::process::Signal;
use syscalls::Sysno;

use crate::support::apart;
use crate::support::hint::{NOT_THIS_USER, not_permitted};
use crate::support::parents::{Parent, side_by_side};
use crate::support::require::{self, needs};
use crate::support::run::{
    Copied, LIMIT, NEWUTS, Running, Watched as _, command, eventually, host_name, in_time, is_in,
    kill, newuts, no_fork, state, unprivileged,
};
use crate::support::strace::{self, Strace};
use crate::support::witness::{self, Heard, LAST, Witness, send, signals};

const HELP_IS_THERE: &str = "Try 'newuts --help' for more information.\n";

/// What needs the witness: this test, below this parent.
macro_rules! witnessed {
    () => {
        needs!(witness::here());
    };
}

side_by_side! {
    an_exit_status_is_passed_on: Forked Joined Unshare Tini;
    a_death_by_a_signal_is_128_and_its_number: Forked Joined Unshare Tini;
    what_cannot_be_run_has_a_status_of_its_own: Forked Joined Unshare Tini;
    the_command_is_a_child: Forked Joined Unshare Tini;
    the_command_is_in_the_same_group_and_session: Forked Joined Unshare;
    words_environment_and_descriptors_are_untouched: Forked Joined Unshare Tini;
    the_streams_are_the_same: Forked Joined Unshare Tini;
    mask_and_dispositions_are_the_caller_s: Forked Joined Tini;
    an_ignored_sigchld_loses_no_status: Forked Joined Unshare;
    an_ignored_sigchld_stays_ignored_for_the_command: Forked Joined;
    every_signal_is_passed_on_once: Forked Joined;
    the_signals_of_tini_are_passed_on_once: Forked Joined Tini;
    a_signal_reaches_a_command_that_ignores_nothing: Forked Joined Tini;
    a_flood_loses_and_doubles_nothing: Forked Joined;
    a_flood_of_the_signals_of_tini: Forked Joined Tini;
    a_value_comes_with_its_signal: Forked Joined;
    a_signal_that_waited_before_the_start_arrives: Forked Joined Tini;
    an_alarm_of_the_caller_s_arrives: Forked Joined Tini;
    what_the_command_sends_its_parent_comes_back: Forked Joined Tini;
    children_that_the_caller_left_are_reaped: Forked Joined Tini;
    the_kill_that_cannot_be_caught_leaves_the_command: Forked Joined Unshare Tini;
}

fn an_exit_status_is_passed_on(parent: Parent) {
    for status in [0, 1, 2, 3, 125, 126, 127, 128, 130, 255] {
        parent.of(["sh", "-c", &format!("exit {status}")]).run().is(status, "", "");
    }
}

fn a_death_by_a_signal_is_128_and_its_number(parent: Parent) {
    let stops = [libc::SIGSTOP, libc::SIGTSTP, libc::SIGTTIN, libc::SIGTTOU];
    let ignored = [libc::SIGCHLD, libc::SIGCONT, libc::SIGURG, libc::SIGWINCH];
    // Two are the C library's own, and may come ignored from who knows where.
    let others = [&stops[..], &ignored, &[32, 33]].concat();
    for signal in (1..=LAST).filter(|signal| !others.contains(signal)) {
        // Perl itself ignores SIGFPE.
        let script = format!("$SIG{{FPE}} = 'DEFAULT'; kill {signal}, $$; sleep 300");
        let run = parent.of(["perl", "-e", &script]).run();
        if (parent, signal) == (Parent::Unshare, libc::SIGKILL) {
            // It would kill itself in the same way, and stumbles.
            assert_eq!(run.status, 1, "{run:?}");
        } else {
            run.is(128 + signal, "", "");
        }
    }
}

fn what_cannot_be_run_has_a_status_of_its_own(parent: Parent) {
    for (name, status, text) in [
        ("frobnicate", 127, "No such file or directory"),
        ("/no/such", 127, "No such file or directory"),
        ("/etc/passwd", 126, "Permission denied"),
        ("/", 126, "Permission denied"),
    ] {
        let run = parent.of([name]).run();
        assert_eq!((run.status, run.stdout.as_str()), (status, ""), "{run:?}");
        assert!(run.stderr.contains(text), "{run:?}");
        if parent.is_newuts() {
            assert_eq!(run.stderr, format!("newuts: {name}: {text}\n"));
        }
    }
}

/// The numbers in /proc/PID/stat that tell where a process belongs: its parent, group, session.
const BELONGS: &str = "read -r _ _ _ parent group session _ </proc/$$/stat; ";

fn the_command_is_a_child(parent: Parent) {
    let script = format!("{BELONGS} echo $parent $$");
    let running = parent.of(["sh", "-c", &script]).start();
    let pid = running.pid();
    let run = running.finish();
    let (found, own) = run.stdout.trim_end().split_once(' ').unwrap();
    assert_eq!((found, run.status), (pid.to_string().as_str(), 0));
    assert_ne!(own, found);
}

fn the_command_is_in_the_same_group_and_session(parent: Parent) {
    let script = format!("{BELONGS} echo $group $session");
    let expected = command("sh").args(["-c", &script]).run().stdout;
    parent.of(["sh", "-c", &script]).run().is(0, &expected, "");
}

fn words_environment_and_descriptors_are_untouched(parent: Parent) {
    let look = "cat /proc/$$/cmdline /proc/$$/environ; ls /proc/$$/fd; pwd; umask; ulimit -a";
    let words = ["sh", "-c", look, "sh", "-x", "--", "", "--fork", "a b", "new\nline"];
    let file = fs::File::open("/dev/null").unwrap();
    let run = |mut command: Command| {
        command.env_clear().env("PATH", "/usr/bin:/bin").env("A", "1=\x1b").env("=B", "");
        command.env("NEWUTS_TEST", "").current_dir("/usr").stdin(file.try_clone().unwrap());
        let mut run = command.run();
        // The mark of the run itself is another each time.
        let start = run.stdout.find("NEWUTS_TEST_RUN=").unwrap();
        let end = start + run.stdout[start..].find('\0').unwrap();
        run.stdout.replace_range(start..end, "");
        run
    };
    let mut direct = command(words[0]);
    direct.args(&words[1..]);
    let expected = run(direct);
    assert!(expected.stdout.contains("new\nline\0") && expected.stdout.contains("A=1="));
    run(parent.of(words)).is(0, &expected.stdout, "");
}

fn the_streams_are_the_same(parent: Parent) {
    let (reader, mut writer) = {
        let _lock = no_fork();
        io::pipe().unwrap()
    };
    io::Write::write_all(&mut writer, b"first\nsecond\n").unwrap();
    drop(writer);
    let script = "read -r line; echo $line; echo error >&2; cat";
    let mut command = parent.of(["sh", "-c", script]);
    command.stdin(reader).run().is(0, "first\nsecond\n", "error\n");
    // What is closed stays closed. (tini asks the first for its terminal, and gives up.)
    if parent == Parent::Tini {
        return;
    }
    let script = "for fd in 0 1 2; do [ -e /proc/$$/fd/$fd ] && exit 1; done; exit 7";
    let mut command = parent.of(["sh", "-c", script]);
    command.closed(0).closed(1).closed(2).run().is(7, "", "");
}

/// Blocks these signals in the process that becomes the command.
fn blocking(command: &mut Command, signals: &[i32]) {
    let set = signals.iter().fold(0_u64, |set, signal| set | 1 << (signal - 1));
    let block = move || {
        let (how, none) = (libc::SIG_BLOCK, std::ptr::null::<u64>());
        // SAFETY: the set is one of the kernel's, and has that many bytes.
        unsafe { libc::syscall(libc::SYS_rt_sigprocmask, how, &raw const set, none, 8) };
        Ok(())
    };
    // SAFETY: one system call and no more.
    unsafe { command.pre_exec(block) };
}

/// The lines of /proc/self/status that a command inherits.
const SIGNALS: [&str; 4] =
    ["grep", "-E", "^(SigPnd|ShdPnd|SigBlk|SigIgn|SigCgt):", "/proc/self/status"];

fn mask_and_dispositions_are_the_caller_s(parent: Parent) {
    for (blocked, ignored) in [
        (&[][..], &[][..]),
        (&[libc::SIGUSR2, libc::SIGTERM, LAST], &[libc::SIGHUP, libc::SIGPIPE]),
        (&[libc::SIGCHLD], &[libc::SIGTTOU, libc::SIGTTIN, libc::SIGTSTP, libc::SIGINT]),
        // Those that the C library keeps for itself: below tini they would not stay blocked.
        (if parent.is_newuts() { &[32, 33] } else { &[] }, &[]),
    ] {
        let run = |mut command: Command| {
            blocking(&mut command, blocked);
            for signal in ignored {
                command.ignoring(*signal);
            }
            command.run()
        };
        let mut direct = command(SIGNALS[0]);
        direct.args(&SIGNALS[1..]);
        let expected = run(direct);
        assert_eq!(expected.stdout.lines().count(), 5, "{expected:?}");
        run(parent.of(SIGNALS)).is(0, &expected.stdout, "");
    }
}

fn an_ignored_sigchld_loses_no_status(parent: Parent) {
    for status in [0, 3] {
        let mut command = parent.of(["sh", "-c", &format!("exit {status}")]);
        command.ignoring(libc::SIGCHLD).run().is(status, "", "");
    }
}

fn an_ignored_sigchld_stays_ignored_for_the_command(parent: Parent) {
    let mut direct = command(SIGNALS[0]);
    let expected = direct.args(&SIGNALS[1..]).ignoring(libc::SIGCHLD).run().stdout;
    parent.of(SIGNALS).ignoring(libc::SIGCHLD).run().is(0, &expected, "");
}

/// Those that tini passes on. It keeps the deadly ones and SIGCHLD for itself, and the C library
/// keeps two.
fn signals_of_tini() -> Vec<i32> {
    let kept = [
        libc::SIGFPE,
        libc::SIGILL,
        libc::SIGSEGV,
        libc::SIGBUS,
        libc::SIGABRT,
        libc::SIGTRAP,
        libc::SIGSYS,
        libc::SIGTTIN,
        libc::SIGTTOU,
        libc::SIGCHLD,
        32,
        33,
    ];
    signals().filter(|signal| !kept.contains(signal)).collect()
}

/// A witness below this parent.
fn watched(parent: Parent, words: &[&str]) -> Witness {
    Witness::start(&mut parent.of([witness::program().to_str().unwrap()].iter().chain(words)))
}

/// Sends each of these, one by one, and waits for it.
#[track_caller]
fn each_is_passed_on_once(parent: Parent, signals: impl IntoIterator<Item = i32>) {
    let witness = watched(parent, &[]);
    let mut expected = Vec::new();
    for signal in signals {
        send(witness.running.pid(), signal);
        expected.push(Heard::new(signal, libc::SI_USER));
        assert_eq!(witness.hear(expected.len()), expected);
    }
    // And nothing came twice.
    assert_eq!(witness.hear_all(witness.running.pid()), expected);
    assert_eq!(witness.end().status, 128 + libc::SIGKILL);
}

fn every_signal_is_passed_on_once(parent: Parent) {
    witnessed!();
    each_is_passed_on_once(parent, signals().filter(|signal| *signal != LAST));
}

fn the_signals_of_tini_are_passed_on_once(parent: Parent) {
    witnessed!();
    let signals = signals_of_tini();
    each_is_passed_on_once(parent, signals.into_iter().filter(|signal| *signal != LAST));
}

/// The command may be there before its parent goes on.
#[test]
fn a_signal_that_comes_while_the_command_is_made_reaches_it() {
    needs!(strace::here(), require::namespaces());
    for signal in [libc::SIGHUP, libc::SIGINT, libc::SIGQUIT, libc::SIGTERM] {
        let mut command = command("unshare");
        // With -D strace is not the parent.
        command.args(["--uts", "strace", "-D", "-f", "-o", "/dev/null"]);
        command.args(["--inject=clone:delay_exit=1000000", NEWUTS, "--fork", "box"]);
        let running = command.args(["sh", "-c", "echo ready; exec sleep 300"]).start();
        running.until("ready\n");
        send(running.pid(), signal);
        running.finish().is(128 + signal, "ready\n", "");
    }
}

fn a_signal_reaches_a_command_that_ignores_nothing(parent: Parent) {
    for signal in [libc::SIGHUP, libc::SIGINT, libc::SIGQUIT, libc::SIGTERM, libc::SIGUSR1, 40] {
        let running = parent.of(["sh", "-c", "echo ready; exec sleep 300"]).start();
        running.until("ready\n");
        send(running.pid(), signal);
        running.finish().is(128 + signal, "ready\n", "");
    }
}

/// Sends so many of each signal, in an order that is random but the same each time.
fn flood(parent: Parent, kinds: &[i32]) {
    const EACH: usize = 10_000;
    /// So many are on the way at the same time: fewer than a user may have (RLIMIT_SIGPENDING),
    /// beyond which the kernel itself forgets.
    const BATCH: usize = 1000;
    witnessed!();
    let kinds: Vec<_> = kinds.iter().copied().filter(|signal| *signal != LAST).collect();
    let mut order: Vec<_> = kinds.iter().flat_map(|signal| vec![*signal; EACH]).collect();
    shuffle(&mut order);

    let witness = watched(parent, &["count"]);
    let mut before = BTreeMap::new();
    for (nth, batch) in (1..).zip(order.chunks(BATCH)) {
        for signal in batch {
            send(witness.running.pid(), *signal);
        }
        send(witness.running.pid(), LAST);
        let counts = witness.counts(nth);
        for signal in &kinds {
            let sent = batch.iter().filter(|it| *it == signal).count();
            let came = counts[signal] - before.get(signal).copied().unwrap_or_default();
            // Standard signals merge where one waits already. A stop takes a waiting SIGCONT away,
            // and the other way round. Those of real time are counted.
            let least = match *signal {
                32.. => sent,
                libc::SIGCONT | libc::SIGTSTP | libc::SIGTTIN | libc::SIGTTOU => 0,
                _ => sent.min(1),
            };
            assert!((least..=sent).contains(&came), "{signal}: {came} of {sent} in batch {nth}");
        }
        before = counts;
    }
    for signal in kinds {
        assert_ne!(before[&signal], 0, "{signal}");
    }
    assert_eq!(witness.end().status, 128 + libc::SIGKILL);
}

/// Shuffles by a xorshift of a fixed seed (Fisher and Yates).
fn shuffle(items: &mut [i32]) {
    let mut state = 0x9e37_79b9_usize;
    for index in (1..items.len()).rev() {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        items.swap(index, state % (index + 1));
    }
}

fn a_flood_loses_and_doubles_nothing(parent: Parent) {
    flood(parent, &signals().collect::<Vec<_>>());
}

fn a_flood_of_the_signals_of_tini(parent: Parent) {
    flood(parent, &signals_of_tini());
}

/// Sends a signal with a value, as sigqueue(3) does.
fn queue(pid: i32, signal: i32, value: usize) {
    let value = libc::sigval { sival_ptr: std::ptr::without_provenance_mut(value) };
    // SAFETY: one system call, and the process is one of the test's.
    assert_eq!(unsafe { libc::sigqueue(pid, signal, value) }, 0);
}

fn a_value_comes_with_its_signal(parent: Parent) {
    witnessed!();
    let witness = watched(parent, &[]);
    let mut expected = Vec::new();
    for value in 0..300 {
        let signal = 34 + value / 100;
        queue(witness.running.pid(), signal, value.unsigned_abs() as usize);
        expected.push(Heard { signal, code: libc::SI_QUEUE, value });
    }
    let mut heard = witness.hear_all(witness.running.pid());
    // Each signal's own are in the order in which they were sent.
    heard.sort_by_key(|heard| heard.signal);
    assert_eq!(heard, expected);
    assert_eq!(witness.end().status, 128 + libc::SIGKILL);
}

fn a_signal_that_waited_before_the_start_arrives(parent: Parent) {
    witnessed!();
    let mut command = parent.of([witness::program()]);
    blocking(&mut command, &[libc::SIGUSR1, 40]);
    let raise = || {
        // SAFETY: getpid always succeeds.
        let own = unsafe { libc::getpid() };
        for signal in [libc::SIGUSR1, 40] {
            // SAFETY: a process may send itself a signal; these are blocked.
            unsafe { libc::kill(own, signal) };
        }
        Ok(())
    };
    // SAFETY: three system calls and no more.
    unsafe { command.pre_exec(raise) };
    let witness = Witness::start(&mut command);
    let expected = [libc::SIGUSR1, 40].map(|signal| Heard::new(signal, libc::SI_USER));
    assert_eq!(witness.hear_all(witness.running.pid()), expected);
    assert_eq!(witness.end().status, 128 + libc::SIGKILL);
}

/// The timer of alarm(2) stays with the process: who runs a command with one wants it to end.
fn an_alarm_of_the_caller_s_arrives(parent: Parent) {
    let alarm = || {
        // SAFETY: alarm is one system call and no more.
        unsafe { libc::alarm(1) };
        Ok(())
    };
    let mut command = parent.of(["sleep", "300"]);
    // SAFETY: one system call and no more.
    unsafe { command.pre_exec(alarm) };
    command.run().is(128 + libc::SIGALRM, "", "");
}

fn what_the_command_sends_its_parent_comes_back(parent: Parent) {
    let script = "trap 'echo came; exit 3' USR1; kill -USR1 $PPID; while :; do sleep 0.02; done";
    parent.of(["sh", "-c", script]).run().is(3, "came\n", "");
}

fn children_that_the_caller_left_are_reaped(parent: Parent) {
    let script = "sleep 0.1 & child=$!; exec \"$@\" sh -c \"while [ -e /proc/$child ]; \
                  do sleep 0.02; done; exit 7\"";
    let mut command = command("sh");
    command.args(["-c", script, "sh"]).args(parent.words()).run().is(7, "", "");
}

fn the_kill_that_cannot_be_caught_leaves_the_command(parent: Parent) {
    let mut running = parent.of(["sh", "-c", "echo $$; exec sleep 300"]).start();
    running.until("\n");
    let child: i32 = running.stdout().trim_end().parse().unwrap();
    kill(running.pid(), Signal::KILL).unwrap();
    running.wait(LIMIT);
    // The shell becomes sleep, perhaps, at this moment.
    eventually("a command that sleeps", LIMIT, || {
        (running.living() == [child] && state(child) == Some('S')).then_some(())
    });
    kill(child, Signal::KILL).unwrap();
    assert_eq!(running.finish().status, 128 + libc::SIGKILL);
}

/// What a command sees of its place in the world.
const LOOK: &str = "uname -n; cat /proc/sys/kernel/domainname; id; grep ^Cap /proc/self/status";

#[test]
fn the_command_is_where_it_is_without_a_fork() {
    needs!(require::user_namespaces());
    let program = Copied::new();
    let own = format!("--join={}", std::process::id());
    for words in [
        &["box"][..],
        &["--domainname=d", "box"],
        &["-U", "box"],
        &["-r", "box"],
        &["-c", "--domainname=d", "box"],
        &[&own],
    ] {
        let run = |mut command: Command, fork: &[&str]| {
            command.args(fork).args(words).args(["sh", "-c", LOOK]).run()
        };
        for fork in ["-f", "--fork"] {
            let expected = run(newuts([""; 0]), &[]).stdout;
            run(newuts([""; 0]), &[fork]).is(0, &expected, "");
        }
        let mut as_user = unprivileged();
        as_user.arg(&program.path);
        let expected = run(as_user, &[]);
        let mut as_user = unprivileged();
        as_user.arg(&program.path);
        run(as_user, &["--fork"]).is(expected.status, &expected.stdout, &expected.stderr);
    }
}

#[test]
fn a_namespace_of_another_user_is_joined() {
    needs!(require::user_namespaces());
    let target = newuts(["-r", "--hold=300", "--delay=0", "bizarro"]).start();
    let child = target.cloned().to_string();
    let words = ["--fork", "--user", "--join", &child, "sh", "-c", LOOK];
    let expected = newuts(&words[1..]).run();
    assert!(expected.stdout.starts_with("bizarro\n"), "{expected:?}");
    newuts(words).run().is(0, &expected.stdout, "");
    kill(child.parse().unwrap(), Signal::KILL).unwrap();
    assert_eq!(target.finish().status, 128 + libc::SIGKILL);
}

#[test]
fn the_parent_stays_outside_and_keeps_its_privileges() {
    needs!(require::namespaces());
    let look = "readlink /proc/$P/ns/uts /proc/$P/ns/user; grep ^CapEff: /proc/$P/status";
    let own = look.replace("$P", "self");
    let expected = command("sh").args(["-c", &own]).run().stdout;
    for options in [&[][..], &["-U"], &["-r"]] {
        let mut command = newuts(["--fork"]);
        // A command in a user namespace may not look: it waits, and who started it looks.
        let running = command.args(options).args(["box", "sh", "-c", "echo; sleep 300"]).start();
        running.until("\n");
        let there = look.replace("$P", &running.pid().to_string());
        let found = crate::support::run::command("sh").args(["-c", &there]).run();
        found.is(0, &expected, "");
        send(running.pid(), libc::SIGTERM);
        // The shell ends; what it ran goes with the test.
        let mut running = running;
        running.wait(LIMIT);
    }
}

#[test]
fn the_machine_keeps_its_name() {
    needs!(require::root());
    let script = "echo renamed >/proc/sys/kernel/hostname; uname -n";
    newuts(["--fork", "box", "sh", "-c", script]).run().is(0, "renamed\n", "");
    command("uname").arg("-n").run().is(0, &format!("{}\n", host_name()), "");
}

#[test]
fn what_fails_before_the_command_is_125() {
    needs!(require::user_namespaces(), require::tool("prlimit"));
    let too_long = "x".repeat(65);
    let message = "sethostname: Invalid argument\nnewuts: hint: a host name has at most 64 bytes\n";
    newuts(["--fork", &too_long, "true"]).run().is(125, "", message);
    let run = newuts(["--fork", "--join=2147483647", "true"]).run();
    run.is(125, "", "pidfd_open: No such process\n");
    let program = Copied::new();
    let mut user = unprivileged();
    let message = &not_permitted("unshare", NOT_THIS_USER);
    user.arg(&program.path).args(["--fork", "box", "true"]).run().is(125, "", message);
    // Not even a process more.
    let mut user = unprivileged();
    user.args(["prlimit", "--nproc=0"]).arg(&program.path).args(["--fork", "-U", "box", "true"]);
    user.run().is(125, "", "clone: Resource temporarily unavailable\n");
}

#[test]
fn a_message_that_cannot_be_written_leaves_the_status() {
    needs!(require::root());
    newuts(["--fork", "box", "frobnicate"]).closed(2).run().is(127, "", "");
    newuts(["--fork", "box", "/"]).closed(0).closed(1).closed(2).run().is(126, "", "");
}

#[test]
fn options_that_do_not_fit_are_mistakes() {
    let mistake = |words: &[&str], message: &str| {
        let run = newuts(words).run();
        assert_eq!((run.status, run.stdout.as_str()), (2, ""), "{words:?}: {run:?}");
        let expected = format!("newuts: {message}");
        assert!(run.stderr.starts_with(&expected), "{words:?}: {run:?}");
        assert!(run.stderr.ends_with(HELP_IS_THERE), "{words:?}: {run:?}");
    };
    // Nobody to be a child: the demonstration has one of its own.
    for fork in ["-f", "--fork"] {
        mistake(&[fork, "box"], &format!("option '{fork}' cannot be used with"));
        mistake(&[fork, "--join=1"], &format!("option '{fork}' cannot be used with"));
        mistake(&[fork, "--check"], &format!("option '{fork}' cannot be used with --check"));
    }
    mistake(&["--fork=yes", "box", "true"], "option '--fork' doesn't allow an argument");
    for option in ["--hold=1", "--delay=1"] {
        let name = option.split('=').next().unwrap();
        let message = format!("option '{name}' cannot be used with a command");
        mistake(&["--fork", option, "box", "true"], &message);
    }
    // Without --fork nobody's parent could die.
    mistake(
        &["--kill-child", "box", "true"],
        "option '--kill-child' cannot be used with a command",
    );
    mistake(&["--kill-child", "--join=1", "true"], "option '--kill-child' cannot be used with");
    mistake(&["--fork", "--kill-child=NO", "box", "true"], "invalid argument 'NO' for");
    // The words after the host name are the command's.
    newuts(["--fork", "--", "--fork", "sh", "-c", "exit 3", "--fork"]).run().is(3, "", "");
}

/// Starts a command that lasts, kills its parent, and gives what becomes of the command.
#[track_caller]
fn orphaned(mut command: Command) -> (Running, i32) {
    let mut running = command.start();
    running.until("ready\n");
    let child = running.stdout().split(' ').next().unwrap().parse().unwrap();
    kill(running.pid(), Signal::KILL).unwrap();
    running.wait(LIMIT);
    (running, child)
}

/// Says its process id as it is outside, where the test is.
const LASTING: &str = "read -r pid _ </proc/self/stat; echo $pid ready; exec sleep 300";

#[test]
fn a_parent_that_dies_takes_its_child_with_it_if_told_to() {
    needs!(require::user_namespaces());
    let target = newuts(["-r", "--hold=300", "--delay=0", "bizarro"]).start();
    let child = target.cloned().to_string();
    // Entering a user namespace of another one's takes the wish away again: prctl(2).
    let other = ["--user", "--join", &child];
    for words in [
        &["--kill-child", "box"][..],
        &["--kill-child=KILL", "-U", "box"],
        &["-r", "--kill-child=9", "box"],
        &["--kill-child", "-c", "box"],
        &[&["--kill-child"], &other[..]].concat(),
        &["--kill-child", "--join", &std::process::id().to_string()],
    ] {
        let mut command = newuts(["--fork"]);
        command.args(words).args(["sh", "-c", LASTING]);
        let (running, _) = orphaned(command);
        eventually(format_args!("{words:?}"), LIMIT, || running.living().is_empty().then_some(()));
    }
    let mut unshare = command("unshare");
    unshare.args(["--fork", "--uts", "--kill-child", "sh", "-c", LASTING]);
    let (running, _) = orphaned(unshare);
    eventually("unshare", LIMIT, || running.living().is_empty().then_some(()));

    kill(child.parse().unwrap(), Signal::KILL).unwrap();
    assert_eq!(target.finish().status, 128 + libc::SIGKILL);
}

#[test]
fn the_child_gets_the_signal_that_was_asked_for() {
    needs!(require::root(), witness::here());
    for (option, signal) in [("TERM", libc::SIGTERM), ("SIGHUP", libc::SIGHUP), ("40", 40)] {
        let option = format!("--kill-child={option}");
        let mut command = newuts(["--fork", &option, "box"]);
        let mut witness = Witness::start(command.arg(witness::program()));
        kill(witness.running.pid(), Signal::KILL).unwrap();
        witness.running.wait(LIMIT);
        let heard = witness.hear(1);
        assert_eq!(heard.iter().map(|heard| heard.signal).collect::<Vec<_>>(), [signal]);
        assert_eq!(witness.end().status, 128 + libc::SIGKILL);
    }
}

#[test]
fn in_a_pid_namespace_of_its_own_too() {
    needs!(require::namespaces());
    // The command is process 1 there, and cannot see its parent: it gets 0 for it.
    let mut unshare = command("unshare");
    unshare.args(["--pid", NEWUTS, "--fork", "--kill-child", "box", "sh", "-c"]);
    let (running, _) = orphaned({
        unshare.arg("[ $$ = 1 ] && [ $PPID = 0 ] && echo 0 ready; exec sleep 300");
        unshare
    });
    eventually("the end of all", LIMIT, || running.living().is_empty().then_some(()));
    // And one whose parent lives is not killed.
    let mut unshare = command("unshare");
    unshare.args(["--pid", NEWUTS, "--fork", "--kill-child", "box", "sh", "-c", "exit 7"]);
    unshare.run().is(7, "", "");
}

#[test]
fn a_parent_that_died_too_early_is_noticed() {
    needs!(strace::here());
    for prefix in [&[][..], &["unshare", "--pid"]] {
        in_time(|seconds| {
            // strace holds the child back just before it asks for its death.
            let log = apart::file();
            let mut strace = command("unshare");
            strace.args(["--uts", "strace", "-f", "-o"]).arg(log.path());
            strace.arg(format!("--inject=prctl:delay_enter={}s", 2 * seconds)).args(prefix);
            strace.args([NEWUTS, "--fork", "--kill-child", "box", "sleep", "300"]);
            let running = strace.start();
            let found = eventually("prctl", LIMIT, || {
                let child = running.living().into_iter().find(|pid| is_in(*pid, Sysno::prctl));
                let made = || fs::read_to_string(log.path()).unwrap().contains(" (DELAYED)");
                child.map(Some).or_else(|| made().then_some(None))
            });
            let status = |child| fs::read_to_string(format!("/proc/{child}/status")).unwrap();
            let parent = |child| {
                let status = status(child);
                let parent = status.lines().find_map(|line| line.strip_prefix("PPid:\t"));
                parent.unwrap().parse().unwrap()
            };
            let Some(child) = found else {
                // It was seen too late.
                for pid in running.living() {
                    let _ = kill(pid, Signal::KILL);
                }
                running.finish();
                return None;
            };
            kill(parent(child), Signal::KILL).unwrap();
            // Nobody is left to sleep.
            assert_eq!(running.finish().status, 128 + libc::SIGKILL);
            Some(())
        });
    }
}

#[test]
fn it_is_not_there_without_the_option() {
    needs!(strace::here());
    let (run, log) = Strace::new(&[], &["box", "true"]).run();
    run.is(0, "", "");
    assert_eq!(log.processes(), 1);
}
