// SPDX-License-Identifier: MIT OR Apache-2.0
//! The texts of the errnos, against the C library's strerror over its whole table and beyond.

use std::ffi::CStr;

use newuts::text::errno::strerror;
use newuts::text::line::Line;
use syscalls::Errno;

/// The C library's text.
fn c_library(errno: i32) -> String {
    let mut buffer = [0; 128];
    // SAFETY: the buffer has the size that is given.
    let result = unsafe { libc::strerror_r(errno, buffer.as_mut_ptr(), buffer.len()) };
    // An unknown errno has a text too.
    assert!(result == 0 || result == libc::EINVAL);
    // SAFETY: strerror_r ends its text with a NUL.
    unsafe { CStr::from_ptr(buffer.as_ptr()) }.to_str().unwrap().to_owned()
}

#[test]
fn texts_are_the_c_librarys() {
    // A failed system call can give each of these (syscall(2)), and no other.
    for errno in 1..=4095 {
        let mut line = Line::new();
        strerror(&mut line, Errno::new(errno));
        assert_eq!(str::from_utf8(line.as_bytes()).unwrap(), c_library(errno), "errno {errno}");
    }
}
