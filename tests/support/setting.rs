//! The settings in which a command can be run: another mount namespace, a seccomp filter, an exact
//! environment.

use std::ffi::{CStr, CString};
use std::io;
use std::os::unix::process::CommandExt as _;
use std::process::Command;

use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule, TargetArch, apply_filter,
};

use super::run::{NEWUTS, command};
use super::strace::Log;

/// A command that does `preparation`, a shell's, as root in mount and UTS namespaces of its own,
/// then becomes `words`.
pub fn after(preparation: &str, words: &[&str]) -> Command {
    let mut command = command("unshare");
    let script = format!("{preparation} && exec \"$@\"");
    command.args(["--mount", "--uts", "sh", "-ec", &script, "sh"]).args(words);
    command
}

/// A command that does `preparation`, a shell's, as root of a user namespace of its own, whose
/// limits it may set, then becomes `newuts` with `args`.
pub fn confined(preparation: &str, args: &[&str]) -> Command {
    let mut command = command("unshare");
    let script = format!("{preparation} && exec \"$@\"");
    command.args(["--user", "--map-root-user", "sh", "-ec", &script, "sh", NEWUTS]).args(args);
    command
}

/// Gives the command a seccomp filter that refuses `call` with EPERM.
pub fn refusing(command: &mut Command, call: libc::c_long) -> &mut Command {
    filtered(command, call, Vec::new())
}

/// The same for calls whose first argument is `first`.
pub fn refusing_with(
    command: &mut Command,
    call: libc::c_long,
    first: libc::c_int,
) -> &mut Command {
    let first = u64::from(first.cast_unsigned());
    let condition =
        SeccompCondition::new(0, SeccompCmpArgLen::Dword, SeccompCmpOp::Eq, first).unwrap();
    filtered(command, call, vec![SeccompRule::new(vec![condition]).unwrap()])
}

fn filtered(command: &mut Command, call: libc::c_long, rules: Vec<SeccompRule>) -> &mut Command {
    let arch = TargetArch::try_from(std::env::consts::ARCH).unwrap();
    let eperm = SeccompAction::Errno(libc::EPERM.cast_unsigned());
    let rules = [(call, rules)].into();
    let filter = SeccompFilter::new(rules, SeccompAction::Allow, eperm, arch).unwrap();
    let filter: BpfProgram = filter.try_into().unwrap();
    // SAFETY: two system calls and no more.
    unsafe { command.pre_exec(move || apply_filter(&filter).map_err(io::Error::other)) }
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
