//! Texts that take less room in the file than in the source.
//! By byte pair encoding: a byte that no text has stands for two others, each of which may again
//! stand for two. build.rs chooses the pairs, from the texts themselves.

use crate::line::Line;

/// What the bytes stand for that no text has: from 0x80 on, then from 0 on, the control characters.
/// In the order in which they were chosen: later ones are made of earlier ones.
const PAIRS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/pairs"));

/// The two bytes for which this one stands, if it does.
const fn pair(byte: u8) -> Option<(u8, u8)> {
    // These separate texts, and stand for themselves.
    if matches!(byte, b'\t' | b'\n') {
        return None;
    }
    match PAIRS.split_at_checked((byte ^ 0x80) as usize * 2) {
        Some((_, [first, second, ..])) => Some((*first, *second)),
        _ => None,
    }
}

/// Appends a text that [`pack`] packed.
pub fn unpack<'l>(line: &'l mut Line, packed: &[u8]) -> &'l mut Line {
    for byte in packed {
        unpack_byte(line, *byte);
    }
    line
}

/// Appends what a byte stands for.
fn unpack_byte(line: &mut Line, byte: u8) {
    match pair(byte) {
        Some((first, second)) => {
            unpack_byte(line, first);
            unpack_byte(line, second);
        }
        None => {
            line.byte(byte);
        }
    }
}

/// Packs a text while the program is compiled, in place. Gives how long it is then.
#[must_use]
pub const fn pack(text: &mut [u8]) -> usize {
    let mut len = text.len();
    let mut symbol = 0x80_u8;
    loop {
        if let Some((first, second)) = pair(symbol) {
            let (mut from, mut to) = (0, 0);
            while from < len {
                let is_pair = from + 1 < len && text[from] == first && text[from + 1] == second;
                text[to] = if is_pair { symbol } else { text[from] };
                from += if is_pair { 2 } else { 1 };
                to += 1;
            }
            len = to;
        }
        symbol = symbol.wrapping_add(1);
        if symbol == 0x80 {
            return len;
        }
    }
}

/// Packs a text of ours: `packed!("...")` is a `&'static [u8]` for [`unpack`].
#[macro_export]
macro_rules! packed {
    ($text:expr) => {{
        const TEXT: &str = $text;
        const PACKED: ([u8; TEXT.len()], usize) = {
            let mut text = [0; TEXT.len()];
            text.copy_from_slice(TEXT.as_bytes());
            let len = $crate::packed::pack(&mut text);
            (text, len)
        };
        // The bytes alone, without the room that is free now.
        const BYTES: [u8; PACKED.1] = {
            let mut bytes = [0; PACKED.1];
            bytes.copy_from_slice(PACKED.0.split_at(PACKED.1).0);
            bytes
        };
        &BYTES
    }};
}
