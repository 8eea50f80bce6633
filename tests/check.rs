// SPDX-License-Identifier: MIT OR Apache-2.0
//! `--check`: what it says of kernels that keep their promises, of kernels that break one, and of
//! machines that lack something. However it ends, its caller has the names that it had before.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::CStr;
use std::fmt::Write as _;
use std::fs;
use std::io;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::panic;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use linux_raw_sys::general::{
    CLONE_FILES, CLONE_FS, CLONE_NEWNS, CLONE_NEWUSER, CLONE_NEWUTS, CLONE_SIGHAND, CLONE_SYSVSEM,
    CLONE_THREAD, CLONE_VFORK, CLONE_VM, SIGCHLD,
};
use regex::Regex;
use rustix::process::{Resource, Signal};
use rustix::system::uname;
use serde_json::{Value, json};
use syscalls::Sysno;

use crate::support::apart::{self, ALONE};
use crate::support::cross;
use crate::support::engine::{Kind, With, engines};
use crate::support::mutant;
use crate::support::require::{self, needs};
use crate::support::run::{
    Copied, LIMIT, NEWUTS, Outcome, Watched as _, broken_pipe, command, eventually, full_disk,
    host_name, in_time, is_in, kill, newuts, unprivileged,
};
use crate::support::setting::{
    NO_PROC, after, answering, proc_for_users, proc_with_apparmor, refusing, settings,
};
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

const FILTERED: &str = "unshare: Operation not permitted (a seccomp filter refuses it)";
const NO_CAPABILITY_FOR_IT: &str = "unshare: Operation not permitted (no CAP_SYS_ADMIN)";
const NO_SPACE: &str = "unshare: No space left on device (no more namespaces: see /proc/sys/user)";
const IN_CHROOT: &str =
    "unshare: Operation not permitted (no user namespace can be made in a chroot)";
const NO_FILE: &str = "openat: No such file or directory (no /proc)";
const OF_ANOTHER: &str = "openat: Permission denied (the file belongs to another user)";

/// What is known of one promise.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Verdict {
    Kept,
    Broken,
    /// It could not be tried, for a call that only prepares went wrong.
    Error,
    Late,
    Skipped(String),
}
use Verdict::{Broken, Kept, Skipped};

/// A promise, what is known of it, and what the line before says.
struct Tried {
    promise: String,
    verdict: Verdict,
    diagnostic: Option<String>,
}

/// What a run said.
struct Report {
    results: Vec<Tried>,
    status: i32,
}

impl Report {
    /// Reads the output as KTAP: a plan, a result for each check, before each that is not ok one
    /// line that says why, and the totals.
    #[track_caller]
    fn read(run: &Outcome) -> Self {
        let said = run.stdout.as_str();
        assert!(said.ends_with('\n'), "{run:?}");
        let mut lines = said.lines();
        assert_eq!(lines.next(), Some("KTAP version 1"), "{run:?}");
        let plan = lines.next().and_then(|plan| plan.strip_prefix("1..")).expect(said);
        let plan: usize = plan.parse().expect(said);
        let form = Regex::new(r"^(ok|not ok) ([0-9]+) ([^#]*[^# ])( # (SKIP .+|ERROR|TIMEOUT))?$")
            .unwrap();
        let mut results = Vec::new();
        for number in 1..=plan {
            let mut line = lines.next().expect(said);
            let diagnostic = line.strip_prefix("# ").map(str::to_owned);
            if diagnostic.is_some() {
                line = lines.next().expect(said);
            }
            let parts = form.captures(line).expect(line);
            assert_eq!(parts[2], number.to_string(), "{said}");
            let directive = parts.get(5).map(|directive| directive.as_str());
            let verdict = match (&parts[1], directive) {
                ("ok", None) => Kept,
                ("ok", Some(directive)) => {
                    Skipped(directive.strip_prefix("SKIP ").expect(line).to_owned())
                }
                (_, None) => Broken,
                (_, Some("ERROR")) => Verdict::Error,
                (_, directive) => {
                    assert_eq!(directive, Some("TIMEOUT"), "{line}");
                    Verdict::Late
                }
            };
            assert_eq!(diagnostic.is_some(), &parts[1] == "not ok", "{said}");
            results.push(Tried { promise: parts[3].to_owned(), verdict, diagnostic });
        }
        let report = Self { results, status: run.status };
        let count = |which: &dyn Fn(&Verdict) -> bool| {
            report.results.iter().filter(|result| which(&result.verdict)).count()
        };
        let totals = format!(
            "# Totals: pass:{} fail:{} xfail:0 xpass:0 skip:{} error:{}",
            count(&|verdict| *verdict == Kept),
            count(&|verdict| [Broken, Verdict::Late].contains(verdict)),
            count(&|verdict| matches!(verdict, Skipped(_))),
            count(&|verdict| *verdict == Verdict::Error),
        );
        assert_eq!(lines.collect::<Vec<_>>(), [totals], "{said}");
        assert_eq!(run.status, i32::from(!report.broken().is_empty()), "{run:?}");
        report
    }

    /// The numbers of the promises that are not kept, for whatever reason.
    fn broken(&self) -> Vec<usize> {
        let is_broken = |verdict: &Verdict| !matches!(verdict, Kept | Skipped(_));
        self.numbers(is_broken)
    }

    /// The numbers of those of which this is known.
    fn numbers(&self, is_it: impl Fn(&Verdict) -> bool) -> Vec<usize> {
        let numbered = (1..).zip(&self.results);
        numbered.filter(|(_, result)| is_it(&result.verdict)).map(|(number, _)| number).collect()
    }

    /// What is said before a result that is not ok.
    #[track_caller]
    fn diagnostic(&self, number: usize) -> &str {
        self.results[number - 1].diagnostic.as_deref().expect("a result that is not ok")
    }

    /// Asserts what is known of each promise, and the status.
    #[track_caller]
    fn is(&self, expected: impl Fn(usize) -> Verdict) {
        for (number, result) in (1..).zip(&self.results) {
            let Tried { promise, verdict, diagnostic } = result;
            assert_eq!(*verdict, expected(number), "{number} {promise}: {diagnostic:?}");
        }
        assert!(self.status <= 1);
    }
}

/// The promises that can be tried without a UTS namespace that can be named.
const NOTHING: [usize; 36] = [
    1, 19, 20, 24, 25, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 44, 45, 46, 54, 62, 65, 76, 78, 79,
    80, 81, 82, 83, 84, 85, 86, 91, 94, 97, 99, 100,
];

/// Those that need a user namespace.
const USERS: [usize; 11] = [38, 39, 40, 77, 87, 88, 89, 90, 95, 96, 101];

/// Those that need /proc.
const PROC: [usize; 28] = [
    27, 28, 41, 42, 71, 72, 73, 74, 75, 76, 77, 91, 92, 93, 94, 95, 96, 97, 98, 99, 101, 102, 103,
    104, 105, 106, 38, 39,
];

/// Those that need to write to a file of root's.
const ROOTS: [usize; 2] = [105, 106];

/// Skipped for this reason.
fn skipped(reason: &str) -> Verdict {
    Skipped(reason.to_owned())
}

/// Why a promise is skipped that a machine without any UTS namespace cannot try.
fn without_power(number: usize, user: &str, other: &str) -> Verdict {
    match number {
        _ if NOTHING.contains(&number) => Kept,
        _ if USERS.contains(&number) => skipped(user),
        _ => skipped(other),
    }
}

/// The domain name of every caller.
const HOME: &str = "home.example";

/// What a caller has: its names, its mounts, and the links to its namespaces.
#[derive(Debug, PartialEq, Eq)]
struct Caller {
    nodename: String,
    domainname: String,
    mounts: String,
    namespaces: BTreeMap<PathBuf, PathBuf>,
}

impl Caller {
    fn look() -> Self {
        let names = uname();
        let files = fs::read_dir("/proc/thread-self/ns").unwrap().map(|file| file.unwrap().path());
        Self {
            nodename: names.nodename().to_str().unwrap().to_owned(),
            domainname: names.domainname().to_str().unwrap().to_owned(),
            mounts: fs::read_to_string("/proc/thread-self/mountinfo").unwrap(),
            namespaces: files.map(|file| (file.clone(), fs::read_link(file).unwrap())).collect(),
        }
    }
}

/// Does `run` as a caller of its own: in UTS and mount namespaces that no other test is in, called
/// what the machine is. Asserts that the caller is afterwards what it was.
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

/// `newuts --check=WHICH` under strace with these faults, in these namespaces.
fn injecting(namespaces: &[&str], faults: &[&str], which: &str) -> Command {
    let faults: Vec<_> = faults.iter().map(|fault| format!("--inject={fault}")).collect();
    let faults = faults.iter().map(String::as_str);
    let options: Vec<_> = ["-f", "-qq"].into_iter().chain(faults).collect();
    let mut command = strace_in(namespaces, Path::new("/dev/null"), &options);
    command.arg(NEWUTS).arg("--check".to_owned() + which);
    command
}

/// [`outcome`] of a run under strace.
fn outcome_under_strace(command: Command) -> Outcome {
    strace::without_its_own(outcome(command))
}

/// `newuts --check` under other programs; with `=WHICH`, perhaps.
fn under(words: &[&str], which: &str) -> Command {
    let mut command = command(words[0]);
    command.args(&words[1..]).arg(NEWUTS).arg("--check".to_owned() + which);
    command
}

