//! `--check`: what it says of kernels that keep their promises, of kernels that break one, and of
//! machines that lack something. However it ends, its caller has the names that it had before.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::os::unix::process::CommandExt as _;
use std::panic;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use linux_raw_sys::general::{CLONE_NEWNS, CLONE_NEWUSER, CLONE_NEWUTS, CLONE_VFORK, SIGCHLD};
use regex::Regex;
use rustix::process::{Resource, Signal};
use rustix::system::uname;

use crate::support::apart::{self, ALONE};
use crate::support::cross;
use crate::support::engine::{Kind, With, engines};
use crate::support::require::{self, needs};
use crate::support::run::{
    Copied, LIMIT, NEWUTS, Outcome, Running, Watched as _, broken_pipe, command, eventually,
    full_disk, in_time, kill, newuts, unprivileged,
};
use crate::support::setting::{NO_PROC, after, answering, proc_for_users, refusing, settings};
use crate::support::strace::{self, strace_in};

/// How long a check may take, before it is ended.
const PATIENCE: Duration = Duration::from_secs(5);

/// Runs its arguments as root of a user namespace in which there can be no other.
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

const REFUSED: &str = "unshare: Operation not permitted";
const NO_SPACE: &str = "unshare: No space left on device";
const NO_FILE: &str = "openat: No such file or directory";

/// The promises that can be tried without any power.
const WITHOUT_POWER: [&str; 9] = [
    "uname(2): EFAULT for a bad address",
    "sethostname(2): EPERM without CAP_SYS_ADMIN, whatever the length",
    "setdomainname(2): EPERM without CAP_SYS_ADMIN, whatever the length",
    "clone(2): gives the child's getpid(2)",
    "clone(2): EPERM for CLONE_NEWUTS without CAP_SYS_ADMIN",
    "unshare(2): EPERM for CLONE_NEWUTS without CAP_SYS_ADMIN",
    "wait(2): gives what clone gave, and the exit status",
    "wait(2): gives the signal that killed",
    "wait(2): ECHILD without a child",
];

/// Those that need /proc.
const WITH_PROC: [&str; 4] = [
    "setns(2): a file of /proc leads to its names",
    "setns(2): EINVAL for the wrong type",
    "namespaces(7): a descriptor keeps a namespace",
    "namespaces(7): a bind mount keeps a namespace",
];

/// What is known of one promise.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Verdict {
    Kept,
    Broken,
    Skipped(String),
}
use Verdict::{Broken, Kept, Skipped};

/// What a run said.
struct Report {
    results: Vec<(String, Verdict)>,
    status: i32,
}

impl Report {
    /// Reads the output as KTAP that has neither subtests nor diagnostic lines.
    #[track_caller]
    fn read(run: &Outcome) -> Self {
        let said = run.stdout.as_str();
        assert!(said.ends_with('\n'), "{run:?}");
        let mut lines = said.lines();
        assert_eq!(lines.next(), Some("KTAP version 1"), "{run:?}");
        let plan = lines.next().and_then(|plan| plan.strip_prefix("1..")).expect(said);
        let form = Regex::new(r"^(ok|not ok) ([0-9]+) ([^#]*[^# ])( # SKIP (.+))?$").unwrap();
        let results = lines.zip(1..).map(|(line, number): (_, usize)| {
            let parts = form.captures(line).expect(line);
            assert_eq!(parts[2], number.to_string(), "{said}");
            let verdict = match (&parts[1], parts.get(5)) {
                ("ok", None) => Kept,
                ("ok", Some(reason)) => Skipped(reason.as_str().to_owned()),
                (_, None) => Broken,
                (_, Some(_)) => panic!("skipped, and yet not ok: {line}"),
            };
            (parts[3].to_owned(), verdict)
        });
        let report = Self { results: results.collect(), status: run.status };
        assert_eq!(plan, report.results.len().to_string(), "{said}");
        assert!(report.results.len() >= 30, "few promises: {said}");
        assert_eq!(run.status == 0, report.broken().is_empty(), "{run:?}");
        report
    }

    /// The promises that are broken.
    fn broken(&self) -> BTreeSet<&str> {
        let broken = self.results.iter().filter(|(_, verdict)| *verdict == Broken);
        broken.map(|(promise, _)| promise.as_str()).collect()
    }

    /// Asserts what is known of each promise, and the status.
    #[track_caller]
    fn is(&self, expected: impl Fn(&str) -> Verdict) {
        for (promise, verdict) in &self.results {
            assert_eq!(*verdict, expected(promise), "{promise}");
        }
        assert!(self.status <= 1);
    }
}

/// Why a promise is skipped that a machine without any UTS namespace cannot try.
fn without_power(promise: &str, user: &str, other: &str) -> Verdict {
    if WITHOUT_POWER.contains(&promise) {
        Kept
    } else {
        Skipped(if is_of_users(promise) { user } else { other }.to_owned())
    }
}

/// Whether a promise needs a user namespace.
fn is_of_users(promise: &str) -> bool {
    promise.starts_with("user_namespaces(7): ")
}

/// The domain name of every caller.
const HOME: &str = "home.example";

/// What a caller has: its names, and the links to its namespaces.
#[derive(Debug, PartialEq, Eq)]
struct Caller {
    nodename: String,
    domainname: String,
    namespaces: BTreeMap<PathBuf, PathBuf>,
}

