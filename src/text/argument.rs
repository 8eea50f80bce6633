//! How an argument of a call is shown, one kind after the other.
//! Follows strace 6.1, whose output it is byte for byte.
#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    reason = "what a word of a call means, its kind says"
)]
#![allow(clippy::useless_conversion, reason = "a long is an i64 on some CPUs only")]

use core::ffi::{CStr, c_int};
use core::{ptr, slice};

use linux_raw_sys::general::{
    __kernel_timespec, __user_cap_data_struct, __user_cap_header_struct, F_GETFD, FD_CLOEXEC,
    O_CREAT, S_IFDIR, S_IFMT, S_ISGID, S_ISUID, S_ISVTX, SIGCHLD, WCONTINUED, WNOHANG, WUNTRACED,
    clone_args, kernel_sigaction, rlimit64, statx, timespec,
};
use linux_raw_sys::ioctl::{NS_GET_NSTYPE, NS_GET_PARENT, NS_GET_USERNS};
use linux_raw_sys::prctl::{PR_CAPBSET_READ, PR_GET_SECCOMP, PR_SET_DUMPABLE};
use linux_raw_sys::system::{__NEW_UTS_LEN, new_utsname};
use syscalls::Errno;

use super::line::Line;
use super::{constant, signal};
use crate::sys::Outcome;
use crate::sys::bytes::{c_str, until_nul};
use crate::sys::namespace::PIDFD_GET_UTS_NAMESPACE;
use crate::sys::process::CONTINUED;
use crate::sys::signal::SignalInfo;
use crate::sys::start::Strings;
use crate::sys::table::{Call, Kind, Request};

