// SPDX-License-Identifier: MIT OR Apache-2.0
//! The promises: each a sentence of a manual page, with the steps that try it.
//!
//! To add one, add it at the end of the list, because numbers stay what they are: what it needs, the
//! sentence, and the steps, each of which must go as it says. `= EPERM` says that the call fails so.
//! What is in braces is done by the child that `Fork` makes, or by the thread; the steps behind them
//! by its parent. `Hear(1)` waits until another has come to `Say(1)`.
//!
//! A name and a number, such as `YurtOS 70`, is a public report in that kernel's own tracker of how the
//! promise was broken there.
#![allow(clippy::cast_possible_truncation, reason = "an errno of these fits a byte")]

use linux_raw_sys::errno;

use super::step::{Act, Need, Step, Word};
use super::words::{
    BYTES, CALLERS, CALLERS_DOMAIN, CHILD, CLOEXEC, CWD, DOMAINNAME_FILE, FIRST, GET_NSTYPE,
    GET_PARENT, GET_USERNS, HOSTNAME_FILE, ITS_LENGTH, KILL, KILLED, LAST, LIKE_KILLED, LONGEST,
    MAX_UTS_FILE, ME, MINUS_ONE, MOUNT_POINT, NAME, NEAR_EDGE, NEWNS, NEWUSER, NEWUTS,
    NEWUTS_NEWUSER, NEWUTS_VFORK, NOBODY, NOWHERE, ONE, OTHER, OVER_EDGE, PRESENT, PRESENT_DOMAIN,
    PROC, ROOT, TOO_LONG, TWO, UP_TO_EDGE, USER_LINK, UTS_LINK,
};