impl Caller {
    fn look() -> Self {
        let names = uname();
        let files = fs::read_dir("/proc/thread-self/ns").unwrap().map(|file| file.unwrap().path());
        Self {
            nodename: names.nodename().to_str().unwrap().to_owned(),
            domainname: names.domainname().to_str().unwrap().to_owned(),
            namespaces: files.map(|file| (file.clone(), fs::read_link(file).unwrap())).collect(),
        }
    }
}

/// Does `run` as a caller of its own: in a UTS namespace that no other test is in, called what the
/// machine is. Asserts that the caller is afterwards what it was.
#[track_caller]
fn as_caller<T: Send>(run: impl FnOnce() -> T + Send) -> T {
    let caller = || {
        apart::set_domain_name(HOME);
        let before = Caller::look();
        assert_eq!(before.domainname, HOME);
        let result = run();
        assert_eq!(Caller::look(), before);
        result
    };
    let ended = thread::scope(|scope| apart::beside(scope, caller).join());
    ended.unwrap_or_else(|failed| panic::resume_unwind(failed))
}

/// Runs a command as such a caller.
#[track_caller]
fn outcome(mut command: Command) -> Outcome {
    as_caller(move || command.run())
}

/// Runs a command that is to say nothing on standard error, and reads what it says.
#[track_caller]
fn report(command: Command) -> Report {
    let run = outcome(command);
    assert_eq!(run.stderr, "");
    Report::read(&run)
}

/// `newuts --check`.
fn check() -> Command {
    newuts(["--check"])
}

/// `newuts --check` under strace with these faults, in these namespaces.
fn injecting(namespaces: &[&str], faults: &[&str]) -> Command {
    let faults: Vec<_> = faults.iter().map(|fault| format!("--inject={fault}")).collect();
    let faults = faults.iter().map(String::as_str);
    let options: Vec<_> = ["-f", "-qq"].into_iter().chain(faults).collect();
    let mut command = strace_in(namespaces, Path::new("/dev/null"), &options);
    command.args([NEWUTS, "--check"]);
    command
}

/// `newuts --check` under other programs.
fn under(words: &[&str]) -> Command {
    let mut command = command(words[0]);
    command.args(&words[1..]).args([NEWUTS, "--check"]);
    command
}

