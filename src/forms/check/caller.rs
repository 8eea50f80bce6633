// SPDX-License-Identifier: MIT OR Apache-2.0
//! The caller, as the checks must leave it; and the numbers by which namespaces are told apart.
//! Follows namespaces(7), "The /proc/pid/ns/ directory", and ioctl_nsfs(2).

use core::ffi::CStr;
use core::mem::MaybeUninit;

use linux_raw_sys::system::new_utsname;
use syscalls::Errno;

use crate::forms::init::Init;
use crate::forms::namespace::Ids;
use crate::sys::bytes::{number, split};
use crate::sys::table::Call;
use crate::sys::{Failure, Sys};

/// The links to the namespaces of the process that reads them: `uts:[4026531838]`.
pub const UTS: &CStr = c"/proc/self/ns/uts";
pub const USER: &CStr = c"/proc/self/ns/user";
pub const MNT: &CStr = c"/proc/self/ns/mnt";

/// The most that is read of such a link, in bytes.
pub const LONGEST_LINK: usize = 64;

/// What the caller is, and has, and is to keep.
pub struct Caller {
    /// The names, and what else uname(2) says.
    pub names: new_utsname,
    /// The numbers in its links; none where that says nothing.
    pub uts: Option<u64>,
    pub mnt: Option<u64>,
    /// Its user and group.
    pub ids: Ids,
    /// Which process it is.
    pub init: Init,
}

impl Caller {
    /// Looks at it.
    ///
    /// # Errors
    ///
    /// uname(2).
    pub fn look(sys: &Sys, init: Init) -> Result<Self, Failure> {
        let mut buf = MaybeUninit::uninit();
        sys.uname(&mut buf)?;
        // SAFETY: the call succeeded, so all of it is written.
        let names = unsafe { buf.assume_init() };
        let (uts, mnt) = (uts_number(sys).ok(), link(sys, MNT).ok());
        Ok(Self { names, uts, mnt, ids: Ids::ask(sys), init })
    }
}

/// The number in a namespace's link: its inode's, which no other namespace of the kind has.
///
/// # Errors
///
/// readlinkat(2); `EINVAL` where there is no number.
pub fn link(sys: &Sys, path: &CStr) -> Result<u64, Failure> {
    let mut buf = [0; LONGEST_LINK];
    let len = sys.readlinkat(path, &mut buf)?;
    let number = buf.get(..len).and_then(number_in);
    number.ok_or(Failure { call: Call::readlinkat, errno: Errno::EINVAL })
}

/// The number of the UTS namespace that the caller is in: from its link, or, where there is no /proc,
/// from Linux 6.11 on by way of a pidfd.
///
/// # Errors
///
/// readlinkat(2).
pub fn uts_number(sys: &Sys) -> Result<u64, Failure> {
    let by_pidfd = |pidfd| {
        let namespace = sys.ioctl_pidfd_get_uts_namespace(pidfd);
        sys.close(pidfd);
        let namespace = namespace?;
        let number = sys.statx_ino(namespace);
        sys.close(namespace);
        number
    };
    link(sys, UTS)
        .or_else(|no_link| sys.pidfd_open(sys.getpid(), 0).and_then(by_pidfd).map_err(|_| no_link))
}

/// The number in `uts:[4026531838]`.
pub fn number_in(link: &[u8]) -> Option<u64> {
    let (_, rest) = split(link, b'[');
    number(split(rest?, b']').0)
}
