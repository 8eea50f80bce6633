// SPDX-License-Identifier: MIT OR Apache-2.0
//! The constants of this program's calls, by their names in the kernel's header files.
//! To add one, add it behind the kind of argument that it is.
#![allow(clippy::cast_sign_loss, reason = "a register has no sign")]

use linux_raw_sys::{general, ioctl, prctl};

use super::line::Line;
use super::signal;
use crate::sys::bytes::Name;
use crate::sys::table::Kind;

/// The longest name of a constant, in bytes.
const LONGEST_NAME: usize = 26;

/// A constant.
struct Constant {
    kind: Kind,
    value: u32,
    name: Name<LONGEST_NAME>,
}

/// Makes [`CONSTANTS`] from lines of `Kind module: NAME NAME;`.
macro_rules! constants {
    ($($kind:ident $module:ident: $($name:ident)*;)*) => {
        /// All of them. Of one kind, they are shown in this order.
        const CONSTANTS: &[Constant] = &[$($(Constant {
            kind: Kind::$kind,
            value: $module::$name as u32,
            name: Name::new(stringify!($name)),
        },)*)*];
    };
}

constants! {
    Prot general: PROT_NONE PROT_READ PROT_WRITE;
    Map general: MAP_SHARED MAP_PRIVATE MAP_ANONYMOUS MAP_STACK;
    Namespaces general: CLONE_NEWNS CLONE_NEWUTS CLONE_NEWUSER;
    Clone general: CLONE_VM CLONE_FS CLONE_FILES CLONE_SIGHAND CLONE_VFORK CLONE_THREAD CLONE_NEWNS
        CLONE_SYSVSEM CLONE_NEWUTS CLONE_NEWUSER;
    Mount general: MS_BIND MS_REC MS_PRIVATE;
    Umount general: MNT_DETACH;
    Open general: O_RDONLY O_WRONLY O_RDWR O_CREAT O_EXCL O_NOCTTY O_NONBLOCK O_CLOEXEC O_PATH;
    Clock general: CLOCK_MONOTONIC;
    PipeFlags general: O_NONBLOCK O_CLOEXEC;
    Dirfd general: AT_FDCWD;
    How general: SIG_BLOCK SIG_UNBLOCK SIG_SETMASK;
    StatxFlags general: AT_STATX_SYNC_AS_STAT AT_EMPTY_PATH;
    StatxMask general: STATX_ALL STATX_BASIC_STATS STATX_TYPE STATX_MODE STATX_NLINK STATX_UID
        STATX_GID STATX_ATIME STATX_MTIME STATX_CTIME STATX_INO STATX_SIZE STATX_BLOCKS STATX_BTIME
        STATX_MNT_ID;
    Statx general: STATX_ATTR_COMPRESSED STATX_ATTR_IMMUTABLE STATX_ATTR_APPEND STATX_ATTR_NODUMP
        STATX_ATTR_ENCRYPTED STATX_ATTR_AUTOMOUNT STATX_ATTR_MOUNT_ROOT STATX_ATTR_VERITY
        STATX_ATTR_DAX;
    Fcntl general: F_GETFD F_DUPFD_CLOEXEC;
    Ioctl ioctl: NS_GET_USERNS NS_GET_PARENT NS_GET_NSTYPE;
    Prctl prctl: PR_SET_PDEATHSIG PR_SET_CHILD_SUBREAPER PR_SET_DUMPABLE PR_GET_SECCOMP
        PR_CAPBSET_READ;
    PrctlArg general: CAP_SYS_ADMIN CAP_SETFCAP;
    Siginfo general: SI_USER SI_KERNEL SI_QUEUE SI_TIMER SI_MESGQ SI_ASYNCIO SI_SIGIO SI_TKILL
        SI_DETHREAD SI_ASYNCNL;
    Reboot general: LINUX_REBOOT_MAGIC1 LINUX_REBOOT_MAGIC2 LINUX_REBOOT_CMD_CAD_OFF
        LINUX_REBOOT_CMD_POWER_OFF;
}

/// The constants of one kind.
fn of(kind: Kind) -> impl Iterator<Item = &'static Constant> {
    CONSTANTS.iter().filter(move |constant| constant.kind == kind)
}

/// Appends a word that is one constant: `AT_FDCWD`; or the number, if it is none of this kind.
pub fn one(line: &mut Line, kind: Kind, word: u32) {
    match of(kind).find(|constant| constant.value == word) {
        Some(constant) => line.bytes(constant.name.as_bytes()),
        None => line.hex(word as usize),
    };
}

/// Appends a word that is made of flags: `PROT_READ|PROT_WRITE`; 0 if there is none.
pub fn flags(line: &mut Line, kind: Kind, word: u32) {
    let mut rest = word;
    let mut separator = "";
    for Constant { value, name, .. } in of(kind) {
        // O_RDONLY is 0. It is shown if the access mode, a number among the flags, is 0.
        let mask = if *value == 0 { general::O_ACCMODE } else { *value };
        if rest & mask == *value {
            line.text(separator).bytes(name.as_bytes());
            rest &= !value;
            separator = "|";
        }
    }
    match rest {
        0 if separator.is_empty() => {
            line.byte(b'0');
        }
        0 => {}
        // The signal that clone(2) is told to send, in the lowest byte of its flags.
        1..=general::CSIGNAL => signal::show(line.text(separator), rest as usize),
        _ => {
            line.text(separator).hex(rest as usize);
        }
    }
}
