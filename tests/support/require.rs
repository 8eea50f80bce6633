// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a test needs and a machine may lack. `needs!(require::root(), require::tool("strace"));`
//! as a test's first line ends the test where one of them is missing, and says so on standard
//! error, past the harness. With `NEWUTS_TEST_REQUIRE=all` that is a failure.

use std::fs::File;
use std::io::Write as _;
use std::sync::OnceLock;
use std::{env, io, thread};

/// Ends the test here unless it has what it needs.
macro_rules! needs {
    ($($need:expr),+ $(,)?) => {$(
        if let Err(missing) = $need {
            $crate::support::require::skip(&missing);
            return;
        }
    )+};
}
pub(crate) use needs;

/// Says that this test is skipped, and why.
pub fn skip(missing: &str) {
    assert!(env::var_os("NEWUTS_TEST_REQUIRE").is_none_or(|all| all != "all"), "needs {missing}");
    say(thread::current().name().unwrap_or_default(), missing);
}

/// Says that something is skipped, a test or what several tests would have looked at, and what it
/// needs: on standard error, and for `tests/run` in the file that `NEWUTS_TEST_SKIPS` names.
pub fn say(what: &str, missing: &str) {
    let missing = missing.trim().replace('\n', "; ");
    // In one write, and not by eprintln!, which the harness shows only for tests that fail.
    let _ = io::stderr().write_all(format!("SKIP: {what}: needs {missing}\n").as_bytes());
    if let Some(path) = env::var_os("NEWUTS_TEST_SKIPS") {
        let mut file = File::options().append(true).create(true).open(path).unwrap();
        file.write_all(format!("{what}\t{missing}\n").as_bytes()).unwrap();
    }
}

/// A program somewhere in `PATH`.
pub fn tool(name: &str) -> Result<(), String> {
    let path = env::var_os("PATH").unwrap_or_default();
    let found = env::split_paths(&path).any(|folder| folder.join(name).is_file());
    if found { Ok(()) } else { Err(name.to_owned()) }
}

/// Root, with the capability to make UTS namespaces.
pub fn root() -> Result<(), String> {
    static ROOT: OnceLock<bool> = OnceLock::new();
    let unshared = || {
        // SAFETY: the thread that leaves the namespace ends at once, and shares nothing by it.
        let unshare = || unsafe { libc::unshare(libc::CLONE_NEWUTS) };
        thread::spawn(unshare).join().is_ok_and(|result| result == 0)
    };
    if *ROOT.get_or_init(|| rustix::process::geteuid().is_root() && unshared()) {
        Ok(())
    } else {
        Err("root with CAP_SYS_ADMIN".to_owned())
    }
}

/// Root who may make user and mount namespaces, too: not so in a chroot (user_namespaces(7)).
pub fn namespaces() -> Result<(), String> {
    root()?;
    tool("unshare")?;
    let mut unshare = super::run::command("unshare");
    let run = super::run::Watched::run(unshare.args(["--map-root-user", "--mount", "true"]));
    if run.status == 0 {
        Ok(())
    } else {
        Err("user and mount namespaces, which a chroot has not".to_owned())
    }
}

/// Another user who may make user namespaces, and programs to become that user.
pub fn user_namespaces() -> Result<(), String> {
    root()?;
    tool("setpriv")?;
    tool("unshare")?;
    tool("prlimit")?;
    let mut unshare = super::run::unprivileged();
    let run = super::run::Watched::run(unshare.args(["unshare", "--map-root-user", "true"]));
    if run.status == 0 { Ok(()) } else { Err("user namespaces for ordinary users".to_owned()) }
}