/// Makes three tables of the list, which have no pointers in them: those would have to be relocated.
macro_rules! checks {
    ($($need:ident $promise:literal: $(
        $act:ident($($word:expr),*) $(= $errno:ident)?
        $({ $($child_act:ident($($child_word:expr),*) $(= $child_errno:ident)?)* })?
    )*;)*) => {
        /// What each needs.
        const NEEDS: &[Need] = &[$(Need::$need),*];

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

/// How many there are.
pub const COUNT: usize = NEEDS.len();

/// The sentence at `index`.
pub fn promise(index: usize) -> &'static [u8] {
    PROMISES.as_bytes().split(|byte| *byte == 0).nth(index).unwrap_or_default()
}

/// What the check at `index` needs.
pub fn need(index: usize) -> Need {
    NEEDS.get(index).copied().unwrap_or(Need::Nothing)
}

checks! {
    // MentOS 191 and 259: the kernel wrote wherever it was told to.
    Nothing "uname(2): EFAULT for a bad address":
        Uname(NOWHERE) = EFAULT;
    // NuttX 5107, Gramine 1932: after a longer name its end was still there.
    Names "uname(2): no stale bytes after nodename":
        Sethostname(NAME, LONGEST) Sethostname(NAME, 5) Nodename(NAME, 5);
    Names "uname(2): no stale bytes after domainname":
        Setdomainname(NAME, LONGEST) Setdomainname(NAME, 5) Domainname(NAME, 5);

    // gVisor 861: every name was too long. Unikraft 1307: too long by one byte was not.
    // Asterinas 2442: there was no such call, nor setdomainname(2). zCore 26: whatever was set,
    // uname(2) gave names that stood in its source.
    Names "sethostname(2): takes 64 bytes":
        Sethostname(NAME, LONGEST) Nodename(NAME, LONGEST);
    // DragonOS 1753: EINVAL.
    Names "sethostname(2): takes no bytes":
        Sethostname(NAME, 5) Sethostname(NAME, 0) Nodename(NAME, 0);
    Names "sethostname(2): EINVAL for 65 bytes":
        Sethostname(NAME, 5) Sethostname(OTHER, TOO_LONG) = EINVAL Nodename(NAME, 5);
    Names "sethostname(2): EINVAL for a negative length":
        Sethostname(NAME, MINUS_ONE) = EINVAL;
    Names "sethostname(2): EFAULT for a bad address":
        Sethostname(NOWHERE, 5) = EFAULT;
    // Litebox 631, DragonOS 2089: whoever asked could set it, or the wrong capability was asked for.
    Names "sethostname(2): EPERM without CAP_SYS_ADMIN, whatever the length":
        Capset() Sethostname(NAME, 0) = EPERM Sethostname(NAME, 5) = EPERM
        Sethostname(NAME, TOO_LONG) = EPERM;

    Names "setdomainname(2): takes 64 bytes":
        Setdomainname(NAME, LONGEST) Domainname(NAME, LONGEST);
    Names "setdomainname(2): EINVAL for 65 bytes":
        Setdomainname(NAME, 5) Setdomainname(OTHER, TOO_LONG) = EINVAL Domainname(NAME, 5);
    Names "setdomainname(2): EINVAL for a negative length":
        Setdomainname(NAME, MINUS_ONE) = EINVAL;
    Names "setdomainname(2): EFAULT for a bad address":
        Setdomainname(NOWHERE, 5) = EFAULT;
    Names "setdomainname(2): EPERM without CAP_SYS_ADMIN, whatever the length":
        Capset() Setdomainname(NAME, 0) = EPERM Setdomainname(NAME, 5) = EPERM
        Setdomainname(NAME, TOO_LONG) = EPERM;

    Names "clone(2): no flag, the same names":
        Sethostname(NAME, 5) Fork(0) { Sethostname(OTHER, 3) Exit(0) } Wait(CHILD, 0)
        Nodename(OTHER, 3);
    Names "clone(2): CLONE_NEWUTS begins with the same names":
        Sethostname(NAME, 5) Setdomainname(OTHER, 3) Fork(NEWUTS) { Nodename(NAME, 5)
        Domainname(OTHER, 3) Exit(0) } Wait(CHILD, 0);
    // DragonOS 1846: one name for all. elfuse 44: the flag was taken, and nothing was isolated.
    Names "clone(2): CLONE_NEWUTS isolates nodename":
        Sethostname(NAME, 5) Fork(NEWUTS) { Sethostname(OTHER, 3) Nodename(OTHER, 3) Exit(0) }
        Wait(CHILD, 0) Nodename(NAME, 5);
    Names "clone(2): CLONE_NEWUTS isolates domainname":
        Setdomainname(NAME, 5) Fork(NEWUTS) { Setdomainname(OTHER, 3) Domainname(OTHER, 3) Exit(0) }
        Wait(CHILD, 0) Domainname(NAME, 5);
    Nothing "clone(2): gives the child's getpid(2)":
        Fork(0) { Setpgid(0, ME) Tell() Exit(0) } Wait(CHILD, 0) Told();
    Nothing "clone(2): EPERM for CLONE_NEWUTS without CAP_SYS_ADMIN":
        Capset() Fork(NEWUTS) = EPERM { Exit(0) };

    Names "unshare(2): CLONE_NEWUTS begins with the same names":
        Sethostname(NAME, 5) Setdomainname(OTHER, 3) Unshare(NEWUTS) Nodename(NAME, 5)
        Domainname(OTHER, 3);
    Names "unshare(2): CLONE_NEWUTS isolates nodename":
        Sethostname(NAME, 5) Fork(0) { Unshare(NEWUTS) Sethostname(OTHER, 3) Nodename(OTHER, 3)
        Exit(0) } Wait(CHILD, 0) Nodename(NAME, 5);
    Names "unshare(2): CLONE_NEWUTS isolates domainname":
        Setdomainname(NAME, 5) Fork(0) { Unshare(NEWUTS) Setdomainname(OTHER, 3)
        Domainname(OTHER, 3) Exit(0) } Wait(CHILD, 0) Domainname(NAME, 5);
    Nothing "unshare(2): EINVAL for an invalid flag":
        Unshare(NEWUTS_VFORK) = EINVAL;
    Nothing "unshare(2): EPERM for CLONE_NEWUTS without CAP_SYS_ADMIN":
        Capset() Unshare(NEWUTS) = EPERM;

    Names "setns(2): a pidfd leads to the names of its process":
        Fork(NEWUTS) { Sethostname(NAME, 5) Say(1) Hear(2) Exit(0) } Hear(1) Sethostname(OTHER, 3)
        PidfdOpen(CHILD) Setns(LAST, NEWUTS) Nodename(NAME, 5) Say(2) Wait(CHILD, 0);
    Names "setns(2): a file of /proc leads to its names":
        Sethostname(NAME, 5) Openat(CWD, UTS_LINK) Unshare(NEWUTS) Sethostname(OTHER, 3)
        Setns(LAST, NEWUTS) Nodename(NAME, 5);
    Nothing "setns(2): EINVAL for the wrong type":
        Openat(CWD, UTS_LINK) Setns(LAST, NEWNS) = EINVAL;
    Nothing "setns(2): EINVAL for what is no namespace":
        Openat(CWD, ROOT) Setns(LAST, NEWUTS) = EINVAL;
    Nothing "setns(2): EBADF for a bad descriptor":
        Setns(MINUS_ONE, NEWUTS) = EBADF;
    Nothing "setns(2): ESRCH for a process that has ended":
        Fork(0) { Exit(0) } PidfdOpen(CHILD) Wait(CHILD, 0) Setns(LAST, NEWUTS) = ESRCH;
    Nothing "setns(2): EPERM without CAP_SYS_ADMIN":
        PidfdOpen(ME) Capset() Setns(LAST, NEWUTS) = EPERM;

    // DragonOS 1231, YurtOS 70: it did not wait.
    Nothing "wait(2): gives what clone gave, and the exit status":
        Fork(0) { Exit(5) } Wait(CHILD, 5);
    // MentOS 234: of some signals it made an exit status.
    Nothing "wait(2): gives the signal that killed":
        Fork(0) { Setpgid(0, ME) Kill(ME, KILL) Exit(0) } Wait(CHILD, KILLED);
    Nothing "wait(2): ECHILD without a child":
        Wait4(MINUS_ONE) = ECHILD;

    Nothing "pidfd_open(2): ESRCH for no process":
        PidfdOpen(NOBODY) = ESRCH;
    // Asterinas 3373: ESRCH.
    Nothing "pidfd_open(2): EINVAL for process id 0":
        PidfdOpen(0) = EINVAL;

    User "user_namespaces(7): clone gives CAP_SYS_ADMIN":
        Capset() Fork(NEWUTS_NEWUSER) { Sethostname(NAME, 5) Nodename(NAME, 5) Exit(0) }
        Wait(CHILD, 0);
    User "user_namespaces(7): unshare gives CAP_SYS_ADMIN":
        Capset() Unshare(NEWUTS_NEWUSER) Sethostname(NAME, 5) Nodename(NAME, 5);
    User "user_namespaces(7): but not over the names outside":
        Fork(NEWUSER) { Sethostname(NAME, 5) = EPERM Exit(0) } Wait(CHILD, 0);

    Names "namespaces(7): a descriptor keeps a namespace":
        Unshare(NEWUTS) Sethostname(NAME, 5) Openat(CWD, UTS_LINK) Unshare(NEWUTS)
        Sethostname(OTHER, 3) Setns(LAST, NEWUTS) Nodename(NAME, 5);
    Names "namespaces(7): a bind mount keeps a namespace":
        Unshare(NEWUTS) Sethostname(NAME, 5) Openat(CWD, MOUNT_POINT) Unshare(NEWNS)
        MountPrivate(PROC) MountBind(UTS_LINK, MOUNT_POINT) Unshare(NEWUTS) Sethostname(OTHER, 3)
        Openat(CWD, MOUNT_POINT) Setns(LAST, NEWUTS) Nodename(NAME, 5);

    // From here on in the order in which they were added.
    // Gramine 1727: domainname was left as it was.
    Names "uname(2): fills its whole buffer and nothing beside it":
        Sethostname(NAME, 5) Setdomainname(OTHER, 5) FillsAll();
    Nothing "uname(2): takes a buffer that ends where memory does":
        Uname(UP_TO_EDGE);
    Nothing "uname(2): EFAULT where only the last field does not fit":
        Uname(OVER_EDGE) = EFAULT;
    // MentOS 256: a field without a NUL at its end.
    Nothing "uname(2): sysname, release, version and machine are strings":
        OthersAreThere();
    Names "uts_namespaces(7): the other fields are the same in every namespace":
        OthersAreTheSame() Unshare(NEWUTS) OthersAreTheSame()
        Fork(NEWUTS) { OthersAreTheSame() Exit(0) } Wait(CHILD, 0);

    Names "sethostname(2): takes bytes of any value":
        Sethostname(BYTES, LONGEST) Nodename(BYTES, LONGEST);
    Names "sethostname(2): takes no bytes from any address":
        Sethostname(NAME, 5) Sethostname(NOWHERE, 0) Nodename(NAME, 0);
    Names "sethostname(2): EINVAL leaves the name":
        Sethostname(NAME, 5) Sethostname(OTHER, MINUS_ONE) = EINVAL Nodename(NAME, 5);
    Names "sethostname(2): EFAULT leaves the name":
        Sethostname(NAME, 5) Sethostname(NOWHERE, 3) = EFAULT Nodename(NAME, 5);
    Names "sethostname(2): EFAULT leaves the name where only its end is bad":
        Sethostname(OTHER, 5) Sethostname(NEAR_EDGE, 5) = EFAULT Nodename(OTHER, 5);
    Names "sethostname(2): leaves domainname":
        Setdomainname(NAME, 5) Sethostname(OTHER, 3) Domainname(NAME, 5) Nodename(OTHER, 3);
    Nothing "sethostname(2): EPERM without CAP_SYS_ADMIN for the name that is there":
        Capset() Sethostname(PRESENT, ITS_LENGTH) = EPERM;

    // DragonOS 1913: EINVAL.
    Names "setdomainname(2): takes no bytes":
        Setdomainname(NAME, 5) Setdomainname(NAME, 0) Domainname(NAME, 0);
    // gVisor 13428: it read a string.
    Names "setdomainname(2): takes bytes of any value":
        Setdomainname(BYTES, LONGEST) Domainname(BYTES, LONGEST);
    Names "setdomainname(2): takes no bytes from any address":
        Setdomainname(NAME, 5) Setdomainname(NOWHERE, 0) Domainname(NAME, 0);
    Names "setdomainname(2): EINVAL leaves the name":
        Setdomainname(NAME, 5) Setdomainname(OTHER, MINUS_ONE) = EINVAL Domainname(NAME, 5);
    Names "setdomainname(2): EFAULT leaves the name":
        Setdomainname(NAME, 5) Setdomainname(NOWHERE, 3) = EFAULT Domainname(NAME, 5);
    Names "setdomainname(2): EFAULT leaves the name where only its end is bad":
        Setdomainname(OTHER, 5) Setdomainname(NEAR_EDGE, 5) = EFAULT Domainname(OTHER, 5);
    Names "setdomainname(2): leaves nodename":
        Sethostname(NAME, 5) Setdomainname(OTHER, 3) Nodename(NAME, 5) Domainname(OTHER, 3);
    Nothing "setdomainname(2): EPERM without CAP_SYS_ADMIN for the name that is there":
        Capset() Setdomainname(PRESENT_DOMAIN, ITS_LENGTH) = EPERM;

    Names "clone(2): CLONE_NEWUTS keeps later names of the parent from the child":
        Sethostname(NAME, 5) Fork(NEWUTS) { Hear(1) Nodename(NAME, 5) Exit(0) }
        Sethostname(OTHER, 3) Say(1) Wait(CHILD, 0);
    Names "clone(2): clone3 with CLONE_NEWUTS isolates both names":
        Sethostname(NAME, 5) Setdomainname(OTHER, 3)
        Clone3(NEWUTS) { Nodename(NAME, 5) Domainname(OTHER, 3) Sethostname(OTHER, 4)
        Setdomainname(NAME, 4) Nodename(OTHER, 4) Domainname(NAME, 4) Exit(0) }
        Wait(CHILD, 0) Nodename(NAME, 5) Domainname(OTHER, 3);
    Nothing "clone(2): clone3, EPERM for CLONE_NEWUTS without CAP_SYS_ADMIN":
        Capset() Clone3(NEWUTS) = EPERM { Exit(0) };
    Names "clone(2): a thread has the names of its process":
        Sethostname(NAME, 5) Thread() { Sethostname(OTHER, 3) Say(1) Leave(0) } Hear(1)
        Nodename(OTHER, 3);

    Names "unshare(2): no flag, the same names":
        Sethostname(NAME, 5) Fork(0) { Unshare(0) Sethostname(OTHER, 3) Exit(0) } Wait(CHILD, 0)
        Nodename(OTHER, 3);
    Names "unshare(2): a child that is there already stays":
        Sethostname(NAME, 5) Fork(0) { Hear(1) Nodename(NAME, 5) Exit(0) } Unshare(NEWUTS)
        Sethostname(OTHER, 3) Say(1) Wait(CHILD, 0);
    Names "unshare(2): a child that is made later follows":
        Unshare(NEWUTS) Sethostname(NAME, 5) Fork(0) { Nodename(NAME, 5) Sethostname(OTHER, 3)
        Exit(0) } Wait(CHILD, 0) Nodename(OTHER, 3);
    Names "unshare(2): only the calling thread moves":
        Sethostname(NAME, 5) Thread() { Unshare(NEWUTS) Sethostname(OTHER, 3) Nodename(OTHER, 3)
        Say(1) Leave(0) } Hear(1) Nodename(NAME, 5);

    Names "setns(2): type 0 stands for any":
        Sethostname(NAME, 5) Openat(CWD, UTS_LINK) Unshare(NEWUTS) Sethostname(OTHER, 3)
        Setns(LAST, 0) Nodename(NAME, 5);
    Names "setns(2): into the namespace where one is":
        Sethostname(NAME, 5) Openat(CWD, UTS_LINK) Setns(LAST, NEWUTS) Nodename(NAME, 5);
    Names "setns(2): a child that is made later follows":
        Sethostname(NAME, 5) Openat(CWD, UTS_LINK) Unshare(NEWUTS) Sethostname(OTHER, 3)
        Setns(LAST, NEWUTS) Fork(0) { Nodename(NAME, 5) Exit(0) } Wait(CHILD, 0);
    Names "setns(2): only the calling thread moves":
        Sethostname(NAME, 5) Openat(CWD, UTS_LINK) Unshare(NEWUTS) Sethostname(OTHER, 3)
        Thread() { Setns(LAST, NEWUTS) Nodename(NAME, 5) Say(1) Leave(0) } Hear(1)
        Nodename(OTHER, 3);
    Names "setns(2): EINVAL leaves the namespace":
        Sethostname(NAME, 5) Openat(CWD, UTS_LINK) Unshare(NEWUTS) Sethostname(OTHER, 3)
        Setns(LAST, NEWNS) = EINVAL Nodename(OTHER, 3);
    Nothing "setns(2): a file, EPERM without CAP_SYS_ADMIN":
        Openat(CWD, UTS_LINK) Capset() Setns(LAST, NEWUTS) = EPERM;
    User "setns(2): EPERM for a namespace that is owned outside":
        Openat(CWD, UTS_LINK) Unshare(NEWUSER) Setns(LAST, NEWUTS) = EPERM;
    Nothing "setns(2): EINVAL for a pidfd with type 0":
        PidfdOpen(ME) Setns(LAST, 0) = EINVAL;
    Nothing "setns(2): EINVAL for a pidfd with a type that is no namespace":
        PidfdOpen(ME) Setns(LAST, NEWUTS_VFORK) = EINVAL;

    // YurtOS 70: the two were the same.
    Nothing "wait(2): tells exit status 137 from the end by SIGKILL":
        Fork(0) { Exit(LIKE_KILLED) } Wait(CHILD, LIKE_KILLED);
    // The other ends first: a kernel that takes any child takes that.
    Nothing "wait(2): waits for the child that is named":
        Fork(0) { Say(1) Exit(5) } Fork(0) { Hear(1) Exit(3) } Wait(CHILD, 3) Wait(FIRST, 5);
    Nothing "wait(2): ECHILD for a child that was waited for":
        Fork(0) { Exit(0) } Wait(CHILD, 0) Wait4(CHILD) = ECHILD;
    // DragonOS 1689: it gave an error.
    Nothing "wait(2): WNOHANG gives 0 while the child lives":
        Fork(0) { Hear(1) Exit(0) } Wait4Nohang(CHILD) Say(1) Wait(CHILD, 0);

    Nothing "pidfd_open(2): EINVAL for a negative process id":
        PidfdOpen(MINUS_ONE) = EINVAL;
    Nothing "pidfd_open(2): EINVAL for an invalid flag":
        PidfdOpen(ME, 1) = EINVAL;
    Nothing "pidfd_open(2): the descriptor is close-on-exec":
        PidfdOpen(ME) Getfd(LAST) Gives(CLOEXEC);

    User "user_namespaces(7): unshare of it alone gives no power over the names":
        Unshare(NEWUSER) Sethostname(NAME, 5) = EPERM;
    User "user_namespaces(7): EPERM inside without the capability":
        Unshare(NEWUTS_NEWUSER) Capset() Sethostname(NAME, 5) = EPERM;
    User "user_namespaces(7): names that are set inside stay inside":
        Sethostname(NAME, 5) Fork(NEWUTS_NEWUSER) { Sethostname(OTHER, 3) Nodename(OTHER, 3)
        Exit(0) } Wait(CHILD, 0) Nodename(NAME, 5);
    User "user_namespaces(7): its creator has the power over it":
        Fork(NEWUTS_NEWUSER) { Sethostname(NAME, 5) Say(1) Hear(2) Nodename(OTHER, 3) Exit(0) }
        Hear(1) PidfdOpen(CHILD) Setns(LAST, NEWUTS) Sethostname(OTHER, 3) Say(2) Wait(CHILD, 0);

    Nothing "namespaces(7): uts:[N] is the same for a child without CLONE_NEWUTS":
        Keep(UTS_LINK) Fork(0) { IsKept(UTS_LINK) Exit(0) } Wait(CHILD, 0);
    Names "namespaces(7): uts:[N] changes with the namespace":
        Keep(UTS_LINK) Fork(NEWUTS) { HasChanged(UTS_LINK) Exit(0) } Wait(CHILD, 0)
        IsKept(UTS_LINK) Unshare(NEWUTS) HasChanged(UTS_LINK);
    Names "namespaces(7): uts:[N] comes back with it":
        Keep(UTS_LINK) Openat(CWD, UTS_LINK) Unshare(NEWUTS) HasChanged(UTS_LINK)
        Setns(LAST, NEWUTS) IsKept(UTS_LINK);
    Nothing "namespaces(7): the descriptor is of what the link names":
        Openat(CWD, UTS_LINK) IsOf(LAST, UTS_LINK);
    // gVisor 11210 and 13539, of user namespaces: there was no limit, or nothing heeded it.
    User "namespaces(7): ENOSPC beyond max_uts_namespaces":
        Writes(MAX_UTS_FILE, ONE, 1) Unshare(NEWUTS) = ENOSPC Fork(NEWUTS) = ENOSPC { Exit(0) };
    User "namespaces(7): max_uts_namespaces counts those that are there":
        Writes(MAX_UTS_FILE, TWO, 1) Fork(NEWUTS) { Exit(0) } Wait(CHILD, 0)
        Fork(NEWUTS) { Exit(0) } Wait(CHILD, 0) Unshare(NEWUTS);

    // gVisor 14757: there were no such requests.
    Nothing "ioctl_ns(2): NS_GET_NSTYPE gives CLONE_NEWUTS":
        Openat(CWD, UTS_LINK) Ioctl(LAST, GET_NSTYPE) Gives(NEWUTS);
    Names "ioctl_ns(2): NS_GET_USERNS gives the owner":
        Openat(CWD, UTS_LINK) Ioctl(LAST, GET_USERNS) IsOf(LAST, USER_LINK);
    Nothing "ioctl_ns(2): NS_GET_PARENT, EINVAL for a UTS namespace":
        Openat(CWD, UTS_LINK) Ioctl(LAST, GET_PARENT) = EINVAL;
    Nothing "ioctl_ns(2): ENOTTY for what is no namespace":
        Openat(CWD, ROOT) Ioctl(LAST, GET_NSTYPE) = ENOTTY;
    User "ioctl_ns(2): NS_GET_USERNS, EPERM for an owner outside":
        Openat(CWD, UTS_LINK) Unshare(NEWUSER) Ioctl(LAST, GET_USERNS) = EPERM;

    // DragonOS 1846, StarryOS 1847, Asterinas 3437: the file was not there, or not that of the
    // reader's namespace.
    Names "proc_sys_kernel(5): hostname shows the reader's":
        Sethostname(NAME, 5) Shows(HOSTNAME_FILE, NAME, 5) Unshare(NEWUTS) Sethostname(OTHER, 3)
        Shows(HOSTNAME_FILE, OTHER, 3);
    // gVisor 13412: the file was not there.
    Names "proc_sys_kernel(5): domainname shows the reader's":
        Setdomainname(NAME, 5) Shows(DOMAINNAME_FILE, NAME, 5) Unshare(NEWUTS)
        Setdomainname(OTHER, 3) Shows(DOMAINNAME_FILE, OTHER, 3);
    Names "proc_sys_kernel(5): hostname shows that of the reader, not of who opened it":
        Sethostname(NAME, 5) Openat(CWD, HOSTNAME_FILE) Unshare(NEWUTS) Sethostname(OTHER, 3)
        ShowsNow(LAST, OTHER, 3);
    // What is written is the caller's own name: a kernel that sets the caller's with it sets nothing.
    Names "proc_sys_kernel(5): hostname sets the writer's":
        Sethostname(NAME, 0) Writes(HOSTNAME_FILE, CALLERS, ITS_LENGTH)
        Nodename(CALLERS, ITS_LENGTH);
    Names "proc_sys_kernel(5): domainname sets the writer's":
        Setdomainname(NAME, 0) Writes(DOMAINNAME_FILE, CALLERS_DOMAIN, ITS_LENGTH)
        Domainname(CALLERS_DOMAIN, ITS_LENGTH);
}
