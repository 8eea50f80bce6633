// SPDX-License-Identifier: MIT OR Apache-2.0
//! `--kill-child`: what a child gets when its parent dies. Follows prctl(2), `PR_SET_PDEATHSIG`.

use linux_raw_sys::general::{O_CLOEXEC, O_NONBLOCK};

use crate::sys::file::Fd;
use crate::sys::process::Pid;
use crate::sys::wait::WaitStatus;
use crate::sys::{Failure, Sys};

/// What the child is to get, and how it finds out that its parent has died already.
#[derive(Clone, Copy)]
pub struct DeathSignal {
    /// The signal.
    pub signal: u32,
    /// The parent's process id.
    parent: Pid,
    /// A pipe, in which nobody writes: the end to read from, and the end to write to. When the
    /// parent has died, the child finds the pipe's end.
    pipe: [Fd; 2],
}

impl DeathSignal {
    /// Prepares it, in the parent, before there is a child. Nothing is needed without a signal.
    ///
    /// # Errors
    ///
    /// pipe2(2).
    pub fn prepare(sys: &Sys, signal: Option<u32>) -> Result<Option<Self>, Failure> {
        let Some(signal) = signal else {
            return Ok(None);
        };
        let pipe = sys.pipe2(O_NONBLOCK | O_CLOEXEC)?;
        Ok(Some(Self { signal, parent: sys.getpid(), pipe }))
    }

    /// Has the kernel send the signal to this process, the child, when its parent dies.
    ///
    /// # Errors
    ///
    /// prctl(2).
    pub fn ask_for(&self, sys: &Sys) -> Result<(), Failure> {
        sys.prctl_set_pdeathsig(self.signal)?;
        // A parent that died before that call sends nothing any more. Process 1 of a PID namespace
        // can send itself nothing.
        if !self.parent_lives(sys) && sys.kill(sys.getpid(), self.signal).is_err() {
            sys.exit_group(WaitStatus::killed_by(self.signal).code());
        }
        Ok(())
    }

    /// Whether the parent has not died yet.
    fn parent_lives(&self, sys: &Sys) -> bool {
        let Self { parent, pipe: [read_end, write_end], .. } = *self;
        match sys.getppid() {
            // A child that was born in another PID namespace has no number for its parent; and who
            // knows his own number or his parent's not at all, is in a sandbox. While the parent
            // lives it could write to the pipe, and there is nothing to read yet: EAGAIN.
            0 => {}
            _ if parent == 0 => {}
            found => return found == parent,
        }
        sys.close(write_end);
        sys.read(read_end, &mut [0]) != Ok(0)
    }
}
