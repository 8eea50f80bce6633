// SPDX-License-Identifier: MIT OR Apache-2.0
//! The initial stack, on blocks made by hand.

use std::ffi::{CStr, CString};

use linux_raw_sys::auxvec::{AT_BASE, AT_NULL, AT_PAGESZ, AT_RANDOM};
use newuts::sys::start::InitialStack;

/// A block as execve(2) leaves it, with the strings that it points to.
struct Block {
    words: Vec<usize>,
    _strings: Vec<CString>,
}

impl Block {
    fn new(argv: &[&CStr], envp: &[&CStr], auxv: &[(u32, usize)]) -> Self {
        let mut words = vec![argv.len()];
        let mut strings = Vec::new();
        for array in [argv, envp] {
            for string in array {
                let string: CString = (*string).to_owned();
                words.push(string.as_ptr().expose_provenance());
                strings.push(string);
            }
            words.push(0);
        }
        for (kind, value) in auxv {
            words.extend([*kind as usize, *value]);
        }
        words.extend([AT_NULL as usize, 0]);
        Self { words, _strings: strings }
    }

    fn stack(&self) -> InitialStack<'_> {
        // SAFETY: the block is made as the System V ABI draws it, and lives as long.
        unsafe { InitialStack::new(self.words.as_ptr()) }
    }
}

const PAGES_OF_64K: &[(u32, usize)] = &[(AT_BASE, 0), (AT_PAGESZ, 65536), (AT_RANDOM, 77)];

#[test]
fn all_parts_are_found() {
    for (argv, envp) in [
        (&[c"newuts", c"--hold", c""][..], &[c"HOME=/", c"", c"TERM=linux"][..]),
        (&[c"/init"], &[]),
        (&[], &[c"A=1"]),
        (&[], &[]),
    ] {
        let block = Block::new(argv, envp, PAGES_OF_64K);
        let stack = block.stack();
        assert_eq!(stack.argv().collect::<Vec<_>>(), argv);
        assert_eq!(stack.envp().collect::<Vec<_>>(), envp);
        assert_eq!(stack.page_size(), 65536);
    }
}

#[test]
fn the_page_size_defaults_to_4096() {
    for auxv in [&[][..], &[(AT_BASE, 65536)]] {
        assert_eq!(Block::new(&[c"newuts"], &[], auxv).stack().page_size(), 4096);
    }
}

#[test]
fn peeking_takes_nothing() {
    let block = Block::new(&[c"newuts", c"box"], &[], &[]);
    let mut words = block.stack().argv();
    assert_eq!(words.peek(), Some(c"newuts"));
    assert_eq!(words.next(), Some(c"newuts"));
    assert_eq!(words.as_ptr().addr(), block.words[2..].as_ptr().addr());
    assert_eq!(words.peek(), Some(c"box"));
    assert_eq!(words.next(), Some(c"box"));
    assert_eq!((words.peek(), words.next(), words.next()), (None, None, None));
}
