// SPDX-License-Identifier: MIT OR Apache-2.0
//! Whether the result of a call is the one that was to come; if not, whether that breaks the promise,
//! or is for want of something (`lack.rs`).
#![allow(clippy::cast_possible_truncation, reason = "the words of a step are words of a call")]

use core::ffi::{CStr, c_int};
use core::ptr;

use syscalls::Errno;

use super::board::Verdict;
use super::caller;
use super::lack;
use super::process::Process;
use super::which::is_of;
use crate::sys::Failure;
use crate::sys::bytes::c_str;
use crate::sys::table::{Call, Request};
use crate::text::errno;
use crate::text::line::{Line, LongLine};

/// What a call is to give.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// 0.
    Zero,
    /// A number: a descriptor, a length.
    Number,
}

impl Process<'_> {
    /// Judges the result of a call. Gives whether it is as expected.
    pub fn judge(
        &mut self,
        request: &Request,
        line: LongLine,
        result: Result<usize, Failure>,
        wanted: Wanted,
    ) -> bool {
        let expected = self.expected.take();
        match (result, expected) {
            (Ok(0), None) if wanted == Wanted::Zero => return true,
            (Ok(number), None) if wanted == Wanted::Number => {
                self.last = number;
                return true;
            }
            (Err(failure), Some(errno)) if failure.errno == errno => return true,
            _ => {}
        }
        if let Err(failure) = result
            && let Some(reason) = self.excuse(request, failure, expected)
        {
            return self.skip(failure, reason);
        }
        let verdict = match result {
            Err(failure) if expected.is_none() || failure.errno == Errno::EAGAIN => {
                self.blame_refusal(failure, asked(request).0)
            }
            _ => self.blame(request.call),
        };
        self.conclude(verdict, line, |line| {
            line.text(": expected ");
            match expected {
                Some(errno) => {
                    errno::name(line, errno);
                }
                None => {
                    line.text(if wanted == Wanted::Zero { "0" } else { "success" });
                }
            }
            line.text(", got ");
            match result {
                Ok(number) => {
                    line.number(number as u64);
                }
                Err(failure) => {
                    errno::name(line, failure.errno);
                }
            }
        })
    }

    /// Why a call was refused, if that is no fault of the kernel's.
    fn excuse(
        &self,
        request: &Request,
        failure: Failure,
        expected: Option<Errno>,
    ) -> Option<&'static str> {
        let (flags, file) = asked(request);
        if matches!(failure, Failure { call: Call::setns, errno: Errno::EINVAL })
            && let Some(reason) =
                lack::no_pidfd_for_setns(self.sys, request.args[0].cast_signed() as c_int)
        {
            return Some(reason);
        }
        if expected.is_some() {
            return lack::explain_any(self.sys, failure, flags);
        }
        lack::explain(self.sys, failure, flags, file, self.caller.ids)
    }

    /// Whether a call that goes wrong breaks the promise, or only prepares for it: the pages of
    /// section 2 promise something of their own call only.
    pub fn blame(&self, call: Call) -> Verdict {
        let prepares = matches!(call, Call::capset | Call::setpgid | Call::mmap | Call::mprotect);
        if !prepares && is_of(self.promise, call.row().name()) {
            Verdict::Broken
        } else {
            Verdict::Error
        }
    }

    /// The same for a call that was refused. It is not to be blamed where there can be no process more,
    /// and so it cannot be found out why.
    pub fn blame_refusal(&self, failure: Failure, flags: u32) -> Verdict {
        let is_clone = matches!(failure.call, Call::clone | Call::clone3);
        let is_limit = is_clone && failure.errno == Errno::EAGAIN;
        if is_limit || lack::needs_process(self.sys, failure, flags) {
            Verdict::NoProcess
        } else {
            self.blame(failure.call)
        }
    }

    /// Whether the result of the last call is this.
    pub fn gives(&self, number: usize) -> bool {
        let mut line = Line::new();
        line.bytes(self.promise.split(|byte| *byte == b':').next().unwrap_or_default());
        self.last == number
            || self.conclude(Verdict::Broken, line, |line| {
                line.text(": expected ").number(number as u64);
                line.text(", got ").number(self.last as u64);
            })
    }
}

/// The namespaces that a call is asked for, and the file.
fn asked(request: &Request) -> (u32, Option<&'static CStr>) {
    // SAFETY: whatever a step opens is a path.
    let path = |address| unsafe { c_str(ptr::with_exposed_provenance(address)) };
    match request.call {
        Call::unshare | Call::clone => (request.args[0] as u32, None),
        Call::setns => (request.args[1] as u32, None),
        Call::openat => (0, Some(path(request.args[1]))),
        Call::readlinkat => (0, Some(caller::UTS)),
        _ => (0, None),
    }
}
