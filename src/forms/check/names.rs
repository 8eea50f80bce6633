// SPDX-License-Identifier: MIT OR Apache-2.0
//! What uname(2) shows, compared with what it is to show.
//! Follows uname(2), uts_namespaces(7).

use core::ffi::c_char;
use core::mem::MaybeUninit;
use core::slice;

use linux_raw_sys::system::new_utsname;

use super::board::Verdict;
use super::judge::Wanted;
use super::memory::{GUARD, UNTOUCHED};
use super::process::Process;
use crate::sys::table::{Call, Request};
use crate::text::errno;
use crate::text::line::Line;

/// Which of the two names of a UTS namespace.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Field {
    Nodename,
    Domainname,
}

/// The fields of a utsname that no UTS namespace has for itself, with their names.
fn others(uts: &new_utsname) -> [(&'static str, &[c_char]); 4] {
    [
        ("sysname", &uts.sysname),
        ("release", &uts.release),
        ("version", &uts.version),
        ("machine", &uts.machine),
    ]
}

impl Process<'_> {
    /// Asks for the names. None if that goes wrong.
    fn uname<'b>(&self, buf: &'b mut MaybeUninit<new_utsname>) -> Option<&'b new_utsname> {
        self.board.announce(b"uname");
        match self.sys.uname(buf) {
            Ok(uts) => Some(uts),
            Err(failure) => {
                let verdict = self.blame(Call::uname);
                self.conclude(verdict, Line::new(), |line| {
                    line.text("uname: expected 0, got ");
                    errno::name(line, failure.errno);
                });
                None
            }
        }
    }

    /// Whether one of the two names is this, and nothing behind it.
    pub fn is_called(&self, field: Field, address: usize, len: usize) -> bool {
        let mut buf = MaybeUninit::uninit();
        let Some(uts) = self.uname(&mut buf) else { return false };
        let (label, found) = match field {
            Field::Nodename => ("uname: nodename", &uts.nodename),
            Field::Domainname => ("uname: domainname", &uts.domainname),
        };
        let name = self.memory.bytes(address, len);
        let is_this = found.iter().enumerate().all(|(place, byte)| {
            byte.to_le_bytes() == [name.get(place).copied().unwrap_or_default()]
        });
        is_this
            || self.conclude(Verdict::Broken, Line::new(), |line| {
                line.text(label).text(": expected \"").escaped(name);
                line.text("\", got ");
                show_field(line, found);
            })
    }

    /// Whether the four other fields are right, each beside the caller's.
    pub fn others(&self, is_right: fn(&[c_char], &[c_char]) -> bool) -> bool {
        let mut buf = MaybeUninit::uninit();
        let Some(uts) = self.uname(&mut buf) else { return false };
        let callers = others(&self.caller.names);
        for ((label, found), (_, callers)) in others(uts).into_iter().zip(callers) {
            if !is_right(found, callers) {
                return self.conclude(Verdict::Broken, Line::new(), |line| {
                    line.text("uname: ").text(label).text(": expected ");
                    show_field(line, callers);
                    show_field(line.text(", got "), found);
                });
            }
        }
        true
    }

    /// Whether uname(2) fills in its whole buffer, and nothing beside that.
    pub fn fills_all(&mut self) -> bool {
        let buf = self.memory.untouched();
        if !self.call(Request::uname(buf), Wanted::Zero) {
            return false;
        }
        let size = size_of::<new_utsname>();
        let bytes = self.memory.bytes(buf - GUARD, 2 * GUARD + size);
        // Whether a byte is in the buffer or beside it, it must not be the other.
        let wrong = (0..)
            .zip(bytes)
            .find(|(place, byte)| (GUARD..GUARD + size).contains(place) == (**byte == UNTOUCHED));
        let Some((place, _)) = wrong else { return true };
        self.conclude(Verdict::Broken, Line::new(), |line| {
            line.text("uname: expected ").number(size as u64).text(" bytes, got ");
            match place.checked_sub(GUARD) {
                None => line.number((GUARD - place) as u64).text(" bytes before them"),
                Some(place) if place < size => {
                    line.text("nothing in byte ").number(place as u64 + 1)
                }
                Some(place) => line.text("something in byte ").number(place as u64 + 1),
            };
        })
    }
}

/// Appends a field of a utsname: `"antero"`, without the NULs at its end.
fn show_field(line: &mut Line, field: &[c_char]) {
    // SAFETY: a char is a byte, whatever its sign is on this CPU.
    let bytes = unsafe { slice::from_raw_parts(field.as_ptr().cast::<u8>(), field.len()) };
    let len = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |place| place + 1);
    line.byte(b'"').escaped(bytes.get(..len).unwrap_or_default()).byte(b'"');
}
