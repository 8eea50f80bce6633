// SPDX-License-Identifier: MIT OR Apache-2.0
//! Namespaces, how to get into one, and the credentials that decide about it.
//! Follows unshare(2), setns(2), pidfd_open(2), ioctl_ns(2), capget(2), geteuid(2), setresuid(2).

use core::ptr;

use linux_raw_sys::general::{
    __user_cap_data_struct, __user_cap_header_struct, _LINUX_CAPABILITY_U32S_3,
    _LINUX_CAPABILITY_VERSION_3, O_EXCL,
};
use linux_raw_sys::ioctl::NS_GET_USERNS;
use linux_raw_sys::prctl::{PR_CAPBSET_READ, PR_GET_SECCOMP, PR_SET_DUMPABLE};

use super::file::Fd;
use super::process::Pid;
use super::table::Request;
use super::{Failure, Sys, to_int};

/// `pidfd_open(2)`: the process may be a thread (Linux 6.9; `O_EXCL` in the kernel's pidfd.h).
pub const PIDFD_THREAD: u32 = O_EXCL;

/// prctl(2), `PR_SET_DUMPABLE`: like a program that sets no ids (include/linux/sched/coredump.h).
const SUID_DUMP_USER: u32 = 1;

/// ioctl(2) on a pidfd: the UTS namespace of the process. `_IO(0xff, 10)` in the kernel's pidfd.h
/// since Linux 6.11. The lower 16 bits are those two numbers, those above are the CPU's.
pub const PIDFD_GET_UTS_NAMESPACE: u32 = NS_GET_USERNS & !0xffff | 0xff0a;

impl Sys {
    /// `unshare(flags)`—Moves the caller into new namespaces.
    ///
    /// # Errors
    ///
    /// Those of [`Sys::clone`] for the same flags.
    pub fn unshare(&self, flags: u32) -> Result<(), Failure> {
        // SAFETY: no memory is involved, as long as no flag unshares it: namespaces do not.
        unsafe { self.call(Request::unshare(flags)) }.map(|_| ())
    }

    /// `setns(fd, nstype)`—Moves the caller into the namespaces `nstype` of a process that `fd`
    /// refers to, or into the one namespace that it is itself.
    ///
    /// # Errors
    ///
    /// `EINVAL` where `fd` is no such namespace, or the caller's own user namespace; `EPERM`
    /// without `CAP_SYS_ADMIN` in the namespace's owner; `ESRCH` where the process is gone.
    pub fn setns(&self, fd: Fd, nstype: u32) -> Result<(), Failure> {
        // SAFETY: no memory is involved.
        unsafe { self.call(Request::setns(fd, nstype)) }.map(|_| ())
    }

    /// `pidfd_open(pid, flags)`—A descriptor that refers to a process. It is close-on-exec.
    ///
    /// # Errors
    ///
    /// `ESRCH` where there is no such process; `EINVAL` for 0 and below and for flags that this
    /// kernel does not know; `EINVAL` or `ENOENT` for a thread without [`PIDFD_THREAD`]; `ENOSYS`
    /// before Linux 5.3.
    pub fn pidfd_open(&self, pid: Pid, flags: u32) -> Result<Fd, Failure> {
        // SAFETY: no memory is involved.
        unsafe { self.call_for_descriptor(Request::pidfd_open(pid, flags)) }
    }

    /// `ioctl(pidfd, PIDFD_GET_UTS_NAMESPACE, 0)`—A descriptor for the UTS namespace of a process.
    /// It is close-on-exec.
    ///
    /// # Errors
    ///
    /// `EACCES` where the process's memory may not be read either, `ESRCH` where it has ended,
    /// `ENOTTY` or `EINVAL` before Linux 6.11.
    pub fn ioctl_pidfd_get_uts_namespace(&self, pidfd: Fd) -> Result<Fd, Failure> {
        // SAFETY: the request takes no argument.
        unsafe { self.call_for_descriptor(Request::ioctl(pidfd, PIDFD_GET_UTS_NAMESPACE, 0)) }
    }

    /// `ioctl(fd, NS_GET_USERNS)`—A descriptor for the user namespace that owns a namespace. It is
    /// close-on-exec ([ioctl_ns(2)](https://man7.org/linux/man-pages/man2/ioctl_ns.2.html)).
    ///
    /// # Errors
    ///
    /// `EPERM` where the owner is neither the caller's user namespace nor below it, `ENOTTY` for
    /// something that is no namespace.
    pub fn ioctl_ns_get_userns(&self, fd: Fd) -> Result<Fd, Failure> {
        // SAFETY: the request takes no argument.
        unsafe { self.call_for_descriptor(Request::ioctl(fd, NS_GET_USERNS, 0)) }
    }