/// A kernel's wrong answer.
#[derive(Clone, Copy)]
enum Fault {
    /// What strace injects.
    Inject(&'static [&'static str]),
    /// What a call gives if this argument is this number: an errno, or 0, and nothing is done.
    Answer(libc::c_long, (u8, u32), i32),
    /// A call that takes this argument for another: what it is, if not any, and what it is taken for.
    Takes(libc::c_long, usize, Option<u32>, u32),
    /// What uname(2) writes, and no more.
    Names(fn() -> Vec<u8>),
    /// What it writes over what it should.
    NamesToo(fn() -> Vec<u8>),
    /// The same, but not by the first call of a process.
    Later(fn() -> Vec<u8>),
}
use Fault::{Answer, Inject, Later, Names, NamesToo, Takes};

/// The size of each field of the structure of uname(2), and of all of them.
const FIELD: usize = 65;
const UTSNAME: usize = 6 * FIELD;

impl Fault {
    /// Runs these checks on that kernel.
    #[track_caller]
    fn run(self, which: &str) -> Outcome {
        let injected = |faults: &[&str]| outcome_under_strace(injecting(&ALONE, faults, which));
        let hex = |bytes: Vec<u8>| {
            let digit = |digit| char::from_digit(u32::from(digit), 16).unwrap();
            bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 0xf)]).collect::<String>()
        };
        match self {
            Inject(faults) => injected(faults),
            Answer(call, argument, errno) => {
                let check = "--check".to_owned() + which;
                outcome(answering(&[NEWUTS, &check], call, argument, errno))
            }
            Takes(call, place, what, other) => outcome(mutant::taking(
                &[NEWUTS, &format!("--check{which}")],
                call,
                place,
                what,
                other,
            )),
            Names(bytes) => {
                injected(&[&format!("uname:retval=0:poke_exit=@arg1={}", hex(bytes()))])
            }
            NamesToo(bytes) => injected(&[&format!("uname:poke_exit=@arg1={}", hex(bytes()))]),
            Later(bytes) => injected(&[&format!("uname:poke_exit=@arg1={}:when=2+", hex(bytes()))]),
        }
    }
}

/// The fields of a utsname, as many as are given.
fn utsname(fields: &[&[u8]]) -> Vec<u8> {
    let padded = fields.iter().flat_map(|field| {
        let mut field = field.to_vec();
        field.resize(FIELD, 0);
        field
    });
    padded.collect()
}

/// Has these names, a host's and a domain's, beside what this kernel has else.
fn named(nodename: &[u8], domainname: &[u8]) -> Vec<u8> {
    let uts = uname();
    let [sysname, release, version, machine] =
        [uts.sysname(), uts.release(), uts.version(), uts.machine()].map(CStr::to_bytes);
    utsname(&[sysname, nodename, release, version, machine, domainname])
}

/// The number of no descriptor, of no process, and a negative length.
const MINUS_ONE: u32 = u32::MAX;

/// Wrong answers; which checks are run; and exactly the promises that are then not kept, by their
/// numbers.
const FAULTS: &[(Fault, &str, &[usize])] = &[
    // uname(2)
    (Inject(&["uname:retval=0:when=2+"]), "", &[47, 64]),
    // It fills in all but the domain name, as an older uname(2) did.
    (Names(|| named(b"abcde", b"")[..UTSNAME - FIELD].to_vec()), "=1,43-47", &[1, 43, 45]),
    // It fills in one byte too many.
    (NamesToo(|| [named(b"abcde", b"98765"), vec![0]].concat()), "=1,43-47", &[43]),
    // Behind the end of the names there is something left of others.
    (NamesToo(|| named(b"abcde\0x", b"abcde\0x")), "=2-3", &[2, 3]),
    // A field is empty; a field has no end.
    (NamesToo(|| utsname(&[b"Linux", b"", b"6.1", b"#1", b""])), "=43-47", &[46]),
    (NamesToo(|| utsname(&[&[b'x'; FIELD]])), "=46", &[46]),
    // The fields of a namespace that is new are empty.
    (Later(|| utsname(&[b"Linux", b"", b"", b"#1", b"", b""])), "=46-47", &[47]),
    // It gives something else than 0.
    (Inject(&["uname:retval=14"]), "=43-45", &[43, 44, 45]),
    // What is read is not what was written.
    (NamesToo(|| named(b"bcdef", b"bcdef")), "=2-18", &[2, 3, 4, 5, 6, 10, 11, 15, 16, 17, 18]),
    // What was refused was written nevertheless.
    (NamesToo(|| named(b"abc", b"abc")), "=50-52,58-60", &[50, 51, 52, 58, 59, 60]),
    // The one name is written to the other.
    (NamesToo(|| named(b"987", b"987")), "=53,61", &[53, 61]),
    // sethostname(2)
    (Answer(libc::SYS_sethostname, (1, 64), libc::EINVAL), "", &[2, 4, 48]),
    (Answer(libc::SYS_sethostname, (1, 0), libc::EINVAL), "", &[5, 9, 49, 105]),
    (Answer(libc::SYS_sethostname, (1, 65), 0), "", &[6, 9]),
    (Answer(libc::SYS_sethostname, (1, 65), libc::ENAMETOOLONG), "", &[6, 9]),
    (Answer(libc::SYS_sethostname, (1, MINUS_ONE), 0), "", &[7, 50]),
    // The longest name loses its end.
    (Takes(libc::SYS_sethostname, 1, Some(64), 63), "", &[4, 48]),
    (
        Inject(&["sethostname:retval=0"]),
        "",
        &[
            2, 4, 5, 6, 7, 8, 9, 15, 16, 17, 21, 22, 26, 27, 38, 39, 40, 41, 42, 48, 49, 50, 51,
            52, 53, 54, 61, 63, 64, 66, 67, 68, 69, 70, 71, 72, 73, 74, 75, 87, 88, 89, 90, 102,
            104,
        ],
    ),
    (
        Inject(&["sethostname:retval=1"]),
        "",
        &[
            2, 4, 5, 6, 7, 8, 9, 15, 16, 17, 21, 22, 26, 27, 38, 39, 40, 41, 42, 43, 48, 49, 50,
            51, 52, 53, 54, 61, 63, 64, 66, 67, 68, 69, 70, 71, 72, 73, 74, 75, 87, 88, 89, 90,
            102, 104, 105,
        ],
    ),
    (
        Inject(&["sethostname:retval=0:when=2+"]),
        "",
        &[2, 5, 6, 9, 49, 50, 51, 52, 74, 75, 102, 104],
    ),
    (
        Inject(&["sethostname:error=EPERM"]),
        "",
        &[
            2, 4, 5, 6, 7, 8, 15, 16, 17, 21, 22, 26, 27, 38, 39, 41, 42, 43, 48, 49, 50, 51, 52,
            53, 61, 63, 64, 66, 67, 68, 69, 70, 71, 72, 73, 74, 75, 89, 90, 102, 104, 105,
        ],
    ),
    // setdomainname(2)
    (Answer(libc::SYS_setdomainname, (1, 64), libc::EINVAL), "", &[3, 10, 56]),
    (Answer(libc::SYS_setdomainname, (1, 0), libc::EINVAL), "", &[14, 55, 57, 106]),
    (Answer(libc::SYS_setdomainname, (1, 65), 0), "", &[11, 14]),
    (Answer(libc::SYS_setdomainname, (1, MINUS_ONE), 0), "", &[12, 58]),
    (Takes(libc::SYS_setdomainname, 1, Some(64), 63), "", &[10, 56]),
    (
        Inject(&["setdomainname:retval=0"]),
        "",
        &[3, 10, 11, 12, 13, 14, 16, 18, 21, 23, 53, 55, 56, 57, 58, 59, 60, 61, 62, 64, 103],
    ),
    (Inject(&["setdomainname:retval=0:when=2+"]), "", &[3, 11, 14, 55, 57, 58, 59, 60, 103]),
    // A kernel that drops no capability.
    (Inject(&["capset:retval=0"]), "", &[9, 14, 20, 25, 32, 54, 62, 65, 76, 88]),
    // clone(2)
    (
        Answer(libc::SYS_clone, (0, CLONE_NEWUTS | SIGCHLD), libc::EINVAL),
        "",
        &[16, 17, 18, 20, 26, 47, 63, 92, 95, 96],
    ),
    // It takes the flag, and makes no namespace.
    (
        Takes(libc::SYS_clone, 0, Some(CLONE_NEWUTS | SIGCHLD), SIGCHLD),
        "",
        &[17, 18, 20, 26, 63, 92, 95],
    ),
    (Answer(libc::SYS_clone, (0, THREAD), libc::EINVAL), "", &[66, 70, 74]),
    (Inject(&["clone3:error=EINVAL"]), "", &[64, 65]),
    (Inject(&["clone3:retval=0"]), "", &[64, 65]),
    (Inject(&["setpgid:error=EPERM"]), "", &[19, 34]),
    (Inject(&["getpid:retval=2147483647"]), "=15-25,31-35,78-86", &[19, 32, 34, 78, 79, 86]),
    // unshare(2): it says yes and does nothing, always, or from a call on that a step makes.
    (
        Inject(&["unshare:retval=0"]),
        "",
        &[
            2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 21, 22, 23, 24, 25, 26, 27,
            38, 39, 40, 41, 42, 43, 47, 48, 49, 50, 51, 52, 53, 55, 56, 57, 58, 59, 60, 61, 63, 64,
            66, 67, 68, 69, 70, 71, 72, 73, 74, 75, 77, 87, 88, 89, 90, 92, 93, 95, 96, 98, 101,
            102, 103, 104, 105, 106,
        ],
    ),
    (
        Inject(&["unshare:retval=0:when=3+"]),
        "",
        &[27, 39, 41, 42, 68, 71, 73, 74, 77, 87, 92, 93, 95, 101],
    ),
    (Inject(&["unshare:retval=0:when=4+"]), "", &[41, 42]),
    (
        Inject(&["unshare:error=EPERM"]),
        "",
        &[
            2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 21, 22, 23, 24, 26, 27, 38,
            39, 40, 41, 42, 43, 47, 48, 49, 50, 51, 52, 53, 55, 56, 57, 58, 59, 60, 61, 63, 64, 66,
            67, 68, 69, 70, 71, 72, 73, 74, 75, 77, 87, 88, 89, 90, 92, 93, 95, 96, 98, 101, 102,
            103, 104, 105, 106,
        ],
    ),
    (Answer(libc::SYS_unshare, (0, 0), libc::EINVAL), "", &[67]),
    (Answer(libc::SYS_unshare, (0, CLONE_NEWUTS | CLONE_VFORK), 0), "", &[24]),
    (Answer(libc::SYS_unshare, (0, CLONE_NEWUTS | CLONE_NEWUSER), libc::EPERM), "", &[39, 88]),
    // Of two namespaces it makes one.
    (Takes(libc::SYS_unshare, 0, Some(CLONE_NEWUTS | CLONE_NEWUSER), CLONE_NEWUSER), "", &[39]),
    (
        Answer(libc::SYS_unshare, (0, CLONE_NEWUSER), libc::EPERM),
        "",
        &[38, 39, 40, 77, 87, 88, 89, 90, 95, 96, 101],
    ),
    // setns(2)
    (Answer(libc::SYS_setns, (1, CLONE_NEWNS), 0), "", &[28, 75]),
    (Answer(libc::SYS_setns, (1, 0), 0), "", &[71, 78]),
    (Answer(libc::SYS_setns, (1, 0), libc::EINVAL), "", &[71]),
    (Answer(libc::SYS_setns, (1, CLONE_NEWUTS | CLONE_VFORK), 0), "", &[79]),
    (Answer(libc::SYS_setns, (0, MINUS_ONE), 0), "", &[30]),
    // It takes any type for 0.
    (Takes(libc::SYS_setns, 1, None, 0), "", &[26, 28, 31, 32, 75, 90]),
    (
        Inject(&["setns:retval=0"]),
        "",
        &[26, 27, 28, 29, 30, 31, 32, 41, 42, 71, 73, 74, 75, 76, 77, 78, 79, 90, 93],
    ),
    (
        Inject(&["setns:error=EINVAL"]),
        "",
        &[26, 27, 30, 31, 32, 41, 42, 71, 72, 73, 74, 76, 77, 90, 93],
    ),
    // wait(2)
    (Answer(libc::SYS_exit_group, (0, 5), 0), "", &[33, 81]),
    (Inject(&["kill:retval=0"]), "", &[34]),
    (Answer(libc::SYS_wait4, (0, MINUS_ONE), 0), "", &[35]),
    // The end by a signal looks like an exit status.
    (Inject(&["wait4:poke_exit=@arg2=00890000"]), "=34,80", &[34]),
    // It takes any child.
    (Takes(libc::SYS_wait4, 0, None, MINUS_ONE), "", &[81]),
    (Inject(&["wait4:retval=0"]), "=33-35,80-83", &[33, 34, 35, 80, 81, 82, 83]),
    (Inject(&["wait4:retval=1"]), "=33-35,80-83", &[33, 34, 35, 80, 81, 82, 83]),
    (Inject(&["wait4:error=EAGAIN"]), "=33-35,80-83", &[33, 34, 35, 80, 81, 82, 83]),
    // pidfd_open(2)
    (Answer(libc::SYS_pidfd_open, (0, i32::MAX.cast_unsigned()), 0), "", &[36]),
    (Answer(libc::SYS_pidfd_open, (0, 0), libc::ESRCH), "", &[37]),
    (Answer(libc::SYS_pidfd_open, (0, MINUS_ONE), libc::ESRCH), "", &[84]),
    (Answer(libc::SYS_pidfd_open, (1, 1), 0), "", &[85]),
    (Takes(libc::SYS_pidfd_open, 1, None, 0), "", &[85]),
    (Inject(&["fcntl:retval=0"]), "", &[86]),
    (Inject(&["pidfd_open:error=EINVAL"]), "", &[26, 31, 32, 36, 78, 79, 86, 90]),
    // user_namespaces(7)
    (
        Answer(libc::SYS_clone, (0, CLONE_NEWUTS | CLONE_NEWUSER | SIGCHLD), libc::EPERM),
        "",
        &[38, 89, 90],
    ),
    (Answer(libc::SYS_clone, (0, CLONE_NEWUSER | SIGCHLD), libc::EPERM), "", &[40]),
    // namespaces(7) and ioctl_ns(2)
    (Inject(&["mount:error=EPERM"]), "", &[42]),
    (Inject(&["mount:retval=0"]), "", &[42]),
    (Inject(&["readlinkat:retval=0"]), "", &[42, 91, 92, 93, 94, 98]),
    (Inject(&["ioctl:error=ENOTTY"]), "", &[97, 98, 99, 101]),
    (Inject(&["ioctl:retval=3"]), "", &[97, 98, 99, 100, 101]),
    // proc_sys_kernel(5)
    (Inject(&["read:retval=0"]), "", &[102, 103, 104]),
    (
        Inject(&["openat:retval=9"]),
        "",
        &[
            27, 28, 29, 38, 39, 40, 41, 42, 71, 72, 73, 74, 75, 76, 77, 87, 88, 89, 90, 93, 94, 95,
            96, 97, 98, 99, 100, 101, 102, 103, 104, 105, 106,
        ],
    ),
];

