// SPDX-License-Identifier: MIT OR Apache-2.0
//! `tests/left-behind`, which says what a suite leaves behind: of each kind something is left.

use std::process::Command;
use std::{fs, thread};

use crate::support::apart::{ALONE, beside, test};
use crate::support::package::PACKAGE;
use crate::support::require::{self, needs};
use crate::support::run::{Outcome, Watched as _, command};
use crate::support::setting::settings;

/// Runs a shell's script under it.
fn left_behind(script: &str) -> Outcome {
    let mut command = command(format!("{PACKAGE}/tests/left-behind"));
    command.args(["sh", "-c", script]).env_remove("NEWUTS_TEST_REQUIRE").current_dir("/").run()
}

/// What is left of a script that succeeds.
#[track_caller]
fn left(script: &str) -> String {
    let run = left_behind(script);
    let (first, rest) = run.stderr.split_once('\n').expect(&run.stderr);
    assert_eq!((run.status, first), (1, "tests/left-behind: left by sh:"), "{script}: {run:?}");
    rest.to_owned()
}

#[test]
fn who_leaves_nothing_has_a_status_of_his_own() {
    needs!(require::namespaces());
    let tidy = "touch /tmp/file; rm /tmp/file; mount -t tmpfs it /media; umount /media; true &";
    for status in [0, 1, 7] {
        left_behind(&format!("{tidy} exit {status}")).is(status, "", "");
    }
}

#[test]
fn each_thing_that_is_left_is_named() {
    needs!(require::namespaces());
    for (script, name) in [
        ("touch '/tmp/a file'", "+ file /tmp/a file"),
        ("mkdir /tmp/.hidden", "+ file /tmp/.hidden"),
        ("mount -t tmpfs it /media", " /media "),
        ("mount --bind /proc/self/ns/uts /proc/version", " /proc/version "),
        ("mount -o remount,bind,ro /proc", "- mount "),
        ("echo it >/proc/sys/kernel/hostname", "+ host name it"),
        ("echo it >/proc/sys/kernel/domainname", "+ domain name it"),
    ] {
        let left = left(script);
        assert!(left.contains(name), "{script}: {left}");
    }
    // That of the command is what counts, if it failed.
    assert_eq!(left_behind("touch /tmp/file; exit 3").status, 3);
}

#[test]
fn a_process_has_the_name_of_its_test() {
    needs!(require::namespaces());
    let left =
        left("sleep 300 & mkdir /tmp/gone; cd /tmp/gone; setsid sleep 400 & rmdir /tmp/gone");
    assert_eq!(left.lines().count(), 2, "{left}");
    for seconds in [300, 400] {
        assert!(left.contains(&format!(" of {}: sleep {seconds} \n", test())), "{left}");
    }
}

/// What a run does that is to fail its test; gives what the test then says.
fn failure(mut command: Command) -> String {
    let failed = thread::scope(|scope| beside(scope, || command.run()).join().unwrap_err());
    failed.downcast_ref::<String>().unwrap().to_owned()
}

#[test]
fn a_test_that_leaves_a_mount_or_a_name_fails_and_the_machine_has_neither() {
    needs!(require::namespaces(), require::tool("nsenter"), settings());
    let before = machine();
    for (script, left) in [
        ("mount -t tmpfs it /media", " /media "),
        ("mount --make-shared /", " shared:"),
        ("echo it >/proc/sys/kernel/hostname", "host name it"),
        ("echo it >/proc/sys/kernel/domainname", "domain name it"),
    ] {
        let mut shell = command("sh");
        shell.args(["-c", script]);
        let said = failure(shell);
        assert!(said.contains("what a test does stays") && said.contains(left), "{script}: {said}");
        assert_eq!(machine(), before, "{script}");
    }
}

/// What the machine has, and not this test: its names, and what is mounted on these two.
fn machine() -> String {
    let main = format!("--target={}", std::process::id());
    let script = "cat /proc/sys/kernel/hostname /proc/sys/kernel/domainname";
    let names = command("nsenter").args([&main, "--uts", "sh", "-c", script]).run();
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap();
    let of_two = |line: &&str| ["/", "/media"].contains(&line.split(' ').nth(4).unwrap());
    let mounts: Vec<_> = mounts.lines().filter(of_two).collect();
    assert!(!mounts.is_empty() && names.status == 0, "{names:?}");
    names.stdout + &mounts.join("\n")
}

#[test]
fn a_lie_that_could_reach_others_is_not_told() {
    for lie in ["unshare:retval=0", "clone:retval=0", "mount,umount2:error=EIO:retval=0"] {
        for words in [
            &["strace", "--inject", lie][..],
            &["strace", &format!("--inject={lie}")],
            &["sh", "-c", &format!("strace -e inject={lie} true")],
            // Below, and not above.
            &[&["strace", "-e", &format!("inject={lie}")], &ALONE[..]].concat(),
            &["unshare", "--mount", "--pid", "strace", "--inject", lie],
        ] {
            let mut command = command(words[0]);
            command.args(&words[1..]);
            assert!(failure(command).starts_with("a lie outside of "), "{words:?}");
        }
    }
}

/// A control group is the machine's: these are removed again.
#[test]
fn another_suite_s_control_groups_are_not_this_one_s() {
    needs!(require::namespaces());
    let script = r#"
        for folder in /sys/fs/cgroup /sys/fs/cgroup/*; do
            own=$folder/newuts-$NEWUTS_TEST_SUITE-one
            other=$folder/newuts-another-$NEWUTS_TEST_SUITE
            mkdir "$own" "$other" "$other/libpod-one" && break
            rmdir "$own" "$other"
        done 2>/dev/null
        printf '%s\n' "$own" "$other/libpod-one" "$other"
    "#;
    let run = left_behind(script);
    needs!(if run.status == 1 { Ok(()) } else { Err("control groups".to_owned()) });
    let paths: Vec<_> = run.stdout.lines().collect();
    for path in &paths {
        fs::remove_dir(path).unwrap();
    }
    let left: Vec<_> =
        run.stderr.lines().filter_map(|line| line.strip_prefix("  + control group ")).collect();
    assert_eq!(left, paths[..1], "{run:?}");
}
