// SPDX-License-Identifier: MIT OR Apache-2.0
//! The package itself: copies of it, and cargo at work in them, which has no network.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use super::apart;
use super::run::{command, no_fork};

/// The folder with Cargo.toml in it.
pub const PACKAGE: &str = env!("CARGO_MANIFEST_DIR");

/// A file of the package, as text.
#[track_caller]
pub fn read(name: &str) -> String {
    fs::read_to_string(Path::new(PACKAGE).join(name)).expect(name)
}

/// What a checkout has, as far as the tests look at it.
const NAMES: [&str; 19] = [
    ".cargo",
    ".dockerignore",
    "CHANGELOG.md",
    "Cargo.toml",
    "Cargo.lock",
    "Dockerfile",
    "LICENSE-APACHE",
    "LICENSE-MIT",
    "Makefile",
    "README.md",
    "benches",
    "build.rs",
    "contrib",
    "doc",
    "examples",
    "linker.ld",
    "release",
    "src",
    "tests",
];

/// What a folder may be called: with all that linkers, compilers and shells have a use for.
pub const ODD_NAME: &str = "-a,b c\"d'é$HOME\\;";

/// A copy of the checkout, with nothing built in it.
pub fn copy_of_the_package() -> TempDir {
    copy_of_the_package_called("")
}

/// [`copy_of_the_package`], in a folder whose name begins so.
pub fn copy_of_the_package_called(name: &str) -> TempDir {
    let copy = apart::folder_called(name);
    for name in NAMES {
        copy_tree(&Path::new(PACKAGE).join(name), &copy.path().join(name));
    }
    copy
}

/// Copies a file, or a folder with all that is in it.
pub fn copy_tree(from: &Path, to: &Path) {
    if from.is_dir() {
        fs::create_dir(to).unwrap();
        for entry in fs::read_dir(from).unwrap() {
            let name = entry.unwrap().file_name();
            copy_tree(&from.join(&name), &to.join(name));
        }
    } else {
        let _lock = no_fork(); // a program that is being written cannot be run
        fs::copy(from, to).unwrap();
    }
}

/// Cargo in `package`, with a target folder in there.
pub fn cargo<S: AsRef<OsStr>>(package: &Path, args: impl IntoIterator<Item = S>) -> Command {
    let mut cargo = command(env!("CARGO"));
    cargo.current_dir(package).args(args).args(["--offline", "--quiet"]);
    cargo.env("CARGO_TARGET_DIR", package.join("target"));
    cargo
}

/// Where cargo has what it downloaded.
pub fn cargo_home() -> PathBuf {
    let home = || Path::new(&std::env::var_os("HOME").unwrap_or_default()).join(".cargo");
    std::env::var_os("CARGO_HOME").map_or_else(home, PathBuf::from)
}
