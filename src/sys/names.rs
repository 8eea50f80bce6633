// SPDX-License-Identifier: MIT OR Apache-2.0
//! The names that a UTS namespace holds. Follows uname(2), sethostname(2), setdomainname(2).

use core::ffi::CStr;
use core::mem::MaybeUninit;

use linux_raw_sys::system::new_utsname;

use super::table::Request;
use super::{Failure, Sys};

impl Sys {
    /// `uname(buf)`—The names of the system; among them `nodename` and `domainname`, which
    /// belong to the UTS namespace.
    ///
    /// # Errors
    ///
    /// None, as the buffer is good.
    pub fn uname<'b>(
        &self,
        buf: &'b mut MaybeUninit<new_utsname>,
    ) -> Result<&'b new_utsname, Failure> {
        // SAFETY: the kernel writes one new_utsname.
        unsafe { self.call(Request::uname(buf.as_mut_ptr())) }?;
        // SAFETY: the call succeeded, so all of it is written (kernel/sys.c, newuname).
        Ok(unsafe { buf.assume_init_ref() })
    }

    /// `sethostname(name, len)`—Sets the host name of the caller's UTS namespace to the bytes of
    /// `name`, which the kernel ends with a NUL of its own.
    ///
    /// # Errors
    ///
    /// `EPERM` without `CAP_SYS_ADMIN` in the user namespace that owns the UTS namespace,
    /// `EINVAL` for more than 64 bytes (`__NEW_UTS_LEN`).
    pub fn sethostname(&self, name: &CStr) -> Result<(), Failure> {
        // SAFETY: the kernel only reads `name`.
        unsafe { self.call(Request::sethostname(name.as_ptr(), name.count_bytes())) }.map(|_| ())
    }

    /// `setdomainname(name, len)`—Sets the NIS domain name of the caller's UTS namespace, as
    /// [`Sys::sethostname`] sets the host name.
    ///
    /// # Errors
    ///
    /// Those of [`Sys::sethostname`].
    pub fn setdomainname(&self, name: &CStr) -> Result<(), Failure> {
        // SAFETY: the kernel only reads `name`.
        unsafe { self.call(Request::setdomainname(name.as_ptr(), name.count_bytes())) }.map(|_| ())
    }
}
