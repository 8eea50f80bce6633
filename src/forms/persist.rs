// SPDX-License-Identifier: MIT OR Apache-2.0
//! `--persist FILE`: the new namespace is bound to a file, and outlives its processes.
//! Follows mount(2), `MS_BIND`, and namespaces(7), "The /proc/pid/ns/ directory".

use core::ffi::CStr;

use linux_raw_sys::general::{MS_BIND, O_CLOEXEC};
use syscalls::Errno;

use super::process::{is_same_process, open_process};
use crate::sys::file::{Fd, STDERR};
use crate::sys::process::Pid;
use crate::sys::table::Call;
use crate::sys::{Failure, Sys};
use crate::text::line::Line;

/// Says that nothing is bound with a privilege that the program's file gave its caller, by
/// setcap(8): whatever file the caller names would be covered, a password file too, for all users.
#[cold]
#[inline(never)] // its line would be on everybody's stack, and cost a page fault
pub fn refuse(sys: &Sys) {
    let reason = "newuts: --persist: the privilege is that of the program's file, and not yours";
    // Where it cannot be written, the exit status still tells.
    let _ = Line::new().text(reason).write_to(sys, STDERR);
}

/// A file that a namespace is bound to.
pub struct Bound<'a> {
    file: &'a CStr,
    /// Whether the file was made for it.
    is_new: bool,
}

impl<'a> Bound<'a> {
    /// Binds the caller's UTS namespace to a file, which is made if it is not there.
    ///
    /// # Errors
    ///
    /// openat(2), mount(2). Then the file is not there again if it was not there before.
    pub fn bind_own(sys: &Sys, file: &'a CStr) -> Result<Self, Failure> {
        Self::bind(sys, c"/proc/self/ns/uts", file)
    }

    /// The same with the UTS namespace of a child.
    ///
    /// # Errors
    ///
    /// Those of [`Bound::bind_own`], and `ESRCH` where /proc has another process under the child's
    /// number.
    pub fn bind_child(sys: &Sys, pid: Pid, file: &'a CStr) -> Result<Self, Failure> {
        let pidfd = open_process(sys, pid)?;
        if !is_same_process(sys, pid, pidfd)? {
            return Err(Failure { call: Call::openat, errno: Errno::ESRCH });
        }
        let mut path = Line::short();
        path.text("/proc/").number(pid.unsigned_abs().into()).text("/ns/uts");
        Self::bind(sys, path.as_c_str().unwrap_or_default(), file)
    }

    fn bind(sys: &Sys, namespace: &CStr, file: &'a CStr) -> Result<Self, Failure> {
        let is_new = match sys.openat_create(file) {
            Ok(fd) => {
                sys.close(fd);
                true
            }
            // A folder with a slash behind its name is there, too: mount(2) says what is wrong with it.
            Err(Failure { errno: Errno::EEXIST | Errno::EISDIR, .. }) => false,
            Err(failure) => {
                // The file is there, but no descriptor could be kept.
                let is_new = failure.call != Call::openat;
                Self { file, is_new }.remove_file(sys);
                return Err(failure);
            }
        };
        let bound = Self { file, is_new };
        match sys.mount(namespace, file, MS_BIND) {
            Ok(()) => Ok(bound),
            Err(failure) => {
                bound.remove_file(sys);
                Err(failure)
            }
        }
    }

    /// Takes all of it back.
    pub fn undo(&self, sys: &Sys) {
        // What cannot be taken back stays. The error that led here was reported.
        let _ = sys.umount2_detach(self.file);
        self.remove_file(sys);
    }

    fn remove_file(&self, sys: &Sys) {
        if self.is_new {
            let _ = sys.unlinkat(self.file);
        }
    }
}

/// What keeps a child's namespace until it is bound: the child does not end before. A pipe, in which
/// nobody writes, and which the parent closes.
#[derive(Clone, Copy)]
pub struct Pending([Fd; 2]);

impl Pending {
    /// Prepares it, before there is a child.
    ///
    /// # Errors
    ///
    /// pipe2(2).
    pub fn prepare(sys: &Sys) -> Result<Self, Failure> {
        sys.pipe2(O_CLOEXEC).map(Self)
    }

    /// In the child: waits until the parent has bound the namespace, or has died.
    ///
    /// # Errors
    ///
    /// read(2).
    pub fn wait(self, sys: &Sys) -> Result<(), Failure> {
        let [read_end, write_end] = self.0;
        sys.close(write_end);
        read_byte(sys, read_end).map(|_| ())
    }

    /// In the parent: lets the child end.
    pub fn end(self, sys: &Sys) {
        let [_, write_end] = self.0;
        sys.close(write_end);
    }
}

/// What the child and the parent of `--fork` tell each other: the child enters the namespaces, and
/// the parent, which has stayed outside and may mount there, binds the new one.
pub struct Agreement<'a> {
    file: &'a CStr,
    /// From the child: a byte when it is in its namespaces, and another if there is no command.
    /// Where there is one, execve(2) closes the pipe.
    from_child: [Fd; 2],
    /// From the parent: a byte when it is bound.
    from_parent: [Fd; 2],
}

impl<'a> Agreement<'a> {
    /// Prepares it, before there is a child.
    ///
    /// # Errors
    ///
    /// pipe2(2).
    pub fn prepare(sys: &Sys, file: &'a CStr) -> Result<Self, Failure> {
        let (from_child, from_parent) = (sys.pipe2(O_CLOEXEC)?, sys.pipe2(O_CLOEXEC)?);
        Ok(Self { file, from_child, from_parent })
    }

    /// In the child, which is in its namespaces: waits until they are bound. Gives whether they
    /// are; the parent has said why not.
    ///
    /// # Errors
    ///
    /// write(2), read(2).
    pub fn wait_for_parent(&self, sys: &Sys) -> Result<bool, Failure> {
        let ([unused_read, write_end], [read_end, unused_write]) =
            (self.from_child, self.from_parent);
        sys.close(unused_read);
        sys.close(unused_write);
        sys.write(write_end, b"x")?;
        read_byte(sys, read_end)
    }

    /// In the child: there is no command.
    pub fn fail(&self, sys: &Sys) {
        let [_, write_end] = self.from_child;
        // If the parent no longer reads, it does not bind anything either.
        let _ = sys.write(write_end, b"x");
    }

    /// In the parent: waits until the child is in its namespaces, binds the new one, and takes that
    /// back if there is no command.
    ///
    /// # Errors
    ///
    /// openat(2), mount(2), read(2), write(2). The child then ends.
    pub fn bind(&self, sys: &Sys, child: Pid) -> Result<(), Failure> {
        let ([read_end, unused_write], [unused_read, write_end]) =
            (self.from_child, self.from_parent);
        sys.close(unused_write);
        sys.close(unused_read);
        if read_byte(sys, read_end)? {
            let bound = Bound::bind_child(sys, child, self.file)?;
            let has_no_command = sys.write(write_end, b"x").and_then(|_| read_byte(sys, read_end));
            if has_no_command != Ok(false) {
                bound.undo(sys);
            }
            has_no_command?;
        }
        sys.close(read_end);
        sys.close(write_end);
        Ok(())
    }
}

/// Whether there is a byte to read, and not the pipe's end.
fn read_byte(sys: &Sys, fd: Fd) -> Result<bool, Failure> {
    loop {
        match sys.read(fd, &mut [0]) {
            Err(Failure { errno: Errno::EINTR, .. }) => {}
            result => return result.map(|length| length == 1),
        }
    }
}
