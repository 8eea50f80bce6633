//! Where a check runs: in a UTS namespace of its own, in a user namespace of its own where that can
//! be had. That it is one is proven before anything is done there.
//! Follows namespaces(7) ("The /proc/pid/ns/ directory"), user_namespaces(7), mount_namespaces(7).

use core::ffi::CStr;
use core::mem::MaybeUninit;

use linux_raw_sys::general::{
    CLONE_NEWNS, CLONE_NEWUSER, CLONE_NEWUTS, MS_PRIVATE, MS_REC, O_CLOEXEC, O_RDONLY, SIGKILL,
};
use linux_raw_sys::system::new_utsname;
use syscalls::Errno;

use super::super::init::Init;
use super::super::namespace::Ids;
use super::clock::{GRACE, wait_until};
use super::lack;
use super::promises::Need;
use super::step::{Process, Wanted};
use crate::sys::bytes::{number, split};
use crate::sys::table::{Call, Request};
use crate::sys::{Failure, Sys};
use crate::text::errno;
use crate::text::line::Line;

/// The links to the namespaces of the process that reads them: `uts:[4026531838]`.
pub const UTS: &CStr = c"/proc/self/ns/uts";
pub const USER: &CStr = c"/proc/self/ns/user";
pub const MNT: &CStr = c"/proc/self/ns/mnt";

/// The most that is read of such a link, in bytes.
pub const LONGEST_LINK: usize = 64;

/// What the caller is, and has, and is to keep.
pub struct Caller {
    /// The names, and what else uname(2) says.
    pub names: new_utsname,
    /// The numbers in its links; none where that says nothing.
    pub uts: Option<u64>,
    pub mnt: Option<u64>,
    /// Its user and group.
    pub ids: Ids,
    /// Which process it is.
    pub init: Init,
}

impl Caller {
    /// Looks at it.
    ///
    /// # Errors
    ///
    /// uname(2).
    pub fn look(sys: &Sys, init: Init) -> Result<Self, Failure> {
        let mut buf = MaybeUninit::uninit();
        sys.uname(&mut buf)?;
        // SAFETY: the call succeeded, so all of it is written.
        let names = unsafe { buf.assume_init() };
        let (uts, mnt) = (uts_number(sys).ok(), link(sys, MNT).ok());
        Ok(Self { names, uts, mnt, ids: Ids::ask(sys), init })
    }
}

/// The number in a namespace's link: its inode's, which no other namespace of the kind has.
///
/// # Errors
///
/// readlinkat(2); `EINVAL` where there is no number.
pub fn link(sys: &Sys, path: &CStr) -> Result<u64, Failure> {
    let mut buf = [0; LONGEST_LINK];
    let len = sys.readlinkat(path, &mut buf)?;
    let number = buf.get(..len).and_then(number_in);
    number.ok_or(Failure { call: Call::readlinkat, errno: Errno::EINVAL })
}

/// The number of the UTS namespace that the caller is in: from its link, or, where there is no /proc,
/// from Linux 6.11 on by way of a pidfd.
///
/// # Errors
///
/// readlinkat(2).
pub fn uts_number(sys: &Sys) -> Result<u64, Failure> {
    let by_pidfd = |pidfd| {
        let namespace = sys.ioctl_pidfd_get_uts_namespace(pidfd);
        sys.close(pidfd);
        let namespace = namespace?;
        let number = sys.statx_ino(namespace);
        sys.close(namespace);
        number
    };
    link(sys, UTS)
        .or_else(|no_link| sys.pidfd_open(sys.getpid(), 0).and_then(by_pidfd).map_err(|_| no_link))
}

/// The number in `uts:[4026531838]`.
pub fn number_in(link: &[u8]) -> Option<u64> {
    let (_, rest) = split(link, b'[');
    number(split(rest?, b']').0)
}

/// Why there is no user namespace.
enum NoUser {
    Refused(Failure),
    /// It was made, and then this went wrong.
    NotMapped(Failure),
    /// unshare(2) says that there is one, and there is none.
    NotNew,
}

