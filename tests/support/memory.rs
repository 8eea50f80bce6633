// SPDX-License-Identifier: MIT OR Apache-2.0
//! The memory routines of a CPU for which there may be no standard library: a program of its own,
//! without one, which `tests/targets.rs` builds and runs. `tests/memory.rs` asks more, but only
//! of this machine's CPU.
//!
//! In here the compiler's own copies and comparisons are the routines that are tested. What these
//! must give is therefore made byte by byte, and the compiler is kept from making more of it.
#![no_std]
#![no_main]

use core::hint::black_box;
use core::panic::PanicInfo;

use newuts::cpu;
use newuts::sys::Sys;
use newuts::sys::file::{STDERR, STDOUT};
use newuts::text::line::Line;

newuts::start!(enter);

/// Lengths: all short ones, and those around powers of two.
const LENGTHS: [usize; 28] = [
    0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 31, 32, 33, 63, 64, 65, 127, 128,
    129, 300,
];

/// The bytes in which a test takes place.
type Bytes = [u8; 320];

/// Where in them: at every alignment, and with every overlap of short pieces.
const PLACES: core::ops::Range<usize> = 0..18;

/// Bytes that are all different within 251 places.
fn pattern(bytes: &mut Bytes, seed: usize) {
    for (index, byte) in bytes.iter_mut().enumerate() {
        *byte = black_box(((index * 7 + seed) % 251) as u8);
    }
}

/// Whether all bytes are as `expected` says for each place.
fn are(bytes: &Bytes, expected: impl Fn(usize) -> u8) -> bool {
    bytes.iter().enumerate().all(|(index, byte)| black_box(*byte) == expected(index))
}

/// A byte of [`pattern`].
fn at(index: usize, seed: usize) -> u8 {
    ((index * 7 + seed) % 251) as u8
}

/// Asserts what memcpy and memmove do.
fn copies(bytes: &mut Bytes, source: &mut Bytes) {
    pattern(source, 3);
    for length in LENGTHS {
        for (to, from) in PLACES.flat_map(|to| PLACES.map(move |from| (to, from))) {
            let is_copied = |index: usize| (to..to + length).contains(&index);
            pattern(bytes, 5);
            let dest = bytes.as_mut_ptr().wrapping_add(to);
            // SAFETY: 300 bytes and 18 before them are there, in both.
            let result = unsafe { cpu::memcpy(dest, source.as_ptr().wrapping_add(from), length) };
            assert!(result == dest);
            let copied = |index| at(index + from - to, 3);
            assert!(are(bytes, |index| if is_copied(index) { copied(index) } else { at(index, 5) }));

            pattern(bytes, 5);
            let base = bytes.as_mut_ptr();
            // SAFETY: the same; the two overlap.
            let result = unsafe { cpu::memmove(dest, base.wrapping_add(from), length) };
            assert!(result == dest);
            let moved = |index| at(index + from - to, 5);
            assert!(are(bytes, |index| if is_copied(index) { moved(index) } else { at(index, 5) }));
        }
    }
}

/// Asserts what memset does.
fn fills(bytes: &mut Bytes) {
    for length in LENGTHS {
        for (start, value) in PLACES.flat_map(|start| [0, 0x5a, 0xff, -1].map(|it| (start, it))) {
            pattern(bytes, 1);
            let s = bytes.as_mut_ptr().wrapping_add(start);
            // SAFETY: there are more bytes than that.
            let result = unsafe { cpu::memset(s, black_box(value | 0x1200), length) };
            assert!(result == s);
            let is_set = |index: usize| (start..start + length).contains(&index);
            assert!(are(bytes, |index| if is_set(index) { value as u8 } else { at(index, 1) }));
        }
    }
}

/// Asserts what memcmp and bcmp do: a difference at each place, and another after it that must not
/// count.
fn compares(left: &mut Bytes, right: &mut Bytes) {
    for length in LENGTHS {
        for (place, value) in (0..=length).flat_map(|at| [0, 0x7f, 0x80, 0xff].map(|it| (at, it))) {
            pattern(left, 2);
            pattern(right, 2);
            right[place] = value;
            right[place + 1] = !right[place + 1];
            // SAFETY: both are longer than that.
            let compared = unsafe { cpu::memcmp(left.as_ptr(), right.as_ptr(), length) };
            // SAFETY: the same.
            let differ = unsafe { cpu::bcmp(left.as_ptr(), right.as_ptr(), length) };
            let first = (0..length).find(|index| black_box(left[*index]) != black_box(right[*index]));
            let expected = first.map_or(0, |index| i32::from(left[index]) - i32::from(right[index]));
            assert!(compared.signum() == expected.signum());
            assert!((differ != 0) == (expected != 0));
        }
    }
}

unsafe extern "C" fn enter(_: *const usize) -> ! {
    let (mut one, mut other) = ([0; 320], [0; 320]);
    copies(&mut one, &mut other);
    fills(&mut one);
    compares(&mut one, &mut other);
    let sys = Sys::new(None);
    let written = Line::new().text("all is well").write_to(&sys, STDOUT);
    sys.exit_group(written.is_err().into())
}

/// What a `core` that can unwind names. Nothing unwinds here.
#[unsafe(no_mangle)]
extern "C" fn rust_eh_personality() {}

#[panic_handler]
fn panic(info: &PanicInfo<'_>) -> ! {
    let sys = Sys::new(None);
    let line = info.location().map_or(0, |place| place.line());
    let _ = Line::new().text("line ").number(line.into()).write_to(&sys, STDERR);
    sys.exit_group(1)
}
