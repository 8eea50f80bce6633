// SPDX-License-Identifier: MIT OR Apache-2.0
//! Many: namespaces held at once, the limit of their number, and runs one after another. What
//! they cost, and 10,000 of them, is for `cargo bench --bench scale`.

use std::collections::HashSet;
use std::fs;

use rustix::process::Signal;

use crate::support::require::{self, needs};
use crate::support::run::{LIMIT, Running, Watched as _, command, eventually, kill, newuts};
use crate::support::setting::settings;

/// The UTS namespace of a process.
fn namespace(pid: i32) -> String {
    let link = fs::read_link(format!("/proc/{pid}/ns/uts")).unwrap();
    link.to_str().unwrap().to_owned()
}

#[test]
fn two_hundred_namespaces_at_once_are_all_different() {
    needs!(require::root());
    let held: Vec<_> = (0..200)
        .map(|index| newuts(["--delay=0", "--hold=3000", &format!("n{index}")]).start())
        .collect();
    let children: Vec<_> = held.iter().map(Running::cloned).collect();
    let own = namespace(i32::try_from(std::process::id()).unwrap());
    let mut all: HashSet<_> = children.iter().map(|child| namespace(*child)).collect();
    all.insert(own);
    assert_eq!(all.len(), 201);
    for child in children {
        kill(child, Signal::TERM).unwrap();
    }
    for (index, running) in held.into_iter().enumerate() {
        let run = running.finish();
        assert_eq!((run.status, run.stderr.as_str()), (143, ""));
        assert!(run.stdout.contains(&format!("uts.nodename in child: n{index}\n")), "{run:?}");
    }
}

#[test]
fn the_limit_is_a_clear_error_and_leaves_the_others_alone() {
    needs!(require::user_namespaces(), settings());
    // Eight may be had, and the ninth not, until one of the eight ends.
    let script = r#"
        echo 8 >/proc/sys/user/max_uts_namespaces
        for name in 1 2 3 4 5 6 7 8; do
            "$0" $name sleep 300 &
            pids="$pids $!"
        done
        echo ready
        read -r _
        "$0" ninth true
        echo $?
        kill $!
        wait $!
        "$0" ninth uname -n
        kill ${pids% *}
        wait
    "#;
    let mut unshare = command("unshare");
    let input = {
        let _lock = crate::support::run::no_fork();
        std::io::pipe().unwrap()
    };
    let arguments = ["--map-root-user", "sh", "-c", script, crate::support::run::NEWUTS];
    let running = unshare.args(arguments).stdin(input.0).start();
    drop(unshare);
    running.until("ready\n");
    eventually("eight sleep", LIMIT, || {
        let is_sleep = |pid: &i32| {
            fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|name| name == "sleep\n")
        };
        (running.living().iter().filter(|pid| is_sleep(pid)).count() == 8).then_some(())
    });
    drop(input.1);
    let run = running.finish();
    assert_eq!(run.stdout, "ready\n125\nninth\n", "{run:?}");
    let message = "unshare: No space left on device\n\
                   newuts: hint: no more UTS namespaces: see /proc/sys/user/max_uts_namespaces, \
                   of this or an outer user namespace\n";
    assert!(run.stderr.starts_with(message), "{run:?}");
}

#[test]
fn runs_one_after_another_leave_nothing_behind() {
    const RUNS: u32 = 2_000;
    needs!(require::namespaces(), settings());
    // A limit that would be reached after 20 if one namespace stayed for a hundred runs. The
    // kernel frees them a moment after the process has ended.
    let script = r#"
        echo 20 >/proc/sys/user/max_uts_namespaces
        name=0
        while [ $name -lt $1 ]; do
            name=$((name + 1))
            "$0" $name true || exit
        done
        echo $name
    "#;
    let mut unshare = command("unshare");
    unshare.args(["--map-root-user", "sh", "-c", script, crate::support::run::NEWUTS]);
    // On a busy machine that may take a while.
    let run = unshare.arg(RUNS.to_string()).start().finish_within(5 * LIMIT);
    run.is(0, &format!("{RUNS}\n"), "");
}
