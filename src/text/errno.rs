// SPDX-License-Identifier: MIT OR Apache-2.0
//! The names and texts of error numbers. Follows errno(3) and strerror(3) in glibc.

use core::ffi::c_int;

use syscalls::Errno;

use super::line::Line;
use super::word;

/// The texts that strerror(3) in glibc has otherwise than the kernel's header files, from which
/// `Errno::name_and_description` has its own.
fn glibc(errno: Errno) -> Option<&'static str> {
    Some(match errno {
        Errno::EIO => "Input/output error",
        Errno::EBADF => "Bad file descriptor",
        Errno::EAGAIN => "Resource temporarily unavailable",
        Errno::ENOMEM => "Cannot allocate memory",
        Errno::EXDEV => "Invalid cross-device link",
        Errno::ENFILE => "Too many open files in system",
        Errno::ENOTTY => "Inappropriate ioctl for device",
        Errno::EDOM => "Numerical argument out of domain",
        Errno::ERANGE => "Numerical result out of range",
        Errno::EDEADLK => "Resource deadlock avoided",
        Errno::ENOLCK => "No locks available",
        Errno::ENOSYS => "Function not implemented",
        Errno::ELOOP => "Too many levels of symbolic links",
        Errno::EBADMSG => "Bad message",
        Errno::EILSEQ => "Invalid or incomplete multibyte or wide character",
        Errno::EOPNOTSUPP => "Operation not supported",
        Errno::ENETRESET => "Network dropped connection on reset",
        Errno::EDQUOT => "Disk quota exceeded",
        Errno::ECANCELED => "Operation canceled",
        _ => return None,
    })
}

/// What of an errno is wanted: its name or its text.
#[derive(Clone, Copy, PartialEq, Eq)]
enum What {
    Name,
    Text,
}

/// Appends the name or the text of an errno. Gives whether it has one: a number that is not in use
/// has neither.
fn append(line: &mut Line, errno: Errno, what: What) -> bool {
    // Larger numbers are used inside the kernel only (include/linux/errno.h).
    if errno > Errno::EHWPOISON {
        return false;
    }
    let Some((name, description)) = errno.name_and_description() else {
        return false;
    };
    line.text(match what {
        What::Name => name,
        What::Text => glibc(errno).unwrap_or(description),
    });
    true
}

/// Appends the text of strerror(3), as glibc has it.
pub fn strerror(line: &mut Line, errno: Errno) {
    if !append(line, errno, What::Text) {
        line.text("Unknown error ").number(number(errno));
    }
}

/// Appends an errno as strace(1) shows it: `EPERM`, or `(errno 41)` for one that is not in use.
/// Gives whether it has a name.
pub fn name(line: &mut Line, errno: Errno) -> bool {
    let named = append(line, errno, What::Name);
    if !named {
        line.text("(errno ").number(number(errno)).byte(b')');
    }
    named
}

/// Appends an errno and its text as strace(1) shows them: `EPERM (Operation not permitted)`.
pub fn name_and_text(line: &mut Line, errno: Errno) {
    if name(line, errno) {
        strerror(line.text(" ("), errno);
        line.byte(b')');
    }
}

/// Appends an int that may be an errno as strace(1) shows it in a structure: `ENOENT`, or the number.
pub fn name_or_number(line: &mut Line, number: c_int) {
    if !append(line, Errno::new(number), What::Name) {
        word::decimal(line, number);
    }
}

/// The number of an errno.
#[must_use]
pub fn number(errno: Errno) -> u64 {
    errno.into_raw().unsigned_abs().into()
}
