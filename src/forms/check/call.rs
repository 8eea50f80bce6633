// SPDX-License-Identifier: MIT OR Apache-2.0
//! The calls of the steps: which call a step makes, how it is announced, and when it must not be
//! made because it would reach the caller.
#![allow(clippy::cast_sign_loss, reason = "the words of a step are words of a call")]

use linux_raw_sys::general::{
    CLONE_NEWUSER, F_GETFD, MS_BIND, MS_PRIVATE, MS_REC, O_RDONLY, SIGKILL, WNOHANG,
};

use super::board::Verdict;
use super::caller;
use super::judge::Wanted;
use super::process::Process;
use super::step::Act;
use crate::sys::table::{Call, Kind, Request};
use crate::text::argument;
use crate::text::line::{Line, LongLine};

/// How many bytes of a name are shown where it is an argument.
const SHOWN: usize = 5;

impl Process<'_> {
    /// The call that a step makes.
    pub fn request(&self, act: Act, first: usize, second: usize) -> Request {
        match act {
            Act::Capset => {
                let (header, sets) = self.memory.no_capabilities();
                Request::capset(header, sets)
            }
            Act::Getfd => Request::fcntl(first, F_GETFD, 0),
            Act::Ioctl => Request::ioctl(first, second, 0),
            Act::Kill => Request::kill(first, second),
            Act::MountBind => Request::mount(first, second, 0, MS_BIND, 0),
            Act::MountPrivate => Request::mount(0, first, 0, MS_REC | MS_PRIVATE, 0),
            Act::Openat => Request::openat(first, second, O_RDONLY, 0_u32),
            Act::PidfdOpen => Request::pidfd_open(first, second),
            Act::Setdomainname => Request::setdomainname(first, second),
            Act::Sethostname => Request::sethostname(first, second),
            Act::Setns => Request::setns(first, second),
            Act::Setpgid => Request::setpgid(first, second),
            Act::Uname => Request::uname(first),
            Act::Unshare => Request::unshare(first),
            Act::Wait4Nohang => Request::wait4(first, 0, WNOHANG, 0),
            _ => Request::wait4(first, 0, 0, 0),
        }
    }

    /// Makes a call. Gives whether it went as expected.
    pub fn call(&mut self, request: Request, wanted: Wanted) -> bool {
        let line = self.announce(&request);
        if let Some(reason) = self.forbids(&request) {
            return self.conclude(Verdict::Broken, line, |line| {
                line.text(": not done, for ").text(reason);
            });
        }
        // SAFETY: an address that comes here is a bad one, or that of something to read, or of a
        // buffer in the check's memory that nobody else uses.
        let result = unsafe { self.sys.call(request) };
        if request.call == Call::unshare && request.args[0] & CLONE_NEWUSER as usize != 0 {
            // New capabilities take it away: prctl(2), PR_SET_PDEATHSIG.
            let _ = self.sys.prctl_set_pdeathsig(SIGKILL);
        }
        self.judge(&request, line, result, wanted)
    }

    /// Says what is about to be done: `sethostname("abcde"..., 65)`.
    pub fn announce(&self, request: &Request) -> LongLine {
        let mut line = Line::new();
        let row = request.call.row();
        line.bytes(row.name()).byte(b'(');
        for (index, kind) in row.kinds().enumerate() {
            if !argument::is_shown(kind, request) {
                break;
            }
            line.text(if index == 0 { "" } else { ", " });
            let (word, next) =
                (argument::argument_at(request, index), argument::argument_at(request, index + 1));
            match kind {
                Kind::Nodename if next != 0 && self.memory.has(word, next) => {
                    let shown = self.memory.bytes(word, next.min(SHOWN));
                    line.byte(b'"').escaped(shown).byte(b'"');
                    line.text(if next > SHOWN { "..." } else { "" });
                }
                Kind::Nodename => {
                    argument::show(&mut line, Kind::Address, request, index, None);
                }
                _ => argument::show(&mut line, kind, request, index, None),
            }
        }
        line.byte(b')');
        self.board.announce(line.as_bytes());
        line
    }

    /// Why a call is not to be made: it would reach the caller, if this kernel has not done what it
    /// said before.
    fn forbids(&self, request: &Request) -> Option<&'static str> {
        match request.call {
            Call::sethostname | Call::setdomainname if request.args[0] != self.memory.present() => {
                self.is_in_callers_namespace().then_some("this is the caller's namespace")
            }
            Call::mount => self
                .is_in_callers_mount_namespace()
                .then_some("this is the caller's mount namespace"),
            Call::kill if request.args[0] != self.sys.getpid() as usize => {
                Some("this is another process")
            }
            _ => None,
        }
    }

    /// Whether a name that is set here would be the caller's. (A thread has its own namespace, but
    /// not its own links.)
    fn is_in_callers_namespace(&self) -> bool {
        !self.is_thread
            && self.outside.is_some()
            && caller::uts_number(self.sys).ok() == self.outside
    }

    /// Whether a mount that is made here would be the caller's.
    fn is_in_callers_mount_namespace(&self) -> bool {
        let here = caller::link(self.sys, caller::MNT).ok();
        here.is_none() || here == self.caller.mnt
    }
}
