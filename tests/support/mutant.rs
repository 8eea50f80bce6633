// SPDX-License-Identifier: MIT OR Apache-2.0
//! A kernel that takes one argument of a call for another (`mutant.c`): what strace and seccomp(2)
//! cannot do, which change only what a call gives.

use std::env::consts::ARCH;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use super::apart::ALONE;
use super::require;
use super::run::{Watched as _, command};

/// What it needs: it knows the registers of one CPU.
pub fn here() -> Result<(), String> {
    require::tool("gcc")?;
    if ARCH == "x86_64" { Ok(()) } else { Err("an x86_64".to_owned()) }
}

/// The program, built once.
fn program() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| {
        let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/mutant.c");
        let program = Path::new(env!("CARGO_TARGET_TMPDIR")).join("mutant");
        let mut compiler = command("gcc");
        compiler.args(["-O2", "-Wall", "-Wextra", "-Werror", "-o"]);
        compiler.arg(&program).arg(source).run().is(0, "", "");
        program
    })
}

/// A command that runs `words` where `call` takes the argument at `place`, counted from 0, for
/// `other`, if it is `what`, or whatever it is.
pub fn taking(
    words: &[&str],
    call: libc::c_long,
    place: usize,
    what: Option<u32>,
    other: u32,
) -> Command {
    let what = what.map_or("any".to_owned(), |what| what.to_string());
    // It may make a call lie: that is to stay inside.
    let mut command = command(ALONE[0]);
    command.args(&ALONE[1..]).arg(program()).args([call.to_string(), place.to_string()]);
    command.args([what, other.to_string()]).args(words);
    command
}
