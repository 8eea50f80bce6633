// SPDX-License-Identifier: MIT OR Apache-2.0
//! Where a check runs: in a UTS namespace of its own, in a user namespace of its own where that can
//! be had. That it is one is proven before anything is done there.
//! Follows namespaces(7) ("The /proc/pid/ns/ directory"), user_namespaces(7), mount_namespaces(7).

use core::mem::MaybeUninit;

use linux_raw_sys::general::{
    CLONE_NEWNS, CLONE_NEWUSER, CLONE_NEWUTS, MS_PRIVATE, MS_REC, O_CLOEXEC, O_RDONLY, SIGKILL,
};
use syscalls::Errno;

use super::caller::{USER, link, uts_number};
use super::clock::{GRACE, wait_until};
use super::judge::Wanted;
use super::lack;
use super::process::Process;
use super::step::{Need, Steps};
use crate::forms::init::Init;
use crate::sys::table::{Call, Request};
use crate::sys::{Failure, Sys};
use crate::text::errno;
use crate::text::line::Line;

/// Why there is no user namespace.
enum NoUser {
    Refused(Failure),
    /// It was made, and then this went wrong.
    NotMapped(Failure),
    /// unshare(2) says that there is one, and there is none.
    NotNew,
}

impl<'a> Process<'a> {
    /// Tries the promise. Gives the exit status: the number of the verdict.
    pub fn run(&mut self, need: Need, steps: &mut Steps<'a>) -> u8 {
        self.board.begin(self.sys.getpid());
        let _ = self.sys.prctl_set_pdeathsig(SIGKILL);
        if self.enter(need) {
            self.perform(steps);
        }
        self.board.verdict() as u8
    }

    /// Enters what the check needs. Gives whether it can go on.
    fn enter(&mut self, need: Need) -> bool {
        mount_proc(self.sys, self.caller.init);
        if need == Need::Nothing {
            return true;
        }
        // If the number is another in each process, it does not tell namespaces apart.
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
        // It takes the kernel a moment to remove the user namespace of the last check.
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
        // If the program's file sets its user id, the files of the maps belong to root otherwise.
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
            None => {
                self.conclude(self.blame_refusal(*failure, CLONE_NEWUSER), Line::new(), |line| {
                    line.text(text).text(": ");
                    line.bytes(failure.call.row().name()).text(": expected success, got ");
                    errno::name(line, failure.errno);
                })
            }
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
    // Outside the machine's process 1 there is nobody whose mounts could be changed.
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
