// SPDX-License-Identifier: MIT OR Apache-2.0
//! The options: their names, whether they have a value, and what they go with.
//! Follows the manual page of the program, `doc/newuts.1`.

use crate::sys::bytes::Name;

/// An option.
#[derive(Clone, Copy)]
pub enum Opt {
    Check,
    Delay,
    Domainname,
    Fork,
    Help,
    Hold,
    Join,
    KillChild,
    MapCurrentUser,
    MapRootUser,
    Persist,
    Trace,
    User,
    Version,
}

/// Whether an option has a value.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Value {
    /// No.
    None,
    /// Yes, behind `=` or in the next word.
    Required,
    /// Perhaps, behind `=`.
    Optional,
}

/// What the program can be asked to do, as far as options depend on it: a bit for each.
pub type Uses = u8;

/// The demonstration.
pub const DEMO: Uses = 1;
/// A command, without `--fork`.
pub const COMMAND: Uses = 2;
/// A command, with `--fork`.
pub const FORKED: Uses = 4;
/// `--join` without a command.
pub const JOIN_ALONE: Uses = 8;
/// `--join` with a command, without `--fork`.
pub const JOIN: Uses = 16;
/// `--join` with a command and `--fork`.
pub const JOIN_FORKED: Uses = 32;
/// `--check`.
pub const CHECK: Uses = 64;

/// Those that make a namespace.
const NEW: Uses = DEMO | COMMAND | FORKED;
/// Those that enter one.
const JOINING: Uses = JOIN_ALONE | JOIN | JOIN_FORKED;
/// All of them.
pub const ALL: Uses = NEW | JOINING | CHECK;

/// The longest name of an option, in bytes.
const LONGEST_NAME: usize = 16;

/// What there is to know of a long option.
pub struct Known {
    /// Its name, without the two hyphens.
    pub name: Name<LONGEST_NAME>,
    /// Which option it is.
    pub option: Opt,
    /// Whether it has a value.
    pub value: Value,
    /// What it goes with.
    pub uses: Uses,
}

/// Makes [`OPTIONS`] from lines of `"name" Opt Value uses;`.
macro_rules! options {
    ($($name:literal $option:ident $value:ident $uses:expr;)*) => {
        /// The long options.
        pub const OPTIONS: &[Known] = &[$(Known {
            name: Name::new($name),
            option: Opt::$option,
            value: Value::$value,
            uses: $uses,
        }),*];
    };
}

options! {
    "check" Check Optional CHECK;
    "delay" Delay Required DEMO;
    "domainname" Domainname Required NEW;
    "fork" Fork None FORKED | JOIN_FORKED;
    "help" Help None ALL;
    "hold" Hold Required DEMO;
    "join" Join Required JOINING;
    "kill-child" KillChild Optional DEMO | FORKED | JOIN_FORKED;
    "map-current-user" MapCurrentUser None NEW;
    "map-root-user" MapRootUser None NEW;
    "persist" Persist Required NEW;
    "trace" Trace Optional ALL;
    "user" User None NEW | JOINING;
    "version" Version None ALL;
}

/// The option that a letter stands for, and what it goes with.
pub fn short(letter: u8) -> Option<(Opt, Uses)> {
    Some(match letter {
        b'U' => (Opt::User, NEW | JOINING),
        b'V' => (Opt::Version, ALL),
        b'c' => (Opt::MapCurrentUser, NEW),
        b'f' => (Opt::Fork, FORKED | JOIN_FORKED),
        b'h' => (Opt::Help, ALL),
        b'r' => (Opt::MapRootUser, NEW),
        _ => return None,
    })
}