impl Process<'_> {
    /// Enters what the check needs. Gives whether it can go on.
    pub fn enter(&mut self, need: Need) -> bool {
        mount_proc(self.sys, self.caller.init);
        if need == Need::Nothing {
            return true;
        }
        // A number that is another in each process says nothing.
        let before = uts_number(self.sys);
        self.outside = before.ok();
        let says_nothing = match (before, self.caller.uts) {
            (Ok(before), Some(callers)) => before != callers,
            (Ok(_), None) => false,
            (Err(_), _) => true,
        };
        let proven = if says_nothing && self.caller.init != Init::Machine {
            self.enter_unseen(before.err())
        } else {
            self.enter_seen(need)
        };
        // New capabilities take it away: prctl(2), PR_SET_PDEATHSIG.
        let _ = self.sys.prctl_set_pdeathsig(SIGKILL);
        proven
    }

    /// Enters where a number says in which namespace a process is.
    fn enter_seen(&mut self, need: Need) -> bool {
        if let Err(no_user) = self.own_user_namespace()
            && need == Need::User
        {
            return self.explain(&no_user);
        }
        if !self.call(Request::unshare(CLONE_NEWUTS), Wanted::Zero) {
            return false;
        }
        let after = uts_number(self.sys).ok();
        if after.is_none() && self.outside.is_none() {
            return true;
        }
        (after.is_some() && after != self.outside)
            || self.conclude(self.blame(Call::unshare), Line::new(), |line| {
                line.text("unshare(CLONE_NEWUTS): expected another namespace, got ");
                line.text("the caller's");
            })
    }

    /// Makes a user namespace, and is root there.
    fn own_user_namespace(&self) -> Result<(), NoUser> {
        let sys = self.sys;
        self.board.announce(b"unshare(CLONE_NEWUSER)");
        let before = link(sys, USER).ok();
        let mut made = sys.unshare(CLONE_NEWUSER);
        // The kernel takes a moment to clear away that of the last check.
        let is_full = |made| matches!(made, Err(Failure { errno: Errno::ENOSPC, .. }));
        if is_full(made) && self.board.had_user() {
            wait_until(sys, GRACE, || {
                made = sys.unshare(CLONE_NEWUSER);
                !is_full(made)
            });
        }
        made.map_err(NoUser::Refused)?;
        self.board.set_had_user();
        if link(sys, USER).ok() == before && before.is_some() {
            return Err(NoUser::NotNew);
        }
        // Where the program's file set the user id, the maps belong to root.
        let _ = sys.prctl_set_dumpable();
        self.board.announce(b"write(uid_map)");
        self.caller.ids.map(sys, true).map_err(NoUser::NotMapped)
    }

    /// Says why there is no user namespace. Gives false.
    fn explain(&self, no_user: &NoUser) -> bool {
        let (text, failure) = match no_user {
            NoUser::Refused(failure) => ("unshare(CLONE_NEWUSER)", failure),
            NoUser::NotMapped(failure) => ("the map of the user namespace", failure),
            NoUser::NotNew => {
                return self.conclude(self.blame(Call::unshare), Line::new(), |line| {
                    line.text("unshare(CLONE_NEWUSER): expected another namespace, got ");
                    line.text("the caller's");
                });
            }
        };
        let (sys, ids) = (self.sys, self.caller.ids);
        let file = c"/proc/self/uid_map";
        match lack::explain(sys, *failure, CLONE_NEWUSER, Some(file), ids) {
            Some(reason) => self.skip(*failure, reason),
            None => self.conclude(self.blame(failure.call), Line::new(), |line| {
                line.text(text).text(": ");
                line.bytes(failure.call.row().name()).text(": expected success, got ");
                errno::name(line, failure.errno);
            }),
        }
    }

    /// Enters where no number says in which namespace a process is. Then the kernel must show it:
    /// without a capability, the name that is there anyhow may not be set in the caller's namespace,
    /// and may be set in one's own.
    fn enter_unseen(&mut self, no_link: Option<Failure>) -> bool {
        let sys = self.sys;
        let shows_it = sys.capset_none().is_ok()
            && sys.unshare(CLONE_NEWUSER).is_ok()
            && self.sets_present_name() == Err(Errno::EPERM)
            && sys.unshare(CLONE_NEWUTS).is_ok()
            && self.sets_present_name() == Ok(());
        if shows_it {
            return true;
        }
        let no_link = no_link.unwrap_or(Failure { call: Call::readlinkat, errno: Errno::EINVAL });
        self.skip(no_link, "neither that nor a user namespace shows whether a sandbox is one")
    }

    /// Sets the host name that there is.
    fn sets_present_name(&self) -> Result<(), Errno> {
        let mut buf = MaybeUninit::uninit();
        let uts = self.sys.uname(&mut buf).map_err(|failure| failure.errno)?;
        let name = uts.nodename.as_ptr();
        let last = uts.nodename.iter().rposition(|byte| *byte != 0);
        let request = Request::sethostname(name, last.map_or(0, |last| last + 1));
        // SAFETY: the kernel only reads the name.
        unsafe { self.sys.call(request) }.map(|_| ()).map_err(|failure| failure.errno)
    }
}

/// Mounts a /proc where there is none, in a mount namespace of this process's own. Where that cannot
/// be done, or where nothing shows that there is one, it does nothing.
fn mount_proc(sys: &Sys, init: Init) {
    if sys.openat(c"/proc/self", O_RDONLY | O_CLOEXEC).is_ok() {
        return;
    }
    let mount = || sys.statx_mnt_id(c"/").ok().flatten();
    let before = mount();
    if sys.unshare(CLONE_NEWNS).is_err() {
        return;
    }
    let is_own = before.is_some() && mount() != before;
    // Process 1 of a machine has nobody outside.
    if !is_own && init != Init::Machine {
        return;
    }
    let _ = sys
        .mount(c"/", c"/", MS_REC | MS_PRIVATE)
        // A folder to mount it on is made in a new file system, which lies over the root.
        .and_then(|()| sys.mount_new(c"ramfs", c"/"))
        .and_then(|()| sys.chroot(c"/.."))
        .and_then(|()| sys.mkdirat(c"/proc", 0o555))
        .and_then(|()| sys.mount_new(c"proc", c"/proc"));
}
