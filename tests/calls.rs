// SPDX-License-Identifier: MIT OR Apache-2.0
//! The system calls of the demonstration, as strace sees them: these and no others.

use crate::support::require::needs;
use crate::support::run::host_name;
use crate::support::strace::{self, Strace, inject};

const SHORT: [&str; 3] = ["--delay=0.3", "--hold=5", "bizarro"];

#[test]
fn of_parent_and_child() {
    needs!(strace::here());
    let (run, log) = Strace::new(&[], &SHORT).run();
    run.demonstrates("bizarro", 0, "");
    let (parent, child) = (log.parent(), log.child());
    let (pid, child_pid) = (parent.pid, child.pid);
    // Two at most, before there is a child: a closed pipe and a limit on files are errors, and the
    // child's status is not lost.
    let signal_calls = parent.calls.iter().filter(|call| call.starts_with("rt_sig"));
    assert!((1..=2).contains(&signal_calls.count()), "{:?}", parent.calls);
    let early = parent.calls.iter().take_while(|call| !call.starts_with("mmap("));
    let early = early.filter(|call| !call.starts_with("rt_sig"));
    assert_eq!(early.collect::<Vec<_>>(), [&format!("getpid() = {pid}")]);
    let returned = format!("clone() returned {child_pid}");
    let in_parent = format!("uts.nodename in parent: {}", host_name());
    let host_name = host_name();
    let first = parent.calls.iter().position(|call| call.starts_with("mmap(")).unwrap();
    assert_eq!(
        parent.without_addresses()[first..],
        [
            "mmap(NULL, 1048576, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_STACK, -1, 0) \
             = ADDR",
            "mprotect(ADDR, 4096, PROT_NONE) = 0",
            &format!("clone(child_stack=ADDR, flags=CLONE_NEWUTS|SIGCHLD) = {child_pid}"),
            &write(&returned),
            "nanosleep({tv_sec=0, tv_nsec=300000000}, ADDR) = 0",
            &format!("uname({{sysname=\"Linux\", nodename=\"{host_name}\", ...}}) = 0"),
            &write(&in_parent),
            &format!(
                "wait4({child_pid}, [{{WIFEXITED(s) && WEXITSTATUS(s) == 0}}], 0, NULL) \
                 = {child_pid}"
            ),
            &write("child has terminated"),
            "exit_group(0) = ?",
        ]
    );
    assert_eq!(
        child.without_addresses(),
        [
            "sethostname(\"bizarro\", 7) = 0",
            "uname({sysname=\"Linux\", nodename=\"bizarro\", ...}) = 0",
            &write("uts.nodename in child: bizarro"),
            "nanosleep({tv_sec=5, tv_nsec=0}, ADDR) = 0",
            "exit(0) = ?",
        ]
    );
    assert_eq!(log.processes(), 2);
}

/// A line's write.
fn write(line: &str) -> String {
    let length = line.len() + 1;
    format!("write(1, \"{line}\\n\", {length}) = {length}")
}

#[test]
fn the_child_starts_at_the_top_of_the_stack_and_the_guard_is_its_lowest_page() {
    needs!(strace::here());
    let (_, log) = Strace::new(&[], &SHORT).run();
    let address = |call: &str, before: &str| {
        let call = log.parent().named(call)[0];
        let digits = call.split(before).nth(1).unwrap().trim_start_matches("0x");
        let end = digits.find(|digit: char| !digit.is_ascii_hexdigit()).unwrap_or(digits.len());
        u64::from_str_radix(&digits[..end], 16).unwrap()
    };
    let base = address("mmap", " = ");
    assert_eq!(address("mprotect", "("), base);
    // func's argument waits in the topmost 16 bytes.
    assert_eq!(address("clone", "child_stack="), base + 1024 * 1024);
}

#[test]
fn kill_child_adds_two() {
    needs!(strace::here());
    let (run, log) = Strace::new(&[], &["--kill-child", "--delay=0.3", "--hold=5", "x"]).run();
    run.demonstrates("x", 0, "");
    let pid = log.parent().pid;
    let asked = ["prctl(PR_SET_PDEATHSIG, SIGKILL) = 0", &format!("getppid() = {pid}")];
    assert_eq!(log.child().calls[..2], asked);
    assert!(log.child().calls[2].starts_with("sethostname("));
    assert_eq!(log.child().calls.len(), 7);
}

#[test]
fn what_needs_no_child_writes_once() {
    needs!(strace::here());
    for (args, fd, status) in
        [(&["--help"][..], 1, 0), (&["--version"], 1, 0), (&[], 2, 0), (&["--bogus"], 2, 2)]
    {
        let (_, log) = Strace::new(&[], args).run();
        let calls = &log.parent().calls;
        assert!(calls[0].starts_with("getpid() = "), "{calls:?}");
        assert!(calls[1].starts_with(&format!("write({fd}, ")), "{calls:?}");
        assert_eq!(calls[2..], [format!("exit_group({status}) = ?")]);
    }
}

#[test]
fn a_short_write_is_continued() {
    needs!(strace::here());
    // The kernel takes one byte at a time; strace only says so, hence it writes all of the rest.
    let (_, log) = inject(&["write:retval=1"], &SHORT);
    let line = "uts.nodename in child: bizarro\n";
    let rests = (0..line.len()).map(|start| {
        let shown = line[start..].replace('\n', "\\n");
        format!("write(1, \"{shown}\", {}) = 1 (INJECTED)", line.len() - start)
    });
    assert_eq!(log.child().named("write"), rests.collect::<Vec<_>>());
}

#[test]
fn an_interrupted_call_is_made_again() {
    needs!(strace::here());
    for call in ["write", "nanosleep", "wait4"] {
        let (run, log) = inject(&[&format!("{call}:error=EINTR:when=1")], &SHORT);
        run.demonstrates("bizarro", 0, "");
        let processes = [log.parent(), log.child()];
        // The child waits for nobody.
        let makers = if call == "wait4" { &processes[..1] } else { &processes };
        for process in makers {
            let made = process.named(call);
            let first = made[0];
            assert!(first.contains(" = -1 EINTR "), "{made:?}");
            let asked = first.split(" = -1").next().unwrap().split(", 0x").next().unwrap();
            assert!(made[1].starts_with(asked), "{made:?}");
        }
    }
}

#[test]
fn an_interrupted_sleep_goes_on_for_the_time_that_is_left() {
    needs!(strace::here());
    // The kernel's answer: 0.5 s are left, as two little-endian words.
    let left = "nanosleep:error=EINTR:when=1:poke_exit=@arg2=00000000000000000065cd1d00000000";
    let (run, log) = inject(&[left], &["--delay=30", "--hold=40", "bizarro"]);
    run.demonstrates("bizarro", 0, "");
    for process in [log.parent(), log.child()] {
        let sleeps = process.named("nanosleep");
        assert_eq!(sleeps.len(), 2);
        assert!(sleeps[1].starts_with("nanosleep({tv_sec=0, tv_nsec=500000000}, "), "{sleeps:?}");
    }
}
