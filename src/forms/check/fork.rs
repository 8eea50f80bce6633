// SPDX-License-Identifier: MIT OR Apache-2.0
//! How a process is made by a kernel that may say the wrong thing about it, and how those are ended
//! whom nobody has waited for. Follows clone(2), "RETURN VALUE", and wait(2), "NOTES".

use linux_raw_sys::general::SIGKILL;

use super::board::Board;
use super::clock::{GRACE, wait_until};
use crate::sys::clone::Fork;
use crate::sys::process::Pid;
use crate::sys::{Failure, Sys};

/// What came of an attempt to make a process.
pub enum Forked {
    Child,
    Parent(Pid),
    /// This is the parent, and it was told that it is the child.
    Confused,
}

/// Makes a process by `clone`, and asks anew which of the two this is.
///
/// # Errors
///
/// Those of the call.
pub fn fork(
    sys: &Sys,
    board: &Board,
    clone: impl FnOnce() -> Result<Fork, Failure>,
) -> Result<Forked, Failure> {
    let me = sys.getpid();
    board.set_parent_knows(false);
    let forked = clone()?;
    let is_another = sys.getpid() != me;
    Ok(match forked {
        // A child that is told that it is the parent must not go on as one.
        Fork::Parent(_) if is_another => Forked::Child,
        Fork::Parent(pid) => {
            board.set_parent_knows(true);
            Forked::Parent(pid.get())
        }
        // In another PID namespace a child can have the parent's number. Then the parent must have
        // been told of its child.
        Fork::Child if is_another || wait_until(sys, GRACE, || board.parent_knows()) => {
            Forked::Child
        }
        Fork::Child => Forked::Confused,
    })
}

/// Ends those who are left of a check, as far as they have become children of the caller's, and waits
/// for them. Gives whether none of these is left.
pub fn reap(sys: &Sys, board: &Board) -> bool {
    let mut is_one_left = false;
    for pid in board.children() {
        match sys.wait4_nohang(pid) {
            Ok(Some(_)) => board.strike(pid),
            Ok(None) => {
                is_one_left = true;
                let _ = sys.kill(pid, SIGKILL);
            }
            // It is somebody else's.
            Err(_) => {}
        }
    }
    !is_one_left
}
