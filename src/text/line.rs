// SPDX-License-Identifier: MIT OR Apache-2.0
//! The one writer: a line is put together in memory and leaves in one write(2).
//! Names from outside are shown as strace(1) shows strings, so that none can forge a line.

use core::ffi::CStr;
use core::mem::MaybeUninit;
use core::ops::{Deref, DerefMut};
use core::slice;

use syscalls::Errno;

use crate::cpu;
use crate::sys::bytes::c_str;
use crate::sys::file::Fd;
use crate::sys::table::Call;
use crate::sys::{Failure, Sys};

/// A line's longest form, its newline included: `PIPE_BUF`, the most that a pipe takes in one
/// piece (pipe(7)). What does not fit is left out.
const LONG: usize = 4096;

/// Enough for both names of a UTS namespace, which have 64 bytes each, however many of these are
/// escapes, and for what is said of them.
const SHORT: usize = 2 * 64 * LONGEST_ESCAPE + 128;

/// The most that a word from outside takes of a line. Two of them, and a text between, fit.
const LONGEST_WORD: usize = 1024;

/// The longest escape: `\ooo`.
const LONGEST_ESCAPE: usize = 4;

/// A line, or a few that belong together, on its way out. It is put together in memory of its own,
/// on the stack, long or short.
pub struct Line<Buffer: ?Sized = [MaybeUninit<u8>]> {
    len: usize,
    buffer: Buffer,
}

/// A line with room for whatever may have to be said.
pub type LongLine = Line<[MaybeUninit<u8>; LONG]>;

/// A line with room for what the demonstration says. It leaves the page of the stack alone that a
/// [`LongLine`] would need for itself: the kernel gives a page when it is touched for the first
/// time, and takes its time for that.
pub type ShortLine = Line<[MaybeUninit<u8>; SHORT]>;

impl LongLine {
    /// An empty one.
    #[must_use]
    pub fn new() -> Self {
        Self { len: 0, buffer: [MaybeUninit::uninit(); LONG] }
    }
}

impl Default for LongLine {
    fn default() -> Self {
        Self::new()
    }
}

impl ShortLine {
    /// An empty one.
    #[must_use]
    pub fn short() -> Self {
        Self { len: 0, buffer: [MaybeUninit::uninit(); SHORT] }
    }
}

impl<const SIZE: usize> Deref for Line<[MaybeUninit<u8>; SIZE]> {
    type Target = Line;

    fn deref(&self) -> &Line {
        self
    }
}

impl<const SIZE: usize> DerefMut for Line<[MaybeUninit<u8>; SIZE]> {
    fn deref_mut(&mut self) -> &mut Line {
        self
    }
}

impl Line {
    /// Appends one byte as it is.
    pub fn byte(&mut self, byte: u8) -> &mut Self {
        if let Some(place) = self.buffer.get_mut(self.len) {
            place.write(byte);
            self.len += 1;
        }
        self
    }

    /// Appends a text of ours as it is.
    pub fn text(&mut self, text: &str) -> &mut Self {
        self.bytes(text.as_bytes())
    }

    /// Appends bytes as they are.
    pub fn bytes(&mut self, bytes: &[u8]) -> &mut Self {
        if let Some(room) = self.buffer.get_mut(self.len..) {
            let count = bytes.len().min(room.len());
            // SAFETY: so many bytes are in both, and while `room` is borrowed nobody else has it.
            unsafe { cpu::copy(room.as_mut_ptr().cast(), bytes.as_ptr(), count) };
            self.len += count;
        }
        self
    }

    /// Appends a number in decimal.
    pub fn number(&mut self, number: u64) -> &mut Self {
        // The last digit first: u64::MAX has twenty.
        let mut digits = [0; 20];
        let mut first = digits.len();
        let mut rest = number;
        for digit in digits.iter_mut().rev() {
            *digit = b'0' + (rest % 10) as u8;
            rest /= 10;
            first -= 1;
            if rest == 0 {
                break;
            }
        }
        self.bytes(digits.get(first..).unwrap_or_default())
    }

    /// Appends a number in hexadecimal, with `0x` before it.
    pub fn hex(&mut self, number: usize) -> &mut Self {
        self.long_hex(number as u64)
    }

    /// Appends a number that may be longer than an address in hexadecimal.
    pub fn long_hex(&mut self, number: u64) -> &mut Self {
        self.text("0x").hex_digits(number)
    }

