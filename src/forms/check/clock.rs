// SPDX-License-Identifier: MIT OR Apache-2.0
//! The clock that is watched while others are at work: one that counts only the time in which the
//! watcher itself runs, so that nobody is late who was stopped together with it.
//! Follows nanosleep(2), wait(2), kill(2).

use core::time::Duration;

use linux_raw_sys::general::{__kernel_timespec, SIGCONT, SIGKILL};
use syscalls::Errno;

use super::board::{Board, Verdict};
use crate::sys::process::Pid;
use crate::sys::wait::WaitStatus;
use crate::sys::{Failure, Sys};

/// How long a check may take.
pub const LIMIT: Duration = Duration::from_secs(5);

/// How long to wait for what should happen at once.
pub const GRACE: Duration = Duration::from_secs(1);

/// How long is waited for the exit of a process that has said what there is to say, where wait4(2) has
/// never told of an exit.
pub const EXIT: Duration = Duration::from_millis(100);

/// The first pause, and the longest: a check takes less than a millisecond.
const SHORTEST: Duration = Duration::from_micros(50);
const LONGEST: Duration = Duration::from_millis(10);

/// What a look counts where this kernel makes no pause. It takes less, but the others must have
/// their turn before the watcher's time is over.
const LOOK: Duration = Duration::from_micros(10);

/// Pauses between looks, shorter ones first.
pub struct Clock<'a> {
    sys: &'a Sys,
    pause: Duration,
    passed: Duration,
    /// Whether this kernel can make a pause.
    pauses: bool,
}

impl<'a> Clock<'a> {
    /// A clock at which nothing has passed.
    pub fn new(sys: &'a Sys) -> Self {
        Self { sys, pause: SHORTEST, passed: Duration::ZERO, pauses: true }
    }

    /// Makes a pause. Gives whether another second is over.
    pub fn tick(&mut self) -> bool {
        let tv_nsec = self.pause.subsec_nanos().into();
        // A pause that is cut short by a signal counts as well: it must come to an end.
        self.pauses = self.sys.nanosleep(&__kernel_timespec { tv_sec: 0, tv_nsec }).is_ok();
        let seconds = self.passed.as_secs();
        let counts = if self.pauses { self.pause } else { LOOK };
        self.passed = self.passed.saturating_add(counts);
        self.pause = self.pause.saturating_mul(2).min(LONGEST);
        self.passed.as_secs() != seconds
    }

    /// Whether so much has passed.
    pub fn is_over(&self, limit: Duration) -> bool {
        self.passed >= limit
    }
}

/// Waits until something is so. Gives whether it came to that.
pub fn wait_until(sys: &Sys, limit: Duration, mut is_so: impl FnMut() -> bool) -> bool {
    let mut clock = Clock::new(sys);
    while !is_so() {
        if clock.is_over(limit) {
            return false;
        }
        clock.tick();
    }
    true
}

/// How a check's process ended.
pub enum End {
    /// As wait4(2) says.
    Known(WaitStatus),
    /// It is gone, or has said all there is to say; wait4(2) does not help.
    Unknown,
    /// It took too long.
    Late,
}

/// A process that works on the board, as its parent sees it.
pub struct Watched<'a> {
    pub sys: &'a Sys,
    pub board: &'a Board,
    /// Its id, as clone(2) gave it.
    pub pid: Pid,
    /// Whether it has another id for itself, because it is in another PID namespace.
    pub is_elsewhere: bool,
    /// Whether wait4(2) has told of an exit before.
    pub is_told: bool,
}

impl Watched<'_> {
    /// Waits until it has ended.
    pub fn wait(&self) -> End {
        let Self { sys, board, pid, .. } = *self;
        let mut clock = Clock::new(sys);
        let mut since_verdict = Clock::new(sys);
        loop {
            let has_spoken = board.verdict() != Verdict::None;
            let ended = if clock.pauses { sys.wait4_nohang(pid) } else { sys.wait4(pid).map(Some) };
            match ended {
                Ok(Some((ended, status))) if ended == pid => return End::Known(status),
                Ok(None) | Err(Failure { errno: Errno::EINTR, .. }) => {}
                // It is told of somebody else's end, or that there is no such child.
                Ok(Some(_)) | Err(_) => {
                    if has_spoken || self.is_gone(&clock) {
                        return End::Unknown;
                    }
                }
            }
            if has_spoken && since_verdict.is_over(if self.is_told { LIMIT } else { EXIT }) {
                self.kill(EXIT, &clock);
                return End::Unknown;
            }
            if clock.is_over(LIMIT) {
                self.kill(GRACE, &clock);
                return End::Late;
            }
            if has_spoken {
                since_verdict.tick();
            } else if clock.tick() {
                // Whoever was stopped, by somebody who does not know what this is, shall go on.
                self.signal(SIGCONT);
            }
        }
    }

    /// Ends it, and waits for it so long.
    fn kill(&self, limit: Duration, clock: &Clock<'_>) {
        let Self { sys, pid, .. } = *self;
        self.signal(SIGKILL);
        wait_until(sys, limit, || {
            !matches!(sys.wait4_nohang(pid), Ok(None)) || self.is_gone(clock)
        });
    }

    /// Sends it a signal; but not where clone(2) gave the id of somebody else.
    fn signal(&self, signal: u32) {
        if self.is_elsewhere || self.board.me() == self.pid {
            let _ = self.sys.kill(self.pid, signal);
        }
    }

    /// Whether it is there no more, or never was: neither under the id that clone(2) gave nor under
    /// its own.
    fn is_gone(&self, clock: &Clock<'_>) -> bool {
        let is_gone =
            |pid| self.sys.kill(pid, 0).is_err_and(|failure| failure.errno == Errno::ESRCH);
        let me = self.board.me();
        is_gone(self.pid) && if me == 0 { clock.is_over(GRACE) } else { is_gone(me) }
    }
}
