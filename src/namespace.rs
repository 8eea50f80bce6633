//! A UTS namespace of one's own: how it is asked for, what is set in it, how it is shown.
//! Follows uts_namespaces(7), user_namespaces(7) and, for the three user options, unshare(1).

use core::ffi::CStr;
use core::mem::MaybeUninit;

use linux_raw_sys::general::{CLONE_NEWUSER, CLONE_NEWUTS, O_CLOEXEC, O_WRONLY};

use syscalls::Sysno;

use crate::failure::{During as _, Failure};
use crate::line::{Line, write_all};
use crate::sys::{STDOUT, Sys, until_nul};

/// The user namespace that is made beside the UTS namespace, and then gives every capability over
/// it: whom the caller is in there.
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

/// Who the caller was before it entered its user namespace. There is no way to ask afterwards.
#[derive(Clone, Copy)]
pub struct Outside {
    uid: u32,
    gid: u32,
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

    /// To be asked before: who the caller is, where that will be needed.
    #[must_use]
    pub fn outside(&self, sys: &Sys) -> Option<Outside> {
        match self.user {
            Some(User::Current | User::Root) => Some(Outside::ask(sys)),
            Some(User::Unmapped) | None => None,
        }
    }

    /// To be done inside: maps the user and sets the names.
    ///
    /// # Errors
    ///
    /// openat(2) where there is no /proc to write the maps to, write(2), sethostname(2),
    /// setdomainname(2).
    pub fn settle(&self, sys: &Sys, outside: Option<Outside>) -> Result<(), Failure> {
        if let Some(outside) = outside {
            outside.map(sys, self.user == Some(User::Root))?;
        }
        sys.sethostname(self.hostname).during(Sysno::sethostname)?;
        match self.domainname {
            Some(domainname) => sys.setdomainname(domainname).during(Sysno::setdomainname),
            None => Ok(()),
        }
    }
}

impl Outside {
    /// Asks who the caller is.
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
        map(sys, c"/proc/self/uid_map", if root { 0 } else { uid }, uid)?;
        // Without it a user could drop a group that is there to keep him out:
        // user_namespaces(7), "The /proc/pid/setgroups file".
        write_file(sys, c"/proc/self/setgroups", b"deny")?;
        map(sys, c"/proc/self/gid_map", if root { 0 } else { gid }, gid)
    }
}

/// Maps one id: `inside` in the new user namespace is `outside` in its parent.
fn map(sys: &Sys, path: &CStr, inside: u32, outside: u32) -> Result<(), Failure> {
    let mut line = Line::new();
    line.number(inside.into()).text(" ").number(outside.into()).text(" 1");
    write_file(sys, path, line.as_bytes())
}

/// Writes to a file of /proc, which wants all in one write. The descriptor stays open: it ends
/// with the process or with execve(2), whichever is first.
fn write_file(sys: &Sys, path: &CStr, bytes: &[u8]) -> Result<(), Failure> {
    let fd = sys.openat(path, O_WRONLY | O_CLOEXEC).during(Sysno::openat)?;
    write_all(sys, fd, bytes).during(Sysno::write)
}

/// Retrieves the names of the caller's UTS namespace and displays them, in one write: the host
/// name, and the domain name if it is asked for. `whose` they are is shown with escapes.
///
/// # Errors
///
/// uname(2), write(2).
pub fn show_names(sys: &Sys, whose: &[u8], domainname: bool) -> Result<(), Failure> {
    let mut buf = MaybeUninit::uninit();
    let uts = sys.uname(&mut buf).during(Sysno::uname)?;
    let mut line = Line::new();
    line.text("uts.nodename in ").escaped(whose).text(": ").escaped(until_nul(&uts.nodename));
    if domainname {
        line.text("\nuts.domainname in ").escaped(whose).text(": ");
        line.escaped(until_nul(&uts.domainname));
    }
    line.write_to(sys, STDOUT).during(Sysno::write)
}