/// The flags of a thread.
const THREAD: u32 =
    CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM;

#[test]
fn every_promise_is_kept_here() {
    needs!(require::user_namespaces());
    report(check()).is(|_| Kept);
}

#[test]
fn the_promises_are_many_and_each_names_its_page() {
    needs!(require::user_namespaces());
    let report = report(check());
    assert!(report.results.len() >= 70);
    let form = Regex::new(r"^[a-z_]+\([257]\): [a-zA-Z].*[^.]$").unwrap();
    let promises: Vec<_> = report.results.iter().map(|tried| tried.promise.as_str()).collect();
    assert!(promises.iter().all(|promise| form.is_match(promise)), "{promises:#?}");
    assert_eq!(BTreeSet::from_iter(&promises).len(), promises.len());
    // They fit on a line, with a reason behind them.
    assert!(promises.iter().all(|promise| promise.len() < 80), "{promises:#?}");
}

/// The numbers of the first are in people's notes.
#[test]
fn numbers_stay_what_they_are() {
    let list = newuts(["--check=list"]).run();
    assert_eq!((list.status, list.stderr.as_str()), (0, ""));
    for line in [
        "1 uname(2): EFAULT for a bad address",
        "6 sethostname(2): EINVAL for 65 bytes",
        "14 setdomainname(2): EPERM without CAP_SYS_ADMIN, whatever the length",
        "20 clone(2): EPERM for CLONE_NEWUTS without CAP_SYS_ADMIN",
        "25 unshare(2): EPERM for CLONE_NEWUTS without CAP_SYS_ADMIN",
        "26 setns(2): a pidfd leads to the names of its process",
        "32 setns(2): EPERM without CAP_SYS_ADMIN",
        "35 wait(2): ECHILD without a child",
        "37 pidfd_open(2): EINVAL for process id 0",
        "40 user_namespaces(7): but not over the names outside",
        "42 namespaces(7): a bind mount keeps a namespace",
    ] {
        assert!(list.stdout.lines().any(|listed| listed == line), "{line}: {}", list.stdout);
    }
    let numbers = list.stdout.lines().map(|line| line.split(' ').next().unwrap());
    let expected = (1..=list.stdout.lines().count()).map(|number| number.to_string());
    assert_eq!(numbers.collect::<Vec<_>>(), expected.collect::<Vec<_>>());
}

#[test]
fn who_asks_for_some_gets_those() {
    needs!(require::user_namespaces());
    let all = report(check());
    let of = |page: &str| {
        let is_of = |tried: &Tried| tried.promise.starts_with(&format!("{page}("));
        (1..)
            .zip(&all.results)
            .filter(|(_, tried)| is_of(tried))
            .map(|(number, _)| number)
            .collect()
    };
    for (which, numbers) in [
        ("6", vec![6]),
        ("6,26-31", vec![6, 26, 27, 28, 29, 30, 31]),
        ("1-1", vec![1]),
        ("setns", of("setns")),
        ("wait4", of("wait")),
        ("clone3", of("clone")),
        ("ioctl", of("ioctl_ns")),
        ("user_namespaces", of("user_namespaces")),
        ("uname,3", [of("uname"), vec![]].concat()),
    ] {
        let report = report(newuts([format!("--check={which}")]));
        assert!(!numbers.is_empty(), "{which}");
        report.is(|number| if numbers.contains(&number) { Kept } else { skipped("not selected") });
        let names = |report: &Report| {
            report.results.iter().map(|tried| tried.promise.clone()).collect::<Vec<_>>()
        };
        assert_eq!(names(&report), names(&all));
    }
    for which in ["", "0", "x", "6,", ",", "5-3", "1000", "1-1000", "mount", "-1", "6 ", "All"] {
        let message = format!(
            "newuts: invalid argument '{which}' for '--check'\n\
             Try 'newuts --help' for more information.\n"
        );
        newuts([format!("--check={which}")]).run().is(2, "", &message);
    }
}