/// A kernel's wrong answer.
#[derive(Clone, Copy)]
enum Fault {
    /// What strace injects.
    Inject(&'static str),
    /// What a call gives if this argument is this number: an errno, or 0, and nothing is done.
    Answer(libc::c_long, (u8, u32), i32),
    /// What uname(2) writes: the host name of the checks, and something behind its end.
    StaleNodename,
    /// The same for the domain name.
    StaleDomainname,
}
use Fault::{Answer, Inject, StaleDomainname, StaleNodename};

/// The size of each field of the structure of uname(2).
const FIELD: usize = 65;

impl Fault {
    /// Runs all checks on that kernel.
    #[track_caller]
    fn run(self) -> Outcome {
        let injected = |fault: &str| outcome(injecting(&ALONE, &[fault]));
        match self {
            Inject(fault) => injected(fault),
            Answer(call, argument, errno) => {
                outcome(answering(&[NEWUTS, "--check"], call, argument, errno))
            }
            StaleNodename => injected(&stale(1)),
            StaleDomainname => injected(&stale(5)),
        }
    }
}

/// Has uname(2) write a name of five bytes, and one more behind its end, into a field.
fn stale(field: usize) -> String {
    // Five letters, the end, and another letter.
    let name = ["78"; 5].concat() + "00" + "78";
    format!("uname:poke_exit=@arg1={}{name}", "00".repeat(field * FIELD))
}

/// The number of no descriptor, of no process, and a negative length.
const MINUS_ONE: u32 = u32::MAX;

/// Wrong answers, and exactly the promises that each breaks.
const EXACT: &[(Fault, &[&str])] = &[
    (Answer(libc::SYS_uname, (0, 1), 0), &["uname(2): EFAULT for a bad address"]),
    (
        Answer(libc::SYS_sethostname, (1, 64), libc::EINVAL),
        &["uname(2): no stale bytes after nodename", "sethostname(2): takes 64 bytes"],
    ),
    (
        Answer(libc::SYS_sethostname, (1, 0), libc::EINVAL),
        &[
            "sethostname(2): takes no bytes",
            "sethostname(2): EPERM without CAP_SYS_ADMIN, whatever the length",
        ],
    ),
    (
        Answer(libc::SYS_sethostname, (1, 65), 0),
        &[
            "sethostname(2): EINVAL for 65 bytes",
            "sethostname(2): EPERM without CAP_SYS_ADMIN, whatever the length",
        ],
    ),
    (
        Answer(libc::SYS_sethostname, (1, MINUS_ONE), 0),
        &["sethostname(2): EINVAL for a negative length"],
    ),
    (
        Answer(libc::SYS_sethostname, (0, 1), libc::EINVAL),
        &["sethostname(2): EFAULT for a bad address"],
    ),
    (
        Answer(libc::SYS_setdomainname, (1, 64), libc::EINVAL),
        &["uname(2): no stale bytes after domainname", "setdomainname(2): takes 64 bytes"],
    ),
    (
        Answer(libc::SYS_setdomainname, (1, 0), libc::EINVAL),
        &["setdomainname(2): EPERM without CAP_SYS_ADMIN, whatever the length"],
    ),
    (
        Answer(libc::SYS_setdomainname, (1, 65), 0),
        &[
            "setdomainname(2): EINVAL for 65 bytes",
            "setdomainname(2): EPERM without CAP_SYS_ADMIN, whatever the length",
        ],
    ),
    (
        Answer(libc::SYS_setdomainname, (1, MINUS_ONE), 0),
        &["setdomainname(2): EINVAL for a negative length"],
    ),
    (Answer(libc::SYS_setdomainname, (0, 1), 0), &["setdomainname(2): EFAULT for a bad address"]),
    // Stale bytes are seen, and that too much was taken; not who may do what.
    (
        Inject("sethostname:retval=0:when=2+"),
        &[
            "uname(2): no stale bytes after nodename",
            "sethostname(2): EINVAL for 65 bytes",
            "sethostname(2): EPERM without CAP_SYS_ADMIN, whatever the length",
        ],
    ),
    (
        Inject("setdomainname:retval=0:when=2+"),
        &[
            "uname(2): no stale bytes after domainname",
            "setdomainname(2): EINVAL for 65 bytes",
            "setdomainname(2): EPERM without CAP_SYS_ADMIN, whatever the length",
        ],
    ),
    // A kernel without UTS namespaces, as far as clone(2) goes.
    (
        Answer(libc::SYS_clone, (0, CLONE_NEWUTS | SIGCHLD), libc::EINVAL),
        &[
            "clone(2): CLONE_NEWUTS begins with the same names",
            "clone(2): CLONE_NEWUTS isolates nodename",
            "clone(2): CLONE_NEWUTS isolates domainname",
        ],
    ),
    (
        Inject("setpgid:error=EPERM"),
        &["clone(2): gives the child's getpid(2)", "wait(2): gives the signal that killed"],
    ),
    (
        Answer(libc::SYS_clone, (0, CLONE_NEWUTS), 0),
        &["clone(2): EPERM for CLONE_NEWUTS without CAP_SYS_ADMIN"],
    ),
    (
        Answer(libc::SYS_unshare, (0, CLONE_NEWUTS), libc::EINVAL),
        &[
            "unshare(2): CLONE_NEWUTS begins with the same names",
            "unshare(2): CLONE_NEWUTS isolates nodename",
            "unshare(2): CLONE_NEWUTS isolates domainname",
            "unshare(2): EPERM for CLONE_NEWUTS without CAP_SYS_ADMIN",
            "setns(2): a pidfd leads to the names of its process",
            "setns(2): a file of /proc leads to its names",
            "namespaces(7): a descriptor keeps a namespace",
            "namespaces(7): a bind mount keeps a namespace",
        ],
    ),
    (
        Answer(libc::SYS_unshare, (0, CLONE_NEWUTS | CLONE_VFORK), 0),
        &["unshare(2): EINVAL for an invalid flag"],
    ),
    // A kernel that drops no capability.
    (
        Inject("capset:retval=0"),
        &[
            "sethostname(2): EPERM without CAP_SYS_ADMIN, whatever the length",
            "setdomainname(2): EPERM without CAP_SYS_ADMIN, whatever the length",
            "clone(2): EPERM for CLONE_NEWUTS without CAP_SYS_ADMIN",
            "unshare(2): EPERM for CLONE_NEWUTS without CAP_SYS_ADMIN",
            "setns(2): EPERM without CAP_SYS_ADMIN",
        ],
    ),
    (Inject("getppid:retval=1"), &["setns(2): a pidfd leads to the names of its process"]),
    (Answer(libc::SYS_setns, (1, CLONE_NEWNS), 0), &["setns(2): EINVAL for the wrong type"]),
    (Answer(libc::SYS_setns, (0, MINUS_ONE), 0), &["setns(2): EBADF for a bad descriptor"]),
    (
        Inject("setns:retval=0"),
        &[
            "setns(2): a pidfd leads to the names of its process",
            "setns(2): a file of /proc leads to its names",
            "setns(2): EINVAL for the wrong type",
            "setns(2): EINVAL for what is no namespace",
            "setns(2): EBADF for a bad descriptor",
            "setns(2): ESRCH for a process that has ended",
            "setns(2): EPERM without CAP_SYS_ADMIN",
            "namespaces(7): a descriptor keeps a namespace",
            "namespaces(7): a bind mount keeps a namespace",
        ],
    ),
    (
        Answer(libc::SYS_exit_group, (0, 5), 0),
        &["wait(2): gives what clone gave, and the exit status"],
    ),
    (Inject("kill:retval=0"), &["wait(2): gives the signal that killed"]),
    (Answer(libc::SYS_wait4, (0, MINUS_ONE), 0), &["wait(2): ECHILD without a child"]),
    (
        Answer(libc::SYS_pidfd_open, (0, i32::MAX.cast_unsigned()), 0),
        &["pidfd_open(2): ESRCH for no process"],
    ),
    (Answer(libc::SYS_pidfd_open, (0, 0), 0), &["pidfd_open(2): EINVAL for process id 0"]),
    (
        Answer(libc::SYS_clone, (0, CLONE_NEWUTS | CLONE_NEWUSER | SIGCHLD), libc::EPERM),
        &["user_namespaces(7): clone gives CAP_SYS_ADMIN"],
    ),
    (
        Answer(libc::SYS_clone, (0, CLONE_NEWUSER | SIGCHLD), libc::EPERM),
        &["user_namespaces(7): but not over the names outside"],
    ),
    (
        Inject("unshare:retval=0:when=2+"),
        &[
            "namespaces(7): a descriptor keeps a namespace",
            "namespaces(7): a bind mount keeps a namespace",
        ],
    ),
    (Inject("mount:error=EPERM"), &["namespaces(7): a bind mount keeps a namespace"]),
    (Inject("mount:retval=0"), &["namespaces(7): a bind mount keeps a namespace"]),
];

/// Wrong answers that break much, and what they break besides.
const AMONG: &[(Fault, &[&str])] = &[
    (
        Inject("sethostname:error=EPERM"),
        &[
            "sethostname(2): takes 64 bytes",
            "sethostname(2): EFAULT for a bad address",
            "clone(2): no flag, the same names",
            "user_namespaces(7): clone gives CAP_SYS_ADMIN",
            "user_namespaces(7): unshare gives CAP_SYS_ADMIN",
        ],
    ),
    (
        Inject("sethostname:retval=0"),
        &[
            "sethostname(2): takes 64 bytes",
            "clone(2): CLONE_NEWUTS isolates nodename",
            "user_namespaces(7): but not over the names outside",
        ],
    ),
    (
        Inject("setdomainname:retval=0"),
        &["setdomainname(2): takes 64 bytes", "clone(2): CLONE_NEWUTS isolates domainname"],
    ),
    // It succeeds and writes nothing.
    (
        Inject("uname:retval=0"),
        &[
            "uname(2): EFAULT for a bad address",
            "uname(2): no stale bytes after nodename",
            "uname(2): no stale bytes after domainname",
        ],
    ),
    (StaleNodename, &["uname(2): no stale bytes after nodename"]),
    (StaleDomainname, &["uname(2): no stale bytes after domainname"]),
    (
        Inject("unshare:retval=0"),
        &[
            "unshare(2): CLONE_NEWUTS isolates nodename",
            "unshare(2): CLONE_NEWUTS isolates domainname",
            "unshare(2): EINVAL for an invalid flag",
            "unshare(2): EPERM for CLONE_NEWUTS without CAP_SYS_ADMIN",
        ],
    ),
    (
        Inject("openat:retval=9"),
        &[
            "setns(2): a file of /proc leads to its names",
            "setns(2): EINVAL for what is no namespace",
        ],
    ),
    // The sandbox has no child but the first.
    (Inject("clone:error=ENOMEM:when=2+"), &["wait(2): ECHILD without a child"]),
];

#[test]
fn every_promise_is_kept_here() {
    needs!(require::user_namespaces());
    report(check()).is(|_| Kept);
}

#[test]
fn the_promises_are_many_and_each_names_its_page() {
    needs!(require::user_namespaces());
    let report = report(check());
    let form = Regex::new(r"^([a-z_]+\([27]\)): [a-zA-Z].*[^.]$").unwrap();
    let promises: Vec<_> = report.results.iter().map(|(promise, _)| promise.as_str()).collect();
    let mut pages: Vec<_> = promises
        .iter()
        .map(|promise| form.captures(promise).expect(promise)[1].to_owned())
        .collect();
    // Those of one page stand together, and no promise stands twice.
    pages.dedup();
    assert_eq!(BTreeSet::from_iter(&pages).len(), pages.len(), "{pages:?}");
    assert_eq!(BTreeSet::from_iter(&promises).len(), promises.len());
}

#[test]
fn a_wrong_answer_breaks_its_promises_and_no_others() {
    needs!(require::user_namespaces(), strace::here());
    for (fault, promises) in EXACT {
        let run = fault.run();
        let expected = promises.iter().copied().collect();
        assert_eq!(Report::read(&run).broken(), expected, "{promises:?}");
    }
}

#[test]
fn an_answer_that_is_always_wrong_breaks_many() {
    needs!(require::user_namespaces(), strace::here());
    for (fault, promises) in AMONG {
        let run = fault.run();
        let report = Report::read(&run);
        let expected: BTreeSet<_> = promises.iter().copied().collect();
        assert!(report.broken().is_superset(&expected), "{promises:?}: {run:?}");
        // The others go on.
        assert!(report.results.iter().any(|(_, verdict)| *verdict == Kept), "{run:?}");
    }
}

#[test]
fn every_promise_can_be_seen_broken() {
    needs!(require::user_namespaces());
    let report = report(check());
    let promised: BTreeSet<_> =
        report.results.iter().map(|(promise, _)| promise.as_str()).collect();
    let broken = EXACT.iter().chain(AMONG).flat_map(|(_, promises)| promises.iter().copied());
    assert_eq!(broken.collect::<BTreeSet<_>>(), promised);
}

#[test]
fn a_machine_without_user_namespaces_skips_those() {
    needs!(require::user_namespaces(), settings());
    let expected = |promise: &str| {
        if is_of_users(promise) { Skipped(NO_SPACE.to_owned()) } else { Kept }
    };
    report(under(&NO_USERS)).is(expected);
    // Not even the last one can be had, at the bottom of as many as the kernel nests.
    let deeper = r#"
        if unshare --map-root-user true 2>/dev/null; then
            exec unshare --map-root-user sh -c "$0" "$0" "$@"
        fi
        exec "$@""#;
    report(under(&["sh", "-c", deeper, deeper])).is(expected);
}

#[test]
fn a_user_without_privilege_can_try_them_all() {
    needs!(require::user_namespaces());
    let program = Copied::new();
    let as_user = || {
        let mut command = unprivileged();
        command.arg(&program.path).arg("--check");
        command
    };
    report(as_user()).is(|_| Kept);
    // Where user namespaces are not for everybody.
    let mut command = as_user();
    refusing(&mut command, libc::SYS_unshare);
    report(command).is(|promise| without_power(promise, REFUSED, REFUSED));
}

#[test]
fn root_without_the_capability_needs_a_user_namespace() {
    needs!(require::user_namespaces());
    report(under(&NO_CAPABILITY)).is(|_| Kept);
    needs!(settings());
    let neither = under(&[&NO_USERS[..], &NO_CAPABILITY].concat());
    report(neither).is(|promise| without_power(promise, NO_SPACE, REFUSED));
}

/// There all calls would reach the caller's own names.
#[test]
fn without_a_sandbox_no_name_is_set() {
    needs!(require::user_namespaces(), strace::here());
    let log = apart::file();
    let trace = "--trace=sethostname,setdomainname,unshare,capset";
    let options = ["-f", "-qq", trace, "--inject=unshare:error=EPERM"];
    let mut command = strace_in(&ALONE, log.path(), &options);
    command.args([NEWUTS, "--check"]);
    Report::read(&outcome(command)).is(|promise| without_power(promise, REFUSED, REFUSED));
    let log = fs::read_to_string(log.path()).unwrap();
    // Two with either call, all without the capability.
    let set: Vec<_> = log.lines().filter(|line| line.contains("name(")).collect();
    assert_eq!(set.len(), 4, "{log}");
    assert!(set.iter().all(|line| line.ends_with("= -1 EPERM (Operation not permitted)")), "{log}");

    let mut filtered = check();
    refusing(&mut filtered, libc::SYS_unshare);
    report(filtered).is(|promise| without_power(promise, REFUSED, REFUSED));
}

#[test]
fn without_proc_what_needs_it_is_skipped() {
    needs!(require::user_namespaces(), require::tool("chroot"));
    let expected = |user: &'static str| {
        move |promise: &str| match promise {
            promise if is_of_users(promise) => Skipped(user.to_owned()),
            promise if WITH_PROC.contains(&promise) => Skipped(NO_FILE.to_owned()),
            _ => Kept,
        }
    };
    report(after(NO_PROC, &[NEWUTS, "--check"])).is(expected(NO_FILE));
    // Whoever is in a chroot can make no user namespace: user_namespaces(7).
    let program = Copied::new();
    let mut chroot = command("chroot");
    chroot.arg(program.path.parent().unwrap()).args(["/newuts", "--check"]);
    report(chroot).is(expected(REFUSED));
}

