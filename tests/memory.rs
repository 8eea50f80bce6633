// SPDX-License-Identifier: MIT OR Apache-2.0
//! The memory routines, which the compiler calls without being asked, against the standard
//! library's: all lengths and alignments that could matter, and not one byte beside.

use newuts::cpu::{bcmp, memcmp, memcpy, memmove, memset};

/// Every length up to 300.
fn lengths() -> impl Iterator<Item = usize> {
    0..301
}

/// Bytes that are all different within 251 places.
fn pattern(length: usize, seed: usize) -> Vec<u8> {
    (0..length).map(|index| u8::try_from((index * 7 + seed) % 251).unwrap()).collect()
}

#[test]
fn memcpy_copies() {
    let source = pattern(400, 3);
    for length in lengths() {
        for (to, from) in (0..16).flat_map(|to| (0..16).map(move |from| (to, from))) {
            let mut copy = vec![0xaa; 400];
            let mut expected = copy.clone();
            expected[to..to + length].copy_from_slice(&source[from..from + length]);
            let dest = copy[to..].as_mut_ptr();
            // SAFETY: both have 300 bytes and more behind the greatest start, and are apart.
            let result = unsafe { memcpy(dest, source[from..].as_ptr(), length) };
            assert_eq!(result, dest);
            assert_eq!(copy, expected, "{length} bytes from {from} to {to}");
        }
    }
}

#[test]
fn memmove_copies_what_overlaps_upward_and_downward() {
    for length in lengths() {
        for (to, from) in (0..40).flat_map(|to| (0..40).map(move |from| (to, from))) {
            let mut moved = pattern(400, 5);
            let mut expected = moved.clone();
            expected.copy_within(from..from + length, to);
            let base = moved.as_mut_ptr();
            // The standard library's copy of an overlapping move is a memmove itself: this one
            // goes through a second vector.
            assert_eq!(expected[to..to + length], pattern(400, 5)[from..from + length]);
            let dest = base.wrapping_add(to);
            // SAFETY: both lie, with all their bytes, in the 400 of the vector.
            let result = unsafe { memmove(dest, base.wrapping_add(from), length) };
            assert_eq!(result, dest);
            assert_eq!(moved, expected, "{length} bytes from {from} to {to}");
        }
    }
}

#[test]
fn memmove_over_any_distance() {
    const MOST: usize = 300;
    let source = pattern(2 * MOST, 9);
    for (length, distance) in
        lengths().flat_map(|length| (0..=MOST).map(move |distance| (length, distance)))
    {
        for (to, from) in [(distance, 0), (0, distance)] {
            let mut moved = source.clone();
            let mut expected = source.clone();
            expected[to..to + length].copy_from_slice(&source[from..from + length]);
            let base = moved.as_mut_ptr();
            // SAFETY: both lie, with all their bytes, in the 600 of the vector.
            unsafe { memmove(base.wrapping_add(to), base.wrapping_add(from), length) };
            assert_eq!(moved, expected, "{length} bytes from {from} to {to}");
        }
    }
}

#[test]
fn memset_fills_with_the_lowest_byte() {
    for length in lengths() {
        for (start, value) in
            (0..16).flat_map(|start| [0_i32, 0x5a, 0xff, -1].map(|value| (start, value)))
        {
            let mut set = pattern(400, 1);
            let mut expected = set.clone();
            expected[start..start + length].fill(value.to_le_bytes()[0]);
            let s = set[start..].as_mut_ptr();
            // SAFETY: there are more bytes than that.
            let result = unsafe { memset(s, value | 0x1200, length) };
            assert_eq!(result, s);
            assert_eq!(set, expected, "{length} bytes from {start}");
        }
    }
}

#[test]
fn memcmp_and_bcmp_find_the_first_difference() {
    for length in lengths() {
        let left = pattern(length, 2);
        // No difference, and one at each place with another after it that must not count.
        for place in 0..=length {
            for value in [0, 0x7f, 0x80, 0xff] {
                let mut right = left.clone();
                if let Some(byte) = right.get_mut(place) {
                    *byte = value;
                }
                if let Some(byte) = right.get_mut(place + 1) {
                    *byte = !*byte;
                }
                // SAFETY: both are that long.
                let compared = unsafe { memcmp(left.as_ptr(), right.as_ptr(), length) };
                // SAFETY: both are that long.
                let differ = unsafe { bcmp(left.as_ptr(), right.as_ptr(), length) } != 0;
                assert_eq!(compared.cmp(&0), left.cmp(&right), "{left:?} {right:?}");
                assert_eq!(differ, left != right);
            }
        }
    }
}