#[test]
fn a_wrong_answer_breaks_its_promises_and_no_others() {
    needs!(require::user_namespaces(), strace::here());
    let mut wrong = String::new();
    for (index, (fault, which, promises)) in FAULTS.iter().enumerate() {
        if let (Takes(..), Err(missing)) = (fault, mutant::here()) {
            require::skip(&missing);
            continue;
        }
        let broken = || {
            let run = fault.run(which);
            assert_eq!(run.stderr, "", "{index}");
            Report::read(&run).broken()
        };
        // Who takes any child may well take the right one, where a busy machine ends that one first.
        let is_chance = matches!(fault, Takes(libc::SYS_wait4, ..));
        let again = if is_chance { 4 } else { 0 };
        let first = broken();
        if first != *promises && !(0..again).any(|_| broken() == *promises) {
            writeln!(wrong, "{index} {which}: {first:?} and not {promises:?}").unwrap();
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn every_promise_can_be_seen_broken() {
    needs!(require::user_namespaces());
    let report = report(check());
    let broken: BTreeSet<_> = FAULTS.iter().flat_map(|(_, _, promises)| promises.iter()).collect();
    let promised: Vec<_> = (1..=report.results.len()).collect();
    assert_eq!(broken, promised.iter().collect());
}

/// What is said before a result that is not ok: which step, with which arguments, what was expected,
/// and what came.
#[test]
fn a_failure_can_be_understood_from_the_output_alone() {
    needs!(require::user_namespaces(), strace::here());
    for (fault, number, verdict, said) in [
        (
            Answer(libc::SYS_sethostname, (1, 65), libc::ENAMETOOLONG),
            6,
            Broken,
            r#"^sethostname\("98765"\.\.\., 65\): expected EINVAL, got ENAMETOOLONG$"#,
        ),
        (
            Answer(libc::SYS_sethostname, (1, 65), 0),
            6,
            Broken,
            r#"^sethostname\("98765"\.\.\., 65\): expected EINVAL, got 0$"#,
        ),
        (
            NamesToo(|| named(b"bcdef", b"")),
            5,
            Broken,
            r#"^uname: nodename: expected "", got "bcdef"$"#,
        ),
        (
            Inject(&["wait4:poke_exit=@arg2=00890000"]),
            34,
            Broken,
            "^wait4\\([0-9]+\\): expected signal SIGKILL, got exit status 137$",
        ),
        // It is not setns(2) whose promise is broken.
        (
            Inject(&["sethostname:retval=1"]),
            27,
            Verdict::Error,
            r#"^sethostname\("abcde", 5\): expected 0, got 1$"#,
        ),
        (
            Inject(&["capset:error=EINVAL"]),
            9,
            Verdict::Error,
            r"^capset\(\{version=_LINUX_CAPABILITY_VERSION_3, pid=0\}, .*\): expected 0, got EINVAL$",
        ),
        (
            Inject(&["setpgid:error=EPERM"]),
            19,
            Verdict::Error,
            r"^setpgid\(0, [0-9]+\): expected 0, got EPERM$",
        ),
        (
            Inject(&["unshare:retval=0"]),
            21,
            Broken,
            r"^unshare\(CLONE_NEWUTS\): expected another namespace, got the caller's$",
        ),
        (
            Inject(&["setns:retval=0"]),
            93,
            Broken,
            r"^readlinkat: expected another relation to [0-9]+, got uts:\[[0-9]+\]$",
        ),
        (
            Inject(&["mount:signal=SEGV"]),
            42,
            Broken,
            r#"^mount\(NULL, "/proc", NULL, MS_REC\|MS_PRIVATE, NULL\): killed by SIGSEGV$"#,
        ),
        (
            Inject(&["setns:retval=0"]),
            29,
            Broken,
            r"^setns\([0-9]+, CLONE_NEWUTS\): expected EINVAL, got 0$",
        ),
    ] {
        let run = fault.run(&format!("={number}"));
        let report = Report::read(&run);
        assert_eq!(report.results[number - 1].verdict, verdict, "{run:?}");
        let diagnostic = report.diagnostic(number);
        assert!(Regex::new(said).unwrap().is_match(diagnostic), "{said}: {diagnostic}");
    }
}

#[test]
fn a_machine_without_user_namespaces_skips_those() {
    needs!(require::user_namespaces(), settings());
    let expected = |number| if USERS.contains(&number) { skipped(NO_SPACE) } else { Kept };
    report(under(&NO_USERS, "")).is(expected);
    // Not even the last one can be had, at the bottom of as many as the kernel nests.
    let deeper = r#"
        if unshare --map-root-user true 2>/dev/null; then
            exec unshare --map-root-user sh -c "$0" "$0" "$@"
        fi
        exec "$@""#;
    report(under(&["sh", "-c", deeper, deeper], "")).is(expected);
}

#[test]
fn a_user_without_privilege_can_try_all_but_two() {
    needs!(require::user_namespaces());
    let program = Copied::new();
    let as_user = || {
        let mut command = unprivileged();
        command.arg(&program.path).arg("--check");
        command
    };
    let expected = |number| if ROOTS.contains(&number) { skipped(OF_ANOTHER) } else { Kept };
    report(as_user()).is(expected);
    // Where user namespaces are not for everybody.
    let mut command = as_user();
    refusing(&mut command, libc::SYS_unshare);
    report(command).is(|number| match number {
        24 => skipped(FILTERED),
        _ => without_power(number, FILTERED, NO_CAPABILITY_FOR_IT),
    });
}

/// A program whose file sets its ids has files in /proc that are root's.
#[test]
fn a_program_that_sets_its_ids_can_try_all_but_two() {
    needs!(require::user_namespaces());
    let program = Copied::new();
    chown(&program.path, Some(65_533), Some(65_533)).unwrap();
    fs::set_permissions(&program.path, fs::Permissions::from_mode(0o6755)).unwrap();
    let mut command = unprivileged();
    command.arg(&program.path).arg("--check");
    report(command).is(|number| if ROOTS.contains(&number) { skipped(OF_ANOTHER) } else { Kept });
}

#[test]
fn root_without_the_capability_needs_a_user_namespace() {
    needs!(require::user_namespaces());
    report(under(&NO_CAPABILITY, "")).is(|_| Kept);
    needs!(settings());
    let neither = under(&[&NO_USERS[..], &NO_CAPABILITY].concat(), "");
    report(neither).is(|number| without_power(number, NO_SPACE, NO_CAPABILITY_FOR_IT));
}

/// There all calls would reach the caller's own names.
#[test]
fn without_a_sandbox_no_name_is_set_but_that_which_is_there() {
    needs!(require::user_namespaces(), strace::here());
    let log = apart::file();
    let trace = "--trace=sethostname,setdomainname,mount,unshare";
    let options = ["-f", "-qq", "-s99", trace, "--inject=unshare:error=EPERM"];
    let mut command = strace_in(&ALONE, log.path(), &options);
    command.args([NEWUTS, "--check"]);
    let run = outcome_under_strace(command);
    // Nothing explains that root with every capability is refused.
    let broken: Vec<_> = Report::read(&run).broken();
    let expected = (1..=106).filter(|number| *number == 24 || !NOTHING.contains(number));
    assert_eq!(broken, expected.collect::<Vec<_>>());
    let log = fs::read_to_string(log.path()).unwrap();
    let names = [host_name(), HOME];
    let set: Vec<_> = log.lines().filter(|line| line.contains("name(")).collect();
    assert_eq!(set.len(), 2, "{log}");
    for (line, name) in set.iter().zip(names) {
        assert!(line.contains(&format!("(\"{name}\", ")), "{line}");
        assert!(line.ends_with("= -1 EPERM (Operation not permitted)"), "{line}");
    }
    assert!(!log.contains("mount("), "{log}");

    // But a filter explains it.
    let mut filtered = check();
    refusing(&mut filtered, libc::SYS_unshare);
    report(filtered).is(|number| match number {
        24 => skipped(FILTERED),
        _ => without_power(number, FILTERED, FILTERED),
    });
}

#[test]
fn a_kernel_that_says_yes_and_does_nothing_harms_nobody() {
    needs!(require::user_namespaces(), strace::here());
    // By a filter: the caller that is looked at is the thread's own.
    for flags in [CLONE_NEWUTS, CLONE_NEWUSER, CLONE_NEWNS, CLONE_NEWUTS | CLONE_NEWUSER] {
        let words = [NEWUTS, "--check"];
        let command = answering(&words, libc::SYS_unshare, (0, flags), 0);
        assert!(!report(command).broken().is_empty(), "{flags:#x}");
        outcome(answering(&words, libc::SYS_clone, (0, flags | SIGCHLD), 0));
    }
    // And with all that could have told it.
    for others in [
        &[][..],
        &["setns:retval=0", "capset:retval=0", "mount:retval=0"],
        &["readlinkat:error=ENOENT", "pidfd_open:error=ENOSYS"],
        &["readlinkat:error=ENOENT", "ioctl:error=ENOTTY", "statx:error=ENOSYS"],
        &["readlinkat:retval=16", "pidfd_open:error=ENOSYS"],
        &["openat:error=ENOENT", "readlinkat:error=ENOENT", "pidfd_open:error=ENOSYS"],
    ] {
        let script = r#"
            look() { hostname; cat /proc/sys/kernel/domainname /proc/self/mountinfo; }
            before=$(look)
            "$@" >/dev/null 2>&1
            test $? = 1 && test "$(look)" = "$before" && echo the same"#;
        let faults: Vec<_> = others.iter().chain(&["unshare:retval=0"]).copied().collect();
        let inside = [&ALONE[..], &["--uts", "sh", "-c", script, "sh"]].concat();
        outcome(injecting(&inside, &faults, "")).is(0, "the same\n", "");
    }
}

#[test]
fn without_proc_what_needs_it_is_skipped() {
    needs!(require::user_namespaces(), require::tool("chroot"));
    // Root can mount one where nobody sees it.
    report(after(NO_PROC, &[NEWUTS, "--check"])).is(|_| Kept);
    // Others cannot, and are mapped to nobody without.
    let expected = |user: &'static str| {
        move |number: usize| match number {
            _ if USERS.contains(&number) => skipped(user),
            _ if PROC.contains(&number) => {
                let link = [91, 92, 93].contains(&number);
                skipped(&if link {
                    NO_FILE.replace("openat", "readlinkat")
                } else {
                    NO_FILE.to_owned()
                })
            }
            _ => Kept,
        }
    };
    let program = Copied::new();
    let path = program.path.to_str().unwrap();
    let user = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", path, "--check"];
    report(after(NO_PROC, &user)).is(expected(NO_FILE));
    // Whoever is in a chroot can make no user namespace: user_namespaces(7).
    let mut chroot = command("chroot");
    chroot.arg(program.path.parent().unwrap()).args(["/newuts", "--check"]);
    report(chroot).is(expected(IN_CHROOT));
    // With a /proc it is but that.
    let folder = program.path.parent().unwrap();
    fs::create_dir(folder.join("proc")).unwrap();
    let mut chroot = command("unshare");
    let script = r#"mount -t proc proc "$1/proc" && exec chroot "$1" /newuts --check"#;
    chroot.args(["--mount", "sh", "-c", script, "sh"]).arg(folder);
    report(chroot).is(|number| if USERS.contains(&number) { skipped(IN_CHROOT) } else { Kept });
}

/// Where /proc is mounted so that it shows processes only (proc(5), subset=pid).
#[test]
fn without_the_other_files_of_proc_what_needs_them_is_skipped() {
    needs!(require::user_namespaces());
    let script = r#"mount -t proc -o subset=pid none /proc && exec "$@""#;
    let words = ["unshare", "--mount", "--pid", "--fork", "sh", "-c", script, "sh"];
    let report = report(under(&words, ""));
    assert_eq!(report.broken(), [0; 0]);
    let reason = skipped("openat: No such file or directory (/proc has only processes)");
    let skips = report.numbers(|verdict| *verdict == reason);
    assert!(skips.contains(&42) && skips.contains(&95) && skips.len() < 20, "{skips:?}");
    assert_eq!(report.numbers(|verdict| *verdict == Kept).len(), 106 - skips.len());
}

#[test]
fn process_1_can_try_them_all() {
    needs!(require::user_namespaces());
    report(under(&ALONE, "")).is(|_| Kept);
    // Its children are in yet another PID namespace, and one of them is process 1 there.
    report(under(&[&ALONE[..], &["unshare", "--pid"]].concat(), "")).is(|_| Kept);
    needs!(proc_for_users());
    report(under(&[&ALONE[..], &["--uts", "--user", "--map-root-user"]].concat(), "")).is(|_| Kept);
}

#[test]
fn a_first_page_that_can_be_read_is_no_matter() {
    needs!(require::user_namespaces(), require::tool("setarch"));
    report(under(&["setarch", "--mmap-page-zero"], "")).is(|_| Kept);
}

/// Where as many of something as a check needs cannot be had, that check is skipped, and no other.
#[test]
fn a_limit_skips_what_it_hits() {
    needs!(require::user_namespaces());
    let program = Copied::new();
    // Each is given as a script, what is skipped, and how many at least and at most.
    // The limit is one of all processes of a user, so this is nobody else's.
    let random = fs::read_to_string("/proc/sys/kernel/random/uuid").unwrap();
    let uid = 1_000_000 + u32::from_str_radix(&random[..7], 16).unwrap();
    let user = format!("setpriv --reuid={uid} --regid={uid} --clear-groups");
    let no_process = "clone: Resource temporarily unavailable (no more processes)";
    let no_descriptor = ": Too many open files (no more descriptors: RLIMIT_NOFILE)";
    let no_space = ": No space left on device (no more namespaces: see /proc/sys/user)";
    let in_user =
        r#"exec unshare --map-root-user sh -c 'echo "$0" >"/proc/sys/user/$1"; shift; exec "$@"'"#;
    let both = in_user.replace("exec unshare", &format!("exec {user} unshare"));
    // Who may do anything with resources has no limit.
    let few = "prlimit --nproc=2 setpriv --bounding-set=-sys_resource --inh-caps=-all";
    for (script, reason, least, most) in [
        (format!("exec {user} prlimit --nproc=0 \"$@\""), no_process, 106, 106),
        (format!("exec {user} prlimit --nproc=1 \"$@\""), no_process, 106, 106),
        (format!("exec {user} prlimit --nproc=2 \"$@\""), no_process, 30, 50),
        ("exec prlimit --nofile=3 \"$@\"".to_owned(), no_descriptor, 30, 50),
        ("exec prlimit --nofile=5 \"$@\"".to_owned(), no_descriptor, 20, 40),
        ("exec prlimit --nofile=8 \"$@\"".to_owned(), no_descriptor, 0, 5),
        (format!("{in_user} 0 max_uts_namespaces \"$@\""), no_space, 70, 70),
        (format!("{in_user} 1 max_uts_namespaces \"$@\""), no_space, 20, 40),
        (format!("{in_user} 2 max_uts_namespaces \"$@\""), no_space, 0, 0),
        (format!("{in_user} 1 max_user_namespaces \"$@\""), no_space, 5, USERS.len()),
        (format!("{in_user} 0 max_mnt_namespaces \"$@\""), no_space, 1, 1),
        // Two limits at once: that of processes keeps the check from finding out the other.
        (format!("{both} 0 max_uts_namespaces {few} \"$@\""), no_process, 70, 90),
        (format!("{both} 1 max_uts_namespaces {few} \"$@\""), no_process, 40, 60),
        (format!("{both} 0 max_mnt_namespaces {few} \"$@\""), no_process, 30, 50),
    ] {
        let mut command = command("sh");
        command.args(["-c", &script, "sh"]).arg(&program.path).arg("--check");
        let report = report(command);
        assert_eq!(report.broken(), [0; 0], "{script}");
        let of_another = skipped(OF_ANOTHER);
        let skips = report.numbers(|verdict| match verdict {
            Skipped(why) => {
                assert!(why.contains(reason) || *verdict == of_another, "{script}: {why}");
                *verdict != of_another
            }
            _ => false,
        });
        assert!((least..=most).contains(&skips.len()), "{script}: {skips:?}");
    }
}

/// A group of processes, of which there can be only so many; it ends with this.
struct Group(PathBuf);

impl Group {
    /// Makes one; not where the controller is not there, or not for us.
    fn new(most: u32) -> std::result::Result<Self, String> {
        let controllers = ["/sys/fs/cgroup/pids", "/sys/fs/cgroup"].map(Path::new);
        let missing = || "a cgroup of processes, pids.max".to_owned();
        let controller =
            controllers.into_iter().find(|folder| folder.join("cgroup.procs").exists());
        let path = controller.ok_or_else(missing)?.join(format!("{}{most}", apart::prefix()));
        fs::create_dir(&path).map_err(|_| missing())?;
        let group = Self(path);
        fs::write(group.0.join("pids.max"), most.to_string()).map_err(|_| missing())?;
        Ok(group)
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        // It is in use for a moment after its last process was waited for.
        eventually("the end of a group", LIMIT, || fs::remove_dir(&self.0).ok());
    }
}

#[test]
fn a_limit_of_a_group_of_processes_skips_what_it_hits() {
    needs!(require::user_namespaces());
    // Without any child there is no check; the others need a child or a thread, or two children.
    for (most, hit) in [(1, 106), (2, 32), (3, 1), (4, 0)] {
        needs!(Group::new(most).map(drop));
        let group = Group::new(most).unwrap();
        let script = r#"echo $$ >"$0/cgroup.procs" && exec "$@""#;
        let folder = group.0.to_str().unwrap();
        let report = report(under(&["sh", "-c", script, folder], ""));
        assert_eq!(report.broken(), [0; 0], "{most}");
        let reason = skipped("clone: Resource temporarily unavailable (no more processes)");
        let skips = report.numbers(|verdict| *verdict == reason).len();
        assert_eq!(skips, hit, "{most}");
        assert_eq!(report.numbers(|verdict| *verdict == Kept).len(), 106 - skips, "{most}");
    }
}

/// What other machines refuse, which are not at hand: their answers are injected.
#[test]
fn what_another_kernel_refuses_is_skipped() {
    needs!(require::user_namespaces(), strace::here());
    // AppArmor's profile for containers refuses every mount, and what a mount needs is there.
    let run = Inject(&["mount:error=EACCES:when=1"]).run("=41-43");
    let refused = skipped("mount: Permission denied (a security module refuses it)");
    Report::read(&run).is(|number| match number {
        42 => refused.clone(),
        41 | 43 => Kept,
        _ => skipped("not selected"),
    });
    // Whoever says so whatever is asked is no security module.
    let run = Inject(&["mount:error=EACCES"]).run("=42");
    assert_eq!(Report::read(&run).broken(), [42]);

    // Linux 5.3 to 5.7: there are pidfds, and setns(2) takes none.
    let old = Inject(&["setns:error=EINVAL", "statx:retval=0"]);
    let run = old.run("=26,28,29,31,32,90");
    let takes_none = skipped("setns: Invalid argument (an old kernel)");
    Report::read(&run).is(|number| match number {
        26 | 31 | 32 | 90 => takes_none.clone(),
        28 | 29 => Kept,
        _ => skipped("not selected"),
    });
    // A namespace's descriptor it takes there, too.
    assert_eq!(Report::read(&old.run("=27")).broken(), [27]);

    // Ubuntu since 24.04, for an ordinary user: a user namespace, and no capability in it.
    let program = Copied::new();
    let program = program.path.to_str().unwrap();
    for (profile, expected) in [
        (
            "unprivileged_userns (enforce)",
            skipped(
                "sethostname: Operation not permitted (AppArmor: \
                 kernel.apparmor_restrict_unprivileged_userns is 1)",
            ),
        ),
        ("unconfined", Broken),
    ] {
        let fake = proc_with_apparmor(profile, "1");
        let user = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"];
        let strace = ["strace", "-f", "-qq", "-o/dev/null", "--inject=sethostname:error=EPERM"];
        let words = [&user[..], &strace, &[program, "--check=6"]].concat();
        let report = Report::read(&strace::without_its_own(outcome(after(&fake, &words))));
        assert_eq!(report.results[5].verdict, expected, "{profile}");
    }
}

/// A tracer sees every call and every signal, and lets them through.
#[test]
fn under_a_tracer_every_promise_is_kept() {
    needs!(require::user_namespaces(), strace::here(), require::tool("gdb"));
    outcome_is_kept(&outcome_under_strace(injecting(&ALONE, &[], "")));
    let mut run = outcome(under(&["gdb", "-q", "-batch", "-ex", "run", "--args"], ""));
    // What it says itself, and the empty line before its last.
    run.stdout = run
        .stdout
        .split_inclusive('\n')
        .filter(|line| !line.starts_with(['[', '\n']) && !line.starts_with("warning: "))
        .collect();
    outcome_is_kept(&run);
}

/// Asserts that a run says of every promise that it is kept.
#[track_caller]
fn outcome_is_kept(run: &Outcome) {
    Report::read(run).is(|_| Kept);
}

/// It has calls, signals and memory of its own, and lacks some: that is said, and harms nobody.
#[test]
fn under_valgrind_nothing_is_left_or_changed() {
    needs!(require::user_namespaces(), require::tool("valgrind"));
    let report = Report::read(&outcome(under(&["valgrind", "-q"], "")));
    assert!(report.numbers(|verdict| *verdict == Kept).contains(&1));
    let lacking = "setdomainname(\"abcde\"..., 64): expected 0, got ENOSYS";
    assert!([Kept, Broken].contains(&report.results[9].verdict));
    if report.results[9].verdict == Broken {
        assert_eq!(report.diagnostic(10), lacking);
    }
}

/// A kernel that says that there are no more, though there are, has no excuse.
#[test]
fn what_only_looks_like_a_limit_is_broken() {
    needs!(require::user_namespaces(), strace::here());
    for (fault, number) in [
        ("unshare:error=ENOSPC:when=3+", 21),
        ("openat:error=EMFILE:when=5+", 27),
        ("openat:error=EACCES:when=5+", 102),
        ("clone:error=EAGAIN:when=1", 15),
        ("mount:error=ENOSPC", 42),
        ("unshare:error=EPERM", 39),
        ("unshare:error=EACCES:when=3+", 21),
        ("pidfd_open:error=EINVAL", 26),
    ] {
        let faults: &'static [&'static str] = Box::leak(Box::new([fault]));
        let run = Inject(faults).run(&format!("={number}"));
        assert_eq!(Report::read(&run).broken(), [number], "{fault}: {run:?}");
    }
}

/// It has no UTS namespaces in clone(2), and its threads do not let it into a user namespace.
/// What the emulator has not, or has otherwise: clone(2) with the flag, a name of no bytes at a bad
/// address, and ioctl_ns(2).
const EMULATOR: &[usize] = &[16, 17, 18, 20, 26, 47, 49, 57, 63, 92, 97, 98, 99, 100];

#[test]
fn the_user_mode_emulator_breaks_some() {
    needs!(require::user_namespaces(), require::tool("qemu-aarch64-static"));
    needs!(cross::newuts("aarch64"));
    let program = cross::newuts("aarch64").unwrap();
    let mut command = command(ALONE[0]);
    command.args(&ALONE[1..]).arg("qemu-aarch64-static").arg(program).arg("--check");
    let report = report(command);
    assert_eq!(
        report.broken(),
        EMULATOR,
        "{:?}",
        report.results.iter().map(|tried| &tried.diagnostic).collect::<Vec<_>>()
    );
    for (number, tried) in (1..).zip(&report.results) {
        let is_of_users =
            matches!(&tried.verdict, Skipped(why) if why.starts_with("unshare: Invalid argument"));
        assert_eq!(USERS.contains(&number), is_of_users, "{number} {:?}", tried.verdict);
    }
}

/// Docker's filter refuses the user namespace, and without the capability there is no other.
/// Podman's lets it be made, but nothing be named in it. runc has no filter; but it gives no
/// CAP_SETFCAP, without which root is not mapped: user_namespaces(7).
#[test]
fn in_a_container_it_is_up_to_the_engine() {
    for engine in engines() {
        let run = |with: &[With]| {
            let run = outcome(engine.newuts(with, &["--check"]).command);
            assert_eq!(run.stderr, "", "{:?}, {with:?}", engine.kind);
            let report = Report::read(&run);
            assert_eq!(report.broken(), [0; 0], "{:?}, {with:?}: {run:?}", engine.kind);
            let reasons = report.results.iter().filter_map(|tried| match &tried.verdict {
                Skipped(why) => Some(why.clone()),
                _ => None,
            });
            (report.numbers(|verdict| *verdict == Kept).len(), reasons.collect::<BTreeSet<_>>())
        };
        let file = "openat: Read-only file system (/proc/sys is read-only)";
        let map = "write: Operation not permitted (no CAP_SETFCAP, which it takes to map root)";
        let names = |call| format!("{call}: Operation not permitted (a seccomp filter refuses it)");
        for with in [
            &[][..],
            &[With::SysAdmin],
            &[With::Privileged],
            &[With::SysAdmin, With::HostPids],
            &[With::SysAdmin, With::Filter],
        ] {
            let filter = with.contains(&With::Filter);
            let (least, reasons) = match (engine.kind, with) {
                (Kind::Docker, []) => (
                    28,
                    vec![
                        "clone3: Function not implemented (an old kernel, or a seccomp filter)"
                            .to_owned(),
                        NO_CAPABILITY_FOR_IT.to_owned(),
                        FILTERED.to_owned(),
                        names("setns"),
                    ],
                ),
                (Kind::Podman, []) => {
                    (47, vec![file.to_owned(), names("sethostname"), names("setdomainname")])
                }
                (Kind::Runc, _) if filter => (35, vec![FILTERED.to_owned(), map.to_owned()]),
                (Kind::Runc, _) => (93, vec![file.to_owned(), map.to_owned()]),
                _ if filter => (35, vec![FILTERED.to_owned()]),
                (Kind::Podman, [With::Privileged]) => (106, vec![]),
                _ => (102, vec![file.to_owned()]),
            };
            let expected = (least, reasons.into_iter().collect::<BTreeSet<_>>());
            assert_eq!(run(with), expected, "{:?}, {with:?}", engine.kind);
        }
        // The container's own name stays.
        let script = "/newuts --check >/dev/null; echo $?; hostname";
        for with in [&[With::SysAdmin][..], &[With::SysAdmin, With::Filter]] {
            engine.shell(with, script).run().is(0, "0\nantero\n", "");
        }
    }
}

#[test]
fn a_crash_is_the_end_of_one_check() {
    needs!(require::user_namespaces(), strace::here());
    for signal in ["SEGV", "BUS", "ILL", "FPE", "ABRT", "KILL", "TERM", "INT", "HUP", "SYS"] {
        let fault = format!("mount:signal={signal}");
        let run = outcome_under_strace(injecting(&ALONE, &[&fault], "=41-43"));
        let report = Report::read(&run);
        assert_eq!(report.broken(), [42], "{signal}");
        assert!(report.diagnostic(42).ends_with(&format!(": killed by SIG{signal}")), "{run:?}");
    }
    // Behind the last step, where the watcher's own end fails, too.
    let run = outcome_under_strace(injecting(&ALONE, &["exit_group:error=EINVAL"], "=1"));
    let result = "\n# exit_group: killed by SIGILL\nnot ok 1 ";
    assert!(run.stdout.contains(result), "{run:?}");
    // A child of a check's, too.
    let run = Inject(&["setpgid:signal=SEGV"]).run("=18-20,33-35");
    let report = Report::read(&run);
    assert_eq!(report.broken(), [19, 34]);
    let diagnostic = report.diagnostic(34);
    assert!(diagnostic.ends_with(": expected signal SIGKILL, got signal SIGSEGV"), "{diagnostic}");
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
        (libc::SYS_mount, &[42][..]),
        // Here it is a child of the check's that is left behind.
        (libc::SYS_setpgid, &[19, 34]),
    ] {
        let mut command = check();
        // What the caller ignores or blocks does not matter.
        waiting(blocking_signals(&mut command), call).ignoring(libc::SIGALRM);
        command.ignoring(libc::SIGCHLD);
        let start = Instant::now();
        let report = report(command);
        let taken = start.elapsed();
        assert_eq!(report.broken(), promises);
        for number in promises {
            assert_eq!(report.results[number - 1].verdict, Verdict::Late);
            assert!(report.diagnostic(*number).ends_with(": no end within 5 seconds"));
        }
        // That it ends at all is asserted of every run.
        assert!(taken >= PATIENCE * u32::try_from(promises.len()).unwrap(), "{taken:?}");
    }
}