#[test]
fn process_1_can_try_them_all() {
    needs!(require::user_namespaces());
    report(under(&ALONE)).is(|_| Kept);
    needs!(proc_for_users());
    report(under(&[&ALONE[..], &["--uts", "--user", "--map-root-user"]].concat())).is(|_| Kept);
}

/// It has no UTS namespaces in clone(2), and reads the structures of capset(2) only where it could
/// write to them.
#[test]
fn the_user_mode_emulator_breaks_some() {
    needs!(require::user_namespaces(), require::tool("qemu-aarch64-static"));
    needs!(cross::newuts("aarch64"));
    let program = cross::newuts("aarch64").unwrap();
    let mut command = command(ALONE[0]);
    command.args(&ALONE[1..]).arg("qemu-aarch64-static").arg(program).arg("--check");
    let report = report(command);
    let broken = report.broken();
    for promise in [
        "clone(2): CLONE_NEWUTS begins with the same names",
        "clone(2): CLONE_NEWUTS isolates nodename",
        "clone(2): CLONE_NEWUTS isolates domainname",
        "clone(2): EPERM for CLONE_NEWUTS without CAP_SYS_ADMIN",
    ] {
        assert!(broken.contains(promise), "{promise}");
    }
    let without_capability = |promise: &&str| promise.contains("EPERM ");
    assert!(
        broken.iter().filter(|promise| !without_capability(promise)).count() == 3,
        "{broken:?}"
    );
    // The emulator has threads, which unshare(2) does not let into a user namespace.
    let reason = Skipped("unshare: Invalid argument".to_owned());
    for (promise, verdict) in &report.results {
        assert_eq!(is_of_users(promise), *verdict == reason, "{promise}");
    }
}

