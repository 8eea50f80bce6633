// SPDX-License-Identifier: MIT OR Apache-2.0
//! Any words: they are read, and what is wrong with them is said in two whole lines.
#![no_main]

use std::ffi::CString;
use std::ptr;

use libfuzzer_sys::fuzz_target;
use newuts::args::CommandLine;
use newuts::text::line::Line;
use newuts::sys::start::Strings;

fuzz_target!(|data: &[u8]| {
    let words: Vec<_> =
        data.split(|byte| *byte == 0).map(|word| CString::new(word).unwrap()).collect();
    let mut argv: Vec<_> = words.iter().map(|word| word.as_ptr()).collect();
    argv.push(ptr::null());
    // SAFETY: an array of C strings with a null pointer at its end, all of which outlive this.
    let strings = unsafe { Strings::new(argv.as_ptr()) };
    if let Err(mistake) = CommandLine::new(strings).read() {
        let mut line = Line::new();
        mistake.describe(&mut line);
        let said = line.as_bytes();
        assert!(said.starts_with(b"newuts: ") || said.starts_with(b"Usage: "));
        assert!(said.iter().all(|byte| matches!(byte, b' '..=b'~' | b'\n')));
        assert!(said.iter().filter(|byte| **byte == b'\n').count() <= 1);
    }
});