/// Asserts of a run with `--trace` that every process that one of its processes has made was waited
/// for, and that there were some.
#[track_caller]
fn leaves_no_process(run: &Outcome) {
    let numbers = |call| {
        let call = Regex::new(call).unwrap();
        let lines = run.stderr.lines().filter(|line| !line.contains("CLONE_THREAD"));
        let found = lines.filter_map(|line| Some(call.captures(line)?[1].to_owned()));
        found.collect::<BTreeSet<_>>()
    };
    let made = numbers(r"^\d+ +clone3?\(.*\) = ([1-9]\d*)$");
    let waited_for = numbers(r"^\d+ +wait4\(.*\) = ([1-9]\d*)$");
    let left: Vec<_> = made.difference(&waited_for).collect();
    assert!(made.len() > 1 && left.is_empty(), "{left:?}: {run:?}");
}

/// A child of a check's does not outlive it, however the check ends.
#[test]
fn whoever_is_started_is_waited_for() {
    needs!(require::user_namespaces(), strace::here());
    for prefix in [&[][..], &["unshare", "--pid"]] {
        let words = [&ALONE[..], prefix].concat();
        let mut command = under(&words, "");
        command.arg("--trace");
        leaves_no_process(&outcome(command));
        // The child waits for a call that does not return, and the check for the child.
        let mut command = under(&words, "=34");
        waiting(command.arg("--trace"), libc::SYS_setpgid);
        leaves_no_process(&outcome(command));
    }
    for (fault, which, broken) in [
        // The child is stopped.
        ("setpgid:signal=STOP", "=34", 34),
        // The check does not come to the step for which the child waits.
        ("pidfd_open:error=EINVAL", "=26", 26),
        // There was not to be a child.
        ("capset:retval=0", "=20", 20),
    ] {
        let mut command = injecting(&ALONE, &[fault], which);
        command.arg("--trace");
        let run = outcome(command);
        assert_eq!(Report::read(&run).broken(), [broken], "{fault}");
        leaves_no_process(&run);
    }
}