/// Docker's filter refuses the user namespace, and without the capability there is no other.
/// Podman's lets it be made, but nothing be named in it. runc has no filter; but it gives no
/// CAP_SETFCAP, without which root is not mapped: user_namespaces(7).
#[test]
fn in_a_container_it_is_up_to_the_engine() {
    let skipped = |reason: &str| Skipped(reason.to_owned());
    for engine in engines() {
        let run = |with: &[With]| {
            let run = outcome(engine.newuts(with, &["--check"]).command);
            assert_eq!(run.stderr, "", "{:?}, {with:?}", engine.kind);
            Report::read(&run)
        };
        let with_sys_admin = |promise: &str| match engine.kind {
            Kind::Runc if is_of_users(promise) => skipped("write: Operation not permitted"),
            _ => Kept,
        };
        run(&[]).is(|promise| match engine.kind {
            Kind::Docker => without_power(promise, REFUSED, REFUSED),
            Kind::Podman if sets_a_name(promise) => Broken,
            Kind::Podman => Kept,
            Kind::Runc => with_sys_admin(promise),
        });
        run(&[With::SysAdmin]).is(with_sys_admin);
        run(&[With::Privileged]).is(with_sys_admin);
        run(&[With::SysAdmin, With::HostPids]).is(with_sys_admin);
        run(&[With::SysAdmin, With::Filter]).is(|promise| without_power(promise, REFUSED, REFUSED));
        // The container's own name stays.
        let script = "/newuts --check >/dev/null; echo $?; hostname";
        for (with, status) in [(&[With::SysAdmin][..], 0), (&[With::SysAdmin, With::Filter], 0)] {
            engine.shell(with, script).run().is(0, &format!("{status}\nantero\n"), "");
        }
    }
}

