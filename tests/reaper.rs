// SPDX-License-Identifier: MIT OR Apache-2.0
//! `--fork` as process 1: in a container, side by side with tini(1), and of a machine that a real
//! kernel boots. It reaps whoever ends there without a parent, passes signals on, and when the
//! command ends, the container ends, or the machine is switched off.

use std::fmt::{self, Display, Formatter};
use std::io::{self, Write as _};
use std::thread;
use std::time::Duration;

use crate::support::engine::{Container, Engine, With, engines};
use crate::support::machine::{Machine, on_each, on_the_usual, on_those};
use crate::support::run::{LIMIT, Watched as _, command, eventually};

use With::{HostPids, Privileged, SysAdmin, Terminal, Unconfined};

/// In a script of busybox: how many zombies there are.
const ZOMBIES: &str = "
zombies() {
    /busybox cat /proc/[0-9]*/stat 2>/dev/null | /busybox grep -c ') Z '
}
";

/// In a script: makes so many orphans that end at once, and says whether they all go away.
fn orphans(count: usize) -> String {
    format!(
        "{ZOMBIES}
        n=0
        while [ $n -lt {count} ]; do
            (sh -c : &)
            n=$((n+1))
        done
        n=0
        until left=$(zombies); [ $left = 0 ] || [ $n = 300 ]; do
            n=$((n+1))
            /busybox sleep 0.1
        done
        echo $left zombies
        "
    )
}

/// A script for the container's shell, where busybox is in a folder of its own.
fn in_container(script: &str) -> String {
    script.replace("/busybox", "/bin/busybox")
}

/// Process 1 of a container.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum First {
    Newuts,
    Tini,
}

impl First {
    /// A container in which it runs a script.
    fn of(self, engine: &Engine, with: &[With], script: &str) -> Container {
        let script = in_container(script);
        let command = ["/bin/sh", "-c", &script];
        match self {
            Self::Newuts => engine.busybox(with, &[&["--fork", "box"], &command[..]].concat()),
            Self::Tini => engine.other(with, "/bin/tini", &[&["--"], &command[..]].concat()),
        }
    }
}

/// For every engine, and every process 1.
fn everywhere(test: impl Fn(&Engine, First)) {
    for engine in engines() {
        for first in [First::Newuts, First::Tini] {
            test(&engine, first);
        }
    }
}

#[test]
fn a_thousand_orphans_are_reaped() {
    everywhere(|engine, first| {
        let script = orphans(1000);
        let run = first.of(engine, &[SysAdmin], &format!("{script} exit 7")).run();
        assert_eq!(
            (run.status, run.stdout.as_str()),
            (7, "0 zombies\n"),
            "{:?} {first:?}: {}",
            engine.kind,
            run.stderr
        );
    });
}

/// So the count of the test above does count.
#[test]
fn without_a_fork_they_stay() {
    for engine in engines() {
        let script = format!(
            "{ZOMBIES}
            n=0
            while [ $n -lt 50 ]; do
                (/busybox sleep 0.1 &)
                n=$((n+1))
            done
            until [ $(zombies) -ge 50 ]; do /busybox sleep 0.1; done; echo there they are
            "
        );
        // Process 1 is sleep, which waits for nobody.
        let script = format!("{{ {script} }} & exec /busybox sleep 300");
        let args = ["box", "/bin/sh", "-c", &in_container(&script)];
        let mut container = engine.busybox(&[SysAdmin], &args);
        let running = container.command.start();
        running.until("there they are\n");
        engine.signal(&container.name, "KILL");
        assert_eq!(running.finish().status, 128 + libc::SIGKILL, "{:?}", engine.kind);
    }
}

#[test]
fn the_container_ends_with_the_status_of_its_command() {
    everywhere(|engine, first| {
        for (script, status) in
            [("exit 0", 0), ("exit 7", 7), ("kill -9 $$", 137), ("kill -TERM $$", 143)]
        {
            let run = first.of(engine, &[SysAdmin], script).run();
            run.is(status, "", "");
        }
        // What the command left behind ends with it.
        let run = first.of(engine, &[SysAdmin], "/busybox sleep 300 & exit 5").run();
        run.is(5, "", "");
    });
    for engine in engines() {
        let run = engine.busybox(&[SysAdmin], &["--fork", "box", "frobnicate"]).run();
        run.is(127, "", "newuts: frobnicate: No such file or directory\n");
        let run = engine.busybox(&[], &["--fork", "box", "sh"]).run();
        assert_eq!(run.status, 125, "{run:?}");
        assert!(run.stderr.starts_with("unshare: Operation not permitted\n"), "{run:?}");
    }
}

