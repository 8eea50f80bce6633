//! `--persist FILE`: the new namespace is bound to a file, and outlives its processes.
//! Follows mount(2), `MS_BIND`, and namespaces(7), "The /proc/pid/ns/ directory".

use core::ffi::CStr;

use linux_raw_sys::general::{MS_BIND, O_CLOEXEC, SIGCHLD};
use syscalls::Errno;

use crate::sys::file::Fd;
use crate::sys::process::{Fork, Pid};
use crate::sys::table::Call;
use crate::sys::{Failure, Sys};
use crate::text::line::Line;

/// A file that a namespace is bound to.
pub struct Bound<'a> {
    file: &'a CStr,
    /// Whether the file was made for it.
    is_new: bool,
}

impl<'a> Bound<'a> {
    /// Binds the UTS namespace of a process to a file, which is made if it is not there.
    ///
    /// # Errors
    ///
    /// openat(2), mount(2). Then the file is not there again if it was not there before.
    pub fn bind(sys: &Sys, pid: Pid, file: &'a CStr) -> Result<Self, Failure> {
        let is_new = match sys.openat_create(file) {
            Ok(fd) => {
                sys.close(fd);
                true
            }
            Err(Failure { errno: Errno::EEXIST, .. }) => false,
            Err(failure) => return Err(failure),
        };
        let mut path = Line::new();
        path.text("/proc/").number(pid.unsigned_abs().into()).text("/ns/uts");
        let bound = Self { file, is_new };
        match sys.mount(path.as_c_str().unwrap_or_default(), file, MS_BIND) {
            Ok(()) => Ok(bound),
            Err(failure) => {
                bound.remove_file(sys);
                Err(failure)
            }
        }
    }

    /// Takes all of it back.
    pub fn undo(&self, sys: &Sys) {
        // What cannot be taken back stays: the error that led here was said.
        let _ = sys.umount2_detach(self.file);
        self.remove_file(sys);
    }

    fn remove_file(&self, sys: &Sys) {
        if self.is_new {
            let _ = sys.unlinkat(self.file);
        }
    }
}

/// A child that stays outside when its parent enters namespaces, and binds the parent's new UTS
/// namespace to a file: in a user namespace of its own the parent may mount nothing outside.
pub struct Helper {
    pid: Pid,
    /// The end to write to of a pipe: the child waits for a byte, or for the pipe's end.
    write_end: Fd,
}

impl Helper {
    /// Makes the child.
    ///
    /// # Errors
    ///
    /// pipe2(2), clone(2).
    pub fn start(sys: &Sys, file: &CStr) -> Result<Self, Failure> {
        let [read_end, write_end] = sys.pipe2(O_CLOEXEC)?;
        let parent = sys.getpid();
        match sys.clone_fork(SIGCHLD)? {
            Fork::Parent(pid) => {
                sys.close(read_end);
                Ok(Self { pid: pid.get(), write_end })
            }
            Fork::Child => {
                sys.close(write_end);
                let mut go = [0];
                let status = match sys.read(read_end, &mut go) {
                    Ok(1) => match Bound::bind(sys, parent, file) {
                        Ok(_) => 0,
                        Err(failure) => {
                            failure.report(sys);
                            1
                        }
                    },
                    // The parent has failed, and said so.
                    _ => 1,
                };
                sys.exit_group(status)
            }
        }
    }

    /// Has the child bind the namespace. Gives whether it could; it has said why not.
    ///
    /// # Errors
    ///
    /// write(2), wait4(2).
    pub fn bind(self, sys: &Sys) -> Result<bool, Failure> {
        let written = sys.write(self.write_end, b"x");
        let status = self.end(sys);
        written?;
        status.map(|status| status == 0)
    }

    /// Lets the child end, and waits for it. Gives its status.
    ///
    /// # Errors
    ///
    /// wait4(2).
    pub fn end(self, sys: &Sys) -> Result<u8, Failure> {
        sys.close(self.write_end);
        loop {
            match sys.wait4(self.pid) {
                Err(Failure { errno: Errno::EINTR, .. }) => {}
                // Where the caller ignores SIGCHLD the kernel keeps no status: look at the result.
                ended => return ended.map(|(_, status)| status.code()),
            }
        }
    }
}

/// Whether a failure is that of a call that binds.
#[must_use]
pub fn is_of_binding(failure: Failure) -> bool {
    matches!(failure.call, Call::mount)
}