/// Whether a promise is one of names that are set.
fn sets_a_name(promise: &str) -> bool {
    let of_none = ["EINVAL", "EBADF", "ESRCH", "EPERM", "but not over"];
    let of_its_own = promise.starts_with("set") && promise.contains("name(2): E");
    let is_of_none = || of_none.iter().any(|text| promise.contains(text));
    !WITHOUT_POWER.contains(&promise) && (of_its_own || !is_of_none())
}

#[test]
fn a_crash_is_the_end_of_one_check() {
    needs!(require::user_namespaces(), strace::here());
    let expected = BTreeSet::from(["namespaces(7): a bind mount keeps a namespace"]);
    for signal in
        ["SEGV", "BUS", "ILL", "FPE", "ABRT", "KILL", "TERM", "INT", "HUP", "PIPE", "ALRM"]
    {
        let fault = format!("mount:signal={signal}");
        let run = outcome(injecting(&ALONE, &[&fault]));
        assert_eq!(Report::read(&run).broken(), expected, "{signal}");
        assert_eq!(run.stderr, "", "{signal}");
    }
    // A child of a check's, too.
    let run = Inject("setpgid:signal=SEGV").run();
    let expected =
        ["clone(2): gives the child's getpid(2)", "wait(2): gives the signal that killed"];
    assert_eq!(Report::read(&run).broken(), BTreeSet::from(expected));
}

/// Gives the command a seccomp filter under which `call` waits for a signal, and for nothing else:
/// for the answer of a supervisor that is there, and never says anything.
fn waiting(command: &mut Command, call: libc::c_long) -> &mut Command {
    let statement = |code, k| libc::sock_filter { code, jt: 0, jf: 0, k };
    let load_number = (libc::BPF_LD | libc::BPF_W | libc::BPF_ABS).try_into().unwrap();
    let is_it = (libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K).try_into().unwrap();
    let answer = (libc::BPF_RET | libc::BPF_K).try_into().unwrap();
    let mut filter = [
        statement(load_number, 0),
        libc::sock_filter { jf: 1, ..statement(is_it, call.try_into().unwrap()) },
        statement(answer, libc::SECCOMP_RET_USER_NOTIF),
        statement(answer, libc::SECCOMP_RET_ALLOW),
    ];
    let install = move || {
        let program =
            libc::sock_fprog { len: filter.len().try_into().unwrap(), filter: filter.as_mut_ptr() };
        let (operation, flags) =
            (libc::SECCOMP_SET_MODE_FILTER, libc::SECCOMP_FILTER_FLAG_NEW_LISTENER);
        // SAFETY: the kernel only reads the program, whose length is its own.
        let listener =
            unsafe { libc::syscall(libc::SYS_seccomp, operation, flags, &raw const program) };
        // The descriptor would be closed by execve, and then the call would fail. A copy is not.
        // SAFETY: no memory is involved.
        match unsafe { libc::dup(listener.try_into().unwrap_or(-1)) } {
            -1 => Err(io::Error::last_os_error()),
            _ => Ok(()),
        }
    };
    // SAFETY: two system calls and no more.
    unsafe { command.pre_exec(install) }
}

#[test]
fn a_call_that_does_not_return_is_the_end_of_one_check() {
    needs!(require::user_namespaces());
    for (call, promises) in [
        (libc::SYS_mount, &["namespaces(7): a bind mount keeps a namespace"][..]),
        // Here it is a child of the check's that is left behind.
        (
            libc::SYS_setpgid,
            &["clone(2): gives the child's getpid(2)", "wait(2): gives the signal that killed"],
        ),
    ] {
        let mut command = check();
        // What the caller ignores does not matter.
        waiting(&mut command, call).ignoring(libc::SIGALRM).ignoring(libc::SIGCHLD);
        let start = Instant::now();
        let report = report(command);
        let taken = start.elapsed();
        assert_eq!(report.broken(), promises.iter().copied().collect());
        // That it ends at all is asserted of every run.
        assert!(taken >= PATIENCE * u32::try_from(promises.len()).unwrap(), "{taken:?}");
    }
}

/// Whoever is stopped does not see the alarm; its parent does.
#[test]
fn a_child_that_is_stopped_is_not_waited_for() {
    needs!(require::user_namespaces(), strace::here());
    let run = Inject("setpgid:signal=STOP").run();
    let expected =
        ["clone(2): gives the child's getpid(2)", "wait(2): gives the signal that killed"];
    assert_eq!(Report::read(&run).broken(), BTreeSet::from(expected));
}

/// Starts the command with every signal blocked that can be.
fn blocking_signals(command: &mut Command) -> &mut Command {
    let block = || {
        // SAFETY: all-zero bytes are a set, which sigfillset fills.
        let mut all: libc::sigset_t = unsafe { std::mem::zeroed() };
        // SAFETY: it writes one set.
        unsafe { libc::sigfillset(&raw mut all) };
        // SAFETY: it reads one set.
        unsafe { libc::sigprocmask(libc::SIG_BLOCK, &raw const all, std::ptr::null_mut()) };
        Ok(())
    };
    // SAFETY: both functions are allowed between fork and execve (signal-safety(7)).
    unsafe { command.pre_exec(block) }
}

#[test]
fn signals_ignored_or_blocked_by_the_caller_do_not_matter() {
    needs!(require::user_namespaces());
    let mut ignoring = check();
    for signal in [libc::SIGALRM, libc::SIGCHLD, libc::SIGPIPE, libc::SIGTERM, libc::SIGINT] {
        ignoring.ignoring(signal);
    }
    report(ignoring).is(|_| Kept);
    let mut blocked = check();
    blocking_signals(&mut blocked);
    report(blocked).is(|_| Kept);
}

