// SPDX-License-Identifier: MIT OR Apache-2.0
//! Which checks are asked for: `6,26-31`, `setns`, all, or none but their list.

use super::promises::{COUNT, promise};
use crate::sys::bytes::{begins, number, same, split};
use crate::sys::table::TABLE;

/// What `--check` is told.
#[derive(Clone, Copy)]
pub enum Which<'a> {
    /// To try all.
    All,
    /// To try those that these words name, with commas between them.
    Some(&'a [u8]),
    /// To list all, and try none.
    List,
}

/// A word: a number, numbers from one to another, or a name.
#[derive(Clone, Copy)]
enum Item<'a> {
    Numbers(u64, u64),
    Name(&'a [u8]),
}

impl<'a> Which<'a> {
    /// Reads the value of the option; none if it names something that there is not.
    #[must_use]
    pub fn read(value: &'a [u8]) -> Option<Self> {
        if same(value, b"list") {
            return Some(Self::List);
        }
        let is_known = |word: &[u8]| {
            Item::read(word).is_some_and(|item| (0..COUNT).any(|index| item.selects(index)))
        };
        value.split(|byte| *byte == b',').all(is_known).then_some(Self::Some(value))
    }

    /// Whether the check at `index` is asked for.
    #[must_use]
    pub fn selects(&self, index: usize) -> bool {
        match self {
            Self::All => true,
            Self::Some(words) => {
                let mut items = words.split(|byte| *byte == b',').filter_map(Item::read);
                items.any(|item| item.selects(index))
            }
            Self::List => false,
        }
    }
}

impl<'a> Item<'a> {
    /// Reads a word; none if it is a number that no check has.
    fn read(word: &'a [u8]) -> Option<Self> {
        if !word.first()?.is_ascii_digit() {
            return Some(Self::Name(word));
        }
        let (first, last) = split(word, b'-');
        let first = number(first)?;
        let last = last.map_or(Some(first), number)?;
        let is_known = 1 <= first && first <= last && last <= COUNT as u64;
        is_known.then_some(Self::Numbers(first, last))
    }

    /// Whether the check at `index` is among these.
    fn selects(self, index: usize) -> bool {
        match self {
            Self::Numbers(first, last) => (first..=last).contains(&(index as u64 + 1)),
            Self::Name(name) => {
                let promise = promise(index);
                let (page, rest) = split(promise, b'(');
                let is_of_a_call = rest.is_some_and(|rest| begins(rest, b"2"));
                // wait(2) is the page of wait4, ioctl_ns(2) is one of ioctl.
                let is_call = || TABLE.iter().any(|row| same(row.name(), name));
                same(page, name) || is_of_a_call && is_of(promise, name) && is_call()
            }
        }
    }
}

/// Whether a promise is of this call: in section 2 each page has its own.
pub fn is_of(promise: &[u8], call: &[u8]) -> bool {
    let (page, rest) = split(promise, b'(');
    let is_of_a_call = rest.is_some_and(|rest| begins(rest, b"2"));
    !is_of_a_call || begins(page, call) || begins(call, page)
}