/// The most that is shown of a string, in bytes, and of an array, in strings: strace's `-s`.
const MAX_STRLEN: usize = 32;

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
    let word = word(request, index);
    let next = self::word(request, index + 1);
    match kind {
        Kind::Int | Kind::FcntlArg => int(line, word as c_int),
        Kind::Id => id(line, word as u32),
        Kind::Size | Kind::IoctlArg => number(line, word as u64),
        Kind::Signal => signal::show(line, word),
        Kind::Address | Kind::Hidden => address(line, word),
        Kind::Dirfd if !(word as c_int).is_negative() => int(line, word as c_int),
        Kind::Clock
        | Kind::Dirfd
        | Kind::Fcntl
        | Kind::How
        | Kind::Prctl
        | Kind::Reboot
        | Kind::Resource => constant::one(line, kind, word as u32),
        Kind::Prot
        | Kind::Map
        | Kind::Namespaces
        | Kind::Mount
        | Kind::Open
        | Kind::Umount
        | Kind::PipeFlags
        | Kind::StatxFlags
        | Kind::StatxMask => constant::flags(line, kind, word as u32),
        Kind::WaitOptions => wait_options(line, word as u32),
        Kind::Ioctl => ioctl(line, word as u32),
        Kind::Pidfd => pidfd_flags(line, word),
        Kind::PrctlArg => prctl(line, self::word(request, 0) as u32, word),
        Kind::Clone => clone(line, word as u32, next),
        Kind::Mode | Kind::OpenMode => octal(line, word as u32),
        _ if !can_be_followed(kind, word, next, outcome) => address(line, word),
        Kind::Path => path(line, c_string(word)),
        Kind::Bytes | Kind::Nodename => string(line, bytes(word, next)),
        Kind::Filled => string(line, bytes(word, result(outcome))),
        Kind::Argv => argv(line, strings(word)),
        Kind::Envp => envp(line, word, strings(word)),
        Kind::Pipe => pipe(line, *structure(word)),
        Kind::Sigset | Kind::SigsetFilled => signal::show_set(line, structure(word)),
        Kind::Siginfo | Kind::SiginfoFilled => info(line, structure(word)),
        Kind::Statx => status(line, structure(word)),
        Kind::CloneArgs => clone_args(line, structure(word)),
        Kind::Rlimit => limit(line, structure(word)),
        Kind::Timespec => {
            let timespec { tv_sec, tv_nsec } = structure(word);
            time(line, (*tv_sec).into(), (*tv_nsec).into());
        }
        Kind::Timespec64 => {
            let __kernel_timespec { tv_sec, tv_nsec } = structure(word);
            time(line, *tv_sec, *tv_nsec);
        }
        Kind::Utsname => utsname(line, structure(word)),
        Kind::WaitStatus => wait_status(line, *structure(word)),
        Kind::Sigaction | Kind::SigactionFilled => action(line, structure(word)),
        Kind::CapHeader => cap_header(line, *structure(word)),
        Kind::CapFilled | Kind::CapSets => cap_sets(line, structure(word)),
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

/// The argument at `index`; 0, if there are not so many.
#[must_use]
pub fn word(request: &Request, index: usize) -> usize {
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
            | Kind::Rlimit
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

/// `200`
fn number(line: &mut Line, number: u64) {
    line.number(number);
}

/// `-1`
fn int(line: &mut Line, value: c_int) {
    if value < 0 {
        line.byte(b'-');
    }
    line.number(value.unsigned_abs().into());
}

/// `1000`, or `-1`.
fn id(line: &mut Line, id: u32) {
    match id {
        u32::MAX => line.text("-1"),
        _ => line.number(id.into()),
    };
}

/// `0x7ffd1acdfb18`, or `NULL`.
fn address(line: &mut Line, word: usize) {
    match word {
        0 => line.text("NULL"),
        _ => line.hex(word),
    };
}

/// `child_stack=0x7f66eb3fd000, flags=CLONE_NEWUTS|SIGCHLD`
fn clone(line: &mut Line, flags: u32, child_stack: usize) {
    line.text("child_stack=");
    address(line, child_stack);
    line.text(", flags=");
    constant::flags(line, Kind::Clone, flags);
}

/// `{flags=CLONE_NEWUTS, exit_signal=SIGCHLD, stack=NULL, stack_size=0}`
fn clone_args(line: &mut Line, args: &clone_args) {
    line.text("{flags=");
    constant::flags(line, Kind::Clone, args.flags as u32);
    line.text(", exit_signal=");
    signal::show(line, args.exit_signal as usize);
    line.text(", stack=NULL, stack_size=0}");
}

/// `{rlim_cur=8192*1024, rlim_max=RLIM64_INFINITY}`
fn limit(line: &mut Line, limit: &rlimit64) {
    for (name, value) in [("{rlim_cur=", limit.rlim_cur), (", rlim_max=", limit.rlim_max)] {
        line.text(name);
        match value {
            u64::MAX => line.text("RLIM64_INFINITY"),
            _ if value > 1024 && value.is_multiple_of(1024) => {
                line.number(value / 1024).text("*1024")
            }
            _ => line.number(value),
        };
    }
    line.byte(b'}');
}

/// `0755`
fn octal(line: &mut Line, mode: u32) {
    line.byte(b'0');
    for shift in [6, 3, 0] {
        line.number((mode >> shift & 7).into());
    }
}

/// `NS_GET_USERNS`; or in the macro of the kernel's ioctl.h, for one that strace 6.1 does not know.
fn ioctl(line: &mut Line, request: u32) {
    match request {
        PIDFD_GET_UTS_NAMESPACE => {
            line.text("_IOC(_IOC_NONE, 0xff, 0xa, 0)");
        }
        _ => constant::one(line, Kind::Ioctl, request),
    }
}

/// `WNOHANG|WSTOPPED|WCONTINUED`: WUNTRACED by its other name, as strace has it.
fn wait_options(line: &mut Line, options: u32) {
    let mut separator = "";
    for (bit, name) in [(WNOHANG, "WNOHANG"), (WUNTRACED, "WSTOPPED"), (WCONTINUED, "WCONTINUED")] {
        if options & bit != 0 {
            line.text(separator).text(name);
            separator = "|";
        }
    }
    line.text(if options == 0 { "0" } else { "" });
}

/// `{si_signo=SIGTERM, si_code=SI_USER, si_pid=1, si_uid=0}`
fn info(line: &mut Line, info: &SignalInfo) {
    line.text("{si_signo=");
    signal::show(line, info.signo().unsigned_abs() as usize);
    line.text(", si_code=");
    let is_child = info.signo().unsigned_abs() == SIGCHLD && info.code() > 0;
    match (info.code(), is_child) {
        (1, true) => line.text("CLD_EXITED"),
        (2, true) => line.text("CLD_KILLED"),
        (3, true) => line.text("CLD_DUMPED"),
        (5, true) => line.text("CLD_STOPPED"),
        (6, true) => line.text("CLD_CONTINUED"),
        (0, _) => line.text("SI_USER"),
        (-1, _) => line.text("SI_QUEUE"),
        (-6, _) => line.text("SI_TKILL"),
        (0x80, _) => line.text("SI_KERNEL"),
        (other, _) => line.number(other.unsigned_abs().into()),
    };
    if is_child || info.code() <= 0 {
        line.text(", si_pid=");
        int(line, info.pid());
        line.text(", si_uid=").number(info.uid().into());
    }
    if is_child {
        line.text(", si_status=");
        if info.code() == 1 {
            int(line, info.status());
        } else {
            signal::show(line, info.status().unsigned_abs() as usize);
        }
        let [user, system] = info.times();
        line.text(", si_utime=").number(user).text(", si_stime=").number(system);
    }
    if info.code() == -1 && info.value() != 0 {
        line.text(", si_int=");
        int(line, info.value() as c_int);
        line.text(", si_ptr=").hex(info.value());
    }
    line.byte(b'}');
}

/// `0`; strace 6.1 knows none of those that this program uses.
fn pidfd_flags(line: &mut Line, flags: usize) {
    match flags {
        0 => line.byte(b'0'),
        _ => line.hex(flags).text(" /* PIDFD_??? */"),
    };
}

/// `SIGKILL`, or `CAP_SYS_ADMIN`.
fn prctl(line: &mut Line, option: u32, word: usize) {
    match option {
        PR_CAPBSET_READ => constant::one(line, Kind::PrctlArg, word as u32),
        PR_SET_DUMPABLE => {
            line.text("SUID_DUMP_USER");
        }
        _ => signal::show(line, word),
    }
}

/// `[3, 4]`
fn pipe(line: &mut Line, [read_end, write_end]: [c_int; 2]) {
    line.byte(b'[');
    int(line, read_end);
    line.text(", ");
    int(line, write_end);
    line.byte(b']');
}

/// `{stx_mask=…, stx_attributes=STATX_ATTR_MOUNT_ROOT, stx_mode=S_IFDIR|0755, stx_size=4096, ...}`;
/// what is looked at is a folder or a file.
fn status(line: &mut Line, found: &statx) {
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
    octal(line.byte(b'|'), mode);
    line.text(", stx_size=").number(found.stx_size).text(", ...}");
}

/// `"/bin/true"`, all of it.
fn path(line: &mut Line, path: &CStr) {
    line.byte(b'"').escaped(path.to_bytes()).byte(b'"');
}

/// `"bizarro"`, or the beginning of a longer one, with `...` behind it.
fn string(line: &mut Line, bytes: &[u8]) {
    line.byte(b'"').escaped(bytes.get(..MAX_STRLEN).unwrap_or(bytes)).byte(b'"');
    if bytes.len() > MAX_STRLEN {
        line.text("...");
    }
}

/// `["sleep", "5"]`
fn argv(line: &mut Line, strings: Strings<'_>) {
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
fn envp(line: &mut Line, word: usize, strings: Strings<'_>) {
    let count = strings.count() as u64;
    address(line, word);
    line.text(" /* ").number(count).text(if count == 1 { " var" } else { " vars" }).text(" */");
}

/// `{tv_sec=200, tv_nsec=0}`
fn time(line: &mut Line, seconds: i64, nanoseconds: i64) {
    line.text("{tv_sec=").number(seconds.cast_unsigned());
    line.text(", tv_nsec=").number(nanoseconds.cast_unsigned()).byte(b'}');
}

/// `{sysname="Linux", nodename="bizarro", ...}`
fn utsname(line: &mut Line, uts: &new_utsname) {
    line.text("{sysname=\"").escaped(until_nul(&uts.sysname));
    line.text("\", nodename=\"").escaped(until_nul(&uts.nodename)).text("\", ...}");
}

/// `[{WIFEXITED(s) && WEXITSTATUS(s) == 0}]`
fn wait_status(line: &mut Line, status: c_int) {
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
fn action(line: &mut Line, action: &kernel_sigaction) {
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
fn cap_header(line: &mut Line, header: __user_cap_header_struct) {
    line.text("{version=_LINUX_CAPABILITY_VERSION_3, pid=");
    int(line, header.pid);
    line.byte(b'}');
}

/// `{effective=0x200000, permitted=0x200000, inheritable=0}`
fn cap_sets(line: &mut Line, sets: &[__user_cap_data_struct; 2]) {
    let [low, high] = sets;
    let both = |low: u32, high: u32| u64::from(high) << 32 | u64::from(low);
    line.text("{effective=").long_hex(both(low.effective, high.effective));
    line.text(", permitted=").long_hex(both(low.permitted, high.permitted));
    line.text(", inheritable=").long_hex(both(low.inheritable, high.inheritable)).byte(b'}');
}
