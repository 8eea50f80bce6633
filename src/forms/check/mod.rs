//! `--check`: does this kernel keep the promises of uts_namespaces(7)?
//! Follows the manual pages that the promises name; the output is KTAP (the kernel's ktap.rst).
//!
//! A check is a list of steps (`promises.rs`). It runs in a process of its own (`step.rs`), in a
//! sandbox: a UTS namespace of its own, in a user namespace of its own where that can be had. There
//! no check has power over the caller's names, whatever else goes wrong.

use core::ffi::c_char;
use core::mem::MaybeUninit;

use linux_raw_sys::general::{CLONE_NEWUSER, CLONE_NEWUTS, O_RDONLY, SIGALRM, SIGCHLD, SIGKILL};

use super::init::Init;
use super::namespace::Ids;
use crate::sys::bytes::until_nul;
use crate::sys::file::STDOUT;
use crate::sys::process::Fork;
use crate::sys::table::{Call, Request};
use crate::sys::{Failure, Sys};
use crate::text::line::Line;
use promises::{NEEDS, STEPS, promise};
use step::{Act, LETTER, Process, UTS_FILE, fork};

mod promises;
mod step;

/// Runs all checks and prints what they found. Gives the exit status: 0 if none failed.
#[must_use]
pub fn check(sys: &Sys, init: Init) -> u8 {
    outside(sys, init).unwrap_or_else(|failure| fail(sys, failure))
}

/// Says what failed. Gives the exit status.
fn fail(sys: &Sys, failure: Failure) -> u8 {
    failure.report(sys);
    1
}

/// Has all checks run in a sandbox, and sees to it that the caller is afterwards what it was.
fn outside(sys: &Sys, init: Init) -> Result<u8, Failure> {
    init.catch_signals(sys)?;
    // If the caller ignores these, the checks do too, and would wait in vain.
    sys.sigaction_default(SIGALRM)?;
    sys.sigaction_default(SIGCHLD)?;

    let mut buf = MaybeUninit::uninit();
    let before = sys.uname(&mut buf)?;
    let status = match fork(sys, 0)? {
        Fork::Child => sys.exit_group(sandboxed(sys).unwrap_or_else(|failure| fail(sys, failure))),
        Fork::Parent(pid) => u8::from(!Process { sys, last: 0, child: pid.get() }.wait(0)),
    };
    // Where unshare(2) succeeds and does nothing, there was no sandbox.
    let mut buf = MaybeUninit::uninit();
    let after = sys.uname(&mut buf)?;
    Ok(status
        | restore(sys, Call::sethostname, &before.nodename, &after.nodename)
        | restore(sys, Call::setdomainname, &before.domainname, &after.domainname))
}

/// Gives the caller a name back. Gives 1 if it had lost it.
fn restore(sys: &Sys, call: Call, before: &[c_char], after: &[c_char]) -> u8 {
    // Who else renames the host meanwhile is no concern of the checks', whose names are letters.
    if before.iter().eq(after) || until_nul(after).iter().any(|byte| *byte != LETTER) {
        return 0;
    }
    let name = until_nul(before);
    let args = [name.as_ptr().expose_provenance(), name.len(), 0, 0, 0, 0];
    // SAFETY: the kernel only reads the name.
    let _ = unsafe { sys.call(Request { call, args }) };
    1
}

/// Runs all checks, in the sandbox that this process makes for itself. Gives the exit status.
fn sandboxed(sys: &Sys) -> Result<u8, Failure> {
    let ids = Ids::ask(sys);
    let user = sys.unshare(CLONE_NEWUSER | CLONE_NEWUTS);
    let power = user.or_else(|_| sys.unshare(CLONE_NEWUTS));
    // Who has no id in a user namespace can make none in it: user_namespaces(7).
    let user = user.and_then(|()| ids.map(sys, true));
    let lacking = [Ok(()), power, user, power.and(has_proc(sys)), power.and(has_pidfd(sys))];
    // New capabilities take it away: prctl(2), PR_SET_PDEATHSIG.
    let _ = sys.prctl_set_pdeathsig(SIGKILL);
    let mut process = Process { sys, last: 0, child: 0 };

    let mut status = 0;
    let mut steps = STEPS.iter();
    for (index, need) in NEEDS.iter().enumerate() {
        let lacking = lacking.get(*need as usize).copied().and_then(Result::err);
        let holds = match lacking {
            None => process.fork(0, &mut steps, Act::End) && process.wait(0),
            Some(_) => steps.any(|step| step.act == Act::End),
        };
        let mut line = Line::new();
        if index == 0 {
            line.text("KTAP version 1\n1..").number(NEEDS.len() as u64).byte(b'\n');
        }
        line.text(if holds { "ok " } else { "not ok " }).number(index as u64 + 1).byte(b' ');
        line.bytes(promise(index));
        if let Some(failure) = lacking {
            failure.describe(line.text(" # SKIP "));
        }
        line.write_to(sys, STDOUT)?;
        status |= u8::from(!holds);
    }
    Ok(status)
}

/// Whether there is a file of /proc for the UTS namespace.
fn has_proc(sys: &Sys) -> Result<(), Failure> {
    sys.openat(UTS_FILE, O_RDONLY).map(|_| ())
}

/// Whether setns(2) takes a pidfd, as it does from Linux 5.8 on.
fn has_pidfd(sys: &Sys) -> Result<(), Failure> {
    let pidfd = sys.pidfd_open(sys.getpid(), 0)?;
    sys.setns(pidfd, CLONE_NEWUTS)
}
