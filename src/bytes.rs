//! Strings of bytes, taken apart and compared: what string(3) has in a C library.
//! A list of strings is one string here, with a byte between each two: a table of them would be a
//! table of pointers, which would have to be relocated.

/// The bytes before the first `byte`, and those after it if it is there.
#[must_use]
pub fn split(bytes: &[u8], byte: u8) -> (&[u8], Option<&[u8]>) {
    let place = bytes.iter().position(|known| *known == byte).unwrap_or(bytes.len());
    (bytes.get(..place).unwrap_or_default(), bytes.get(place + 1..))
}

/// Whether two strings are the same. (What `==` becomes is looked up at run time on some CPUs.)
#[must_use]
#[inline(never)] // small in here, and not small in every place that calls it
pub fn same(one: &[u8], other: &[u8]) -> bool {
    one.iter().eq(other)
}

/// The line at `index` of those that `byte` separates; nothing, if there are not so many.
#[must_use]
pub fn nth(lines: &[u8], byte: u8, index: usize) -> &[u8] {
    let mut rest = lines;
    for _ in 0..index {
        let Some(behind) = split(rest, byte).1 else {
            return &[];
        };
        rest = behind;
    }
    split(rest, byte).0
}