#[test]
fn a_child_that_is_stopped_is_not_waited_for() {
    needs!(require::user_namespaces(), strace::here());
    let run = Inject(&["setpgid:signal=STOP"]).run("=18-20,33-35");
    assert_eq!(Report::read(&run).broken(), [19, 34]);
}

/// Nobody's time passes while all are stopped, or while a check's process alone is.
#[test]
fn who_is_stopped_for_a_while_is_not_late() {
    needs!(require::user_namespaces(), strace::here());
    for all in [true, false] {
        // strace holds a check's process for a moment, in which it is stopped.
        let fault = "mount:delay_enter=1500000:when=1";
        let mut command = injecting(&["unshare", "--uts"], &[fault], "=41-43");
        in_time(|_| {
            let run = as_caller(|| {
                let running = command.start();
                running.until("ok 41 ");
                let held = || {
                    let program = child_of(running.pid())?;
                    let check = child_of(program)?;
                    is_in(check, Sysno::mount).then_some((program, check))
                };
                let found = eventually("a check that is held", LIMIT, || {
                    let is_over = running.stdout().contains("ok 42 ");
                    held().map(Some).or_else(|| is_over.then_some(None))
                });
                let stopped = match found {
                    Some((program, check)) if all => vec![program, check],
                    Some((_, check)) => vec![check],
                    None => Vec::new(),
                };
                let were_stopped = stopped.iter().all(|pid| kill(*pid, Signal::STOP).is_ok());
                if were_stopped {
                    thread::sleep(PATIENCE + Duration::from_secs(1));
                }
                for pid in &stopped {
                    // The watcher may have told it to go on, and it has ended.
                    let _ = kill(*pid, Signal::CONT);
                }
                let run = running.finish();
                (were_stopped && found.is_some()).then_some(run)
            });
            let run = run?;
            assert_eq!(Report::read(&run).broken(), [0; 0], "{all}: {run:?}");
            Some(())
        });
    }
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
fn a_timer_of_the_callers_does_not_matter() {
    needs!(require::user_namespaces());
    // What its timers would send.
    let mut command = check();
    let running = waiting(&mut command, libc::SYS_mount).start();
    running.until(" 41 namespaces(7): a descriptor keeps a namespace\n");
    for signal in [Signal::ALARM, Signal::VTALARM, Signal::PROF] {
        kill(running.pid(), signal).unwrap();
    }
    assert_eq!(Report::read(&running.finish()).broken(), [42]);
    let start_timer = || {
        let tick = libc::timeval { tv_sec: 0, tv_usec: 1000 };
        let timer = libc::itimerval { it_interval: tick, it_value: tick };
        // SAFETY: it reads one structure.
        unsafe { libc::setitimer(libc::ITIMER_REAL, &raw const timer, std::ptr::null_mut()) };
        Ok(())
    };
    let mut command = check();
    command.ignoring(libc::SIGALRM);
    // SAFETY: setitimer is one system call and no more.
    unsafe { command.pre_exec(start_timer) };
    report(command).is(|_| Kept);
}

/// It is not the checks that gave the host that name, and none of theirs to take it back.
#[test]
fn who_is_renamed_by_others_meanwhile_stays_renamed() {
    needs!(require::user_namespaces());
    for name in ["other.example", "", "x", "abcde"] {
        as_caller(|| {
            let mut command = check();
            let running = waiting(&mut command, libc::SYS_mount).start();
            running.until(" 41 namespaces(7): a descriptor keeps a namespace\n");
            apart::set_domain_name(name);
            let run = running.finish();
            // The file of the domain name was to set that which it had at first.
            let report = Report::read(&run);
            assert_eq!(report.broken(), [42], "{run:?}");
            assert_eq!(uname().domainname().to_bytes(), name.as_bytes());
            apart::set_domain_name(HOME);
        });
    }
}

/// What cannot be read either is not read-only.
#[test]
fn that_files_are_read_only_is_no_excuse_for_reading() {
    needs!(require::user_namespaces(), strace::here());
    let run = Inject(&["openat:error=EROFS"]).run("");
    assert!(Report::read(&run).broken().contains(&42), "{run:?}");
    assert!(!run.stdout.contains("# SKIP"), "{run:?}");
}

/// That a user may have only so many processes does not excuse a kernel that makes none.
#[test]
fn that_there_is_a_limit_is_no_excuse() {
    needs!(strace::here(), require::tool("setpriv"));
    let program = Copied::new();
    let user = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"];
    let user = [&["unshare", "--uts"], &user[..]].concat();
    let options = ["-f", "-qq", "--inject=clone:error=EAGAIN"];
    let mut command = strace_in(&user, Path::new("/dev/null"), &options);
    command.arg(&program.path).arg("--check");
    let report = Report::read(&outcome_under_strace(command));
    assert_eq!(report.broken(), (1..=106).collect::<Vec<_>>());
}

#[test]
fn there_is_a_result_for_every_check_whatever_the_kernel_can_do() {
    needs!(require::user_namespaces(), strace::here());
    let all: Vec<_> = (1..=106).collect();
    for (faults, said) in [
        (&["clone:error=ENOSYS"][..], "clone: expected success, got ENOSYS"),
        (&["clone:error=EAGAIN"], "clone: expected success, got EAGAIN"),
        (&["clone:error=ENOMEM"], "clone: expected success, got ENOMEM"),
        // The parent is told that it is the child, or the id of nobody.
        (
            &["clone:retval=0"],
            "clone(SIGCHLD): expected a process id, got 0, and this is the parent",
        ),
        (
            &["clone:retval=2147483647"],
            "clone(SIGCHLD): expected a process, got an id and no process",
        ),
        (&["uname:error=EFAULT"], "uname: expected success, got EFAULT"),
        (&["mmap:error=ENOMEM"], "mmap: expected success, got ENOMEM"),
        (&["mprotect:error=EACCES"], "mprotect: expected success, got EACCES"),
    ] {
        let faults: &'static [&'static str] = Box::leak(faults.into());
        let run = Inject(faults).run("");
        let report = Report::read(&run);
        assert_eq!(report.broken(), all, "{faults:?}: {run:?}");
        assert_eq!(report.numbers(|verdict| *verdict == Verdict::Error), all, "{faults:?}");
        assert!(all.iter().all(|number| report.diagnostic(*number) == said), "{faults:?}: {run:?}");
    }
    // Where only the watcher's calls go wrong, nothing does.
    for fault in ["rt_sigaction:error=ENOSYS", "nanosleep:error=ENOSYS", "prctl:error=EINVAL"] {
        let faults: &'static [&'static str] = Box::leak(Box::new([fault]));
        let run = Inject(faults).run("");
        assert_eq!(Report::read(&run).broken(), [0; 0], "{fault}: {run:?}");
    }
    // And where it cannot wait, it still sees what the checks say.
    for fault in ["wait4:error=EIO", "wait4:error=ECHILD", "wait4:retval=0", "wait4:retval=1"] {
        let faults: &'static [&'static str] = Box::leak(Box::new([fault]));
        let report = Report::read(&Inject(faults).run("=1-14,33-36"));
        let expected = if fault.ends_with("ECHILD") { &[33, 34][..] } else { &[33, 34, 35] };
        assert_eq!(report.broken(), expected, "{fault}");
    }
}