#[test]
fn a_kernel_that_makes_no_sandbox_is_told_from_one_that_does() {
    needs!(require::user_namespaces(), strace::here());
    // Both names are lost, and given back: see `as_caller`.
    let run = Inject("unshare:retval=0").run();
    assert_eq!((run.status, run.stderr.as_str()), (1, ""));
    needs!(settings(), proc_for_users());
    let run =
        outcome(injecting(&[&NO_USERS[..], &ALONE, &["--uts"]].concat(), &["unshare:retval=0"]));
    assert_eq!((run.status, run.stderr.as_str()), (1, ""));
}

/// It is not the checks that gave the host that name, and none of theirs to take it back.
#[test]
fn who_is_renamed_by_others_meanwhile_stays_renamed() {
    needs!(require::user_namespaces());
    as_caller(|| {
        let mut command = check();
        let running = waiting(&mut command, libc::SYS_mount).start();
        running.until("namespaces(7): a descriptor keeps a namespace\n");
        apart::set_domain_name("other.example");
        let run = running.finish();
        assert_eq!(Report::read(&run).broken().len(), 1);
        assert_eq!(uname().domainname(), c"other.example");
        apart::set_domain_name(HOME);
    });
}

#[test]
fn a_kernel_that_makes_no_processes_gets_no_report() {
    needs!(require::user_namespaces(), strace::here());
    let confused = "clone: No child processes\n";
    for (fault, stderr) in [
        ("clone:error=EAGAIN", "clone: Resource temporarily unavailable\n"),
        // The parent is told that it is the child, the child that it is the parent.
        ("clone:retval=0", confused),
        ("getpid:retval=2147483647", confused),
        ("uname:error=EFAULT", "uname: Bad address\n"),
        ("rt_sigaction:error=EINVAL", "rt_sigaction: Invalid argument\n"),
    ] {
        Inject(fault).run().is(1, "", stderr);
    }
    // It is told of somebody else's end, or of nobody's, while the sandbox may be at work.
    for fault in [
        "clone:retval=2147483647",
        "wait4:retval=0",
        "wait4:retval=2147483647",
        "wait4:error=ECHILD",
    ] {
        // On standard error strace may complain of who is killed meanwhile.
        let run = Inject(fault).run();
        assert_eq!(run.status, 1, "{fault}: {run:?}");
    }
    let mut limited = unprivileged();
    let program = Copied::new();
    limited.args(["prlimit", "--nproc=0"]).arg(&program.path).arg("--check");
    outcome(limited).is(1, "", "clone: Resource temporarily unavailable\n");
}

#[test]
fn who_is_killed_at_any_moment_leaves_nothing() {
    needs!(require::user_namespaces());
    as_caller(|| {
        for (signal, status) in [(Signal::KILL, 137), (Signal::TERM, 143), (Signal::INT, 130)] {
            let mut killed = 0;
            for delay in 0..40 {
                let running = check().start();
                thread::sleep(Duration::from_millis(delay));
                // It may have ended before.
                kill(running.pid(), signal).unwrap();
                let run = running.finish();
                assert!([0, status].contains(&run.status), "{delay}: {run:?}");
                assert_eq!(run.stderr, "");
                killed += i32::from(run.status == status);
            }
            assert!(killed > 0, "none was killed by {signal:?}");
        }
    });
}

/// Nobody but the kernel can tell the check that its caller is gone: no alarm comes through.
#[test]
fn who_is_killed_while_a_check_hangs_leaves_nothing() {
    needs!(require::user_namespaces());
    for (call, last) in [
        (libc::SYS_mount, "namespaces(7): a descriptor keeps a namespace\n"),
        // A child of the check's hangs.
        (libc::SYS_setpgid, "clone(2): CLONE_NEWUTS isolates domainname\n"),
        (libc::SYS_kill, "wait(2): gives what clone gave, and the exit status\n"),
    ] {
        let attempt = || {
            let mut command = check();
            waiting(blocking_signals(&mut command), call);
            let running = command.start();
            running.until(last);
            // Those who are in the call, and who wait for them.
            thread::sleep(Duration::from_millis(100));
            kill(running.pid(), Signal::KILL).unwrap();
            let run = running.finish();
            assert_eq!(run.stderr, "");
            run.status == 137
        };
        // The checks hang for a few seconds only: it may have come to its end.
        in_time(|_| as_caller(attempt).then_some(()));
    }
}

/// The only child of a process.
fn child_of(running: &Running) -> Option<i32> {
    let children = format!("/proc/{0}/task/{0}/children", running.pid());
    fs::read_to_string(children).ok()?.trim().parse().ok()
}

#[test]
fn a_sandbox_that_is_killed_is_a_failure() {
    needs!(require::user_namespaces());
    let attempt = || {
        let mut command = check();
        let running = waiting(&mut command, libc::SYS_mount).start();
        running.until("namespaces(7): a descriptor keeps a namespace\n");
        // It hangs for a few seconds only: it may have come to its end.
        kill(child_of(&running)?, Signal::KILL).ok()?;
        let run = running.finish();
        assert_eq!((run.status, run.stderr.as_str()), (1, ""));
        Some(())
    };
    in_time(|_| as_caller(attempt));
}

#[test]
fn fifty_at_once_do_not_meet() {
    needs!(require::user_namespaces());
    as_caller(|| {
        let all: Vec<_> = (0..50).map(|_| check().start()).collect();
        for running in all {
            Report::read(&running.finish()).is(|_| Kept);
        }
    });
}

