// SPDX-License-Identifier: MIT OR Apache-2.0
//! Any name: what is shown is printable, and can be read back as C reads it.
#![no_main]

use libfuzzer_sys::fuzz_target;
use newuts::text::line::Line;

/// Undoes the escapes.
fn read_back(shown: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = shown.iter().copied().peekable();
    while let Some(byte) = rest.next() {
        if byte != b'\\' {
            bytes.push(byte);
            continue;
        }
        bytes.push(match rest.next().unwrap() {
            b't' => b'\t',
            b'n' => b'\n',
            b'v' => 0x0b,
            b'f' => 0x0c,
            b'r' => b'\r',
            digit @ b'0'..=b'7' => {
                let mut value = u32::from(digit - b'0');
                for _ in 0..2 {
                    let Some(digit) = rest.next_if(|byte| matches!(byte, b'0'..=b'7')) else {
                        break;
                    };
                    value = value * 8 + u32::from(digit - b'0');
                }
                u8::try_from(value).unwrap()
            }
            other => other,
        });
    }
    bytes
}

fuzz_target!(|data: &[u8]| {
    // Four bytes for each at most: what fits a line.
    let data = data.get(..1000).unwrap_or(data);
    let mut line = Line::new();
    line.escaped(data);
    assert!(line.as_bytes().iter().all(|byte| matches!(byte, b' '..=b'~')));
    assert_eq!(read_back(line.as_bytes()), data);
});
