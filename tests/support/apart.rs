// SPDX-License-Identifier: MIT OR Apache-2.0
//! Each test apart: the thread of a test, and so all that it starts, has mounts and names of its
//! own. What a program does to them does not reach the machine, not even where the kernel lies to
//! it and says that it made a namespace; and the test that leaves a mount or a name behind fails.
//! The processes that it starts, and the files that it makes, have the test's name on them: see
//! `tests/left-behind`.

use std::cell::RefCell;
use std::env;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::thread::{self, Scope, ScopedJoinHandle};

use rustix::mount::{MountPropagationFlags, mount_change};
use rustix::system::{setdomainname, uname};
use tempfile::{Builder, NamedTempFile, TempDir};

/// Runs its arguments where nothing that they do to mounts or processes reaches others, even if they
/// are told that they made a namespace, and did not. That of names is this thread's, [`apart`].
pub const ALONE: [&str; 6] =
    ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"];

/// What a test is to leave as it is.
#[derive(Clone)]
struct Kept {
    /// Whether the mounts are its own. The machine's are others' too.
    own: bool,
    /// A name or a mount each.
    lines: Vec<String>,
}

impl Kept {
    fn look(own: bool) -> Self {
        let names = uname();
        let (host, domain) = (names.nodename(), names.domainname());
        let mut lines = vec![
            format!("host name {}", host.to_string_lossy()),
            format!("domain name {}", domain.to_string_lossy()),
        ];
        if own {
            let mounts = fs::read_to_string("/proc/thread-self/mountinfo").unwrap();
            lines.extend(mounts.lines().map(|mount| format!("mount {mount}")));
        }
        Self { own, lines }
    }
}

thread_local! {
    static KEPT: RefCell<Option<Kept>> = const { RefCell::new(None) };
}

/// Gives this thread mounts and names of its own, once, if it may have them: only who has that
/// privilege could change the machine's.
pub fn apart() {
    KEPT.with_borrow_mut(|kept| {
        kept.get_or_insert_with(|| {
            // SAFETY: the thread shares its memory and its files with the others as before.
            let own = unsafe { libc::unshare(libc::CLONE_NEWNS | libc::CLONE_NEWUTS) } == 0;
            if own {
                // In a chroot, whose root need not be a mount, they stay as they are.
                let _ =
                    mount_change("/", MountPropagationFlags::PRIVATE | MountPropagationFlags::REC);
            }
            Kept::look(own)
        });
    });
}

/// Asserts that this thread has the mounts and the names that it had at first.
#[track_caller]
pub fn assert_kept() {
    apart();
    let before = KEPT.with_borrow(Option::clone).unwrap();
    let after = Kept::look(before.own);
    let without = |some: &Kept, others: &Kept| -> Vec<String> {
        some.lines.iter().filter(|line| !others.lines.contains(line)).cloned().collect()
    };
    let (added, gone) = (without(&after, &before), without(&before, &after));
    assert!(before.lines == after.lines, "what a test does stays: {added:#?} for {gone:#?}");
}

/// Whether this thread has mounts and names of its own.
pub fn is_apart() -> bool {
    KEPT.with_borrow(|kept| kept.as_ref().is_some_and(|kept| kept.own))
}

/// Gives this thread another domain name, which it is to keep.
pub fn set_domain_name(name: &str) {
    apart();
    setdomainname(name.as_bytes()).unwrap();
    KEPT.set(Some(Kept::look(is_apart())));
}

/// The name of this test, fit for a file.
pub fn test() -> String {
    thread::current().name().unwrap_or("unnamed").replace("::", ".")
}

/// Starts another thread of this test, which has its name.
pub fn beside<'scope, T: Send + 'scope>(
    scope: &'scope Scope<'scope, '_>,
    work: impl FnOnce() -> T + Send + 'scope,
) -> ScopedJoinHandle<'scope, T> {
    let name = thread::current().name().unwrap_or("unnamed").to_owned();
    thread::Builder::new().name(name).spawn_scoped(scope, work).unwrap()
}

/// How the names of this test's files begin: with the suite, if `tests/left-behind` gave it a name,
/// and the test.
pub fn prefix() -> String {
    let suite = env::var("NEWUTS_TEST_SUITE").map(|suite| suite + "-").unwrap_or_default();
    format!("newuts-{suite}{}-", test())
}

/// An empty folder, removed with this.
pub fn folder() -> TempDir {
    folder_called("")
}

/// [`folder`], whose name has these characters in it.
pub fn folder_called(name: &str) -> TempDir {
    Builder::new().prefix(&(prefix() + name)).tempdir().unwrap()
}

/// An empty folder that all users can reach.
pub fn folder_for_all() -> TempDir {
    let folder = Builder::new().prefix(&prefix()).tempdir_in("/tmp").unwrap();
    fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).unwrap();
    folder
}

/// An empty file, removed with this.
pub fn file() -> NamedTempFile {
    Builder::new().prefix(&prefix()).tempfile().unwrap()
}
