// SPDX-License-Identifier: MIT OR Apache-2.0
//! The program, built for a CPU that may be another than this machine's.

use std::collections::BTreeMap;
use std::env::consts::ARCH;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::time::Duration;

use super::machine;
use super::run::{NEWUTS, Watched as _, command};

/// How long a build may take, on a machine that has much else to do.
pub const LIMIT: Duration = Duration::from_secs(600);

/// The program for a CPU, as Rust calls it: built once for each, on the first demand.
pub fn newuts(rust: &str) -> Result<PathBuf, String> {
    static BUILT: Mutex<BTreeMap<String, Result<PathBuf, String>>> = Mutex::new(BTreeMap::new());
    if rust == ARCH {
        return Ok(NEWUTS.into());
    }
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut built = BUILT.lock().expect("the first build failed");
    built.entry(rust.to_owned()).or_insert_with(|| build(rust, package, &folder(rust))).clone()
}

/// The target of a CPU.
pub fn target(rust: &str) -> &'static str {
    machine::table().find(|machine| machine.rust == rust).expect(rust).target
}

/// The compiler that has the standard library for a CPU: the one in `PATH`, or else the one that
/// `tests/setup` unpacked.
pub fn compiler(rust: &str) -> Result<PathBuf, String> {
    let has_library = |compiler: &PathBuf| {
        let mut libdir = command(compiler);
        libdir.args(["--print=target-libdir", "--target", target(rust)]);
        Path::new(libdir.run().stdout.trim_end()).is_dir()
    };
    let installed = PathBuf::from("rustc");
    if has_library(&installed) {
        return Ok(installed);
    }
    let unpacked = machine::cache().join("rust/rustc");
    let missing = format!("rustup target add {}, or tests/setup", target(rust));
    if unpacked.exists() && has_library(&unpacked) { Ok(unpacked) } else { Err(missing) }
}

/// The folder of that build.
pub fn folder(rust: &str) -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join(rust)
}

/// Builds the program of the package in `package` into `folder`.
pub fn build(rust: &str, package: &Path, folder: &Path) -> Result<PathBuf, String> {
    let run = cargo(rust, package, folder)?.arg("--bin=newuts").start().finish_within(LIMIT);
    assert_eq!(run.status, 0, "{}", run.stderr);
    Ok(folder.join(target(rust)).join("release/newuts"))
}

/// Builds as its users would, with what is here already.
pub fn cargo(rust: &str, package: &Path, folder: &Path) -> Result<Command, String> {
    let mut cargo = command(env!("CARGO"));
    cargo.args(["build", "--release", "--locked", "--offline", "--target", target(rust)]);
    cargo.arg("--target-dir").arg(folder).env("RUSTC", compiler(rust)?).current_dir(package);
    Ok(cargo)
}
