// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the program says of a cause that it tested, word for word: the one place where the texts of
//! the hints stand for all tests.

/// CAP_SYS_ADMIN is not even in the bounding set, as in a container.
pub const NO_CAPABILITY: &str = "newuts: hint: no CAP_SYS_ADMIN: run as root, or add --user; \
                                 in a container, --cap-add SYS_ADMIN\n";
/// The same, where `--user` was given or cannot help.
pub const NO_CAPABILITY_NOR_USER: &str =
    "newuts: hint: no CAP_SYS_ADMIN: run as root; in a container, --cap-add SYS_ADMIN\n";
/// The bounding set has CAP_SYS_ADMIN, this user has it not.
pub const NOT_THIS_USER: &str = "newuts: hint: no CAP_SYS_ADMIN: run as root, or add --user\n";
/// The same, where `--user` cannot help.
pub const ROOT_ONLY: &str = "newuts: hint: no CAP_SYS_ADMIN: run as root\n";

/// The user namespace that the caller is in does not know its user or its group.
pub const UNMAPPED: &str =
    "newuts: hint: this user or group id is not mapped in its user namespace\n";
/// chroot(2).
pub const CHROOT: &str = "newuts: hint: no user namespace can be made in a chroot\n";
/// Debian's setting.
pub const FOR_ROOT: &str =
    "newuts: hint: user namespaces are for root: kernel.unprivileged_userns_clone is 0\n";
/// Ubuntu's setting.
pub const APPARMOR: &str =
    "newuts: hint: AppArmor: kernel.apparmor_restrict_unprivileged_userns is 1\n";
/// To map root of the user namespace outside.
pub const NO_SETFCAP: &str = "newuts: hint: no CAP_SETFCAP, which it takes to map root\n";

/// seccomp(2).
pub const FILTER: &str = "newuts: hint: a seccomp filter refuses it\n";
/// `EACCES` from clone(2) or unshare(2).
pub const SECURITY_MODULE: &str = "newuts: hint: a security module refuses it\n";

/// The limit of this user namespace is 0.
pub const NO_MORE_UTS: &str =
    "newuts: hint: no more UTS namespaces: see /proc/sys/user/max_uts_namespaces\n";
/// A limit is reached, and which cannot be told.
pub const NO_MORE_UTS_SOMEWHERE: &str = "newuts: hint: no more UTS namespaces: see \
    /proc/sys/user/max_uts_namespaces, of this or an outer user namespace\n";
/// The limit of this user namespace is 0.
pub const NO_MORE_USER: &str =
    "newuts: hint: no more user namespaces: see /proc/sys/user/max_user_namespaces\n";
/// A limit is reached, and which cannot be told.
pub const NO_MORE_USER_SOMEWHERE: &str = "newuts: hint: no more user namespaces: see \
    /proc/sys/user/max_user_namespaces, of this or an outer one; or 32 are nested\n";

/// `EINVAL`: what the kernel was built without.
pub const NO_UTS: &str = "newuts: hint: this kernel has no UTS namespaces (CONFIG_UTS_NS)\n";
pub const NO_USER: &str = "newuts: hint: this kernel has no user namespaces (CONFIG_USER_NS)\n";

/// `ENOENT` from execve(2).
pub const NO_INTERPRETER: &str =
    "newuts: hint: it is there, but an interpreter that it needs is not\n";

/// All of them.
pub const ALL: [&str; 18] = [
    NO_CAPABILITY,
    NO_CAPABILITY_NOR_USER,
    NOT_THIS_USER,
    ROOT_ONLY,
    UNMAPPED,
    CHROOT,
    FOR_ROOT,
    APPARMOR,
    NO_SETFCAP,
    FILTER,
    SECURITY_MODULE,
    NO_MORE_UTS,
    NO_MORE_UTS_SOMEWHERE,
    NO_MORE_USER,
    NO_MORE_USER_SOMEWHERE,
    NO_UTS,
    NO_USER,
    NO_INTERPRETER,
];

/// The words for `EPERM` from a call, with a hint.
pub fn not_permitted(call: &str, hint: &str) -> String {
    format!("{call}: Operation not permitted\n{hint}")
}
