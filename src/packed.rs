//! Texts that take less room in the file than in the source.
//! By byte pair encoding: a byte that no text has stands for two others, each of which may again
//! stand for two. build.rs chooses the pairs, from the texts themselves.

use crate::line::Line;

/// What the bytes stand for that no text has: from 0x80 on, then the control characters.
/// In the order in which they were chosen: later ones are made of earlier ones.
const PAIRS: &[[u8; 2]] = include_bytes!(concat!(env!("OUT_DIR"), "/pairs")).as_chunks().0;

/// The two bytes for which this one stands, if it does.
const fn pair(byte: u8) -> Option<[u8; 2]> {
    let place = (byte ^ 0x80) as usize;
    if place >= PAIRS.len() || matches!(PAIRS[place], [0, 0]) {
        return None;
    }
    Some(PAIRS[place])
}

/// Appends a text of a list that `packed!` made, in which texts are ended by NUL: the one at
/// `index`.
pub fn unpack<'l>(line: &'l mut Line, list: &[u8], index: usize) -> &'l mut Line {
    fill(line, list, index, &[])
}

/// [`unpack`], with each `%` in the text replaced by a word.
pub fn fill<'l>(line: &'l mut Line, list: &[u8], index: usize, words: &[&[u8]]) -> &'l mut Line {
    let mut unpacker = Unpacker { line, before: index, words };
    for byte in list {
        // There are not so many texts: it is past the one.
        if unpacker.before > list.len() {
            break;
        }
        unpacker.byte(*byte);
    }
    unpacker.line
}

/// A list on its way to a line.
struct Unpacker<'l, 'w> {
    line: &'l mut Line,
    /// How many texts are still before the one that is asked for; after it, a number without end.
    before: usize,
    words: &'w [&'w [u8]],
}

impl Unpacker<'_, '_> {
    /// Goes on by what a byte stands for.
    fn byte(&mut self, byte: u8) {
        if let Some([first, second]) = pair(byte) {
            self.byte(first);
            return self.byte(second);
        }
        match (byte, self.words) {
            (0, _) => self.before = self.before.wrapping_sub(1),
            _ if self.before != 0 => {}
            (b'%', [word, rest @ ..]) => {
                self.line.escaped(word);
                self.words = rest;
            }
            _ => {
                self.line.byte(byte);
            }
        }
    }
}

/// Packs a text while the program is compiled, in place. Gives how long it is then.
///
/// # Panics
///
/// Where the text has a byte that stands for others.
#[must_use]
pub const fn pack(text: &mut [u8]) -> usize {
    let mut len = text.len();
    let mut place = 0;
    while place < len {
        assert!(pair(text[place]).is_none(), "a text is ASCII, without control characters");
        place += 1;
    }
    let mut symbol = 0x80_u8;
    loop {
        if let Some([first, second]) = pair(symbol) {
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

/// Packs texts of ours: `packed!("one\0two\0")` is a `&'static [u8]` for [`unpack`].
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
        &BYTES as &'static [u8]
    }};
}
