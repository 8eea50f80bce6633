// SPDX-License-Identifier: MIT OR Apache-2.0
//! How an argument of a call is shown, one kind after the other.
//! Follows strace 6.1, whose output it is byte for byte.
#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    reason = "what a word of a call means, its kind says"
)]

use core::ffi::{CStr, c_int};
use core::{ptr, slice};

use linux_raw_sys::general::{F_GETFD, FD_CLOEXEC, O_CREAT};
use linux_raw_sys::ioctl::{NS_GET_NSTYPE, NS_GET_PARENT, NS_GET_USERNS};
use linux_raw_sys::prctl::PR_GET_SECCOMP;
use linux_raw_sys::system::__NEW_UTS_LEN;
use syscalls::Errno;

use super::line::Line;
use super::{constant, pointee, signal, word};
use crate::sys::Outcome;
use crate::sys::bytes::c_str;
use crate::sys::start::Strings;
use crate::sys::table::{Call, Kind, Request};

/// Whether strace shows an argument of this kind: some commands take none.
#[must_use]
pub fn is_shown(kind: Kind, request: &Request) -> bool {
    let [first, second, third, ..] = request.args;
    match kind {
        Kind::Hidden => false,
        Kind::PrctlArg => first as u32 != PR_GET_SECCOMP,
        Kind::OpenMode => third as u32 & O_CREAT != 0,
        Kind::FcntlArg => second as u32 != F_GETFD,
        Kind::IoctlArg => !matches!(second as u32, NS_GET_USERNS | NS_GET_PARENT | NS_GET_NSTYPE),
        _ => true,
    }
}

/// Appends the argument at `index`, which is of this kind.
pub fn show(line: &mut Line, kind: Kind, request: &Request, index: usize, outcome: Outcome) {
    let [word, next] = [index, index + 1].map(|index| argument_at(request, index));
    match kind {
        Kind::Dirfd if (word as c_int).is_negative() => constant::one(line, kind, word as u32),
        Kind::Int | Kind::FcntlArg | Kind::Dirfd => word::decimal(line, word as c_int),
        Kind::Id => word::id(line, word as u32),
        Kind::Size | Kind::IoctlArg => word::number(line, word as u64),
        Kind::Signal => signal::show(line, word),
        Kind::Address | Kind::Hidden => word::address(line, word),
        Kind::Clock | Kind::Fcntl | Kind::How | Kind::Prctl | Kind::Reboot => {
            constant::one(line, kind, word as u32);
        }
        Kind::Prot
        | Kind::Map
        | Kind::Namespaces
        | Kind::Mount
        | Kind::Open
        | Kind::Umount
        | Kind::PipeFlags
        | Kind::StatxFlags
        | Kind::StatxMask => constant::flags(line, kind, word as u32),
        Kind::WaitOptions => word::wait_options(line, word as u32),
        Kind::Ioctl => word::ioctl(line, word as u32),
        Kind::Pidfd => word::pidfd_flags(line, word),
        Kind::PrctlArg => word::prctl(line, argument_at(request, 0) as u32, word),
        Kind::Clone => word::clone(line, word as u32, next),
        Kind::Mode | Kind::OpenMode => word::octal(line, word as u32),
        _ if !can_be_followed(kind, word, next, outcome) => word::address(line, word),
        Kind::Path => pointee::path(line, c_string(word)),
        Kind::Bytes | Kind::Nodename => pointee::string(line, bytes(word, next)),
        Kind::Filled => pointee::string(line, bytes(word, result(outcome))),
        Kind::Argv => pointee::argv(line, strings(word)),
        Kind::Envp => pointee::envp(line, word, strings(word)),
        Kind::Pipe => pointee::pipe(line, *structure(word)),
        Kind::Sigset | Kind::SigsetFilled => signal::show_set(line, structure(word)),
        Kind::Siginfo | Kind::SiginfoFilled => pointee::info(line, structure(word)),
        Kind::Statx => pointee::status(line, structure(word)),
        Kind::CloneArgs => pointee::clone_args(line, structure(word)),
        Kind::Timespec => pointee::timespec(line, structure(word)),
        Kind::Timespec64 => pointee::timespec64(line, structure(word)),
        Kind::Utsname => pointee::utsname(line, structure(word)),
        Kind::WaitStatus => pointee::wait_status(line, *structure(word)),
        Kind::Sigaction | Kind::SigactionFilled => pointee::action(line, structure(word)),
        Kind::CapHeader => pointee::cap_header(line, *structure(word)),
        Kind::CapFilled | Kind::CapSets => pointee::cap_sets(line, structure(word)),
    }
}

