//! The second form: a command under another host name, without a new process.
//! Follows unshare(2), and execvp(3) for the way a command is found.

use core::ffi::CStr;

use linux_raw_sys::general::NAME_MAX;
use syscalls::Errno;

use super::hint;
use super::namespace::Namespace;
use crate::sys::bytes::{same, split};
use crate::sys::start::{InitialStack, Strings};
use crate::sys::{Failure, Sys};
use crate::text::failure::complain;
use crate::text::line::Line;

/// Where commands are looked for when `PATH` is not set.
const DEFAULT_PATH: &CStr = c"/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// The exit status where a call before execve(2) failed, as that of env(1).
pub const FAILED: u8 = 125;
/// The exit status where the command is there but cannot be executed.
const CANNOT_EXECUTE: u8 = 126;
/// The exit status where there is no such command.
const NOT_FOUND: u8 = 127;

/// Runs a command in a UTS namespace of its own. Gives the exit status if it does not come to
/// that.
#[must_use]
pub fn run(
    sys: &Sys,
    process: &InitialStack<'_>,
    namespace: &Namespace<'_>,
    command: &Strings<'_>,
) -> u8 {
    match enter(sys, namespace) {
        Ok(()) => execute(sys, process, command),
        Err(failure) => {
            failure.report(sys);
            hint::give(sys, failure, namespace);
            FAILED
        }
    }
}

/// Moves this process into the namespace.
fn enter(sys: &Sys, namespace: &Namespace<'_>) -> Result<(), Failure> {
    let ids = namespace.ids_before(sys);
    sys.unshare(namespace.flags())?;
    namespace.set_up(sys, ids)
}

/// Becomes the command. Gives the exit status if it cannot.
#[must_use]
pub fn execute(sys: &Sys, process: &InitialStack<'_>, command: &Strings<'_>) -> u8 {
    let Some(name) = command.peek() else {
        return FAILED;
    };
    let errno = search(sys, process, name, command);
    complain(sys, name.to_bytes(), errno);
    if errno == Errno::ENOENT { NOT_FOUND } else { CANNOT_EXECUTE }
}

/// Tries every place where the command may be, with the rules of execvp(3). Returns only if none
/// of them would do, with the reason.
fn search(sys: &Sys, process: &InitialStack<'_>, name: &CStr, argv: &Strings<'_>) -> Errno {
    let envp = process.envp();
    if name.is_empty() || split(name.to_bytes(), b'/').1.is_some() {
        return sys.execve(name, argv, &envp).errno;
    }
    if name.count_bytes() > NAME_MAX as usize {
        return Errno::ENAMETOOLONG;
    }
    let path = envp.clone().find_map(|variable| match split(variable.to_bytes(), b'=') {
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
        match sys.execve(file, argv, &envp).errno {
            // Something of that name is there, but another folder may have a better one.
            Errno::EACCES => reason = Errno::EACCES,
            Errno::ENOENT | Errno::ENOTDIR | Errno::ESTALE | Errno::ENODEV | Errno::ETIMEDOUT => {}
            errno => return errno,
        }
    }
    reason
}
