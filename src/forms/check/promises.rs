//! The promises: each a sentence of a manual page, with the steps that try it.
//!
//! To add one, add it to the list: what it needs, the sentence, and the steps, each of which must go
//! as it says. `= EPERM` says that the call fails so. What is in braces is done by the child that
//! `Fork` makes; the steps behind them by its parent.
#![allow(clippy::cast_possible_truncation, reason = "an errno of these fits a byte")]

use linux_raw_sys::errno;

use super::step::{
    Act, CAP_HEADER, CAP_NONE, CWD, KILL, KILLED, LAST, LONGEST, ME, MINUS_ONE, MOUNT_POINT, NAME,
    NEWNS, NEWUSER, NEWUTS, NEWUTS_NEWUSER, NEWUTS_VFORK, NOBODY, NOWHERE, OWN_UTS, PARENT, ROOT,
    Step, TOO_LONG, Word,
};

/// What a check needs, and a machine may lack.
#[derive(Clone, Copy)]
pub enum Need {
    /// Nothing.
    Nothing,
    /// A UTS namespace, and the capability in it.
    Power,
    /// User namespaces.
    User,
    /// The capability, and /proc.
    Proc,
    /// The capability, and setns(2) with a pidfd.
    Pidfd,
}

/// Makes three tables of the list, which have no pointers in them: those would have to be relocated.
macro_rules! checks {
    ($($need:ident $promise:literal: $(
        $act:ident($($word:expr),*) $(= $errno:ident)?
        $({ $($child_act:ident($($child_word:expr),*) $(= $child_errno:ident)?)* })?
    )*;)*) => {
        /// What each needs.
        pub const NEEDS: &[Need] = &[$(Need::$need),*];

        /// The sentences, each ended by NUL.
        const PROMISES: &str = concat!($($promise, "\0"),*);

        /// The steps of all, an `End` behind those of each.
        pub const STEPS: &[Step] = &[$(
            $(
                $(Step::new(Act::Expect, &[errno::$errno as Word]),)?
                Step::new(Act::$act, &[$($word),*]),
                $($(
                    $(Step::new(Act::Expect, &[errno::$child_errno as Word]),)?
                    Step::new(Act::$child_act, &[$($child_word),*]),
                )*)?
            )*
            Step::new(Act::End, &[]),
        )*];
    };
}

/// The sentence at `index`.
pub fn promise(index: usize) -> &'static [u8] {
    PROMISES.as_bytes().split(|byte| *byte == 0).nth(index).unwrap_or_default()
}

