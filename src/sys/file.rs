//! Files. Follows open(2), read(2), write(2), fcntl(2), mount(2).

use core::ffi::{CStr, c_int};
use core::ops::Range;

use linux_raw_sys::general::{AT_FDCWD, F_GETFD};

use super::process::to_int;
use super::table::Request;
use super::{Failure, Sys};

/// A file descriptor.
pub type Fd = c_int;

/// Standard output's descriptor (stdin(3)).
pub const STDOUT: Fd = 1;

/// Standard error's descriptor (stdin(3)).
pub const STDERR: Fd = 2;

/// The descriptors that every program expects: 0, 1 and 2 (stdin(3)).
pub const STANDARD: Range<Fd> = 0..3;

impl Sys {
    /// `openat(AT_FDCWD, path, flags)`—Opens a file that exists.
    ///
    /// # Errors
    ///
    /// `ENOENT`, `EACCES`, `ENOTDIR`, `EMFILE` and the others of open(2).
    pub fn openat(&self, path: &CStr, flags: u32) -> Result<Fd, Failure> {
        // SAFETY: the kernel only reads `path`, up to its NUL.
        unsafe { self.call(Request::openat(AT_FDCWD, path.as_ptr(), flags)) }.map(to_int)
    }

    /// `read(fd, buf, count)`—Reads into `buf`, and says how many bytes: 0 at the end.
    ///
    /// # Errors
    ///
    /// `EBADF`, `EISDIR`, `EIO`, `EAGAIN`, `EINTR` and others of the file's own.
    pub fn read(&self, fd: Fd, buf: &mut [u8]) -> Result<usize, Failure> {
        // SAFETY: the kernel writes no more than the buffer's length.
        unsafe { self.call(Request::read(fd, buf.as_mut_ptr(), buf.len())) }
    }

    /// `write(fd, buf, count)`—Writes from `buf`, and says how many bytes were written: all of
    /// them or fewer.
    ///
    /// # Errors
    ///
    /// `EBADF` for a closed descriptor, `EPIPE` where nobody reads (and `SIGPIPE` is ignored),
    /// `ENOSPC`, `EIO`, `EAGAIN`, `EINTR` and others of the file's own.
    pub fn write(&self, fd: Fd, buf: &[u8]) -> Result<usize, Failure> {
        // SAFETY: the kernel only reads `buf`.
        unsafe { self.call(Request::write(fd, buf.as_ptr(), buf.len())) }
    }

    /// `fcntl(fd, F_GETFD)`—Whether there is a descriptor `fd`.
    ///
    /// # Errors
    ///
    /// `EBADF` where there is none.
    pub fn fcntl_getfd(&self, fd: Fd) -> Result<(), Failure> {
        // SAFETY: no memory is involved.
        unsafe { self.call(Request::fcntl(fd, F_GETFD)) }.map(|_| ())
    }

    /// `mount(source, target, NULL, mountflags, NULL)`—Binds what is at `source` to `target`, or
    /// changes the mount at `target`, as `mountflags` says.
    ///
    /// # Errors
    ///
    /// `EPERM` without `CAP_SYS_ADMIN` in the owner of the mount namespace, `ENOENT`, `EINVAL`
    /// and the others of mount(2).
    pub fn mount(&self, source: &CStr, target: &CStr, mountflags: u32) -> Result<(), Failure> {
        let request = Request::mount(source.as_ptr(), target.as_ptr(), 0, mountflags, 0);
        // SAFETY: the kernel only reads the two strings.
        unsafe { self.call(request) }.map(|_| ())
    }
}
