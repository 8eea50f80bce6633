// SPDX-License-Identifier: MIT OR Apache-2.0
//! The second form: a command under another host name, without a new process.
//! Follows unshare(2), and execvp(3) for the way a command is found, and a script run.

use core::ffi::CStr;

use linux_raw_sys::general::{NAME_MAX, O_CLOEXEC, O_PATH};
use syscalls::Errno;

use super::death::DeathSignal;
use super::demo::Demo;
use super::init::Init;
use super::persist::{Agreement, Bound};
use super::{fork, hint};
use crate::sys::Sys;
use crate::sys::bytes::{same, split};
use crate::sys::start::{InitialStack, Strings};
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
    if !fork {
        return in_place(sys, process, demo, command);
    }
    let agreement = demo.persist.map(|file| Agreement::prepare(sys, file)).transpose();
    let forked = agreement.and_then(|agreement| {
        let task =
            |death_signal| in_child(sys, process, demo, agreement.as_ref(), death_signal, command);
        fork::run(sys, init, demo.kill_child, agreement.as_ref(), task)
    });
    forked.unwrap_or_else(|failure| {
        failure.report(sys);
        FAILED
    })
}

/// Without `--fork`: this process enters the namespaces and becomes the command.
fn in_place(sys: &Sys, process: &InitialStack<'_>, demo: &Demo<'_>, command: &Strings<'_>) -> u8 {
    let Err(status) = enter(sys, demo) else {
        let bound = demo.persist.map(|file| Bound::bind_own(sys, file)).transpose();
        return match bound {
            Ok(bound) => {
                let status = execute(sys, process, command);
                if let Some(bound) = bound {
                    bound.undo(sys);
                }
                status
            }
            Err(failure) => {
                failure.report(sys);
                FAILED
            }
        };
    };
    status
}

/// With `--fork`: the child enters the namespaces, has the parent bind the new one to its file, and
/// becomes the command. Gives the exit status if it does not come to that.
fn in_child(
    sys: &Sys,
    process: &InitialStack<'_>,
    demo: &Demo<'_>,
    agreement: Option<&Agreement<'_>>,
    death_signal: Option<DeathSignal>,
    command: &Strings<'_>,
) -> u8 {
    if let Err(status) = enter(sys, demo) {
        return status;
    }
    match agreement.map(|agreement| agreement.wait_for_parent(sys)) {
        None | Some(Ok(true)) => {}
        Some(Ok(false)) => return FAILED,
        Some(Err(failure)) => {
            failure.report(sys);
            return FAILED;
        }
    }
    let status = become_command(sys, process, death_signal, command);
    if let Some(agreement) = agreement {
        agreement.fail(sys);
    }
    status
}

/// Moves this process into the namespaces.
///
/// # Errors
///
/// The exit status, where it cannot; it has said why not.
fn enter(sys: &Sys, demo: &Demo<'_>) -> Result<(), u8> {
    let namespace = &demo.namespace;
    let ids = namespace.ids_before(sys);
    sys.unshare(namespace.flags()).and_then(|()| namespace.set_up(sys, ids)).map_err(|failure| {
        failure.report(sys);
        hint::give(sys, failure, namespace, ids, demo.persist.is_some());
        FAILED
    })
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
    hint::give_for_command(sys, search(process, name, is_there) == Errno::EEXIST);
    NOT_FOUND
}

/// Tries every place where the command may be, with the rules of execvp(3): `attempt` tries to
/// execute one, and gives the reason why it could not. Gives the reason why none could be executed.
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
    search_path(process, name, attempt)
}

/// Tries the folders of `PATH`. Here are the places put together that are tried, so that no other
/// run has a path as long as can be on its stack.
#[inline(never)]
fn search_path(
    process: &InitialStack<'_>,
    name: &CStr,
    mut attempt: impl FnMut(&CStr) -> Errno,
) -> Errno {
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
            // A file of that name is there, but cannot be executed. One in a later folder may be.
            Errno::EACCES => reason = Errno::EACCES,
            Errno::ENOENT | Errno::ENOTDIR | Errno::ESTALE | Errno::ENODEV | Errno::ETIMEDOUT => {}
            errno => return errno,
        }
    }
    reason
}