checks! {
    Nothing "uname(2): EFAULT for a bad address":
        Uname(NOWHERE) = EFAULT;
    Power "uname(2): no stale bytes after nodename":
        Sethostname(NAME, LONGEST) Sethostname(NAME, 5) Nodename(5);
    Power "uname(2): no stale bytes after domainname":
        Setdomainname(NAME, LONGEST) Setdomainname(NAME, 5) Domainname(5);

    Power "sethostname(2): takes 64 bytes":
        Sethostname(NAME, LONGEST) Nodename(LONGEST);
    Power "sethostname(2): takes no bytes":
        Sethostname(NAME, 0) Nodename(0);
    Power "sethostname(2): EINVAL for 65 bytes":
        Sethostname(NAME, 5) Sethostname(NAME, TOO_LONG) = EINVAL Nodename(5);
    Power "sethostname(2): EINVAL for a negative length":
        Sethostname(NAME, MINUS_ONE) = EINVAL;
    Power "sethostname(2): EFAULT for a bad address":
        Sethostname(NOWHERE, 5) = EFAULT;
    Nothing "sethostname(2): EPERM without CAP_SYS_ADMIN, whatever the length":
        Capset(CAP_HEADER, CAP_NONE) Sethostname(NAME, 0) = EPERM
        Sethostname(NAME, TOO_LONG) = EPERM;

    Power "setdomainname(2): takes 64 bytes":
        Setdomainname(NAME, LONGEST) Domainname(LONGEST);
    Power "setdomainname(2): EINVAL for 65 bytes":
        Setdomainname(NAME, 5) Setdomainname(NAME, TOO_LONG) = EINVAL Domainname(5);
    Power "setdomainname(2): EINVAL for a negative length":
        Setdomainname(NAME, MINUS_ONE) = EINVAL;
    Power "setdomainname(2): EFAULT for a bad address":
        Setdomainname(NOWHERE, 5) = EFAULT;
    Nothing "setdomainname(2): EPERM without CAP_SYS_ADMIN, whatever the length":
        Capset(CAP_HEADER, CAP_NONE) Setdomainname(NAME, 0) = EPERM
        Setdomainname(NAME, TOO_LONG) = EPERM;

    Power "clone(2): no flag, the same names":
        Sethostname(NAME, 5) Fork(0) { Sethostname(NAME, 3) Exit(0) } Wait(0) Nodename(3);
    Power "clone(2): CLONE_NEWUTS begins with the same names":
        Sethostname(NAME, 5) Setdomainname(NAME, 3) Fork(NEWUTS) { Nodename(5) Domainname(3)
        Exit(0) } Wait(0);
    Power "clone(2): CLONE_NEWUTS isolates nodename":
        Sethostname(NAME, 5) Fork(NEWUTS) { Sethostname(NAME, 3) Nodename(3) Exit(0) } Wait(0)
        Nodename(5);
    Power "clone(2): CLONE_NEWUTS isolates domainname":
        Setdomainname(NAME, 5) Fork(NEWUTS) { Setdomainname(NAME, 3) Domainname(3) Exit(0) }
        Wait(0) Domainname(5);
    Nothing "clone(2): gives the child's getpid(2)":
        Fork(0) { Setpgid(0, ME) Exit(0) } Wait(0);
    Nothing "clone(2): EPERM for CLONE_NEWUTS without CAP_SYS_ADMIN":
        Capset(CAP_HEADER, CAP_NONE) Clone(NEWUTS) = EPERM;

    Power "unshare(2): CLONE_NEWUTS begins with the same names":
        Sethostname(NAME, 5) Setdomainname(NAME, 3) Unshare(NEWUTS) Nodename(5) Domainname(3);
    Power "unshare(2): CLONE_NEWUTS isolates nodename":
        Sethostname(NAME, 5) Fork(0) { Unshare(NEWUTS) Sethostname(NAME, 3) Nodename(3) Exit(0) }
        Wait(0) Nodename(5);
    Power "unshare(2): CLONE_NEWUTS isolates domainname":
        Setdomainname(NAME, 5) Fork(0) { Unshare(NEWUTS) Setdomainname(NAME, 3) Domainname(3)
        Exit(0) } Wait(0) Domainname(5);
    Power "unshare(2): EINVAL for an invalid flag":
        Unshare(NEWUTS_VFORK) = EINVAL;
    Nothing "unshare(2): EPERM for CLONE_NEWUTS without CAP_SYS_ADMIN":
        Capset(CAP_HEADER, CAP_NONE) Unshare(NEWUTS) = EPERM;

    Pidfd "setns(2): a pidfd leads to the names of its process":
        Sethostname(NAME, 5) PidfdOpen(PARENT) Unshare(NEWUTS) Sethostname(NAME, 3)
        Setns(LAST, NEWUTS) Nodename(5);
    Proc "setns(2): a file of /proc leads to its names":
        Sethostname(NAME, 5) Openat(CWD, OWN_UTS) Unshare(NEWUTS) Sethostname(NAME, 3)
        Setns(LAST, NEWUTS) Nodename(5);
    Proc "setns(2): EINVAL for the wrong type":
        Openat(CWD, OWN_UTS) Setns(LAST, NEWNS) = EINVAL;
    Power "setns(2): EINVAL for what is no namespace":
        Openat(CWD, ROOT) Setns(LAST, NEWUTS) = EINVAL;
    Power "setns(2): EBADF for a bad descriptor":
        Setns(MINUS_ONE, NEWUTS) = EBADF;
    Pidfd "setns(2): ESRCH for a process that has ended":
        Fork(0) { Exit(0) } PidfdOpen(LAST) Wait(0) Setns(LAST, NEWUTS) = ESRCH;
    Pidfd "setns(2): EPERM without CAP_SYS_ADMIN":
        PidfdOpen(ME) Capset(CAP_HEADER, CAP_NONE) Setns(LAST, NEWUTS) = EPERM;

    Nothing "wait(2): gives what clone gave, and the exit status":
        Fork(0) { Exit(5) } Wait(5);
    Nothing "wait(2): gives the signal that killed":
        Fork(0) { Setpgid(0, ME) Kill(ME, KILL) Exit(0) } Wait(KILLED);
    Nothing "wait(2): ECHILD without a child":
        Wait4(MINUS_ONE) = ECHILD;

    Pidfd "pidfd_open(2): ESRCH for no process":
        PidfdOpen(NOBODY) = ESRCH;
    Pidfd "pidfd_open(2): EINVAL for process id 0":
        PidfdOpen(0) = EINVAL;

    User "user_namespaces(7): clone gives CAP_SYS_ADMIN":
        Capset(CAP_HEADER, CAP_NONE) Fork(NEWUTS_NEWUSER) { Sethostname(NAME, 5) Nodename(5)
        Exit(0) } Wait(0);
    User "user_namespaces(7): unshare gives CAP_SYS_ADMIN":
        Capset(CAP_HEADER, CAP_NONE) Unshare(NEWUTS_NEWUSER) Sethostname(NAME, 5) Nodename(5);
    User "user_namespaces(7): but not over the names outside":
        Fork(NEWUSER) { Sethostname(NAME, 5) = EPERM Exit(0) } Wait(0);

    Proc "namespaces(7): a descriptor keeps a namespace":
        Unshare(NEWUTS) Sethostname(NAME, 5) Openat(CWD, OWN_UTS) Unshare(NEWUTS)
        Sethostname(NAME, 3) Setns(LAST, NEWUTS) Nodename(5);
    Proc "namespaces(7): a bind mount keeps a namespace":
        Unshare(NEWUTS) Sethostname(NAME, 5) Unshare(NEWNS) MountPrivate(ROOT, ROOT)
        MountBind(OWN_UTS, MOUNT_POINT) Unshare(NEWUTS) Sethostname(NAME, 3)
        Openat(CWD, MOUNT_POINT) Setns(LAST, NEWUTS) Nodename(5);
}
