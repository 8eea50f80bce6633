// SPDX-License-Identifier: MIT OR Apache-2.0
//! Files. Follows open(2), pipe(2), read(2), write(2), close(2), fcntl(2), statx(2), readlink(2),
//! mkdir(2), chroot(2), mount(2).
//!
//! No descriptor that a method here or elsewhere gives has the number of a standard one, also where
//! those are closed: what is written to standard output must not go into another file.

use core::ffi::{CStr, c_int};
use core::mem::MaybeUninit;
use core::ops::Range;

use linux_raw_sys::general::{
    AT_EMPTY_PATH, AT_FDCWD, AT_STATX_SYNC_AS_STAT, F_DUPFD_CLOEXEC, F_GETFD, MNT_DETACH,
    O_CLOEXEC, O_CREAT, O_EXCL, O_RDONLY, STATX_ATTR_MOUNT_ROOT, STATX_INO, STATX_MNT_ID,
    STATX_UID, statx,
};

use syscalls::Errno;

use super::table::Request;
use super::{Failure, Sys, to_int};

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
        unsafe { self.call_for_descriptor(Request::openat(AT_FDCWD, path.as_ptr(), flags, 0)) }
    }

    /// [`Sys::openat`] with the lowest number that is free, that of a standard descriptor perhaps.
    ///
    /// # Errors
    ///
    /// Those of [`Sys::openat`].
    pub fn openat_lowest(&self, path: &CStr, flags: u32) -> Result<Fd, Failure> {
        // SAFETY: the kernel only reads `path`, up to its NUL.
        unsafe { self.call(Request::openat(AT_FDCWD, path.as_ptr(), flags, 0)) }.map(to_int)
    }

    /// `openat(AT_FDCWD, path, O_RDONLY|O_CREAT|O_EXCL|O_CLOEXEC, 0666)`—Makes an empty file that
    /// all may read.
    ///
    /// # Errors
    ///
    /// `EEXIST` where there is one, `ENOENT`, `EACCES`, `EROFS` and the others of open(2).
    pub fn openat_create(&self, path: &CStr) -> Result<Fd, Failure> {
        let flags = O_CREAT | O_EXCL | O_CLOEXEC;
        // SAFETY: the kernel only reads `path`, up to its NUL.
        unsafe { self.call_for_descriptor(Request::openat(AT_FDCWD, path.as_ptr(), flags, 0o666)) }
    }

    /// `unlinkat(AT_FDCWD, path, 0)`—Removes a file.
    ///
    /// # Errors
    ///
    /// `ENOENT`, `EACCES`, `EBUSY` and the others of unlink(2).
    pub fn unlinkat(&self, path: &CStr) -> Result<(), Failure> {
        // SAFETY: the kernel only reads `path`, up to its NUL.
        unsafe { self.call(Request::unlinkat(AT_FDCWD, path.as_ptr(), 0)) }.map(|_| ())
    }

    /// `umount2(target, MNT_DETACH)`—Takes a mount away, even if it is in use.
    ///
    /// # Errors
    ///
    /// `EINVAL` where nothing is mounted, `EPERM`.
    pub fn umount2_detach(&self, target: &CStr) -> Result<(), Failure> {
        // SAFETY: the kernel only reads `target`, up to its NUL.
        unsafe { self.call(Request::umount2(target.as_ptr(), MNT_DETACH)) }.map(|_| ())
    }

    /// `pipe2(pipefd, flags)`—Makes a pipe: the end to read from, and the end to write to.
    ///
    /// # Errors
    ///
    /// `EMFILE`, `ENFILE`.
    pub fn pipe2(&self, flags: u32) -> Result<[Fd; 2], Failure> {
        let mut pipefd: [Fd; 2] = [0; 2];
        let request = Request::pipe2(pipefd.as_mut_ptr(), flags);
        // SAFETY: the kernel writes two ints.
        let result = unsafe { request.make() };
        let moved = result.map(|_| pipefd.map(Moved::away));
        self.tell(&request, Some(result));
        let [read_end, write_end] = moved.map_err(|errno| Failure { call: request.call, errno })?;
        Ok([read_end.tell(self)?, write_end.tell(self)?])
    }

    /// Makes a call that gives a descriptor. One that has the number of a standard descriptor gets
    /// another number before the watcher is told, which may write to the standard one.
    ///
    /// # Errors
    ///
    /// The call's own, or fcntl(2)'s: `EINVAL` or `EMFILE` where no other number is to be had.
    ///
    /// # Safety
    ///
    /// Same contract as [`Sys::call`].
    pub(super) unsafe fn call_for_descriptor(&self, request: Request) -> Result<Fd, Failure> {
        // SAFETY: the caller keeps the call's contract.
        let result = unsafe { request.make() };
        let moved = result.map(to_int).map(Moved::away);
        self.tell(&request, Some(result));
        moved.map_err(|errno| Failure { call: request.call, errno })?.tell(self)
    }

    /// `close(fd)`—Closes a descriptor. Whatever it says, the descriptor is gone (close(2)).
    pub fn close(&self, fd: Fd) {
        // SAFETY: whoever calls this owns the descriptor.
        let _ = unsafe { self.call(Request::close(fd)) };
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

    /// `openat(AT_FDCWD, path, O_RDONLY|O_CLOEXEC)`, `read(fd, buf, count)`—Gives the beginning of a
    /// file, as much of it as one read gives. The descriptor stays open.
    ///
    /// # Errors
    ///
    /// Those of [`Sys::openat`] and [`Sys::read`].
    pub fn read_file<'b>(&self, path: &CStr, buf: &'b mut [u8]) -> Result<&'b [u8], Failure> {
        let fd = self.openat(path, O_RDONLY | O_CLOEXEC)?;
        let length = self.read(fd, buf)?;
        // A broken kernel may say that there is more than the buffer holds.
        Ok(buf.get(..length).unwrap_or_default())
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
        unsafe { self.call(Request::fcntl(fd, F_GETFD, 0)) }.map(|_| ())
    }

    /// `statx(AT_FDCWD, path, AT_STATX_SYNC_AS_STAT, 0, buf)`—Whether `path` is the root of a
    /// mount. None where the kernel does not say, before Linux 5.8.
    ///
    /// # Errors
    ///
    /// `ENOENT`, `EACCES` and the others of statx(2).
    pub fn statx_is_mount_root(&self, path: &CStr) -> Result<Option<bool>, Failure> {
        let found = self.statx(AT_FDCWD, path, 0, 0)?;
        let attribute = u64::from(STATX_ATTR_MOUNT_ROOT);
        let is_known = found.stx_attributes_mask & attribute != 0;
        Ok(is_known.then_some(found.stx_attributes & attribute != 0))
    }

    /// `statx(AT_FDCWD, path, AT_STATX_SYNC_AS_STAT, STATX_UID, buf)`—Whose file `path` is, as the
    /// caller's user namespace numbers users.
    ///
    /// # Errors
    ///
    /// `ENOENT`, `EACCES` and the others of statx(2).
    pub fn statx_uid(&self, path: &CStr) -> Result<u32, Failure> {
        self.statx(AT_FDCWD, path, 0, STATX_UID).map(|found| found.stx_uid)
    }

    /// `statx(AT_FDCWD, path, AT_STATX_SYNC_AS_STAT, STATX_MNT_ID, buf)`—The number of the mount
    /// that `path` is on, which no other has, in this or another mount namespace. None where the
    /// kernel does not say, before Linux 5.8.
    ///
    /// # Errors
    ///
    /// `ENOENT`, `EACCES` and the others of statx(2).
    pub fn statx_mnt_id(&self, path: &CStr) -> Result<Option<u64>, Failure> {
        let found = self.statx(AT_FDCWD, path, 0, STATX_MNT_ID)?;
        Ok((found.stx_mask & STATX_MNT_ID != 0).then_some(found.stx_mnt_id))
    }

    /// `statx(fd, "", AT_STATX_SYNC_AS_STAT|AT_EMPTY_PATH, STATX_INO, buf)`—The number of a file's
    /// inode.
    ///
    /// # Errors
    ///
    /// `EBADF`, `ENOSYS` before Linux 4.11.
    pub fn statx_ino(&self, fd: Fd) -> Result<u64, Failure> {
        self.statx(fd, c"", AT_EMPTY_PATH, STATX_INO).map(|found| found.stx_ino)
    }

    /// `statx(dirfd, path, AT_STATX_SYNC_AS_STAT|flags, mask, buf)`.
    fn statx(&self, dirfd: Fd, path: &CStr, flags: u32, mask: u32) -> Result<statx, Failure> {
        let mut buf = MaybeUninit::<statx>::uninit();
        let (path, flags) = (path.as_ptr(), AT_STATX_SYNC_AS_STAT | flags);
        // SAFETY: the kernel reads `path` up to its NUL and writes one statx.
        unsafe { self.call(Request::statx(dirfd, path, flags, mask, buf.as_mut_ptr())) }?;
        // SAFETY: the call succeeded, so all of it is written (fs/stat.c, cp_statx).
        Ok(unsafe { buf.assume_init() })
    }

    /// `readlinkat(AT_FDCWD, path, buf, bufsiz)`—Reads where a symbolic link leads, and says how
    /// many bytes that is; as many as fit.
    ///
    /// # Errors
    ///
    /// `ENOENT`, `EACCES`, `EINVAL` for what is no link, and the others of readlink(2).
    pub fn readlinkat(&self, path: &CStr, buf: &mut [u8]) -> Result<usize, Failure> {
        let request = Request::readlinkat(AT_FDCWD, path.as_ptr(), buf.as_mut_ptr(), buf.len());
        // SAFETY: the kernel reads `path` up to its NUL and writes no more than the buffer's length.
        unsafe { self.call(request) }
    }

    /// `mkdirat(AT_FDCWD, path, mode)`—Makes a folder.
    ///
    /// # Errors
    ///
    /// `EEXIST`, `ENOENT`, `EACCES`, `EROFS` and the others of mkdir(2).
    pub fn mkdirat(&self, path: &CStr, mode: u32) -> Result<(), Failure> {
        // SAFETY: the kernel only reads `path`, up to its NUL.
        unsafe { self.call(Request::mkdirat(AT_FDCWD, path.as_ptr(), mode)) }.map(|_| ())
    }

    /// `chroot(path)`—Makes a folder the root of the caller's file system.
    ///
    /// # Errors
    ///
    /// `EPERM` without `CAP_SYS_CHROOT`, `ENOENT`, `ENOTDIR`.
    pub fn chroot(&self, path: &CStr) -> Result<(), Failure> {
        // SAFETY: the kernel only reads `path`, up to its NUL.
        unsafe { self.call(Request::chroot(path.as_ptr())) }.map(|_| ())
    }

    /// `mount(source, target, NULL, mountflags, NULL)`—Binds what is at `source` to `target`, or
    /// changes the mount at `target`, as `mountflags` says.
    ///
    /// # Errors
    ///
    /// `EPERM` without `CAP_SYS_ADMIN` in the owner of the mount namespace, `ENOENT`, `EINVAL`
    /// and the others of mount(2).
    pub fn mount(&self, source: &CStr, target: &CStr, mountflags: u32) -> Result<(), Failure> {
        let (source, target, no_type) = (source.as_ptr(), target.as_ptr(), 0);
        // SAFETY: the kernel only reads the two strings.
        unsafe { self.call(Request::mount(source, target, no_type, mountflags, 0)) }.map(|_| ())
    }

    /// `mount(filesystemtype, target, filesystemtype, 0, NULL)`—Mounts a new file system that has no
    /// disk at `target`.
    ///
    /// # Errors
    ///
    /// `ENODEV` for a type that this kernel does not know, and those of [`Sys::mount`].
    pub fn mount_new(&self, filesystemtype: &CStr, target: &CStr) -> Result<(), Failure> {
        let kind = filesystemtype.as_ptr();
        let request = Request::mount(kind, target.as_ptr(), kind, 0, 0);
        // SAFETY: the kernel only reads the three strings.
        unsafe { self.call(request) }.map(|_| ())
    }
}