#[test]
fn the_command_is_not_process_1() {
    for engine in engines() {
        let script = "hostname; [ $$ != 1 ] && [ $PPID = 1 ] && echo child";
        let look = ["/bin/sh", "-c", script];
        for (with, options) in [
            (&[SysAdmin][..], &[][..]),
            (&[Privileged], &["--domainname=d"]),
            (&[Unconfined], &["--user"]),
        ] {
            let args = [&["--fork"], options, &["box"], &look].concat();
            engine.busybox(with, &args).run().is(0, "box\nchild\n", "");
        }
    }
}

/// Starts a container whose command waits, lets `end` end it, and asserts that it soon does.
#[track_caller]
fn assert_ends(mut container: Container, what: &str, status: i32, end: impl FnOnce(&str)) {
    let mut running = container.command.start();
    running.until("ready");
    end(&container.name);
    // It may be the engine's own command that does not end: who lives says it.
    let its_end = format_args!("the end of {what}, of these:\n{Processes}");
    eventually(its_end, LIMIT, || running.ended().then_some(()));
    let run = running.finish();
    // Who is killed after a grace has another status. A terminal may show the key.
    assert!(run.status == status && run.stdout.starts_with("ready"), "{what}: {run:?}");
}

/// All processes that there are when it is shown, with groups, terminals and states.
struct Processes;

impl Display for Processes {
    fn fmt(&self, f: &mut Formatter) -> fmt::Result {
        let ps = command("busybox").args(["ps", "-o", "pid,ppid,pgid,tty,stat,args"]).run();
        f.write_str(&ps.stdout)
    }
}

