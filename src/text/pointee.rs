// SPDX-License-Identifier: MIT OR Apache-2.0
//! How an argument is shown that points to something: what is there.
//! Follows strace 6.1, whose output it is byte for byte.
#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    reason = "what a word of a call means, its kind says"
)]
#![allow(clippy::useless_conversion, reason = "a long is an i64 on some CPUs only")]

use core::ffi::{CStr, c_int};

use linux_raw_sys::general::{
    __kernel_timespec, __user_cap_data_struct, __user_cap_header_struct, S_IFDIR, S_IFMT, S_ISGID,
    S_ISUID, S_ISVTX, SI_SIGIO, SI_TIMER, SI_TKILL, SIGCHLD, SIGIO, clone_args as CloneArgs,
    kernel_sigaction, statx, timespec as Timespec,
};
use linux_raw_sys::system::new_utsname;

use super::line::Line;
use super::{constant, errno, signal, word};
use crate::sys::bytes::until_nul;
use crate::sys::signal::SignalInfo;
use crate::sys::start::Strings;
use crate::sys::table::Kind;
use crate::sys::wait::CONTINUED;

/// The most that is shown of a string, in bytes, and of an array, in strings: strace's `-s`.
const MAX_STRLEN: usize = 32;

/// `"/bin/true"`, all of it.
pub fn path(line: &mut Line, path: &CStr) {
    line.byte(b'"').escaped(path.to_bytes()).byte(b'"');
}

/// `"bizarro"`, or the beginning of a longer one, with `...` behind it.
pub fn string(line: &mut Line, bytes: &[u8]) {
    line.byte(b'"').escaped(bytes.get(..MAX_STRLEN).unwrap_or(bytes)).byte(b'"');
    if bytes.len() > MAX_STRLEN {
        line.text("...");
    }
}

/// `["sleep", "5"]`
pub fn argv(line: &mut Line, strings: Strings<'_>) {
    line.byte(b'[');
    for (index, word) in strings.enumerate() {
        if index != 0 {
            line.text(", ");
        }
        if index == MAX_STRLEN {
            line.text("...");
            break;
        }
        string(line, word.to_bytes());
    }
    line.byte(b']');
}

/// `0x7ffd1acdfb18 /* 21 vars */`
pub fn envp(line: &mut Line, word: usize, strings: Strings<'_>) {
    let count = strings.count() as u64;
    word::address(line, word);
    line.text(" /* ").number(count).text(if count == 1 { " var" } else { " vars" }).text(" */");
}

/// `{flags=CLONE_NEWUTS, exit_signal=SIGCHLD, stack=NULL, stack_size=0}`
pub fn clone_args(line: &mut Line, args: &CloneArgs) {
    line.text("{flags=");
    constant::flags(line, Kind::Clone, args.flags as u32);
    line.text(", exit_signal=");
    signal::show(line, args.exit_signal as usize);
    line.text(", stack=NULL, stack_size=0}");
}

/// `{si_signo=SIGTERM, si_code=SI_USER, si_pid=1, si_uid=0}`
pub fn info(line: &mut Line, info: &SignalInfo) {
    let (signo, code) = (info.signo().unsigned_abs(), info.code());
    line.text("{si_signo=");
    signal::show(line, signo as usize);
    line.text(", si_code=");
    match (signo, code) {
        (SIGCHLD, 1) => line.text("CLD_EXITED"),
        (SIGCHLD, 2) => line.text("CLD_KILLED"),
        (SIGCHLD, 3) => line.text("CLD_DUMPED"),
        (SIGCHLD, 4) => line.text("CLD_TRAPPED"),
        (SIGCHLD, 5) => line.text("CLD_STOPPED"),
        (SIGCHLD, 6) => line.text("CLD_CONTINUED"),
        (SIGIO, 1) => line.text("POLL_IN"),
        (SIGIO, 2) => line.text("POLL_OUT"),
        (SIGIO, 3) => line.text("POLL_MSG"),
        (SIGIO, 4) => line.text("POLL_ERR"),
        (SIGIO, 5) => line.text("POLL_PRI"),
        (SIGIO, 6) => line.text("POLL_HUP"),
        _ => {
            constant::one(line, Kind::Siginfo, code.cast_unsigned());
            &mut *line
        }
    };
    if info.errno() != 0 {
        errno::name_or_number(line.text(", si_errno="), info.errno());
    }
    match (signo, code) {
        (SIGCHLD, 1..) => child(line, info),
        (SIGIO, 1..=6) | (_, SI_SIGIO) => {
            let (band, descriptor) = info.file();
            word::decimal(line.text(", si_band="), band);
            word::decimal(line.text(", si_fd="), descriptor);
        }
        (_, SI_TIMER) => {
            line.text(", si_timerid=").hex(info.pid().cast_unsigned() as usize);
            word::decimal(line.text(", si_overrun="), info.uid() as c_int);
            value(line, info);
        }
        _ => {
            if code <= 0 || info.pid() != 0 || info.uid() != 0 {
                sender(line, info);
            }
            // kill(2) and tgkill(2) give none.
            if !matches!(code, 0 | SI_TKILL) && info.value() != 0 {
                value(line, info);
            }
        }
    }
    line.byte(b'}');
}

/// `, si_pid=1, si_uid=0`
fn sender(line: &mut Line, info: &SignalInfo) {
    word::decimal(line.text(", si_pid="), info.pid());
    line.text(", si_uid=").number(info.uid().into());
}

/// `, si_int=7, si_ptr=0x7`
fn value(line: &mut Line, info: &SignalInfo) {
    word::decimal(line.text(", si_int="), info.value() as c_int);
    word::address(line.text(", si_ptr="), info.value());
}