/// What the result of a call is, where strace shows that in words, too: the flags of a descriptor, or
/// the type of a namespace, or a signal.
#[must_use]
pub fn result_kind(request: &Request) -> Option<Kind> {
    match (request.call, request.args[1] as u32) {
        (Call::fcntl, F_GETFD) => Some(Kind::FcntlArg),
        (Call::ioctl, NS_GET_NSTYPE) => Some(Kind::Namespaces),
        (Call::rt_sigtimedwait | Call::rt_sigtimedwait_time64, _) => Some(Kind::Signal),
        _ => None,
    }
}

/// Appends a result of this kind: `0x1 (flags FD_CLOEXEC)`, `67108864 (CLONE_NEWUTS)`, `17 (SIGCHLD)`.
pub fn show_result(line: &mut Line, kind: Kind, result: usize) {
    match (kind, result as u32) {
        (Kind::FcntlArg, FD_CLOEXEC) => {
            line.text("0x1 (flags FD_CLOEXEC)");
        }
        (Kind::Namespaces, flag) => {
            line.number(flag.into()).text(" (");
            constant::flags(line, kind, flag);
            line.byte(b')');
        }
        (Kind::Signal, number) => {
            signal::show(line.number(number.into()).text(" ("), result);
            line.byte(b')');
        }
        (_, number) => {
            line.number(number.into());
        }
    }
}

/// The argument at `index`, a word; 0, if there are not so many.
#[must_use]
pub fn argument_at(request: &Request, index: usize) -> usize {
    request.args.get(index).copied().unwrap_or_default()
}

/// Whether there is something behind a pointer: the kernel could follow it, and has filled in what
/// it was to fill in. strace shows the address of a name that is too long.
fn can_be_followed(kind: Kind, word: usize, next: usize, outcome: Outcome) -> bool {
    let filled_in = matches!(
        kind,
        Kind::Filled
            | Kind::Utsname
            | Kind::WaitStatus
            | Kind::CapFilled
            | Kind::Pipe
            | Kind::Statx
            | Kind::SigsetFilled
            | Kind::SiginfoFilled
            | Kind::SigactionFilled
    );
    let too_long = kind == Kind::Nodename && next > __NEW_UTS_LEN as usize;
    match outcome {
        _ if word == 0 || too_long => false,
        // Nobody has ended: wait(2), WNOHANG.
        Some(Ok(0)) if kind == Kind::WaitStatus => false,
        Some(Ok(_)) => true,
        Some(Err(errno)) => errno != Errno::EFAULT && !filled_in,
        None => !filled_in,
    }
}

/// What a call gave; 0, if it failed.
fn result(outcome: Outcome) -> usize {
    outcome.and_then(Result::ok).unwrap_or_default()
}

/// What an argument points to.
fn structure<'a, T>(address: usize) -> &'a T {
    // SAFETY: `show` comes here with addresses only that the kernel followed: the caller of the
    // call vouched for what is there, and it lives at least until the call is shown.
    unsafe { &*ptr::with_exposed_provenance::<T>(address) }
}

/// The bytes that an argument points to.
fn bytes<'a>(address: usize, len: usize) -> &'a [u8] {
    // SAFETY: the same as in `structure`; the kernel followed the length, too.
    unsafe { slice::from_raw_parts(ptr::with_exposed_provenance(address), len) }
}

/// The C string that an argument points to.
fn c_string<'a>(address: usize) -> &'a CStr {
    // SAFETY: the same as in `structure`.
    unsafe { c_str(ptr::with_exposed_provenance(address)) }
}

/// The array of C strings that an argument points to.
fn strings<'a>(address: usize) -> Strings<'a> {
    // SAFETY: the same as in `structure`.
    unsafe { Strings::new(ptr::with_exposed_provenance(address)) }
}