    /// `capget({_LINUX_CAPABILITY_VERSION_3, 0}, datap)`—The caller's effective capabilities: bit
    /// N is capability N.
    ///
    /// # Errors
    ///
    /// `EINVAL` on a kernel that does not know this version.
    pub fn capget(&self) -> Result<u64, Failure> {
        let mut hdrp = __user_cap_header_struct { version: _LINUX_CAPABILITY_VERSION_3, pid: 0 };
        let mut datap = NO_CAPABILITIES;
        let request = Request::capget(ptr::from_mut(&mut hdrp), datap.as_mut_ptr());
        // SAFETY: the kernel writes the header's version, and two structures of this version.
        unsafe { self.call(request) }?;
        let [low, high] = datap.map(|part| u64::from(part.effective));
        Ok(high << 32 | low)
    }

    /// `capset({_LINUX_CAPABILITY_VERSION_3, 0}, {0, …})`—Gives up every capability, for good.
    ///
    /// # Errors
    ///
    /// `EINVAL` on a kernel that does not know this version.
    pub fn capset_none(&self) -> Result<(), Failure> {
        let mut hdrp = __user_cap_header_struct { version: _LINUX_CAPABILITY_VERSION_3, pid: 0 };
        let request = Request::capset(ptr::from_mut(&mut hdrp), NO_CAPABILITIES.as_ptr());
        // SAFETY: the kernel reads the sets. It writes to the header if it does not know the
        // version.
        unsafe { self.call(request) }.map(|_| ())
    }

    /// `prctl(PR_SET_DUMPABLE, SUID_DUMP_USER)`—The caller's files in /proc belong to its user, also
    /// where it was started from a file that set its ids.
    ///
    /// # Errors
    ///
    /// None.
    pub fn prctl_set_dumpable(&self) -> Result<(), Failure> {
        // SAFETY: no memory is involved.
        unsafe { self.call(Request::prctl(PR_SET_DUMPABLE, SUID_DUMP_USER)) }.map(|_| ())
    }

    /// `geteuid()`—The caller's effective user id. Cannot fail.
    #[must_use]
    pub fn geteuid(&self) -> u32 {
        self.user_or_group(Request::geteuid())
    }

    /// `getegid()`—The caller's effective group id. Cannot fail.
    #[must_use]
    pub fn getegid(&self) -> u32 {
        self.user_or_group(Request::getegid())
    }

    /// Makes a call that gives the id of a user or a group, and cannot fail. Where a word has no more
    /// bits than an id, the largest ids look like errors.
    fn user_or_group(&self, request: Request) -> u32 {
        // SAFETY: no arguments, no memory.
        match unsafe { self.call(request) } {
            Ok(id) => to_int(id).cast_unsigned(),
            Err(failure) if usize::BITS == u32::BITS => {
                failure.errno.into_raw().wrapping_neg().cast_unsigned()
            }
            Err(_) => 0,
        }
    }

    /// `setresuid(-1, euid, -1)`—Sets the effective user id: to what it is.
    ///
    /// # Errors
    ///
    /// `EINVAL` for an id that has no mapping in the caller's user namespace.
    pub fn setresuid_effective(&self, euid: u32) -> Result<(), Failure> {
        // SAFETY: no memory is involved.
        unsafe { self.call(Request::setresuid(-1, euid, -1)) }.map(|_| ())
    }

    /// `setresgid(-1, egid, -1)`—Sets the effective group id: to what it is.
    ///
    /// # Errors
    ///
    /// `EINVAL` for an id that has no mapping in the caller's user namespace.
    pub fn setresgid_effective(&self, egid: u32) -> Result<(), Failure> {
        // SAFETY: no memory is involved.
        unsafe { self.call(Request::setresgid(-1, egid, -1)) }.map(|_| ())
    }

    /// `prctl(PR_CAPBSET_READ, cap)`—Whether the caller's bounding set has a capability.
    ///
    /// # Errors
    ///
    /// `EINVAL` for a capability that this kernel does not know.
    pub fn prctl_capbset_read(&self, cap: u32) -> Result<bool, Failure> {
        // SAFETY: no memory is involved.
        unsafe { self.call(Request::prctl(PR_CAPBSET_READ, cap)) }.map(|found| found == 1)
    }

    /// `prctl(PR_GET_SECCOMP)`—The caller's seccomp mode: 0, or `SECCOMP_MODE_FILTER`.
    ///
    /// # Errors
    ///
    /// `EINVAL` on a kernel without seccomp.
    pub fn prctl_get_seccomp(&self) -> Result<u32, Failure> {
        // SAFETY: no memory is involved.
        let mode = unsafe { self.call(Request::prctl(PR_GET_SECCOMP, 0)) };
        mode.map(|mode| to_int(mode).cast_unsigned())
    }
}

/// The three sets of capget(2), all empty: two structures, for 64 capabilities.
const NO_CAPABILITIES: [__user_cap_data_struct; _LINUX_CAPABILITY_U32S_3 as usize] =
    [__user_cap_data_struct { effective: 0, permitted: 0, inheritable: 0 };
        _LINUX_CAPABILITY_U32S_3 as usize];
