// SPDX-License-Identifier: MIT OR Apache-2.0
//! `--trace`, beside strace(1), which says what each line must be.

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io::{self, BufRead as _, BufReader, Read as _};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Stdio;
use std::thread;

use linux_raw_sys::general::F_SETSIG;
use rustix::process::Signal;

use crate::support::apart::{self, ALONE};
use crate::support::require::{self, needs};
use crate::support::run::{
    Copied, NEWUTS, Outcome, Running, Watched, broken_pipe, full_disk, in_time, kill, newuts,
    no_fork,
};
use crate::support::setting::settings;
use crate::support::strace::{self, strace_in};
use crate::support::trace::{Log, Traced, regex, same, sorted, table, without_unknown};

/// A demonstration that is soon over.
const SHORT: [&str; 3] = ["--delay=0.05", "--hold=0.1", "bizarro"];

/// One that takes no time.
const QUICK: [&str; 3] = ["--delay=0", "--hold=0", "bizarro"];

/// Runs its arguments as an ordinary user.
const NOBODY: [&str; 4] = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"];

/// Runs its arguments as process 1 of a container.
const AS_INIT: [&str; 4] = ["unshare", "--pid", "--fork", "--kill-child"];

/// Runs its arguments where no UTS namespace can be made.
const NO_SPACE: [&str; 7] = [
    "unshare",
    "--user",
    "--map-root-user",
    "sh",
    "-c",
    r#"echo 0 >/proc/sys/user/max_uts_namespaces; exec "$@""#,
    "sh",
];

/// Runs its arguments where no user namespace can be made.
const NO_USERS: [&str; 7] = [
    "unshare",
    "--user",
    "--map-root-user",
    "sh",
    "-c",
    r#"echo 0 >/proc/sys/user/max_user_namespaces; exec "$@""#,
    "sh",
];

/// Runs its arguments as root without the capability.
const NO_CAPABILITY: [&str; 3] = ["setpriv", "--bounding-set=-sys_admin", "--inh-caps=-sys_admin"];

/// Runs its arguments where another MiB of memory is too much.
const NO_MEMORY: [&str; 2] = ["prlimit", "--as=600000"];

/// `--trace` before other words.
fn traced<S: AsRef<OsStr>>(args: &[S]) -> Vec<OsString> {
    let args = args.iter().map(|arg| arg.as_ref().to_owned());
    [OsString::from("--trace")].into_iter().chain(args).collect()
}

/// Asserts that a run wrote what strace saw; gives strace's lines, and what else the run said.
#[track_caller]
fn compare(run: Traced, pids: &[i32], what: &str) -> (String, Outcome) {
    let (mut outcome, log) = run.run();
    let (trace, other) = sorted(&outcome.stderr);
    let [trace, expected] = without_unknown(trace, log.lines(pids));
    same(&trace, &expected, what);
    let table = table();
    assert!(log.names().all(|name| table.contains(&name)), "{what}: not in the table");
    outcome.stderr = other;
    (expected, outcome)
}

/// [`compare`] for `newuts` with `faults`, `under` other programs; what was seen must have each of
/// `seen`.
#[track_caller]
fn agrees<S: AsRef<OsStr>>(faults: &[&str], under: &[&str], args: &[S], seen: &[&str]) -> Outcome {
    let what = format!("{faults:?} {under:?} {:?}", traced(args));
    let pids: &[i32] = if under == AS_INIT { &[1, 2] } else { &[] };
    let run = Traced::new(faults, under, &traced(args));
    let (lines, outcome) = compare(run, pids, &what);
    for seen in seen {
        assert!(lines.contains(seen), "{what}: no {seen} in\n{lines}");
    }
    outcome
}

#[test]
fn the_demonstration_is_shown_as_strace_shows_it() {
    needs!(strace::here());
    agrees(&[], &[], &SHORT, &["clone(", "exit(0) = ?", "exit_group(0) = ?"])
        .demonstrates("bizarro", 0, "");
}

/// All checks but those with a thread: strace shows what it does under the thread's own id.
const CHECKS: &str = "--check=1-65,67-69,71-73,75-106";

/// Runs its arguments where there is no /proc. The shell has unblocked the signal that strace_in() is
/// to block.
const WITHOUT_PROC: [&str; 6] = [
    "unshare",
    "--mount",
    "sh",
    "-c",
    r#"while umount -l /proc 2>/dev/null; do :; done; exec env --block-signal=CHLD "$@""#,
    "sh",
];

#[test]
fn checks_are_shown() {
    needs!(strace::here(), require::namespaces());
    let seen = [
        "capset({version=_LINUX_CAPABILITY_VERSION_3, pid=0}, {effective=0x0, ",
        "clone3({flags=CLONE_NEWUTS, exit_signal=SIGCHLD, stack=NULL, stack_size=0}, 64) = ",
        "F_GETFD) = 0x1 (flags FD_CLOEXEC)",
        "NS_GET_NSTYPE) = 67108864 (CLONE_NEWUTS)",
        ", MAP_SHARED|MAP_ANONYMOUS, -1, 0) = ",
        "mount(NULL, \"/proc\", NULL, MS_REC|MS_PRIVATE, NULL) = 0",
        "mount(\"/proc/self/ns/uts\", \"/proc/version\", NULL, MS_BIND, NULL) = 0",
        "prctl(PR_SET_DUMPABLE, SUID_DUMP_USER) = 0",
        "readlinkat(AT_FDCWD, \"/proc/self/ns/uts\", \"uts:[",
        "setns(-1, CLONE_NEWUTS) = -1 EBADF",
        "setpgid(0, ",
        ") = -1 EFAULT",
        "unshare(CLONE_NEWNS) = 0",
        "unshare(CLONE_NEWUTS|0x4000) = -1 EINVAL",
        "wait4(-1, NULL, 0, NULL) = -1 ECHILD",
        ", WNOHANG, NULL) = ",
    ];
    agrees(&[], &[], &[CHECKS], &seen);
    agrees(&["mount:error=EPERM", "capset:error=EPERM"], &[], &[CHECKS], &["capset({"]);
    agrees(&["statx:error=EINVAL", "setpgid:error=EPERM"], &[], &[CHECKS], &["setpgid("]);
    agrees(
        &["clone:error=EAGAIN"],
        &[],
        &["--check=1"],
        &["clone3({flags=0, exit_signal=SIGCHLD, "],
    );
    let seen = [
        "statx(AT_FDCWD, \"/\", AT_STATX_SYNC_AS_STAT, STATX_MNT_ID, {stx_mask=",
        "mount(\"ramfs\", \"/\", \"ramfs\", 0, NULL) = 0",
        "chroot(\"/..\") = 0",
        "mkdirat(AT_FDCWD, \"/proc\", 0555) = 0",
        "mount(\"proc\", \"/proc\", \"proc\", 0, NULL) = 0",
    ];
    agrees(&[], &WITHOUT_PROC, &["--check=4"], &seen);
}

