// SPDX-License-Identifier: MIT OR Apache-2.0
//! The settings in which a command can be run: another mount namespace, a seccomp filter, an exact
//! environment.

use std::collections::BTreeMap;
use std::ffi::{CStr, CString};
use std::io;
use std::os::unix::process::CommandExt as _;
use std::process::Command;

use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule, TargetArch, apply_filter,
};

use super::apart::ALONE;
use super::run::{NEWUTS, Watched as _, command};
use super::strace::Log;

/// A shell's way to be without /proc. More than one may be mounted there.
pub const NO_PROC: &str = "while umount -l /proc 2>/dev/null; do :; done; ! [ -e /proc/self ]";

/// Whether a /proc can be mounted in a user namespace of one's own. Not where something is mounted
/// on a file of this one, for there it would be seen what that hides (mount_namespaces(7)).
pub fn proc_for_users() -> Result<(), String> {
    let mut unshare = command(ALONE[0]);
    let run = unshare.args(&ALONE[1..]).args(["--map-root-user", "true"]).run();
    if run.status == 0 {
        Ok(())
    } else {
        Err(format!("a /proc that user namespaces can have too: {}", run.stderr.trim_end()))
    }
}

/// Whether the settings in /proc/sys can be set. Not in a container that has them mounted to be
/// read.
pub fn settings() -> Result<(), String> {
    let limit = "/proc/sys/user/max_uts_namespaces";
    let script = format!("value=$(cat {limit}) && echo $value >{limit}");
    let run = command("unshare").args(["--map-root-user", "sh", "-c", &script]).run();
    if run.status == 0 {
        Ok(())
    } else {
        Err(format!("a /proc/sys that can be written to: {}", run.stderr.trim_end()))
    }
}

/// A command that does `preparation`, a shell's, as root in mount and UTS namespaces of its own,
/// then becomes `words`.
pub fn after(preparation: &str, words: &[&str]) -> Command {
    let mut command = command("unshare");
    let script = format!("{preparation} && exec \"$@\"");
    command.args(["--mount", "--uts", "sh", "-ec", &script, "sh"]).args(words);
    command
}

/// For [`after`]: a /proc where AppArmor has put this process into a profile, with Ubuntu's setting,
/// and where there are files for the maps of a user namespace, which take anything.
pub fn proc_with_apparmor(profile: &str, setting: &str) -> String {
    format!(
        "mount -t tmpfs tmpfs /proc && mkdir -p /proc/self/attr /proc/sys/kernel &&
        touch /proc/self/uid_map /proc/self/gid_map /proc/self/setgroups &&
        chmod a+w /proc/self/uid_map /proc/self/gid_map /proc/self/setgroups &&
        echo '{profile}' >/proc/self/attr/current &&
        echo {setting} >/proc/sys/kernel/apparmor_restrict_unprivileged_userns"
    )
}

/// A command that does `preparation`, a shell's, as root of a user namespace of its own, whose
/// limits it may set, then becomes `newuts` with `args`.
pub fn confined(preparation: &str, args: &[&str]) -> Command {
    let mut command = command("unshare");
    let script = format!("{preparation} && exec \"$@\"");
    command.args(["--user", "--map-root-user", "sh", "-ec", &script, "sh", NEWUTS]).args(args);
    command
}

/// A command that loses a capability for good, from the bounding set too, then becomes `words`.
pub fn without(lost: &str, words: &[&str]) -> Command {
    let mut command = command("setpriv");
    command.arg(format!("--bounding-set=-{lost}")).arg(format!("--inh-caps=-{lost}")).args(words);
    command
}

/// Gives the command a seccomp filter that refuses `call` with EPERM.
pub fn refusing(command: &mut Command, call: libc::c_long) -> &mut Command {
    refusing_with(command, &[call], libc::EPERM)
}

/// The same for calls whose first argument is `first`.
pub fn refusing_where(
    command: &mut Command,
    call: libc::c_long,
    first: libc::c_int,
) -> &mut Command {
    let first = u64::from(first.cast_unsigned());
    let (len, op) = (SeccompCmpArgLen::Dword, SeccompCmpOp::Eq);
    let condition = SeccompCondition::new(0, len, op, first).unwrap();
    let rules = vec![SeccompRule::new(vec![condition]).unwrap()];
    filter(command, [(call, rules)].into(), libc::EPERM);
    command
}