/// A command that is ready only when it is the shell no longer: that of busybox ignores SIGQUIT until
/// it becomes another program, and the key would be lost.
const WAITS: &str = "
(while [ \"$(/busybox cat /proc/$$/comm)\" = sh ]; do :; done; echo ready) &
exec /busybox sleep 300
";

#[test]
fn stop_ends_a_command_that_has_no_handlers() {
    everywhere(|engine, first| {
        for with in [&[SysAdmin][..], &[Privileged], &[SysAdmin, HostPids]] {
            if first == First::Tini && with.contains(&HostPids) {
                // It complains that it is not process 1.
                continue;
            }
            let what = format!("{:?} {first:?} {with:?}", engine.kind);
            let container = first.of(engine, with, WAITS);
            assert_ends(container, &what, 143, |container| engine.stop(container));
        }
    });
}

#[test]
fn other_signals_end_it_too() {
    everywhere(|engine, first| {
        for (signal, status) in [("HUP", 129), ("INT", 130), ("QUIT", 131), ("USR1", 138)] {
            let what = format!("{:?} {first:?} {signal}", engine.kind);
            let container = first.of(engine, &[SysAdmin], WAITS);
            assert_ends(container, &what, status, |container| engine.signal(container, signal));
        }
    });
}

#[test]
fn a_command_with_a_handler_has_its_time() {
    everywhere(|engine, first| {
        let script = "trap 'echo stopping; exit 3' TERM; echo ready
                      while :; do /busybox sleep 0.05; done";
        let mut container = first.of(engine, &[SysAdmin], script);
        let running = container.command.start();
        running.until("ready\n");
        engine.stop(&container.name);
        running.finish().is(3, "ready\nstopping\n", "");
    });
}

#[test]
fn keys_of_the_terminal_end_it() {
    everywhere(|engine, first| {
        for (key, status) in [(b'\x03', 130), (b'\x1c', 131)] {
            let (stdin, mut typed) = io::pipe().unwrap();
            let mut container = first.of(engine, &[SysAdmin, Terminal], WAITS);
            container.command.stdin(stdin);
            let what = format!("{:?} {first:?} {key}", engine.kind);
            assert_ends(container, &what, status, |_| typed.write_all(&[key]).unwrap());
        }
    });
}

/// There is no shell that could let it go on: so it goes on.
#[test]
fn ctrl_z_does_not_stop_a_container() {
    for engine in engines() {
        let (stdin, mut typed) = io::pipe().unwrap();
        let script = "echo ready; read -r line; echo got $line";
        let mut container = First::Newuts.of(&engine, &[SysAdmin, Terminal], script);
        let running = container.command.stdin(stdin).start();
        running.until("ready");
        typed.write_all(b"\x1a").unwrap();
        eventually("got hello", LIMIT, || {
            // The key empties the line. A line now and then: a pipe that is full would block.
            thread::sleep(Duration::from_millis(100));
            typed.write_all(b"hello\n").ok()?;
            running.stdout().contains("got hello").then_some(())
        });
        drop(typed);
        assert_eq!(running.finish().status, 0);
    }
}

/// The program as the machine's process 1, by `rdinit=/newuts -- --fork ...`, above a script.
#[track_caller]
fn boot(machine: &Machine, options: &str, script: &str) -> String {
    let words = format!("rdinit=/newuts -- --fork {options} bizarro /run");
    machine.boot(machine.scripted(script), &words)
}

#[test]
fn however_the_command_ends_the_machine_is_switched_off() {
    on_each(|machine| {
        let ends = ["kill -9 $$", "exit 0", "exit 3", "kill -SEGV $$", "sleep 300 & exit 0"];
        for end in machine.cases(&ends) {
            let script = format!("hostname; [ $$ != 1 ] && [ $PPID = 1 ] && echo child\n{end}");
            assert_eq!(boot(machine, "", &script), "bizarro\nchild\n", "{end}");
        }
    });
}

#[test]
fn a_command_that_cannot_be_run_is_power_off() {
    on_the_usual(|machine| {
        for options in ["", "--user", "--kill-child", "--domainname=d"] {
            let archive = machine.newuts("newuts").file("app", "no program");
            let words = format!("rdinit=/newuts -- --fork {options} bizarro /app");
            assert_eq!(machine.boot(archive, &words), "newuts: /app: Permission denied\n");
        }
        let words = "rdinit=/newuts -- --fork bizarro /app";
        let console = machine.boot(machine.newuts("newuts"), words);
        assert_eq!(console, "newuts: /app: No such file or directory\n");
        // Before it comes to that.
        let words = "rdinit=/newuts -- --join 4711 --fork /app";
        let console = machine.boot(machine.newuts("newuts"), words);
        assert_eq!(console, "pidfd_open: No such process\n");
    });
}

/// The parent has not entered the user namespace, and may still switch off.
#[test]
fn in_a_user_namespace_too() {
    on_each(|machine| {
        for options in machine.cases(&["--user --kill-child", "--user"]) {
            let script = "/busybox hostname; /busybox id -u; exit 3";
            let archive = machine.scripted("").script("app", script);
            let words = format!("rdinit=/newuts -- --fork {options} bizarro /app");
            assert_eq!(machine.boot(archive, &words), "bizarro\n65534\n", "{options}");
        }
    });
}

#[test]
fn orphans_of_the_machine_are_reaped() {
    on_each(|machine| assert_eq!(boot(machine, "", &orphans(100)), "0 zombies\n"));
}

#[test]
fn a_signal_to_process_1_reaches_the_command() {
    on_each(|machine| {
        let script = "
            for signal in TERM INT HUP USR2; do trap came=$signal $signal; done
            for signal in TERM INT HUP USR2; do
                came=
                /bin/kill -$signal 1
                while [ -z \"$came\" ]; do sleep 0.1; done
                echo $came
            done
            exit 4
        ";
        assert_eq!(boot(machine, "", script), "TERM\nINT\nHUP\nUSR2\n");
        if machine.all {
            // It ends a command that does not expect it, and so the machine.
            let script = "/bin/kill -TERM 1; while :; do sleep 0.1; done";
            assert_eq!(boot(machine, "", script), "");
        }
    });
}

#[test]
fn ctrl_alt_del_reaches_the_command() {
    on_those(Machine::has_delete, |machine| {
        let script = "trap 'echo came; exit 6' INT; echo ready; while :; do sleep 0.1; done";
        let words = "rdinit=/newuts -- --fork bizarro /run";
        let console = machine.boot_and_delete(machine.scripted(script), words, &["ready"]);
        assert_eq!(console, "ready\ncame\n");
    });
}
