// SPDX-License-Identifier: MIT OR Apache-2.0
//! Who runs a command as a child and waits for it: the program, in two of its forms, and others
//! that do the same. A test of one is a test of all, so what passes for the others is right.

use std::process::Command;

use super::require;
use super::run::{NEWUTS, command};

/// A program that is a command's parent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Parent {
    /// `newuts --fork HOSTNAME`
    Forked,
    /// `newuts --join TARGET --fork`, into the namespace that is there already.
    Joined,
    /// `unshare --fork --uts`
    Unshare,
    /// `tini`
    Tini,
}

impl Parent {
    /// The words before those of the command.
    pub fn words(self) -> Vec<String> {
        let words = match self {
            Self::Forked => vec![NEWUTS, "--fork", "box"],
            Self::Joined => {
                let target = format!("--join={}", std::process::id());
                return [NEWUTS, &target, "--fork"].map(str::to_owned).into();
            }
            Self::Unshare => vec!["unshare", "--fork", "--uts"],
            // As the reaper of its descendants, else it complains.
            Self::Tini => vec!["tini", "-s", "--"],
        };
        words.into_iter().map(str::to_owned).collect()
    }

    /// A command that runs `words` as a child of this program.
    pub fn of<S: AsRef<std::ffi::OsStr>>(self, words: impl IntoIterator<Item = S>) -> Command {
        let own = self.words();
        let mut command = command(&own[0]);
        command.args(&own[1..]).args(words);
        command
    }

    /// Whether it is here.
    pub fn here(self) -> Result<(), String> {
        require::root()?;
        match self {
            Self::Forked | Self::Joined => Ok(()),
            Self::Unshare => require::tool("unshare"),
            Self::Tini => require::tool("tini"),
        }
    }

    /// Whether it is the program under test.
    pub fn is_newuts(self) -> bool {
        matches!(self, Self::Forked | Self::Joined)
    }
}

/// From `name: Parent Parent ...;`, where `name` is a function of a [`Parent`], makes a test for
/// each of these parents: `name::forked`, `name::tini`.
macro_rules! side_by_side {
    ($($name:ident: $($parent:ident)+;)+) => {$(
        mod $name {
            use $crate::support::parents::Parent;
            $(
                #[test]
                #[expect(non_snake_case, reason = "the name of the variant")]
                fn $parent() {
                    $crate::support::require::needs!(Parent::$parent.here());
                    super::$name(Parent::$parent);
                }
            )+
        }
    )+};
}
pub(crate) use side_by_side;
