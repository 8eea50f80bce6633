// SPDX-License-Identifier: MIT OR Apache-2.0
//! The values of options that are numbers of seconds.
//! Follows the manual page of the program, `doc/newuts.1`.

use linux_raw_sys::general::__kernel_timespec;

use crate::sys::bytes::{number, same, split};

/// Reads `--hold`'s value.
pub fn hold_time(value: &[u8]) -> Option<__kernel_timespec> {
    if same(value, b"forever") {
        // As long as the kernel can count: its times are nanoseconds, and end after 292 years.
        return Some(__kernel_timespec { tv_sec: i64::MAX, tv_nsec: 0 });
    }
    duration(value)
}

/// Reads a number of seconds: `200`, `0.25`, `.5`, `5.`; digits below the nanosecond are left out.
#[must_use]
pub fn duration(value: &[u8]) -> Option<__kernel_timespec> {
    let (whole, fraction) = split(value, b'.');
    let fraction = fraction.unwrap_or_default();
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let seconds = if whole.is_empty() { 0 } else { number(whole)? };
    let mut nanoseconds = 0;
    let mut place = 100_000_000;
    for digit in fraction {
        nanoseconds += i64::from(digit.checked_sub(b'0').filter(|value| *value < 10)?) * place;
        place /= 10;
    }
    Some(__kernel_timespec { tv_sec: seconds.try_into().ok()?, tv_nsec: nanoseconds })
}