/// `, si_pid=2, si_uid=0, si_status=0, si_utime=0, si_stime=1 /* 0.01 s */`
fn child(line: &mut Line, info: &SignalInfo) {
    sender(line, info);
    line.text(", si_status=");
    if info.code() == 1 {
        word::decimal(line, info.status());
    } else {
        signal::show(line, info.status().unsigned_abs() as usize);
    }
    let [user, system] = info.times();
    ticks(line.text(", si_utime="), user);
    ticks(line.text(", si_stime="), system);
}

/// `103 /* 1.03 s */`: clock ticks. 100 are a second, on every CPU: time(7), "The software clock,
/// HZ, and jiffies".
fn ticks(line: &mut Line, ticks: u64) {
    line.number(ticks);
    if ticks != 0 {
        line.text(" /* ").number(ticks / 100).byte(b'.');
        line.number(ticks / 10 % 10).number(ticks % 10).text(" s */");
    }
}

/// `[3, 4]`
pub fn pipe(line: &mut Line, [read_end, write_end]: [c_int; 2]) {
    line.byte(b'[');
    word::decimal(line, read_end);
    line.text(", ");
    word::decimal(line, write_end);
    line.byte(b']');
}

/// `{stx_mask=…, stx_attributes=STATX_ATTR_MOUNT_ROOT, stx_mode=S_IFDIR|0755, stx_size=4096, ...}`;
/// what is looked at is a folder or a file.
pub fn status(line: &mut Line, found: &statx) {
    line.text("{stx_mask=");
    constant::flags(line, Kind::StatxMask, found.stx_mask);
    line.text(", stx_attributes=");
    constant::flags(line, Kind::Statx, found.stx_attributes as u32);
    let mode = u32::from(found.stx_mode);
    let is_folder = mode & S_IFMT == S_IFDIR;
    line.text(if is_folder { ", stx_mode=S_IFDIR" } else { ", stx_mode=S_IFREG" });
    for (bit, name) in [(S_ISUID, "|S_ISUID"), (S_ISGID, "|S_ISGID"), (S_ISVTX, "|S_ISVTX")] {
        line.text(if mode & bit == 0 { "" } else { name });
    }
    word::octal(line.byte(b'|'), mode);
    line.text(", stx_size=").number(found.stx_size).text(", ...}");
}

/// `{tv_sec=200, tv_nsec=0}`
pub fn timespec(line: &mut Line, time: &Timespec) {
    seconds(line, time.tv_sec.into(), time.tv_nsec.into());
}

/// The same, of 64 bits on every CPU.
pub fn timespec64(line: &mut Line, time: &__kernel_timespec) {
    seconds(line, time.tv_sec, time.tv_nsec);
}

fn seconds(line: &mut Line, seconds: i64, nanoseconds: i64) {
    line.text("{tv_sec=").number(seconds.cast_unsigned());
    line.text(", tv_nsec=").number(nanoseconds.cast_unsigned()).byte(b'}');
}

/// `{sysname="Linux", nodename="bizarro", ...}`
pub fn utsname(line: &mut Line, uts: &new_utsname) {
    line.text("{sysname=\"").escaped(until_nul(&uts.sysname));
    line.text("\", nodename=\"").escaped(until_nul(&uts.nodename)).text("\", ...}");
}

/// `[{WIFEXITED(s) && WEXITSTATUS(s) == 0}]`
pub fn wait_status(line: &mut Line, status: c_int) {
    let [low, high, ..] = status.to_le_bytes();
    match low & 0x7f {
        _ if status == CONTINUED => {
            line.text("[{WIFCONTINUED(s)");
        }
        0x7f => {
            line.text("[{WIFSTOPPED(s) && WSTOPSIG(s) == ");
            signal::show(line, high.into());
        }
        0 => {
            line.text("[{WIFEXITED(s) && WEXITSTATUS(s) == ").number(high.into());
        }
        signal => {
            line.text("[{WIFSIGNALED(s) && WTERMSIG(s) == ");
            signal::show(line, signal.into());
            if low & 0x80 != 0 {
                line.text(" && WCOREDUMP(s)");
            }
        }
    }
    line.text("}]");
}

/// `{sa_handler=SIG_IGN, sa_mask=[], sa_flags=0}`
pub fn action(line: &mut Line, action: &kernel_sigaction) {
    line.text("{sa_handler=");
    match action.sa_handler_kernel.map_or(0, |handler| handler as usize) {
        0 => line.text("SIG_DFL"),
        1 => line.text("SIG_IGN"),
        handler => line.hex(handler),
    };
    line.text(", sa_mask=[], sa_flags=");
    line.text(if action.sa_flags == 0 { "0}" } else { "SA_RESTORER, sa_restorer=NULL}" });
}

/// `{version=_LINUX_CAPABILITY_VERSION_3, pid=0}`
pub fn cap_header(line: &mut Line, header: __user_cap_header_struct) {
    line.text("{version=_LINUX_CAPABILITY_VERSION_3, pid=");
    word::decimal(line, header.pid);
    line.byte(b'}');
}

/// `{effective=0x200000, permitted=0x200000, inheritable=0}`
pub fn cap_sets(line: &mut Line, sets: &[__user_cap_data_struct; 2]) {
    let [low, high] = sets;
    let both = |low: u32, high: u32| u64::from(high) << 32 | u64::from(low);
    line.text("{effective=").long_hex(both(low.effective, high.effective));
    line.text(", permitted=").long_hex(both(low.permitted, high.permitted));
    line.text(", inheritable=").long_hex(both(low.inheritable, high.inheritable)).byte(b'}');
}