#[test]
fn every_name_is_shown_as_strace_shows_it() {
    needs!(strace::here());
    let every_byte: Vec<u8> = (1..=255).collect();
    let lengths = [0, 1, 31, 32, 33, 63, 64, 65, 300].map(|length| vec![b'a'; length]);
    let odd: [&[u8]; 7] = [
        b"\x01",
        b"\x017\x018",
        b"\n\t\x0b\x0c\r",
        b"\"\\'",
        b"\x7f\x80\xff9",
        b"\x1b[2J\x1b]0;x\x07",
        b"\xe6\x97\xa5\xe6\x9c\xac",
    ];
    let chunks = every_byte.chunks(32).chain(every_byte.chunks(64));
    for name in lengths.iter().map(Vec::as_slice).chain(odd).chain(chunks) {
        let name = OsStr::from_bytes(name);
        agrees(&[], &[], &[name, OsStr::new("true")], &["sethostname("]);
        let [delay, hold, _] = QUICK.map(OsStr::new);
        agrees(&[], &[], &[delay, hold, OsStr::new("--domainname"), name, name], &["clone("]);
    }
}

#[test]
fn domain_names_are_shown() {
    needs!(strace::here());
    let [delay, hold, name] = QUICK;
    let long = "d".repeat(65);
    for (domain, seen) in [("foo.org", "\"foo.org\", 7) = 0"), ("", ""), (&long, "-1 EINVAL")] {
        agrees(&[], &[], &[delay, hold, "--domainname", domain, name], &["setdomainname(", seen]);
        agrees(&[], &[], &["--domainname", domain, name, "true"], &["setdomainname(", seen]);
    }
}

#[test]
fn every_signal_has_its_name() {
    needs!(strace::here());
    let [delay, hold, name] = QUICK;
    for signal in 1..=64 {
        let option = format!("--kill-child={signal}");
        agrees(&[], &[], &[delay, hold, &option, name], &["prctl(PR_SET_PDEATHSIG, SIG"]);
    }
    for (signal, shown) in [("KILL", "KILL"), ("TERM", "TERM"), ("34", "RT_2"), ("64", "RT_32")] {
        let seen = format!("prctl(PR_SET_PDEATHSIG, SIG{shown}) = 0\n");
        let option = format!("--kill-child={signal}");
        agrees(&[], &[], &[delay, hold, &option, name], &[&seen, "getppid() = "]);
    }
}

/// Under strace a child's end wakes its parent, which sleeps on.
#[test]
fn a_sleep_that_goes_on_is_one_call() {
    needs!(strace::here());
    in_time(|seconds| {
        // The parent sleeps while the child's sleep ends.
        let (delay, hold) = (format!("--delay={}", 2 * seconds), format!("--hold={seconds}"));
        let run = Traced::new(&[], &[], &traced(&[&delay, &hold, "x"]));
        let (lines, _) = compare(run, &[], "a sleep that goes on");
        let seen = format!("nanosleep({{tv_sec={}, tv_nsec=0}}, SOMEWHERE) = 0", 2 * seconds);
        lines.contains(&seen).then_some(())
    });
}

#[test]
fn every_time_is_shown() {
    needs!(strace::here());
    for (time, seen) in [
        ("0.000000001", "{tv_sec=0, tv_nsec=1}"),
        ("0.01", "{tv_sec=0, tv_nsec=10000000}"),
        (".009999999", "{tv_sec=0, tv_nsec=9999999}"),
    ] {
        agrees(&[], &[], &["--delay", time, "--hold", time, "x"], &[seen]);
    }
    let sleepless = ["nanosleep:retval=0"];
    for (time, seen) in [("200", "{tv_sec=200, "), ("forever", "{tv_sec=9223372036854775807, ")] {
        agrees(&sleepless, &[], &["--hold", time, "x"], &[seen]);
    }
}

#[test]
fn every_end_of_a_child_is_shown() {
    const DUMPED: u16 = 0x80;

    needs!(strace::here());
    // The status is put in the place of the real one, as two little-endian bytes.
    let signals = (0..=64).chain([11, 3, 64].map(|signal| DUMPED | signal));
    let exits = [1, 2, 127, 128, 255].map(|status| status << 8);
    for status in signals.chain(exits) {
        let [low, high] = status.to_le_bytes();
        let fault = format!("wait4:poke_exit=@arg2={low:02x}{high:02x}0000");
        agrees(&[&fault], &[], &QUICK, &["wait4("]);
    }
}

/// A signal really sent to the child, in its sleep.
#[test]
fn a_child_that_is_killed_is_shown() {
    needs!(strace::here());
    for (signal, seen) in [
        ("SIGKILL", "WTERMSIG(s) == SIGKILL}"),
        ("SIGTERM", "WTERMSIG(s) == SIGTERM}"),
        ("SIGSEGV", "WTERMSIG(s) == SIGSEGV"),
        ("SIGRT_2", "WTERMSIG(s) == SIGRT_2}"),
    ] {
        let folder = apart::folder();
        let fault = format!("sethostname:signal={signal}");
        let args = traced(&["--delay=0", "x"]);
        let mut run = Traced::new(&[&fault], &["prlimit", "--core=unlimited"], &args);
        run.command.current_dir(folder.path());
        let (lines, _) = compare(run, &[], signal);
        assert!(lines.contains(seen), "{lines}");
        // The signal came before the line: strace saw a call of which the child could say nothing.
        assert!(!lines.contains("sethostname("), "{lines}");
    }
}