/// Gives the command a seccomp filter that refuses `calls` with this errno.
pub fn refusing_with<'a>(
    command: &'a mut Command,
    calls: &[libc::c_long],
    errno: libc::c_int,
) -> &'a mut Command {
    filter(command, calls.iter().map(|call| (*call, Vec::new())).collect(), errno);
    command
}

/// Gives the command a seccomp filter as the container engines have it: EPERM for `call` where its
/// first argument has this flag.
pub fn refusing_flag(command: &mut Command, call: libc::c_long, flag: libc::c_int) -> &mut Command {
    let flag = u64::from(flag.cast_unsigned());
    let (len, op) = (SeccompCmpArgLen::Qword, SeccompCmpOp::MaskedEq(flag));
    let has_it = SeccompCondition::new(0, len, op, flag).unwrap();
    let rule = SeccompRule::new(vec![has_it]).unwrap();
    filter(command, [(call, vec![rule])].into(), libc::EPERM);
    command
}

/// Gives the command a seccomp filter that has nothing to do with what the program does.
pub fn filtered(command: &mut Command) -> &mut Command {
    refusing(command, libc::SYS_swapon)
}

/// A command that runs `words` where the kernel answers `call` with `errno`, or with a success that
/// is none, if one of the call's arguments is this number.
pub fn answering(words: &[&str], call: libc::c_long, argument: (u8, u32), errno: i32) -> Command {
    let (index, value) = argument;
    let (len, op) = (SeccompCmpArgLen::Dword, SeccompCmpOp::Eq);
    let condition = SeccompCondition::new(index, len, op, value.into()).unwrap();
    let rules = vec![SeccompRule::new(vec![condition]).unwrap()];
    // What answers may lie: it is to do so below namespaces that are real.
    let mut command = command(ALONE[0]);
    command.args(&ALONE[1..]).args(words);
    filter(&mut command, [(call, rules)].into(), errno);
    command
}

/// Gives the command a seccomp filter that answers calls by these rules.
fn filter(command: &mut Command, rules: BTreeMap<i64, Vec<SeccompRule>>, errno: i32) {
    let arch = TargetArch::try_from(std::env::consts::ARCH).unwrap();
    let answer = SeccompAction::Errno(errno.cast_unsigned());
    let filter = SeccompFilter::new(rules, SeccompAction::Allow, answer, arch).unwrap();
    let filter: BpfProgram = filter.try_into().unwrap();
    // SAFETY: two system calls and no more.
    unsafe { command.pre_exec(move || apply_filter(&filter).map_err(io::Error::other)) };
}

/// A command that runs `words`, the first of them a path, with exactly this environment.
pub fn with_environment(words: &[&CStr], environment: &[&CStr]) -> Command {
    let kept: Vec<CString> =
        [words, environment].concat().into_iter().map(CStr::to_owned).collect();
    // Addresses, as pointers cannot be sent to the new process.
    let addresses = |strings: &[CString]| -> Vec<usize> {
        strings.iter().map(|string| string.as_ptr().expose_provenance()).chain([0]).collect()
    };
    let (words, environment) = kept.split_at(words.len());
    let (argv, envp) = (addresses(words), addresses(environment));
    let become_it = move || {
        // SAFETY: the path is a string, and both arrays hold strings and end with a null pointer.
        unsafe { libc::execve(kept[0].as_ptr(), argv.as_ptr().cast(), envp.as_ptr().cast()) };
        Err(io::Error::last_os_error())
    };
    let mut command = command("true");
    // SAFETY: execve is one system call and no more.
    unsafe { command.pre_exec(become_it) };
    command
}

/// The calls of `newuts` up to the execve by which it becomes a command, that included.
pub fn calls_to_execve(log: &Log) -> Vec<String> {
    let calls = log.parent().without_addresses();
    let end = calls.iter().position(|call| call.starts_with("execve(")).unwrap();
    calls[..=end].to_vec()
}
