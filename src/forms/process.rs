// SPDX-License-Identifier: MIT OR Apache-2.0
//! A process that is known by its number, and whether /proc has the same process under it.
//! Follows pidfd_open(2), and pid_namespaces(7), "/proc and PID namespaces".

use syscalls::Errno;

use crate::sys::bytes::{number, same, split};
use crate::sys::file::Fd;
use crate::sys::namespace::PIDFD_THREAD;
use crate::sys::process::Pid;
use crate::sys::{Failure, Sys};
use crate::text::line::{Line, ShortLine};

/// A descriptor of the process with this id; of the thread, if it is one's. None where that cannot
/// be had: before Linux 5.3, and for a thread before 6.9.
///
/// # Errors
///
/// pidfd_open(2).
pub fn open_process(sys: &Sys, pid: Pid) -> Result<Option<Fd>, Failure> {
    match sys.pidfd_open(pid, 0) {
        Ok(pidfd) => Ok(Some(pidfd)),
        Err(Failure { errno: Errno::ENOSYS, .. }) => Ok(None),
        // What is there and is no process is a thread.
        Err(failure) if pid > 0 && matches!(failure.errno, Errno::EINVAL | Errno::ENOENT) => {
            Ok(sys.pidfd_open(pid, PIDFD_THREAD).ok())
        }
        Err(failure) => Err(failure),
    }
}

/// Whether /proc has under this number the process that is meant. A /proc of an outer PID namespace has
/// another process there.
///
/// # Errors
///
/// openat(2) where there is no /proc, read(2).
pub fn is_same_process(sys: &Sys, pid: Pid, pidfd: Option<Fd>) -> Result<bool, Failure> {
    let mut path = Line::short();
    let Some(pidfd) = pidfd else {
        // In a /proc of outside this process has several numbers, the outermost first.
        path.text("/proc/self/status");
        return has_number(sys, path, b"NSpid:", |text| split(text, b'\t').1.is_none());
    };
    // The number that this /proc has for the process of the descriptor. As long as that is there,
    // the number is nobody else's, and so was the file that was opened before.
    path.text("/proc/self/fdinfo/").number(pidfd.unsigned_abs().into());
    has_number(sys, path, b"Pid:", |text| number(text) == Some(pid.unsigned_abs().into()))
}

/// Whether a line of a file of /proc begins with `name`, a tab, and a text that will do.
fn has_number(
    sys: &Sys,
    mut path: ShortLine,
    name: &[u8],
    will_do: impl Fn(&[u8]) -> bool,
) -> Result<bool, Failure> {
    let mut status = [0; 2048];
    let text = sys.read_file(path.as_c_str().unwrap_or_default(), &mut status)?;
    Ok(text.split(|byte| *byte == b'\n').any(|line| match split(line, b'\t') {
        (known, Some(text)) => same(known, name) && will_do(text),
        _ => false,
    }))
}
