// SPDX-License-Identifier: MIT OR Apache-2.0
//! Strings of bytes, taken apart and compared: what a C library has in string(3) and stdlib.h.

use core::ffi::{CStr, c_char};
use core::slice;

use crate::cpu;

/// The bytes before the first `byte`, and those after it if it is there.
#[must_use]
pub fn split(bytes: &[u8], byte: u8) -> (&[u8], Option<&[u8]>) {
    for (place, known) in bytes.iter().enumerate() {
        if *known == byte {
            return (bytes.get(..place).unwrap_or_default(), bytes.get(place + 1..));
        }
    }
    (bytes, None)
}

/// Whether two strings are the same.
///
/// This is `==`, but for the linker: the compiler makes a call of bcmp(3) of that, and on some CPUs
/// it looks the address of bcmp up in a table, which would have to be relocated.
#[must_use]
pub fn same(one: &[u8], other: &[u8]) -> bool {
    one.len() == other.len() && one.iter().eq(other)
}

/// Whether a string begins with another: `starts_with`, but for the linker, as in [`same`].
#[must_use]
pub fn begins(string: &[u8], beginning: &[u8]) -> bool {
    string.get(..beginning.len()).is_some_and(|part| same(part, beginning))
}

/// Reads a whole number in decimal. None if there is anything but digits, or too many of them.
#[must_use]
pub fn number(digits: &[u8]) -> Option<u64> {
    let mut number: u64 = 0;
    for digit in digits {
        let value = digit.checked_sub(b'0').filter(|value| *value < 10)?;
        number = number.checked_mul(10)?.checked_add(value.into())?;
    }
    (!digits.is_empty()).then_some(number)
}

/// The bytes of a field that a system call fills in, without the NUL that ends them.
#[must_use]
pub fn until_nul(field: &[c_char]) -> &[u8] {
    // SAFETY: a char is a byte, whatever its sign is on this CPU.
    let bytes = unsafe { slice::from_raw_parts(field.as_ptr().cast::<u8>(), field.len()) };
    split(bytes, 0).0
}

/// `CStr::from_ptr`, which would call the C library's strlen.
///
/// # Safety
///
/// There is a NUL at or after `string`, and all bytes up to it live, unchanged, for `'a`.
#[must_use]
pub unsafe fn c_str<'a>(string: *const c_char) -> &'a CStr {
    // SAFETY: there is a NUL, by this function's own contract.
    let len = unsafe { cpu::strlen(string.cast()) };
    // SAFETY: so many bytes, and the NUL after them, live for 'a, by the same contract.
    let bytes = unsafe { slice::from_raw_parts(string.cast(), len + 1) };
    // SAFETY: strlen stopped at the first NUL.
    unsafe { CStr::from_bytes_with_nul_unchecked(bytes) }
}

/// A name of at most `SIZE` bytes, kept in place.
///
/// The rows of a table have their names in this form. A `&str` there would be a pointer in a
/// constant, which somebody would have to relocate before it is used, and nobody is there to do it.
#[derive(Clone, Copy)]
pub struct Name<const SIZE: usize> {
    len: u8,
    bytes: [u8; SIZE],
}

impl<const SIZE: usize> Name<SIZE> {
    /// Keeps a name. Used in constants only.
    ///
    /// # Panics
    ///
    /// Where the name is too long: the program is then not compiled.
    #[must_use]
    #[expect(clippy::cast_possible_truncation, reason = "no name is so long")]
    pub const fn new(name: &str) -> Self {
        let mut bytes = [0; SIZE];
        let (place, _) = bytes.split_at_mut(name.len());
        place.copy_from_slice(name.as_bytes());
        Self { len: name.len() as u8, bytes }
    }

    /// Whether this is the name.
    #[must_use]
    pub fn is(&self, name: &[u8]) -> bool {
        let mut pairs = self.bytes.iter().zip(name);
        usize::from(self.len) == name.len() && pairs.all(|(known, byte)| known == byte)
    }

    /// The bytes of the name.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.len.into()).unwrap_or_default()
    }
}
