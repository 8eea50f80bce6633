//! The one writer: a line is put together in memory and leaves in one write(2).
//! Names from outside are shown as strace(1) shows strings, so that none can forge a line.

use core::ffi::CStr;
use core::mem::MaybeUninit;
use core::slice;

use syscalls::Errno;

use crate::process::c_str;
use crate::sys::{Fd, Sys};

/// A line's longest form, its newline included: `PIPE_BUF`, the most that a pipe takes in one
/// piece (pipe(7)). What does not fit is left out.
const CAPACITY: usize = 4096;

/// A line, or a few that belong together, on its way out.
#[repr(C)] // the length first: its address is short
pub struct Line {
    len: usize,
    buffer: [MaybeUninit<u8>; CAPACITY],
}

impl Line {
    /// An empty one.
    #[must_use]
    pub fn new() -> Self {
        Self { len: 0, buffer: [MaybeUninit::uninit(); CAPACITY] }
    }

    /// Appends one byte as it is.
    #[inline(never)] // small in here, and not small in every place that calls it
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
        for byte in bytes {
            self.byte(*byte);
        }
        self
    }

    /// Appends a number in decimal.
    pub fn number(&mut self, number: u64) -> &mut Self {
        if number >= 10 {
            self.number(number / 10);
        }
        self.byte(b'0' + (number % 10) as u8)
    }

    /// Appends a number in hexadecimal, with `0x` before it.
    pub fn hex(&mut self, number: usize) -> &mut Self {
        self.text("0x").hex_digits(number)
    }

    /// Appends the digits of a number in hexadecimal.
    fn hex_digits(&mut self, number: usize) -> &mut Self {
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
        while let [byte, tail @ ..] = rest {
            rest = tail;
            let letter = match byte {
                b'\t' => b't',
                b'\n' => b'n',
                0x0b => b'v',
                0x0c => b'f',
                b'\r' => b'r',
                b'"' | b'\\' => *byte,
                b' '..=b'~' => {
                    self.byte(*byte);
                    continue;
                }
                _ => {
                    self.octal(*byte, matches!(tail, [b'0'..=b'7', ..]));
                    continue;
                }
            };
            self.byte(b'\\').byte(letter);
        }
        self
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
    #[expect(clippy::len_without_is_empty, reason = "nobody asks")]
    pub fn len(&self) -> usize {
        self.len
    }

    /// The bytes so far.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        // SAFETY: `byte` wrote the first `len` bytes, and only it moves `len`.
        unsafe { slice::from_raw_parts(self.buffer.as_ptr().cast(), self.len) }
    }

    /// The bytes so far, as a C string: for a path that was put together. None if it does not fit
    /// with the NUL that ends it.
    pub fn as_c_str(&mut self) -> Option<&CStr> {
        if self.len == CAPACITY {
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
    pub fn write_to(&mut self, sys: &Sys, fd: Fd) -> Result<(), Errno> {
        // A line that is full loses its last byte for the newline.
        self.len = self.len.min(CAPACITY - 1);
        self.byte(b'\n');
        write_all(sys, fd, self.as_bytes())
    }
}

impl Default for Line {
    fn default() -> Self {
        Self::new()
    }
}

/// Writes all of `bytes`: in one write(2), unless a signal or a full pipe makes it a short one.
///
/// # Errors
///
/// Those of write(2), but for `EINTR`; and `EIO` where it says that it wrote nothing, so that no
/// file can hold us in a loop.
pub fn write_all(sys: &Sys, fd: Fd, bytes: &[u8]) -> Result<(), Errno> {
    let mut rest = bytes;
    while !rest.is_empty() {
        match sys.write(fd, rest) {
            Ok(0) => return Err(Errno::EIO),
            Ok(written) => rest = rest.get(written..).unwrap_or_default(),
            Err(Errno::EINTR) => {}
            Err(errno) => return Err(errno),
        }
    }
    Ok(())
}
