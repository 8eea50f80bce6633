// SPDX-License-Identifier: MIT OR Apache-2.0
//! How an argument is shown that is a number, a flag or an address.
//! Follows strace 6.1, whose output it is byte for byte.
#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    reason = "what a word of a call means, its kind says"
)]

use linux_raw_sys::general::{WCONTINUED, WNOHANG, WUNTRACED};
use linux_raw_sys::prctl::{PR_CAPBSET_READ, PR_SET_CHILD_SUBREAPER, PR_SET_DUMPABLE};

use super::line::Line;
use super::{constant, signal};
use crate::sys::namespace::PIDFD_GET_UTS_NAMESPACE;
use crate::sys::table::Kind;

/// `200`
pub fn number(line: &mut Line, number: u64) {
    line.number(number);
}

/// `3`, or `-1`.
pub fn decimal(line: &mut Line, value: impl Into<i64>) {
    let value = value.into();
    if value < 0 {
        line.byte(b'-');
    }
    line.number(value.unsigned_abs());
}

/// `1000`, or `-1`.
pub fn id(line: &mut Line, id: u32) {
    match id {
        u32::MAX => line.text("-1"),
        _ => line.number(id.into()),
    };
}

/// `0x7ffd1acdfb18`, or `NULL`.
pub fn address(line: &mut Line, word: usize) {
    match word {
        0 => line.text("NULL"),
        _ => line.hex(word),
    };
}

/// `child_stack=0x7f66eb3fd000, flags=CLONE_NEWUTS|SIGCHLD`
pub fn clone(line: &mut Line, flags: u32, child_stack: usize) {
    line.text("child_stack=");
    address(line, child_stack);
    line.text(", flags=");
    constant::flags(line, Kind::Clone, flags);
}

/// `0755`
pub fn octal(line: &mut Line, mode: u32) {
    line.byte(b'0');
    for shift in [6, 3, 0] {
        line.number((mode >> shift & 7).into());
    }
}

/// `NS_GET_USERNS`; or in the macro of the kernel's ioctl.h, for one that strace 6.1 does not know.
pub fn ioctl(line: &mut Line, request: u32) {
    match request {
        PIDFD_GET_UTS_NAMESPACE => {
            line.text("_IOC(_IOC_NONE, 0xff, 0xa, 0)");
        }
        _ => constant::one(line, Kind::Ioctl, request),
    }
}

/// `WNOHANG|WSTOPPED|WCONTINUED`: WUNTRACED by its other name, as strace has it.
pub fn wait_options(line: &mut Line, options: u32) {
    let mut separator = "";
    for (bit, name) in [(WNOHANG, "WNOHANG"), (WUNTRACED, "WSTOPPED"), (WCONTINUED, "WCONTINUED")] {
        if options & bit != 0 {
            line.text(separator).text(name);
            separator = "|";
        }
    }
    line.text(if options == 0 { "0" } else { "" });
}

/// `0`; strace 6.1 knows none of those that this program uses.
pub fn pidfd_flags(line: &mut Line, flags: usize) {
    match flags {
        0 => line.byte(b'0'),
        _ => line.hex(flags).text(" /* PIDFD_??? */"),
    };
}

/// `SIGKILL`, `CAP_SYS_ADMIN`, or a number.
pub fn prctl(line: &mut Line, option: u32, word: usize) {
    match option {
        PR_CAPBSET_READ => constant::one(line, Kind::PrctlArg, word as u32),
        PR_SET_DUMPABLE => {
            line.text("SUID_DUMP_USER");
        }
        PR_SET_CHILD_SUBREAPER => {
            line.number(word as u64);
        }
        _ => signal::show(line, word),
    }
}