#[test]
fn commands_are_shown_as_strace_shows_them() {
    needs!(strace::here());
    let words: Vec<String> = (0..40).map(|length| "w".repeat(length)).collect();
    for count in [31, 32, 33, 40] {
        let command =
            ["box", "true"].into_iter().chain(words[..count - 1].iter().map(String::as_str));
        agrees(&[], &[], &command.collect::<Vec<_>>(), &["execve(\""]);
    }
    for words in [
        &["true"][..],
        &["/bin/true", "", "a\nb", "\"", "\\", "\u{e9}1", "\x1b7"],
        &["./nowhere/at/all"],
        &["frobnicate"],
        &[""],
        &["/dev/null"],
        &["/"],
        &["/etc/passwd/x"],
    ] {
        let args: Vec<_> = [&["box"], words].concat();
        agrees(&[], &[], &args, &["execve(\"", " = ?\n"]);
    }
    // The shell that runs a script, and a shell that is not there.
    let script = tempfile::NamedTempFile::new().unwrap();
    fs::write(script.path(), "exit 0\n").unwrap();
    fs::set_permissions(script.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let script = script.into_temp_path();
    let script = script.to_str().unwrap();
    agrees(
        &[],
        &[],
        &["box", script, "a"],
        &["-1 ENOEXEC", "execve(\"/bin/sh\", [\"/bin/sh\", \"/"],
    );
    let faults = ["execve:error=ENOENT:when=2"];
    agrees(&faults, &[], &["box", script, "a"], &["-1 ENOEXEC", "-1 ENOENT"]);
    for folder in ["a".repeat(255), ["b"; 900].join("/")] {
        let path = format!("/{folder}/c");
        agrees(&[], &[], &["box", &path], &["c\", [\"/"]);
    }
    agrees(&[], &[], &["box", &format!("/{}", "a".repeat(256))], &["-1 ENAMETOOLONG"]);
}

#[test]
fn the_environment_is_counted() {
    needs!(strace::here());
    for count in [0, 1, 2, 300] {
        // The shell is found without PATH, and so is strace.
        let mut variables: Vec<String> = (0..count).map(|index| format!("V{index}=x")).collect();
        variables.insert(0, "--ignore-environment".to_owned());
        variables.insert(0, "env".to_owned());
        let under: Vec<_> = variables.iter().map(String::as_str).collect();
        let seen = format!("/* {count} var{} */", if count == 1 { "" } else { "s" });
        agrees(&[], &under, &["box", "true"], &[&seen]);
    }
}

#[test]
fn every_folder_of_the_search_is_shown() {
    needs!(strace::here());
    for (path, seen) in [
        ("PATH=", "execve(\"true\", "),
        ("PATH=/nowhere::/etc/passwd:/bin", "execve(\"/etc/passwd/true\", "),
        ("PATH=/\u{1}7\u{1}8:/bin", r#"execve("/\0017\18/true", "#),
        ("PATH=/nowhere", "ENOENT"),
    ] {
        agrees(&[], &["env", path], &["box", "true"], &[seen]);
    }
}

#[test]
fn a_line_longer_than_a_pipe_takes_in_one_piece_is_cut() {
    needs!(strace::here());
    let path = format!("/{}x", "\u{1}/".repeat(1500));
    let (outcome, log) = Traced::new(&[], &[], &traced(&["box", &path])).run();
    let (trace, _) = sorted(&outcome.stderr);
    let lines = log.lines(&[]);
    assert!(lines.lines().any(|line| line.len() >= 4096), "{lines}");
    let cut = lines.lines().map(|line| format!("{}\n", &line[..line.len().min(4095)]));
    same(&trace, &cut.collect::<String>(), "cut");
    let (name, word) = (format!("./{}", "x".repeat(300)), "\u{1}\u{1}7".repeat(30));
    let args: Vec<_> = ["box", &name].into_iter().chain([word.as_str(); 60]).collect();
    agrees(&[], &[], &args, &["\\1\\0017"]);
}

#[test]
fn user_namespaces_are_shown() {
    needs!(strace::here(), require::user_namespaces());
    let copy = Copied::new();
    let under = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"];
    for option in ["-U", "-c", "-r"] {
        for rest in [&["--delay=0", "--hold=0", "x"][..], &["x", "true"]] {
            let args = traced(&[&[option], rest].concat());
            for under in [&[][..], &under] {
                let run = Traced::of(copy.path.as_os_str(), &[], under, &args);
                let (lines, outcome) = compare(run, &[], option);
                assert!(lines.contains("CLONE_NEWUTS|CLONE_NEWUSER"), "{lines}");
                assert_eq!(lines.contains("O_WRONLY|O_CLOEXEC"), option != "-U", "{lines}");
                assert_eq!((outcome.status, outcome.stderr.as_str()), (0, ""));
            }
        }
    }
}

/// Sends its parent a signal of each origin that there is, and ends when it has used time of the
/// processor. The words of a `siginfo_t` begin with signal, errno and origin; on 64-bit CPUs a hole
/// is behind them, and then come sender and value.
fn sender() -> String {
    let (queue, io) = (libc::SYS_rt_sigqueueinfo, libc::SIGIO);
    let (own, how, flags, when) = (libc::F_SETOWN, F_SETSIG, libc::F_SETFL, libc::O_ASYNC);
    format!(
        r#"$parent = getppid;
        for $code (-1, -2, -3, -4, -5, -7, -8, -60) {{
            for $value (0, 7) {{
                for $errno (0, 2, 1000) {{
                    $info = pack "i7 x100", 34, $errno, $code, 0, 3, 5, $value;
                    syscall({queue}, $parent, 34, $info) == 0 or die "$code: $!";
                }}
            }}
        }}
        kill $_, $parent for "TERM", "USR1";
        for $signal ({io}, 34) {{
            pipe($reader, $writer);
            fcntl($reader, {own}, $parent);
            fcntl($reader, {how}, $signal);
            fcntl($reader, {flags}, {when});
            syswrite $writer, "x";
            close $writer;
        }}
        $user = (times)[0] + 0.03;
        1 while (times)[0] < $user;"#,
    )
}

#[test]
fn staying_as_the_parent_is_shown() {
    needs!(strace::here(), require::tool("perl"));
    let folder = apart::folder();
    let file = folder.path().join("bound");
    let file = file.to_str().unwrap();
    for (args, seen) in [
        (&["--fork", "x", "true"][..], "rt_sigpending(["),
        (&["-f", "-r", "--kill-child", "--domainname=d", "x", "true"], "PR_SET_PDEATHSIG"),
        (&["-f", "x", "frobnicate"], "exit_group(127) = ?"),
        (&["-f", "--persist", file, "x", "frobnicate"], "unlinkat("),
        (&["-f", "--persist", "/nowhere/x", "x", "true"], "ENOENT"),
        (&["-f", "--join=/proc/self/ns/uts", "true"], "setns("),
    ] {
        agrees(&[], &[], args, &[seen]);
    }
    let ignoring = ["TERM", "USR1", "IO", "RTMIN"].map(|name| format!("--ignore-signal={name}"));
    let mut args = vec!["--fork", "x", "env"];
    args.extend(ignoring.iter().map(String::as_str));
    let sender = sender();
    args.extend(["perl", "-e", &sender]);
    let seen = [
        "si_code=SI_QUEUE, si_pid=",
        "si_code=SI_TIMER, si_timerid=0x3, si_overrun=5, si_int=7, si_ptr=0x7}",
        "si_code=SI_MESGQ, si_errno=ENOENT, si_pid=",
        "si_code=SI_SIGIO, si_errno=1000, si_band=",
        "si_code=SI_ASYNCNL, ",
        "si_code=0xfffffff8, ",
        "{si_signo=SIGIO, si_code=POLL_IN, si_band=65, si_fd=",
        "{si_signo=SIGRT_2, si_code=0x1, ",
        "{si_signo=SIGTERM, si_code=SI_USER, ",
        " s */",
    ];
    assert_eq!(agrees(&[], &[], &args, &seen).status, 0);
}

#[test]
fn joining_is_shown() {
    needs!(strace::here(), require::namespaces());
    let target = newuts(["--user", "--hold=300", "target"]).start();
    let pid = target.cloned();
    let (by_pid, by_path) = (pid.to_string(), format!("/proc/{pid}/ns/uts"));
    let wrong = format!("/proc/{pid}/ns/mnt");
    for (words, seen) in [
        (&["--join", &by_pid][..], "setns(3, CLONE_NEWUTS) = 0"),
        (&["--join", &by_path], "|O_CLOEXEC) = 3"),
        (&["--join", &by_pid, "true"], "pidfd_open("),
        (&["--join", &by_path, "true"], "execve("),
        (&["--join", &by_pid, "--user"], "_IOC(_IOC_NONE, 0xff, 0xa, 0), 0) = 4"),
        (&["--join", &by_pid, "--user"], "setns(5, CLONE_NEWUSER) = 0"),
        (&["--join", &by_path, "--user"], "ioctl(3, NS_GET_USERNS) = 4"),
        (&["--join", &wrong], "EINVAL"),
        (&["--join", "/dev/null"], "EINVAL"),
        (&["--join", "/dev/null", "--user"], "ENOTTY"),
        (&["--join", "/nowhere/\n"], "ENOENT"),
        (&["--join", "/etc/passwd/"], "ENOTDIR"),
        (&["--join", "999999999"], "pidfd_open(999999999, 0) = -1"),
        (&["--join", "99999999999"], "pidfd_open(2147483647, 0) = -1"),
        (&["--join", "0"], "pidfd_open(0, 0) = -1 EINVAL"),
        (&["--join", &by_pid, "frobnicate"], "ENOENT"),
    ] {
        agrees(&[], &[], words, &[seen]);
    }
    agrees(&["pidfd_open:error=ENOSYS"], &[], &["--join", &by_pid], &["openat(AT_FDCWD, \"/proc/"]);
    agrees(&["ioctl:error=ENOTTY:when=1"], &[], &["--join", &by_pid, "--user"], &["openat("]);
    agrees(&["pidfd_open:error=ENOENT:when=1"], &[], &["--join", &by_pid], &["pidfd_open("]);
    kill(pid, Signal::KILL).unwrap();
    target.finish();
}

#[test]
fn usage_help_and_version_are_shown() {
    needs!(strace::here());
    for (words, status) in [(&[][..], 0), (&["--help"], 0), (&["--version"], 0), (&["--bogus"], 2)]
    {
        assert_eq!(agrees(&[], &[], words, &["write(", "exit_group("]).status, status);
    }
}

#[test]
fn refusals_and_the_search_for_their_causes_are_shown() {
    needs!(strace::here(), require::namespaces(), settings());
    let [delay, hold, name] = QUICK;
    let demo: &[&str] = &[delay, hold, name];
    let demo_user: &[&str] = &[delay, hold, "--user", name];
    for (under, args, seen) in [
        (&NO_CAPABILITY[..], demo, &["EPERM", "capget("][..]),
        (&NO_CAPABILITY, &["x", "true"], &["EPERM", "capget("]),
        (&NO_CAPABILITY, &["--join", "1"], &["EPERM", "capget("]),
        (&NO_SPACE, demo, &["ENOSPC", "unshare("]),
        (&NO_SPACE, &["x", "true"], &["ENOSPC", "unshare(CLONE_NEWU", "|0x4000) = -1 EINVAL"]),
        (&NO_USERS, demo_user, &["ENOSPC", "unshare(CLONE_NEWUSER)"]),
        (
            &NO_USERS,
            &["-U", "x", "true"],
            &["ENOSPC", "unshare(CLONE_NEWU", "|0x4000) = -1 EINVAL"],
        ),
        (&NO_MEMORY, demo, &["ENOMEM"]),
    ] {
        let outcome = agrees(&[], under, args, seen);
        assert_ne!(outcome.status, 0);
    }
    let copy = Copied::new();
    let limited = [&NOBODY[..], &["prlimit", "--nproc=0"]].concat();
    for (under, args, seen) in [
        (&NOBODY[..], &["x"][..], "capget("),
        (&NOBODY, &["x", "true"], "capget("),
        (&NOBODY, &["--join", "1"], "EPERM"),
        (&NOBODY, &["--join", "1", "--user"], "EACCES"),
        (&NOBODY, &["--join", "/proc/1/ns/uts"], "EACCES"),
        (&limited, &["--user", "x"], "EAGAIN"),
    ] {
        let run = Traced::of(copy.path.as_os_str(), &[], under, &traced(args));
        let (lines, outcome) = compare(run, &[], seen);
        assert!(lines.contains(seen), "{lines}");
        assert_ne!(outcome.status, 0);
    }
}

#[test]
fn the_sets_of_capabilities_are_numbers() {
    needs!(strace::here());
    let fault = ["unshare:error=EPERM"];
    for (bounding, inheritable) in
        [("-kill", "+chown"), ("-chown,-mac_admin,-bpf", "-all"), ("-all", "-all")]
    {
        let bounding = format!("--bounding-set={bounding}");
        let inheritable = format!("--inh-caps={inheritable}");
        let under = ["setpriv", &bounding, &inheritable];
        agrees(&fault, &under, &["x", "true"], &["capget(", "effective=0x"]);
    }
    let ambient = ["--inh-caps=+chown", "--ambient-caps=+chown", "--reuid=65534"];
    let copy = Copied::new();
    let under = [&["setpriv"], &ambient[..], &["--clear-groups", "--regid=65534"]].concat();
    let run = Traced::of(copy.path.as_os_str(), &[], &under, &traced(&["x", "true"]));
    let (lines, _) = compare(run, &[], "chown");
    assert!(lines.contains("{effective=0x1, permitted=0x1, inheritable=0x1}"), "{lines}");
}

#[test]
fn every_errno_has_its_name_and_text() {
    needs!(strace::here());
    // From 512 on the kernel keeps them to itself: there strace shows what it means by them.
    for errno in (1..=140).chain([255, 511]) {
        agrees(&[&format!("unshare:error={errno}")], &[], &["x", "true"], &["unshare(", " = -1 "]);
    }
}

#[test]
fn every_call_may_fail() {
    needs!(strace::here(), require::namespaces());
    let demo: &[&str] = &["--delay=0", "--hold=0", "--domainname=d", "--kill-child", "x"];
    let user = &["--delay=0", "--hold=0", "--map-root-user", "x"];
    let run: &[&str] = &["--domainname=d", "x", "true"];
    let run_user = &["-c", "x", "true"];
    let join = &["--join=/proc/self/ns/uts"];
    let join_user = &["--join=/proc/self/ns/uts", "--user"];
    let join_pid = &["--join=1", "true"];
    for (fault, args) in [
        ("rt_sigaction:error=EINVAL", demo),
        ("rt_sigprocmask:error=EINVAL", demo),
        ("mmap:error=ENOMEM", demo),
        ("mmap:error=EAGAIN", demo),
        ("mprotect:error=ENOMEM", demo),
        ("clone:error=EPERM", demo),
        ("clone:error=EINVAL", demo),
        ("clone:error=ENOSPC", demo),
        ("clone:error=EAGAIN", user),
        ("prctl:error=EINVAL", demo),
        ("sethostname:error=EPERM", demo),
        ("sethostname:error=EINVAL", run),
        ("setdomainname:error=EPERM", run),
        ("setdomainname:error=EINVAL", demo),
        ("nanosleep:error=EINTR:when=1", demo),
        ("wait4:error=EINTR:when=1", demo),
        ("wait4:error=ECHILD", user),
        ("unshare:error=EINVAL", run),
        ("unshare:error=ENOSPC", run),
        ("unshare:error=EPERM", run_user),
        ("geteuid:retval=4294967294", run_user),
        ("getegid:retval=7", run_user),
        ("openat:error=ENOENT", run_user),
        ("openat:error=EACCES:when=2", run_user),
        ("openat:error=EMFILE:when=3", user),
        ("execve:error=EACCES:when=2", run),
        ("execve:error=E2BIG:when=2", run),
        ("execve:error=ENOEXEC:when=2+", run),
        ("openat:error=EMFILE", join),
        ("setns:error=EPERM", join),
        ("setns:error=ENOMEM", join_user),
        ("ioctl:error=EPERM", join_user),
        ("ioctl:error=ENOTTY", join_user),
        ("pidfd_open:error=EMFILE", join_pid),
        ("setns:error=ESRCH", join_pid),
    ] {
        let name = fault.split(':').next().unwrap();
        agrees(&[fault], &[], args, &[&format!(" {name}(")]);
    }
    for faults in [
        &["unshare:error=EPERM", "capget:error=EINVAL"][..],
        &["unshare:error=EPERM", "prctl:error=EINVAL"],
        &["unshare:error=EPERM", "prctl:retval=2"],
    ] {
        agrees(faults, &[], run, &["capget("]);
    }
    for faults in [
        &["unshare:error=ENOSPC:when=1", "openat:retval=0"][..],
        &["unshare:error=ENOSPC:when=1", "openat:retval=0", "read:error=EIO"],
    ] {
        agrees(faults, &[], run, &[" read("]);
    }
    let parentless = ["getppid:retval=1"];
    let [delay, hold, name] = QUICK;
    agrees(&parentless, &[], &[delay, hold, "--kill-child=WINCH", name], &["kill(", "SIGWINCH"]);
}

#[test]
fn what_is_read_is_shown() {
    needs!(strace::here(), require::namespaces());
    for content in ["0", "1", "\n", "\u{1}", ""] {
        let file = apart::file();
        fs::write(file.path(), content).unwrap();
        // The limit that may be reached is looked at.
        let faults = ["unshare:error=ENOSPC:when=1", "openat:retval=0"];
        let mut run = Traced::new(&faults, &[], &traced(&["x", "true"]));
        run.command.stdin(file.reopen().unwrap());
        let (lines, _) = compare(run, &[], content);
        assert!(regex!(" read\\([0-9]+, \"").is_match(&lines), "{lines}");
    }
}

#[test]
fn failed_writes_are_shown() {
    needs!(strace::here());
    // The kill waits until the child has said all that it has to say.
    let late = ["kill:delay_enter=1500000"];
    let long = ["--delay=1", "--hold=300", "x"];
    let version = ["--version"];
    let join = ["--join=/proc/self/ns/uts"];
    for args in [&long[..], &version, &join] {
        let mut full = Traced::new(&late, &[], &traced(args));
        full.command.stdout(full_disk());
        let mut closed = Traced::new(&late, &[], &traced(args));
        closed.command.closed(1);
        let mut broken = Traced::new(&late, &["env", "--ignore-signal=PIPE"], &traced(args));
        broken.command.stdout(broken_pipe());
        for (run, errno) in [(full, "ENOSPC"), (closed, "EBADF"), (broken, "EPIPE")] {
            let (lines, outcome) = compare(run, &[], errno);
            let seen = format!(" = -1 {errno} (");
            assert!(lines.contains("write(1, ") && lines.contains(&seen), "{lines}");
            assert_ne!(outcome.status, 0);
        }
    }
    // The seventh write of each: the parent's first on standard output, and none of the child's.
    let parents = ["write:error=EIO:when=7", "kill:delay_enter=1500000"];
    agrees(&parents, &[], &long, &["= -1 EIO", "SIGKILL) = 0", "WTERMSIG(s) == SIGKILL}"]);
    // The third: the child's own, and the parent's trace of its getpid, which is written again.
    let childs = ["write:error=EINTR:when=3"];
    let (outcome, log) = Traced::new(&childs, &[], &traced(&QUICK)).run();
    assert!(
        outcome.stderr.contains("write(1, \"uts.nodename in child: bizarro\\n\", 31) = -1 EINTR")
    );
    assert_eq!(log.processes.len(), 2);
}

#[test]
fn short_writes_are_shown() {
    needs!(strace::here());
    let file = apart::file();
    let under = ["env", "--ignore-signal=XFSZ", "prlimit", "--fsize=100"];
    let mut run = Traced::new(&[], &under, &traced(&["--help"]));
    // strace's own log would be cut short too: the limit is for what it runs.
    run.command.stdout(file.reopen().unwrap());
    let (lines, outcome) = compare(run, &[], "short");
    assert!(lines.contains(") = 100\n") && lines.contains("-1 EFBIG (File too large)"), "{lines}");
    assert_eq!(outcome.status, 1);
}

#[test]
fn a_child_that_is_not_to_be_waited_for_is_shown() {
    needs!(strace::here());
    let seen = "= -1 ECHILD (No child processes)";
    agrees(&["wait4:error=ECHILD"], &[], &["--delay=0", "--hold=0.1", "x"], &[seen]);
}

#[test]
fn process_1_is_shown() {
    needs!(strace::here(), require::namespaces());
    let cad_off =
        "1     reboot(LINUX_REBOOT_MAGIC1, LINUX_REBOOT_MAGIC2, LINUX_REBOOT_CMD_CAD_OFF)";
    let fcntl = "fcntl(0, F_GETFD) = 0";
    let handler = "{sa_handler=0x";
    agrees(&[], &AS_INIT, &SHORT, &[cad_off, "-1 EINVAL", fcntl, handler, "2     sethostname("])
        .demonstrates("bizarro", 0, "");
    agrees(&[], &AS_INIT, &["x", "true"], &[cad_off, fcntl, "execve("]);
    agrees(&[], &AS_INIT, &["--join=/proc/self/ns/uts"], &[cad_off, "setns("]);
    agrees(&[], &AS_INIT, &["--version"], &[cad_off]);
    for (console, answer) in [("true", "-1 ENOENT"), (">/dev/console", "0\n")] {
        let mount = format!(r#"mount -t tmpfs none /dev; {console}; exec "$@""#);
        let under = ["unshare", "--mount", "--pid", "--fork", "sh", "-c", &mount, "sh"];
        let mut run = Traced::new(&[], &under, &traced(&["--version"]));
        run.command.closed(0);
        let (lines, _) = compare(run, &[1, 2], console);
        let asked = "openat(AT_FDCWD, \"/dev/console\", O_RDWR|O_NOCTTY) = ";
        assert!(lines.contains("fcntl(0, F_GETFD) = -1 EBADF (Bad file descriptor)"), "{lines}");
        assert!(lines.contains(&format!("{asked}{answer}")), "{lines}");
    }
}

/// A handler ends process 1; its calls are shown, too.
#[test]
fn the_end_of_process_1_by_a_signal_is_shown() {
    needs!(strace::here());
    let fault = "wait4:signal=SIGTERM";
    // Its child has time to say what it has to say.
    let args = ["--delay=1", "--hold=300", "x"];
    let outcome = agrees(&[fault], &AS_INIT, &args, &["exit_group(143) = ?"]);
    assert_eq!(outcome.status, 143);
    let args = [&["--trace=regs"], &args[..]].concat();
    let (outcome, _) = Traced::new(&[fault], &AS_INIT, &args).run();
    // Its child may have a word behind it.
    let last = outcome.stderr.lines().rfind(|line| line.starts_with("1 ")).unwrap();
    assert!(last.starts_with("1     exit_group "), "{}", outcome.stderr);
}

/// Told that it is the real init, it powers the machine off: strace keeps that from the kernel.
#[test]
fn the_real_init_is_shown() {
    needs!(strace::here());
    let faults = ["reboot:retval=0", "sync:retval=0"];
    for args in [&["--version"][..], &["--bogus"]] {
        let seen =
            ["sync() = 0", "clone(child_stack=NULL, flags=SIGCHLD) = 2", "_CMD_POWER_OFF) = 0"];
        agrees(&faults, &AS_INIT, args, &seen);
    }
}

#[test]
fn process_ids_are_padded_to_five_columns() {
    needs!(strace::here(), require::namespaces());
    // strace is process 1 here, and the program process 2.
    let log = apart::file();
    let mut command = strace_in(&[&ALONE[..], &["--uts"]].concat(), log.path(), &["-f"]);
    let (trace, _) = sorted(&command.args([NEWUTS, "--trace"]).args(SHORT).run().stderr);
    let log = fs::read_to_string(log.path()).unwrap();
    let columns =
        |text: &str| text.lines().map(|line| line[..6].to_owned()).collect::<BTreeSet<_>>();
    let pids = columns(&trace);
    assert_eq!(pids.len(), 2, "{trace}");
    assert!(pids.iter().all(|pid| pid.ends_with("    ")), "{trace}");
    assert_eq!(pids, columns(&log));
}

/// Each form, in words: what runs it, and its arguments.
const FORMS: [(&[&str], &[&str], &[&str]); 17] = [
    (&[], &[], &SHORT),
    (&[], &[], &["--domainname=d", "--kill-child", "--delay=0.05", "--hold=0.1", "x"]),
    (&["getppid:retval=1"], &[], &["--kill-child=WINCH", "--delay=0.05", "--hold=0.1", "x"]),
    (&[], &["unshare", "--pid"], &["--kill-child", "--delay=0.05", "--hold=0.1", "x"]),
    (&[], &AS_INIT, &SHORT),
    (&["reboot:retval=0", "sync:retval=0"], &AS_INIT, &["--version"]),
    (&[], &[], &["--domainname=d", "x", "true"]),
    (&[], &[], &["--map-current-user", "x", "true"]),
    // Where there are two children, or a thread, it is chance which of them begins and ends first.
    (&[], &[], &["--check=1-65,67-69,71-73,75-80,82-106"]),
    (&[], &WITHOUT_PROC, &["--check=4"]),
    (&["clone:error=EAGAIN"], &[], &["--check=1"]),
    (&[], &[], &["x", "frobnicate"]),
    (&[], &[], &["--join=/proc/self/ns/uts"]),
    (&[], &[], &["--join=1", "true"]),
    (&["setns:retval=0"], &[], &["--join=/proc/self/ns/uts", "--user"]),
    (&[], &NO_CAPABILITY, &["x", "true"]),
    (&["unshare:error=EPERM", "openat:retval=0"], &[], &["--user", "x", "true"]),
];

/// The calls that `--fork` and `--persist` alone make.
const OF_FORK_AND_PERSIST: [&str; 7] = [
    "getpgid",
    "getsid",
    "rt_sigpending",
    "rt_sigqueueinfo",
    "rt_sigtimedwait",
    "umount2",
    "unlinkat",
];

/// The calls of one process after those of the other, without what differs from run to run.
fn alike(log: &Log, without_trace: bool) -> String {
    let all = log.processes.iter();
    let processes = if without_trace {
        log.without_trace()
    } else {
        all.map(|(pid, calls)| (*pid, calls.iter().map(String::as_str).collect())).collect()
    };
    let calls: Vec<_> = processes.iter().map(|(_, calls)| calls.join("\n")).collect();
    let mut text = calls.join("\nanother process\n");
    for (index, (pid, _)) in log.processes.iter().enumerate() {
        // A small one is a length or a descriptor as well, so it is looked for in its places only.
        let takes = r"returned |wait4\(|kill\(|pidfd_open\(|setpgid\(0, ";
        let gives = r"(?m:^(?:clone3?|getp?pid|wait4)\(.*\) = )";
        for before in [takes, gives] {
            let pid = ::regex::Regex::new(&format!(r"({before}){pid}\b")).unwrap();
            text = pid.replace_all(&text, format!("${{1}}PID{index}")).into_owned();
        }
    }
    let text = regex!(r#"( PID\d\\n", )\d+\) = \d+"#).replace_all(&text, "${1}LENGTH) = LENGTH");
    // Every namespace has another number; how often a watcher looks is chance, and so is whether it
    // does for a second, or ends who has spoken and is slow to go.
    let text = regex!(r"\[402\d{7}\]").replace_all(&text, "[NUMBER]");
    let looks =
        r"nanosleep\(\{tv_sec=0, .*|wait4\(.*, WNOHANG, NULL\) = 0|kill\(.*, SIG(CONT|KILL)\) = 0";
    let looks = ::regex::Regex::new(&format!(r"(?m)^({looks})\n")).unwrap();
    let text = looks.replace_all(&text, "");
    regex!("0x[0-9a-f]{5,}").replace_all(&text, "ADDR").into_owned()
}

#[test]
fn without_trace_the_calls_are_the_same_and_no_others() {
    needs!(strace::here());
    let mut names = BTreeSet::new();
    for (faults, under, args) in FORMS {
        let what = format!("{faults:?} {under:?} {args:?}");
        let (outcome, log) = Traced::new(faults, under, args).run();
        assert_eq!(sorted(&outcome.stderr).0, "", "{what}");
        assert_eq!(log.trace_writes().count(), 0);
        names.extend(log.names().map(str::to_owned));
        for option in ["--trace", "--trace=regs"] {
            let args = [&[option], args].concat();
            let (outcome, traced) = Traced::new(faults, under, &args).run();
            assert_ne!(sorted(&outcome.stderr).0, "", "{what}");
            same(&alike(&traced, true), &alike(&log, false), &what);
        }
    }
    // With those of --fork and --persist, whose processes run side by side, these are all the calls
    // there are.
    names.extend(OF_FORK_AND_PERSIST.map(str::to_owned));
    assert_eq!(names.iter().map(String::as_str).collect::<Vec<_>>(), {
        let mut table = table();
        table.sort_unstable();
        table
    });
}

#[test]
fn each_line_is_one_write() {
    needs!(strace::here());
    for (option, args) in ["--trace", "--trace=regs"]
        .into_iter()
        .flat_map(|option| [(option, &SHORT[..]), (option, &["x", "true"])])
    {
        let args = [&[option], args].concat();
        let mut run = Traced::of(OsStr::new(NEWUTS), &["-s4096"], &[], &args);
        run.command.stdout(Stdio::null());
        let (outcome, log) = run.run();
        let escaped = |line: &str| line.replace('\\', r"\\").replace('"', r#"\""#);
        let mut lines: Vec<_> = outcome
            .stderr
            .lines()
            .map(|line| {
                let length = line.len() + 1;
                format!("write(2, \"{}\\n\", {length}) = {length}", escaped(line))
            })
            .collect();
        let mut writes: Vec<_> = log.trace_writes().map(str::to_owned).collect();
        lines.sort_unstable();
        writes.sort_unstable();
        assert!(lines.len() >= 3, "{lines:?}");
        assert_eq!(writes, lines);
    }
}

/// The calls of the demonstration, in the order of each process.
const PARENT: [&str; 13] = [
    "rt_sigprocmask",
    "rt_sigaction",
    "getpid",
    "mmap",
    "mprotect",
    "clone",
    "write",
    "nanosleep",
    "uname",
    "write",
    "wait4",
    "write",
    "exit_group",
];
const CHILD: [&str; 5] = ["sethostname", "uname", "write", "nanosleep", "exit"];

#[test]
fn lines_of_two_processes_never_mix() {
    needs!(require::root());
    let whole = regex!(
        r"^(\d+) +([a-z0-9_]+)(\(.*\) = (\?|-?\d+|0x[0-9a-f]+)|( [a-z0-9]+=0x[0-9a-f]+)+ => (\?|0x[0-9a-f]+))$"
    );
    for (option, first) in [("--trace", None), ("--trace=regs", Some("clone"))] {
        let (mut reader, writer) = {
            let _lock = no_fork();
            io::pipe().unwrap()
        };
        let args = [&[option], &QUICK[..]].concat();
        let text = thread::scope(|scope| {
            let text = apart::beside(scope, move || {
                let mut text = String::new();
                reader.read_to_string(&mut text).unwrap();
                text
            });
            for _ in 0..4 {
                let (args, writer) = (&args, writer.try_clone().unwrap());
                apart::beside(scope, move || {
                    for _ in 0..50 {
                        let stderr = writer.try_clone().unwrap();
                        let outcome = newuts(args).stderr(stderr).run();
                        assert_eq!(outcome.status, 0);
                    }
                });
            }
            drop(writer);
            text.join().unwrap()
        });
        let mut processes: Vec<(&str, Vec<&str>)> = Vec::new();
        for line in text.lines() {
            let found = whole.captures(line).unwrap_or_else(|| panic!("{line:?}"));
            let (pid, name) = (found.get(1).unwrap().as_str(), found.get(2).unwrap().as_str());
            // The id of one that has ended may be another's.
            let lives = |names: &[&str]| !names.last().unwrap().starts_with("exit");
            match processes.iter_mut().find(|(known, names)| *known == pid && lives(names)) {
                Some((_, names)) => names.push(name),
                None => processes.push((pid, vec![name])),
            }
        }
        assert_eq!(processes.len(), 400);
        let child: Vec<_> = first.into_iter().chain(CHILD).collect();
        for (_, names) in processes {
            assert_eq!(names, if names[0] == PARENT[0] { &PARENT[..] } else { &child });
        }
    }
}

#[test]
fn a_trace_that_cannot_be_written_changes_nothing() {
    needs!(require::root());
    let commands: [(&[&str], i32); 4] = [
        (&["--delay=0.05", "--hold=0.1", "bizarro"], 0),
        (&["x", "sh", "-c", "uname -n; exit 7"], 7),
        (&["--join=/proc/self/ns/uts"], 0),
        (&["--version"], 0),
    ];
    let said = |outcome: &Outcome| regex!(r"\d+").replace_all(&outcome.stdout, "N").into_owned();
    for ((args, status), option) in commands.iter().flat_map(|command| {
        ["--trace", "--trace=regs"].into_iter().map(move |option| (command, option))
    }) {
        let plain = newuts(*args).run();
        assert_eq!(plain.status, *status);
        let traced = || newuts([&[option], *args].concat());
        for outcome in [
            traced().closed(2).run(),
            traced().stderr(full_disk()).run(),
            traced().stderr(File::open("/dev/null").unwrap()).run(),
            traced().ignoring(libc::SIGPIPE).stderr(broken_pipe()).run(),
        ] {
            let lines = [said(&outcome), said(&plain)].map(|text| {
                let mut lines: Vec<_> = text.lines().map(str::to_owned).collect();
                lines.sort_unstable();
                lines
            });
            assert_eq!(outcome.status, *status, "{args:?}");
            assert_eq!(lines[0], lines[1], "{args:?}");
        }
    }
}

/// The demonstration ignores the signal of a pipe that nobody reads any more.
#[test]
fn a_reader_that_goes_away_does_not_stop_the_demonstration() {
    needs!(require::root());
    let (reader, writer) = {
        let _lock = no_fork();
        io::pipe().unwrap()
    };
    let mut command = newuts(["--trace", "--delay=0.3", "--hold=0.5", "bizarro"]);
    let running: Running = command.stderr(writer).start();
    drop(command);
    let mut lines = BufReader::new(reader).lines();
    let line = lines.find(|line| line.as_ref().unwrap().contains("clone("));
    assert!(line.is_some());
    drop(lines);
    running.finish().demonstrates("bizarro", 0, "");
}