#[test]
fn who_is_killed_at_any_moment_leaves_nothing() {
    needs!(require::user_namespaces());
    as_caller(|| {
        for (signal, status) in [(Signal::KILL, 137), (Signal::TERM, 143), (Signal::INT, 130)] {
            let mut killed = 0;
            for delay in 0..70 {
                let running = check().start();
                thread::sleep(Duration::from_micros(delay * 700));
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
        (Sysno::mount, "namespaces(7): a descriptor keeps a namespace\n"),
        // A child of the check's hangs.
        (Sysno::setpgid, "clone(2): CLONE_NEWUTS isolates domainname\n"),
    ] {
        let attempt = || {
            let mut command = check();
            waiting(blocking_signals(&mut command), call.id().into());
            let running = command.start();
            running.until(last);
            // Who is in the call, and others wait for it; unless that has been.
            eventually("a check that hangs", LIMIT, || {
                let living = running.living();
                (living.is_empty() || living.iter().any(|pid| is_in(*pid, call))).then_some(())
            });
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
fn child_of(pid: i32) -> Option<i32> {
    fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).ok()?.trim().parse().ok()
}

#[test]
fn a_check_that_is_killed_is_a_failure_and_the_others_go_on() {
    needs!(require::user_namespaces());
    as_caller(|| {
        let mut command = check();
        let running = waiting(&mut command, libc::SYS_mount).start();
        running.until("namespaces(7): a descriptor keeps a namespace\n");
        let check = eventually("the check", LIMIT, || child_of(running.pid()));
        kill(check, Signal::KILL).unwrap();
        let run = running.finish();
        let report = Report::read(&run);
        assert_eq!(report.broken(), [42]);
        assert!(report.diagnostic(42).ends_with(": killed by SIGKILL"), "{run:?}");
    });
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
    // How many want a processor, for each that there is (proc_loadavg(5)).
    let busy = || {
        let load = fs::read_to_string("/proc/loadavg").unwrap();
        let runnable = load.split([' ', '/']).nth(3).unwrap().parse::<u32>().unwrap();
        let processors = thread::available_parallelism().unwrap().get();
        runnable.div_ceil(processors.try_into().unwrap()).max(1)
    };
    // Where much else is done, one of many does; and each of its processes waits for its turn.
    as_caller(|| {
        eventually("a run of less than a second", LIMIT, || {
            let before = busy();
            let start = Instant::now();
            let mut running = check().start();
            running.wait(LIMIT);
            let taken = start.elapsed();
            running.finish();
            (taken < Duration::from_secs(1) * before.min(busy())).then_some(())
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
    // As of any other program whose reader has seen enough.
    let mut broken = check();
    broken.stdout(broken_pipe());
    outcome(broken).is(128 + libc::SIGPIPE, "", "");
    let mut broken = check();
    broken.stdout(broken_pipe()).ignoring(libc::SIGPIPE);
    outcome(broken).is(1, "", "write: Broken pipe\n");
    let mut closed = check();
    let run = outcome(std::mem::replace(closed.closed(1), check()));
    assert_eq!((run.status, run.stdout.as_str()), (1, ""));
    assert!(run.stderr.starts_with("write: "), "{run:?}");
}

/// What some kernels' checks say: all that can be said is in there, which is asserted.
fn outputs() -> Vec<Outcome> {
    let breaking = answering(&[NEWUTS, "--check"], libc::SYS_setns, (0, MINUS_ONE), 0);
    let mut hanging = newuts(["--check=41-43"]);
    waiting(&mut hanging, libc::SYS_mount);
    let commands = [check(), under(&NO_USERS, ""), newuts(["--check=setns"]), breaking, hanging];
    let faults = [
        // Names in a diagnostic, with all that the readers' own syntax has.
        (NamesToo(|| named(b"ok 1 # SKIP \nnot ok", b"1..3\n")), "=1-18"),
        (Inject(&["unshare:retval=0"]), ""),
        (Inject(&["clone:error=ENOSYS"]), ""),
        (Inject(&["mount:signal=SEGV"]), "=41-43"),
        (Inject(&["setpgid:signal=SEGV"]), ""),
    ];
    let faults = faults.map(|(fault, which)| fault.run(which));
    let outputs: Vec<_> = commands.into_iter().map(outcome).chain(faults).collect();
    for form in [
        r"ok \d+ [^#]+",
        r"not ok \d+ [^#]+",
        r"ok \d+ [^#]+ # SKIP not selected",
        r"ok \d+ [^#]+ # SKIP [a-z]+: No space left on device .*",
        r"not ok \d+ [^#]+ # ERROR",
        r"not ok \d+ [^#]+ # TIMEOUT",
        "# .*: killed by SIGSEGV",
        "# .*, got signal SIGSEGV",
        r#"# .*got "ok 1 # SKIP \\nnot ok""#,
    ] {
        let form = Regex::new(&format!("(?m)^{form}$")).unwrap();
        assert!(outputs.iter().any(|run| form.is_match(&run.stdout)), "{form}");
    }
    outputs
}

#[test]
fn prove_reads_it() {
    needs!(require::user_namespaces(), strace::here(), require::tool("prove"));
    for run in outputs() {
        let file = apart::file();
        fs::write(file.path(), &run.stdout).unwrap();
        let proof = command("prove").args(["--exec", "cat"]).arg(file.path()).run();
        let broken = Report::read(&run).broken();
        assert_eq!(proof.status, i32::from(!broken.is_empty()), "{proof:?}");
        if broken.is_empty() {
            assert!(proof.stdout.ends_with("Result: PASS\n"), "{proof:?}");
        } else {
            assert!(proof.stdout.contains(&format!("Failed: {})", broken.len())), "{proof:?}");
        }
        assert!(!proof.stdout.contains("Parse errors"), "{proof:?}");
    }
    // As people call it.
    let run = command("prove").args(["-e", "", &format!("{NEWUTS} --check")]).run();
    assert!(run.stdout.ends_with("Result: PASS\n"), "{run:?}");
}

#[test]
fn tap_parser_reads_it() {
    needs!(require::user_namespaces(), strace::here(), require::tool("tap-parser"));
    for run in outputs() {
        let file = apart::file();
        fs::write(file.path(), &run.stdout).unwrap();
        let mut parser = command("tap-parser");
        // Where Debian has what it needs; another node(1) does not look there.
        parser.arg("--json").env("NODE_PATH", "/usr/share/nodejs").stdin(file.reopen().unwrap());
        let parsed = parser.run();
        let events: Value = serde_json::from_str(&parsed.stdout).expect(&parsed.stderr);
        let events = events.as_array().unwrap();
        let complete = events.iter().find(|event| event[0] == "complete");
        let totals = &complete.expect(&parsed.stdout)[1];
        let report = Report::read(&run);
        let broken = report.broken();
        let failures = totals["failures"].as_array().unwrap().iter();
        let failures: Vec<_> = failures
            .map(|failure| usize::try_from(failure["id"].as_u64().unwrap()).unwrap())
            .collect();
        assert_eq!(failures, broken, "{parsed:?}");
        assert_eq!(totals["count"], report.results.len());
        assert_eq!(totals["fail"], broken.len());
        assert_eq!(totals["skip"], report.numbers(|verdict| matches!(verdict, Skipped(_))).len());
        // Each line is what it is to be.
        let of_kind =
            |kind: &str| events.iter().filter(|event| event[0] == kind).collect::<Vec<_>>();
        assert_eq!(of_kind("extra"), [&json!(["extra", "KTAP version 1\n"])]);
        for (result, tried) in of_kind("assert").iter().zip(&report.results) {
            let Tried { promise, verdict, .. } = tried;
            // It knows the directives of TAP, and takes KTAP's own for a part of the name.
            let name = result[1]["name"].as_str().unwrap();
            let name = name.strip_suffix(match verdict {
                Verdict::Error => " # ERROR",
                Verdict::Late => " # TIMEOUT",
                _ => "",
            });
            assert_eq!(name, Some(promise.as_str()));
            assert_eq!(result[1]["ok"], matches!(verdict, Kept | Skipped(_)));
            let reason = match verdict {
                Skipped(reason) => json!(reason),
                _ => Value::Null,
            };
            assert_eq!(result[1]["skip"], reason);
        }
    }
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
        (&["--check=all"], "invalid argument 'all' for '--check'"),
        (&["--check=list", "x"], "extra operand 'x'"),
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
        " = -1 EFAULT (Bad address)\n",
        " unshare(CLONE_NEWUTS|CLONE_NEWUSER) = 0\n",
        " clone(child_stack=NULL, flags=CLONE_NEWUTS|SIGCHLD) = ",
        " setns(",
        " exit_group(0) = ?\n",
    ] {
        assert!(run.stderr.contains(seen), "{seen}: {}", run.stderr);
    }
}
