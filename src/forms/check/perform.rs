// SPDX-License-Identifier: MIT OR Apache-2.0
//! From a step to what is done: calls, questions about what they have changed, children.
//! What each step means is said in `step.rs`.
#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    reason = "the words of a step are words of a call"
)]

use linux_raw_sys::general::{AT_FDCWD, O_RDONLY};
use syscalls::Errno;

use super::board::Verdict;
use super::judge::Wanted;
use super::names::Field;
use super::process::Process;
use super::step::{Act, Step, Steps};
use crate::sys::process::Pid;
use crate::sys::table::Request;

impl<'a> Process<'a> {
    /// Does steps, until one does not go as it says or they end for this process. Gives the exit
    /// status.
    pub fn perform(&mut self, steps: &mut Steps<'a>) -> u8 {
        while let Some(step) = steps.next() {
            match step.act {
                Act::Exit | Act::Leave => return self.word(step.words[0]) as u8,
                Act::End => {
                    self.board.conclude(Verdict::Kept, b"");
                    return 0;
                }
                _ if !self.step(step, steps) => return 1,
                _ => {}
            }
        }
        1
    }

    /// Does a step. Gives whether it went as it says.
    pub fn step(&mut self, step: &Step, steps: &mut Steps<'a>) -> bool {
        let [first, second, third] = step.words.map(|word| self.word(word));
        match step.act {
            Act::Expect => {
                self.expected = Some(Errno::new(first as i32));
                true
            }
            Act::Gives => self.gives(first),
            Act::Nodename => self.is_called(Field::Nodename, first, second),
            Act::Domainname => self.is_called(Field::Domainname, first, second),
            Act::OthersAreTheSame => self.others(|field, callers| field.iter().eq(callers)),
            Act::OthersAreThere => {
                self.others(|field, _| matches!(field, [first, .., 0] if *first != 0))
            }
            Act::FillsAll => self.fills_all(),
            Act::Keep => self.link(first, |process, number| {
                process.kept = number;
                true
            }),
            Act::IsKept => self.link(first, |process, number| number == process.kept),
            Act::HasChanged => self.link(first, |process, number| number != process.kept),
            Act::IsOf => self.is_of(first, second),
            Act::Shows => {
                let request = Request::openat(AT_FDCWD, first, O_RDONLY, 0_u32);
                self.call(request, Wanted::Number) && self.shows(self.last, second, third)
            }
            Act::ShowsNow => self.shows(first, second, third),
            Act::Writes => self.writes(first, second, third),
            Act::Fork | Act::Clone3 => self.fork(step.act, first as u32, steps),
            Act::Thread => self.thread(steps),
            Act::Wait => self.wait(first as Pid, step.words[1]),
            Act::Say => {
                self.board.go_on(first as u32);
                true
            }
            Act::Hear => self.hear(first as u32),
            Act::Tell => {
                self.board.tell(self.sys.getpid());
                true
            }
            Act::Told => self.was_told(),
            Act::Openat | Act::PidfdOpen | Act::Ioctl | Act::Getfd => {
                self.call(self.request(step.act, first, second), Wanted::Number)
            }
            _ => self.call(self.request(step.act, first, second), Wanted::Zero),
        }
    }
}
