// SPDX-License-Identifier: MIT OR Apache-2.0
//! Sleeping.
//! Follows nanosleep(2) and clock_nanosleep(2).
#![allow(clippy::useless_conversion, reason = "a long is an i64 on some CPUs only")]

use core::ffi::c_long;
use core::ptr;

use linux_raw_sys::general::{__kernel_timespec, CLOCK_MONOTONIC, timespec};
use syscalls::Errno;

use super::table::Request;
use super::{Failure, OLD_TIMES, Sys};

/// How a sleep ended.
#[derive(Clone, Copy)]
pub enum Sleep {
    /// All of it was slept.
    Complete,
    /// A signal handler ran; this much time was left.
    Interrupted(__kernel_timespec),
}

impl Sys {
    /// `nanosleep(req, rem)`—Sleeps for `duration`: seconds, and nanoseconds below one second. Where
    /// a long has 32 bits, a longer time becomes the longest that fits: 68 years.
    ///
    /// # Errors
    ///
    /// `EINVAL` for a negative number of seconds, or nanoseconds from 1,000,000,000 on.
    pub fn nanosleep(&self, duration: &__kernel_timespec) -> Result<Sleep, Failure> {
        let req = timespec {
            tv_sec: duration.tv_sec.try_into().unwrap_or(c_long::MAX),
            tv_nsec: duration.tv_nsec.try_into().unwrap_or(c_long::MAX),
        };
        // If the sleep is interrupted before it begins, the kernel writes nothing here: all is left.
        let mut rem = req;
        let request = Request::nanosleep(ptr::from_ref(&req), ptr::from_mut(&mut rem));
        // SAFETY: the kernel reads one timespec and writes the other.
        match unsafe { self.call(request) } {
            Ok(_) => Ok(Sleep::Complete),
            Err(Failure { errno: Errno::EINTR, .. }) => {
                let (tv_sec, tv_nsec) = (rem.tv_sec.into(), rem.tv_nsec.into());
                Ok(Sleep::Interrupted(__kernel_timespec { tv_sec, tv_nsec }))
            }
            Err(Failure { errno: Errno::ENOSYS, .. }) if OLD_TIMES => {
                self.clock_nanosleep(duration)
            }
            Err(failure) => Err(failure),
        }
    }

    /// `clock_nanosleep(CLOCK_MONOTONIC, 0, request, remain)`—Sleeps for `duration`, by the clock of
    /// nanosleep(2).
    fn clock_nanosleep(&self, duration: &__kernel_timespec) -> Result<Sleep, Failure> {
        let mut remaining = *duration;
        let (request, remain) = (ptr::from_ref(duration), ptr::from_mut(&mut remaining));
        let request = Request::clock_nanosleep(CLOCK_MONOTONIC, 0, request, remain);
        // SAFETY: the kernel reads one __kernel_timespec and writes the other.
        match unsafe { self.call(request) } {
            Ok(_) => Ok(Sleep::Complete),
            Err(Failure { errno: Errno::EINTR, .. }) => Ok(Sleep::Interrupted(remaining)),
            Err(failure) => Err(failure),
        }
    }
}
