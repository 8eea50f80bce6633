// SPDX-License-Identifier: MIT OR Apache-2.0
//! A new UTS namespace: how it is asked for, what is set in it, how its names are shown.
//! Follows uts_namespaces(7), user_namespaces(7) and, for the three user options, unshare(1).

use core::ffi::CStr;
use core::mem::MaybeUninit;

use linux_raw_sys::general::{CLONE_NEWUSER, CLONE_NEWUTS, O_CLOEXEC, O_WRONLY};

use syscalls::Errno;

use crate::sys::bytes::until_nul;
use crate::sys::file::STDOUT;
use crate::sys::table::Call;
use crate::sys::{Failure, Sys};
use crate::text::line::{Line, write_all};

/// A user namespace that is made together with the UTS namespace, and gives every capability over it:
/// who the caller is inside.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum User {
    /// `--user`: nobody in particular, 65534.
    Unmapped,
    /// `--map-current-user`: the same user and group as outside.
    Current,
    /// `--map-root-user`: root.
    Root,
}

/// What is asked for.
pub struct Namespace<'a> {
    /// The host name.
    pub hostname: &'a CStr,
    /// The NIS domain name; as it was, if none.
    pub domainname: Option<&'a CStr>,
    /// The user namespace; the caller's, if none.
    pub user: Option<User>,
}

/// The ids that the caller had before it entered its user namespace. There is no way to ask
/// afterwards.
#[derive(Clone, Copy)]
pub struct Ids {
    /// The effective user id.
    pub uid: u32,
    /// The effective group id.
    pub gid: u32,
}

impl Namespace<'_> {
    /// The flags for clone(2) or unshare(2).
    #[must_use]
    pub fn flags(&self) -> u32 {
        match self.user {
            Some(_) => CLONE_NEWUTS | CLONE_NEWUSER,
            None => CLONE_NEWUTS,
        }
    }

    /// Asks for the caller's ids, where a map will need them. Call this before clone(2) or
    /// unshare(2).
    #[must_use]
    pub fn ids_before(&self, sys: &Sys) -> Option<Ids> {
        match self.user {
            Some(User::Current | User::Root) => Some(Ids::ask(sys)),
            Some(User::Unmapped) | None => None,
        }
    }

    /// Maps the user and sets the names. Call this in the new namespaces, with what
    /// [`Namespace::ids_before`] gave.
    ///
    /// # Errors
    ///
    /// openat(2) where there is no /proc to write the maps to, write(2), sethostname(2),
    /// setdomainname(2).
    pub fn set_up(&self, sys: &Sys, ids: Option<Ids>) -> Result<(), Failure> {
        if let Some(ids) = ids {
            ids.map(sys, self.user == Some(User::Root))?;
        }
        sys.sethostname(self.hostname)?;
        match self.domainname {
            Some(domainname) => sys.setdomainname(domainname),
            None => Ok(()),
        }
    }
}

impl Ids {
    /// Asks for the caller's.
    #[must_use]
    pub fn ask(sys: &Sys) -> Self {
        Self { uid: sys.geteuid(), gid: sys.getegid() }
    }

    /// Maps the caller into its user namespace: as root, or as who it is outside.
    ///
    /// # Errors
    ///
    /// openat(2) where there is no /proc to write the maps to, write(2).
    pub fn map(self, sys: &Sys, root: bool) -> Result<(), Failure> {
        let Self { uid, gid } = self;
        let map_uid = || map(sys, c"/proc/self/uid_map", if root { 0 } else { uid }, uid);
        match map_uid() {
            // The program's file has a privilege (setcap(8)), and so the files belong to root: proc(5).
            // In its new user namespace this process has no such privilege any more.
            Err(Failure { call: Call::openat, errno: Errno::EACCES }) => {
                sys.prctl_set_dumpable().and_then(|()| map_uid())?;
            }
            mapped => mapped?,
        }
        // Otherwise a user could drop a group because of which files are closed to him:
        // user_namespaces(7), "The /proc/pid/setgroups file". Before Linux 3.19 there is no such
        // file, and in some sandboxes neither; there the map alone will do.
        match write_file(sys, c"/proc/self/setgroups", b"deny") {
            Err(Failure { call: Call::openat, errno: Errno::ENOENT }) => {}
            denied => denied?,
        }
        map(sys, c"/proc/self/gid_map", if root { 0 } else { gid }, gid)
    }
}

/// Maps one id: `inside` in the new user namespace is `outside` in its parent.
fn map(sys: &Sys, path: &CStr, inside: u32, outside: u32) -> Result<(), Failure> {
    let mut line = Line::short();
    line.number(inside.into()).text(" ").number(outside.into()).text(" 1");
    write_file(sys, path, line.as_bytes())
}

/// Writes to a file of /proc, which wants all in one write. The descriptor stays open: it ends
/// with the process or with execve(2), whichever is first.
fn write_file(sys: &Sys, path: &CStr, bytes: &[u8]) -> Result<(), Failure> {
    let fd = sys.openat(path, O_WRONLY | O_CLOEXEC)?;
    write_all(sys, fd, bytes)
}

/// Retrieves the names of the caller's UTS namespace and displays them, in one write: the host
/// name, and the domain name if it is asked for. `whose` they are is shown as it is. They are put
/// together in `line`, an empty one.
///
/// # Errors
///
/// uname(2), write(2).
pub fn show_names(
    sys: &Sys,
    line: &mut Line,
    whose: &[u8],
    domainname: bool,
) -> Result<(), Failure> {
    let mut buf = MaybeUninit::uninit();
    let uts = sys.uname(&mut buf)?;
    line.text("uts.nodename in ").bytes(whose).text(": ").escaped(until_nul(&uts.nodename));
    if domainname {
        line.text("\nuts.domainname in ").bytes(whose).text(": ");
        line.escaped(until_nul(&uts.domainname));
    }
    line.write_to(sys, STDOUT)
}
