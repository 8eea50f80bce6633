// SPDX-License-Identifier: MIT OR Apache-2.0
//! The files of a release, and who calls CI.

use std::collections::{BTreeMap, BTreeSet};
use std::env::consts::ARCH;
use std::fs;
use std::path::Path;

use crate::support::apart;
use crate::support::cross::{self, LIMIT};
use crate::support::machine::machines;
use crate::support::package::{ODD_NAME, PACKAGE, copy_of_the_package_called, read};
use crate::support::require::{self, needs};
use crate::support::run::{NEWUTS, Watched as _, command};

/// Has `release/make` in `package` make the files for these CPUs, and gives them by their names.
#[track_caller]
fn made(package: &Path, cpus: &[&str]) -> BTreeMap<String, Vec<u8>> {
    let folder = apart::folder();
    let files = folder.path().join("files");
    let mut make = command(package.join("release/make"));
    make.arg(&files).args(cpus).env("CARGO_NET_OFFLINE", "true").current_dir("/");
    let run = make.start().finish_within(LIMIT);
    assert_eq!((run.status, run.stdout.as_str(), run.stderr.as_str()), (0, "", ""));
    let mut sums = command("sha256sum");
    sums.args(["--check", "--strict", "--quiet", "SHA256SUMS"]).current_dir(&files);
    sums.run().is(0, "", "");
    let entries = fs::read_dir(files).unwrap().map(Result::unwrap);
    let files = entries
        .map(|entry| (entry.file_name().into_string().unwrap(), fs::read(entry.path()).unwrap()));
    files.collect()
}

/// The name of a CPU's file.
fn name(rust: &str) -> String {
    format!("newuts-{}-{rust}", env!("CARGO_PKG_VERSION"))
}

#[test]
fn two_folders_make_the_same_bytes() {
    needs!(require::tool("sha256sum"));
    let copy = copy_of_the_package_called(ODD_NAME);
    let [here, there] = [Path::new(PACKAGE), copy.path()].map(|package| made(package, &[ARCH]));
    let names: Vec<_> = here.keys().map(String::as_str).collect();
    assert_eq!(
        names,
        ["CONTENTS", "LICENSE-APACHE", "LICENSE-MIT", "SHA256SUMS", name(ARCH).as_str()]
    );
    assert!(here == there, "two folders, two releases");
    assert!(here[&name(ARCH)] == fs::read(NEWUTS).unwrap(), "not what was tested");
}

#[test]
fn it_has_a_file_for_each_cpu_and_says_what_is_in_it() {
    needs!(require::tool("sha256sum"));
    let cpus: Vec<_> = machines().map(|machine| machine.rust).collect();
    for cpu in &cpus {
        needs!(cross::compiler(cpu).map(drop));
    }
    let files = made(Path::new(PACKAGE), &cpus);
    for cpu in &cpus {
        let tested = fs::read(cross::newuts(cpu).unwrap()).unwrap();
        assert!(files[&name(cpu)] == tested, "{cpu}: not what was tested");
    }
    assert_eq!(files.len(), cpus.len() + 4);
    let contents = str::from_utf8(&files["CONTENTS"]).unwrap();
    let (linked, built) = contents.split_once("\n\n").unwrap();
    let crates: BTreeSet<_> = linked.lines().skip(1).map(without_version).collect();
    let expected = [
        "core, MIT OR Apache-2.0",
        "linux-raw-sys, Apache-2.0 WITH LLVM-exception OR Apache-2.0 OR MIT",
        "newuts, MIT OR Apache-2.0",
        "syscalls, BSD-2-Clause",
    ];
    assert_eq!(crates, expected.map(str::to_owned).into());
    let built: Vec<_> = built.lines().skip(1).map(|line| line.split(' ').next().unwrap()).collect();
    assert_eq!(built, cpus.iter().map(|cpu| name(cpu)).collect::<Vec<_>>());
}

/// `syscalls v0.8.1 BSD-2-Clause` as `syscalls, BSD-2-Clause`; the version is in Cargo.lock.
fn without_version(line: &str) -> String {
    let mut words = line.splitn(3, ' ');
    let mut word = || words.next().expect(line);
    let (name, version, license) = (word(), word(), word());
    if line == "core, of Rust MIT OR Apache-2.0" {
        return "core, MIT OR Apache-2.0".to_owned();
    }
    let version = version.strip_prefix('v').expect(line);
    let locked = format!("name = \"{name}\"\nversion = \"{version}\"\n");
    assert!(read("Cargo.lock").contains(&locked), "{line}");
    format!("{name}, {license}")
}

#[test]
fn what_it_cannot_build_it_does_not_leave_out() {
    let folder = apart::folder();
    let mut make = command(Path::new(PACKAGE).join("release/make"));
    let run = make.arg(folder.path().join("files")).arg("z80").run();
    assert_eq!((run.status, run.stdout.as_str()), (1, ""));
    assert!(run.stderr.starts_with("release/make: z80 is none of: x86_64 "), "{}", run.stderr);
}

/// A hosted CI runs `.ci/run`, and nothing else.
#[test]
fn the_workflow_calls_ci_run() {
    let workflow = read(".github/workflows/ci.yml");
    let runs: Vec<_> = workflow.lines().filter(|line| line.contains("run: ")).collect();
    assert_eq!(runs.len(), 1);
    assert!(runs[0].ends_with(" .ci/run"), "{}", runs[0]);
}