#[test]
fn it_takes_less_than_a_second() {
    needs!(require::user_namespaces());
    // Where much else is done, one of many does.
    as_caller(|| {
        eventually("a run of less than a second", LIMIT, || {
            let start = Instant::now();
            let mut running = check().start();
            running.wait(LIMIT);
            let taken = start.elapsed();
            running.finish();
            (taken < Duration::from_secs(1)).then_some(())
        });
    });
}

#[test]
fn little_memory_and_closed_descriptors_are_enough() {
    needs!(require::user_namespaces());
    let mut small = check();
    small.limited(Resource::As, 600_000).limited(Resource::Stack, 256 * 1024);
    report(small).is(|_| Kept);
    for closed in [&[0][..], &[2], &[0, 2]] {
        let mut command = check();
        for fd in closed {
            command.closed(*fd);
        }
        report(command).is(|_| Kept);
    }
}

#[test]
fn output_that_cannot_be_written_is_a_failure() {
    needs!(require::user_namespaces());
    let mut full = check();
    full.stdout(full_disk());
    outcome(full).is(1, "", "write: No space left on device\n");
    // A signal ends the one who writes.
    let mut broken = check();
    broken.stdout(broken_pipe());
    outcome(broken).is(1, "", "");
    let mut broken = check();
    broken.stdout(broken_pipe()).ignoring(libc::SIGPIPE);
    outcome(broken).is(1, "", "write: Broken pipe\n");
    let mut closed = check();
    let run = outcome(std::mem::replace(closed.closed(1), check()));
    assert_eq!((run.status, run.stdout.as_str()), (1, ""));
    assert!(run.stderr.starts_with("write: "), "{run:?}");
}

#[test]
fn prove_reads_it() {
    needs!(require::user_namespaces(), require::tool("prove"), settings());
    let prove = |run: &Outcome| {
        let file = apart::file();
        fs::write(file.path(), &run.stdout).unwrap();
        command("prove").args(["--exec", "cat"]).arg(file.path()).run()
    };
    for kept in [check(), under(&NO_USERS)] {
        let run = prove(&outcome(kept));
        assert_eq!((run.status, run.stderr.as_str()), (0, ""), "{run:?}");
        assert!(run.stdout.ends_with("Result: PASS\n"), "{run:?}");
    }
    let run = outcome(answering(&[NEWUTS, "--check"], libc::SYS_setns, (0, MINUS_ONE), 0));
    let report = Report::read(&run);
    let number = 1 + report.results.iter().position(|(_, verdict)| *verdict == Broken).unwrap();
    let run = prove(&run);
    assert_eq!(run.status, 1, "{run:?}");
    assert!(run.stdout.contains(&format!("\n  Failed test:  {number}\n")), "{run:?}");
}

#[test]
fn its_options_are_the_trace_and_none_else() {
    const TRY: &str = "\nTry 'newuts --help' for more information.\n";
    for (args, message) in [
        (&["--check", "x"][..], "extra operand 'x'"),
        (&["--check", "--", "x"], "extra operand 'x'"),
        (&["--check", "x", "y"], "extra operand 'x'"),
        (&["--check", "--hold=1"], "option '--hold' cannot be used with --check"),
        (&["--hold", "1", "--check"], "option '--hold' cannot be used with --check"),
        (&["--check", "--delay=1"], "option '--delay' cannot be used with --check"),
        (&["--check", "--kill-child"], "option '--kill-child' cannot be used with --check"),
        (&["--check", "--domainname=x"], "option '--domainname' cannot be used with --check"),
        (&["--check", "--user"], "option '--user' cannot be used with --check"),
        (&["-U", "--check"], "option '-U' cannot be used with --check"),
        (&["-r", "--check"], "option '-r' cannot be used with --check"),
        (&["-c", "--check"], "option '-c' cannot be used with --check"),
        (&["--check=all"], "option '--check' doesn't allow an argument"),
        (&["--check", "--bogus"], "unrecognized option '--bogus'"),
    ] {
        newuts(args).run().is(2, "", &format!("newuts: {message}{TRY}"));
    }
    for args in [["--check", "--join=1"], ["--join=1", "--check"]] {
        let run = newuts(args).run();
        assert_eq!((run.status, run.stdout.as_str()), (2, ""), "{args:?}");
        assert!(run.stderr.contains("cannot be used with --"), "{run:?}");
    }
}

#[test]
fn with_the_trace_every_call_is_seen() {
    needs!(require::user_namespaces());
    let call = Regex::new(r"^[0-9]+ +[a-z0-9_]+(\(| rax=| x0=)").unwrap();
    for args in [["--check", "--trace"], ["--trace", "--check"], ["--check", "--trace=regs"]] {
        let run = outcome(newuts(args));
        Report::read(&run).is(|_| Kept);
        assert!(run.stderr.lines().count() > 100, "{}", run.stderr);
        assert!(run.stderr.lines().all(|line| call.is_match(line)), "{}", run.stderr);
    }
    let run = outcome(newuts(["--check", "--trace"]));
    for seen in [
        " uname(0x1) = -1 EFAULT (Bad address)\n",
        " unshare(CLONE_NEWUTS|CLONE_NEWUSER) = 0\n",
        " clone(child_stack=NULL, flags=CLONE_NEWUTS|SIGCHLD) = ",
        " setns(",
        " exit_group(0) = ?\n",
    ] {
        assert!(run.stderr.contains(seen), "{seen}: {}", run.stderr);
    }
}
