//! The second form: a command under another host name, without a new process.
//! Follows unshare(2), and execvp(3) for the way a command is found, and a script run.

use core::ffi::CStr;

use linux_raw_sys::general::{NAME_MAX, O_CLOEXEC, O_PATH};
use syscalls::Errno;

use super::death::DeathSignal;
use super::demo::Demo;
use super::init::Init;
use super::namespace::Ids;
use super::{fork, hint, persist};
use crate::sys::bytes::{same, split};
use crate::sys::start::{InitialStack, Strings};
use crate::sys::{Failure, Sys};
use crate::text::failure::complain;
use crate::text::line::Line;

/// Where commands are looked for when `PATH` is not set.
const DEFAULT_PATH: &CStr = c"/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// What runs a script without `#!`, as execvp(3) has it.
const SHELL: &CStr = c"/bin/sh";

/// The exit status where a call before execve(2) failed, as that of env(1).
pub const FAILED: u8 = 125;
/// The exit status where the command is there but cannot be executed.
const CANNOT_EXECUTE: u8 = 126;
/// The exit status where there is no such command.
const NOT_FOUND: u8 = 127;

/// Runs a command in a UTS namespace of its own. Gives the exit status: with `--fork` that of the
/// command, else that of its failure to start.
#[must_use]
pub fn run(
    sys: &Sys,
    process: &InitialStack<'_>,
    init: Init,
    demo: &Demo<'_>,
    fork: bool,
    command: &Strings<'_>,
) -> u8 {
    let task = |death_signal| enter_and_execute(sys, process, demo, death_signal, command);
    if !fork {
        return task(None);
    }
    fork::run(sys, init, demo.kill_child, task).unwrap_or_else(|failure| {
        failure.report(sys);
        FAILED
    })
}

/// Enters the namespaces and becomes the command. Gives the exit status if it does not come to
/// that.
fn enter_and_execute(
    sys: &Sys,
    process: &InitialStack<'_>,
    demo: &Demo<'_>,
    death_signal: Option<DeathSignal>,
    command: &Strings<'_>,
) -> u8 {
    let ids = demo.namespace.ids_before(sys);
    match enter(sys, demo, ids) {
        Ok(true) => become_command(sys, process, death_signal, command),
        Ok(false) => FAILED,
        Err(failure) => {
            failure.report(sys);
            hint::give(sys, failure, &demo.namespace, ids);
            FAILED
        }
    }
}

/// Enters the namespaces and binds the new one to its file, if it has one. Gives whether that could
/// be bound; who could not has said why.
fn enter(sys: &Sys, demo: &Demo<'_>, ids: Option<Ids>) -> Result<bool, Failure> {
    let Demo { namespace, persist, .. } = demo;
    let helper = match persist {
        Some(file) if namespace.user.is_some() => Some(persist::Helper::start(sys, file)?),
        _ => None,
    };
    let entered = sys.unshare(namespace.flags()).and_then(|()| namespace.set_up(sys, ids));
    match (helper, persist) {
        (Some(helper), _) if entered.is_ok() => helper.bind(sys),
        (Some(helper), _) => {
            let _ = helper.end(sys);
            entered.map(|()| true)
        }
        (None, Some(file)) => {
            entered?;
            persist::Bound::bind(sys, sys.getpid(), file).map(|_| true)
        }
        (None, None) => entered.map(|()| true),
    }
}

/// Becomes the command, which gets its signal when the parent dies. Gives the exit status if it
/// cannot.
#[must_use]
pub fn become_command(
    sys: &Sys,
    process: &InitialStack<'_>,
    death_signal: Option<DeathSignal>,
    command: &Strings<'_>,
) -> u8 {
    // After the namespaces are entered: new capabilities take the signal away (prctl(2)).
    match death_signal.map(|death_signal| death_signal.ask_for(sys)) {
        Some(Err(failure)) => {
            failure.report(sys);
            FAILED
        }
        _ => execute(sys, process, command),
    }
}

/// Becomes the command. Gives the exit status if it cannot.
#[must_use]
pub fn execute(sys: &Sys, process: &InitialStack<'_>, command: &Strings<'_>) -> u8 {
    let Some(name) = command.peek() else {
        return FAILED;
    };
    let envp = process.envp();
    let errno = search(process, name, |file| match sys.execve(file, command, &envp).errno {
        Errno::ENOEXEC => {
            // SAFETY: the words before a command are there, the host name at least, or `--join`'s
            // value; the program has read them, and does nothing with them any more.
            let argv = unsafe { command.with_shell(SHELL, file) };
            let errno = sys.execve(SHELL, &argv, &envp).errno;
            // SAFETY: the same. The search goes on with the words as they were.
            unsafe { command.set_first(name) };
            errno
        }
        errno => errno,
    });
    complain(sys, name.to_bytes(), errno);
    if errno != Errno::ENOENT {
        return CANNOT_EXECUTE;
    }
    let is_there = |file: &CStr| match sys.openat(file, O_PATH | O_CLOEXEC) {
        Ok(_) => Errno::EEXIST,
        Err(failure) => failure.errno,
    };
    if search(process, name, is_there) == Errno::EEXIST {
        hint::say(sys, hint::NO_INTERPRETER);
    }
    NOT_FOUND
}

/// Tries every place where the command may be, with the rules of execvp(3): `attempt` says why one
/// will not do. Gives the reason why none of them will.
fn search(
    process: &InitialStack<'_>,
    name: &CStr,
    mut attempt: impl FnMut(&CStr) -> Errno,
) -> Errno {
    if name.is_empty() || split(name.to_bytes(), b'/').1.is_some() {
        return attempt(name);
    }
    if name.count_bytes() > NAME_MAX as usize {
        return Errno::ENAMETOOLONG;
    }
    let path = process.envp().find_map(|variable| match split(variable.to_bytes(), b'=') {
        (name, path) if same(name, b"PATH") => path,
        _ => None,
    });
    let mut reason = Errno::ENOENT;
    let mut folders = Some(path.unwrap_or(DEFAULT_PATH.to_bytes()));
    while let Some(rest) = folders {
        let (folder, others) = split(rest, b':');
        folders = others;
        let mut file = Line::new();
        file.bytes(folder);
        // An empty folder is the current one.
        if !folder.is_empty() {
            file.byte(b'/');
        }
        // What is too long for a line is too long for a path: both end at 4096 bytes.
        let Some(file) = file.bytes(name.to_bytes()).as_c_str() else {
            continue;
        };
        match attempt(file) {
            // Something of that name is there, but another folder may have a better one.
            Errno::EACCES => reason = Errno::EACCES,
            Errno::ENOENT | Errno::ENOTDIR | Errno::ESTALE | Errno::ENODEV | Errno::ETIMEDOUT => {}
            errno => return errno,
        }
    }
    reason
}