    /// Appends the digits of a number in hexadecimal.
    fn hex_digits(&mut self, number: u64) -> &mut Self {
        if number >= 16 {
            self.hex_digits(number / 16);
        }
        let [digit, ..] = (number % 16).to_le_bytes();
        self.byte(if digit < 10 { b'0' + digit } else { b'a' + digit - 10 })
    }

    /// Appends a string from outside with strace's escapes: `\n` and its like, `\"`, `\\`, and
    /// `\ooo` for every other byte that is not printable ASCII, with as few digits as the next
    /// byte allows (strace's util.c, `string_quote`).
    pub fn escaped(&mut self, string: &[u8]) -> &mut Self {
        let mut rest = string;
        while let [byte, behind @ ..] = rest {
            self.escaped_byte(*byte, behind);
            rest = behind;
        }
        self
    }

    /// Appends a word from outside, with the same escapes. A long one is cut, and `...` says so:
    /// what is said of it always fits behind.
    pub fn word(&mut self, word: &[u8]) -> &mut Self {
        let most = self.len + LONGEST_WORD - LONGEST_ESCAPE;
        let mut rest = word;
        while let [byte, behind @ ..] = rest {
            if self.len > most {
                return self.text("...");
            }
            self.escaped_byte(*byte, behind);
            rest = behind;
        }
        self
    }

    /// Appends one byte of a string, which goes on with the bytes `behind`.
    fn escaped_byte(&mut self, byte: u8, behind: &[u8]) {
        if matches!(byte, b' ' | b'!' | b'#'..=b'[' | b']'..=b'~') {
            self.byte(byte);
        } else {
            self.escape(byte, behind);
        }
    }

    /// Appends one byte as an escape. Apart from what is done for every byte, for this is rare.
    #[cold]
    #[inline(never)]
    fn escape(&mut self, byte: u8, behind: &[u8]) {
        let letter = match byte {
            b'\t' => b't',
            b'\n' => b'n',
            0x0b => b'v',
            0x0c => b'f',
            b'\r' => b'r',
            b'"' | b'\\' => byte,
            _ => return self.octal(byte, matches!(behind, [b'0'..=b'7', ..])),
        };
        self.byte(b'\\').byte(letter);
    }

    /// Appends `\ooo`. All three digits where a digit follows, which would be taken for one more.
    fn octal(&mut self, byte: u8, all: bool) {
        self.byte(b'\\');
        for shift in [6, 3, 0] {
            if all || shift == 0 || byte >> shift != 0 {
                self.byte(b'0' + (byte >> shift & 7));
            }
        }
    }

    /// How many bytes there are so far.
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "no caller needs it")]
    pub fn len(&self) -> usize {
        self.len
    }

    /// The bytes so far.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        // SAFETY: `byte` and `bytes` wrote the first `len` bytes, and only they move `len`.
        unsafe { slice::from_raw_parts(self.buffer.as_ptr().cast(), self.len) }
    }

    /// The bytes so far, as a C string: for a path that was put together. None if it does not fit
    /// with the NUL that ends it.
    pub fn as_c_str(&mut self) -> Option<&CStr> {
        if self.len == self.buffer.len() {
            return None;
        }
        let bytes = self.byte(0).as_bytes();
        // SAFETY: the last of the bytes is a NUL.
        Some(unsafe { c_str(bytes.as_ptr().cast()) })
    }

    /// Ends the line and writes it.
    ///
    /// # Errors
    ///
    /// Those of [`write_all`].
    pub fn write_to(&mut self, sys: &Sys, fd: Fd) -> Result<(), Failure> {
        // A line that is full loses its last byte for the newline.
        self.len = self.len.min(self.buffer.len().saturating_sub(1));
        self.byte(b'\n');
        write_all(sys, fd, self.as_bytes())
    }
}

/// Writes all of `bytes`: in one write(2), unless a signal or a full pipe makes it a short one.
///
/// # Errors
///
/// Those of write(2), but for `EINTR`; and `EIO` where it says that it wrote nothing, so that no
/// file can hold us in a loop.
pub fn write_all(sys: &Sys, fd: Fd, bytes: &[u8]) -> Result<(), Failure> {
    let mut rest = bytes;
    while !rest.is_empty() {
        match sys.write(fd, rest) {
            Ok(0) => return Err(Failure { call: Call::write, errno: Errno::EIO }),
            Ok(written) => rest = rest.get(written..).unwrap_or_default(),
            Err(Failure { errno: Errno::EINTR, .. }) => {}
            Err(failure) => return Err(failure),
        }
    }
    Ok(())
}
