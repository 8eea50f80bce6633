// SPDX-License-Identifier: MIT OR Apache-2.0
//! A terminal of the test's own: a pair of pseudoterminals, at whose one side the test types and
//! reads, and whose other side a session of programs has as its controlling terminal.

use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt as _;
use std::process::Command;
use std::sync::Mutex;

use rustix::fs::{Mode, OFlags, fcntl_setfl, open};
use rustix::process::{ioctl_tiocsctty, setsid};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{LocalModes, OptionalActions, Winsize, tcgetattr, tcsetattr, tcsetwinsize};

use super::run::{LIMIT, eventually, no_fork};

/// The test's side.
pub struct Terminal {
    keyboard: OwnedFd,
    name: String,
    said: Mutex<Vec<u8>>,
}

impl Terminal {
    /// A terminal that does not echo what is typed.
    pub fn new() -> Self {
        let _lock = no_fork();
        let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
        let keyboard = openpt(flags).unwrap();
        grantpt(&keyboard).unwrap();
        unlockpt(&keyboard).unwrap();
        let name = ptsname(&keyboard, Vec::new()).unwrap().into_string().unwrap();
        let mut mode = tcgetattr(&keyboard).unwrap();
        mode.local_modes.remove(LocalModes::ECHO);
        tcsetattr(&keyboard, OptionalActions::Now, &mode).unwrap();
        fcntl_setfl(&keyboard, OFlags::RDWR | OFlags::NONBLOCK).unwrap();
        Self { keyboard, name, said: Mutex::default() }
    }

    /// Its name in the file system.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The other side.
    pub fn user_side(&self) -> OwnedFd {
        let _lock = no_fork();
        let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC;
        open(self.name(), flags, Mode::empty()).unwrap()
    }

    /// Makes the command the leader of a session that has this terminal. It reads from there; the
    /// other streams stay what they are.
    pub fn control<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        let take = || {
            setsid()?;
            Ok(ioctl_tiocsctty(io::stdin())?)
        };
        command.stdin(self.user_side());
        // SAFETY: two system calls and no more.
        unsafe { command.pre_exec(take) }
    }

    /// [`Terminal::control`], with all three streams.
    pub fn hold<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        self.control(command).stdout(self.user_side()).stderr(self.user_side())
    }

    /// Types.
    #[track_caller]
    pub fn enter(&self, text: &str) {
        assert_eq!(rustix::io::write(&self.keyboard, text.as_bytes()), Ok(text.len()));
    }

    /// What was said on it so far.
    pub fn said(&self) -> String {
        let mut said = self.said.lock().unwrap();
        let mut buffer = [0; 4096];
        // EAGAIN: no more at the moment; EIO: nobody has the other side any more.
        while let Ok(count @ 1..) = rustix::io::read(&self.keyboard, &mut buffer) {
            said.extend_from_slice(&buffer[..count]);
        }
        String::from_utf8_lossy(&said).replace('\r', "")
    }

    /// Waits until it says so, and forgets all up to there.
    #[track_caller]
    pub fn until(&self, text: &str) {
        let found = eventually(format_args!("{text:?} on a terminal"), LIMIT, || {
            let said = self.said();
            said.contains(text).then_some(said)
        });
        let (_, rest) = found.split_once(text).unwrap();
        *self.said.lock().unwrap() = rest.as_bytes().to_vec();
    }

    /// Gives it another size.
    pub fn resize(&self) {
        let size = Winsize { ws_row: 10, ws_col: 20, ws_xpixel: 0, ws_ypixel: 0 };
        tcsetwinsize(&self.keyboard, size).unwrap();
    }

    /// Hangs up: the test's side is closed.
    pub fn hang_up(self) {
        drop(self.keyboard);
    }
}
