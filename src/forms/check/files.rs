// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the files of /proc show, and what is written to them: the links to namespaces, the names.
//! Follows namespaces(7), proc_sys_kernel(5).

use core::mem;

use linux_raw_sys::general::{AT_FDCWD, O_WRONLY};

use super::board::Verdict;
use super::caller;
use super::judge::Wanted;
use super::memory::Scratch;
use super::process::Process;
use crate::sys::bytes::same;
use crate::sys::table::Request;
use crate::text::line::Line;

impl Process<'_> {
    /// Looks at the number in a namespace's link.
    pub fn link(&mut self, path: usize, look: impl FnOnce(&mut Self, u64) -> bool) -> bool {
        let (buf, size) = (self.memory.scratch(), caller::LONGEST_LINK);
        let last = self.last;
        if !self.call(Request::readlinkat(AT_FDCWD, path, buf, size), Wanted::Number) {
            return false;
        }
        // The steps know nothing of the length.
        let len = mem::replace(&mut self.last, last);
        let text = self.memory.bytes(buf.expose_provenance(), len.min(size));
        if caller::number_in(text).is_some_and(|number| look(self, number)) {
            return true;
        }
        self.conclude(Verdict::Broken, Line::new(), |line| {
            line.text("readlinkat: expected ");
            line.text(if self.kept == 0 { "a number" } else { "another relation" });
            line.text(" to ").number(self.kept).text(", got ").word(text);
        })
    }

    /// Whether a descriptor is of the namespace that a link leads to.
    pub fn is_of(&mut self, fd: usize, path: usize) -> bool {
        let mut own = Line::new();
        own.text("/proc/self/fd/").number(fd as u64);
        let Some(own) = own.as_c_str() else { return false };
        let own = own.as_ptr().expose_provenance();
        self.link(path, |process, number| {
            process.kept = number;
            true
        }) && self.link(own, |process, number| number == process.kept)
    }

    /// Whether a file shows these bytes, and a newline.
    pub fn shows(&mut self, fd: usize, address: usize, len: usize) -> bool {
        let buf = self.memory.scratch();
        if !self.call(Request::read(fd, buf, size_of::<Scratch>()), Wanted::Number) {
            return false;
        }
        let name = self.memory.bytes(address, len);
        let found = self.memory.bytes(buf.expose_provenance(), self.last);
        let is_this = found
            .split_last()
            .is_some_and(|(last, name_there)| *last == b'\n' && same(name_there, name));
        is_this
            || self.conclude(Verdict::Broken, Line::new(), |line| {
                line.text("read: expected \"").escaped(name);
                line.text("\\n\", got \"").escaped(found).byte(b'"');
            })
    }

    /// Writes a name, or a number, to a file. A name that cannot be written there in one piece is
    /// no name to try this with.
    pub fn writes(&mut self, path: usize, address: usize, len: usize) -> bool {
        let name = self.memory.bytes(address, len);
        if address == self.memory.present()
            && (len == 0 || name.contains(&0) || name.contains(&b'\n'))
        {
            self.board.conclude(Verdict::Skipped, b"the caller's name is none that a file can set");
            return false;
        }
        let request = Request::openat(AT_FDCWD, path, O_WRONLY, 0_u32);
        self.call(request, Wanted::Number)
            && self.call(Request::write(self.last, address, len), Wanted::Number)
            && self.gives(len)
    }
}