/// A new descriptor, and the calls that gave it another number, if it had that of a standard one.
#[derive(Clone, Copy)]
struct Moved {
    fd: Fd,
    /// The copy, and what it gave.
    copy: Option<Result<usize, Errno>>,
    /// What it gave to close the first one.
    closed: Option<Result<usize, Errno>>,
}

impl Moved {
    /// Gives a descriptor another number, if need be, and tells nobody yet.
    fn away(fd: Fd) -> Self {
        let mut moved = Self { fd, copy: None, closed: None };
        if STANDARD.contains(&fd) {
            // SAFETY: no memory is involved.
            moved.copy = Some(unsafe { moved.copy_request().make() });
            // SAFETY: the descriptor is new, and nobody else knows it.
            moved.closed = Some(unsafe { Request::close(fd).make() });
        }
        moved
    }

    /// `fcntl(fd, F_DUPFD_CLOEXEC, 3)`
    fn copy_request(self) -> Request {
        Request::fcntl(self.fd, F_DUPFD_CLOEXEC, STANDARD.end)
    }

    /// Tells which calls there were. Gives the descriptor.
    fn tell(self, sys: &Sys) -> Result<Fd, Failure> {
        let Some(copy) = self.copy else {
            return Ok(self.fd);
        };
        let request = self.copy_request();
        sys.tell(&request, Some(copy));
        sys.tell(&Request::close(self.fd), self.closed);
        copy.map(to_int).map_err(|errno| Failure { call: request.call, errno })
    }
}
