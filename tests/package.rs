// SPDX-License-Identifier: MIT OR Apache-2.0
//! The package: what is in it, that it installs, and that it makes the same file everywhere.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::Write as _;
use std::os::unix::fs::symlink;
use std::path::Path;

use crate::support::apart;
use crate::support::cross::LIMIT;
use crate::support::package::{
    ODD_NAME, PACKAGE, cargo, cargo_home, copy_of_the_package, copy_of_the_package_called,
};
use crate::support::run::{NEWUTS, Watched as _, command};

/// The files below a folder of the package, by their paths in it.
fn files(folder: &str) -> Vec<String> {
    let entries = fs::read_dir(Path::new(PACKAGE).join(folder)).unwrap().map(Result::unwrap);
    let files = entries.flat_map(|entry| {
        let path = format!("{folder}/{}", entry.file_name().to_str().unwrap());
        if entry.path().is_dir() { files(&path) } else { vec![path] }
    });
    files.collect()
}

/// For tools that list licences: the SPDX specification, annex "SPDX short identifiers".
#[test]
fn every_source_names_its_licence() {
    let id = concat!("SPDX-License-Identifier: ", env!("CARGO_PKG_LICENSE"));
    let folders =
        [".ci", ".github", "benches", "contrib", "examples", "fuzz/fuzz_targets", "src", "tests"];
    let others = ["Makefile", "build.rs", "fuzz/run", "linker.ld", "release/make"];
    let files = folders.into_iter().flat_map(files).chain(others.map(str::to_owned));
    let sources: Vec<_> =
        files.filter(|path| Path::new(path).extension() != Some("txt".as_ref())).collect();
    assert!(sources.len() > 150, "{sources:?}");
    for path in sources {
        let text = fs::read_to_string(Path::new(PACKAGE).join(&path)).unwrap();
        assert!(text.lines().take(2).any(|line| line.contains(id)), "{path}");
    }
}

#[test]
fn it_has_what_is_built_and_what_is_read() {
    let mut expected: BTreeSet<_> =
        ["src", "contrib", "doc", "examples"].into_iter().flat_map(files).collect();
    let others = [
        "CHANGELOG.md",
        "Dockerfile",
        "LICENSE-APACHE",
        "LICENSE-MIT",
        "Makefile",
        "README.md",
        "build.rs",
        "linker.ld",
    ];
    let others = others
        .into_iter()
        .filter(|name| *name != "Dockerfile" || Path::new(PACKAGE).join(name).exists());
    // The manifest as it is and as cargo rewrites it, and from which commit it is.
    let made = ["Cargo.lock", "Cargo.toml", "Cargo.toml.orig", ".cargo_vcs_info.json"];
    expected.extend(others.chain(made).map(str::to_owned));

    let run = cargo(Path::new(PACKAGE), ["package", "--list", "--allow-dirty"]).run();
    let mut found: BTreeSet<_> = run.stdout.lines().map(str::to_owned).collect();
    found.insert(".cargo_vcs_info.json".to_owned()); // only in a repository
    assert_eq!(found, expected, "{}", run.stderr);
}

/// It is packed, unpacked, and built from that alone.
#[test]
fn it_can_be_packed() {
    let target = apart::folder();
    let mut cargo = cargo(Path::new(PACKAGE), ["package", "--allow-dirty"]);
    let run = cargo.env("CARGO_TARGET_DIR", target.path()).start().finish_within(LIMIT);
    assert_eq!(run.status, 0, "{}", run.stderr);
    let name = concat!("package/newuts-", env!("CARGO_PKG_VERSION"));
    let packed = fs::read(target.path().join(format!("{name}.crate"))).unwrap();
    assert!(packed.starts_with(b"\x1f\x8b"), "no gzip");
    assert!(target.path().join(format!("{name}/src/main.rs")).exists());
}

#[test]
fn it_installs() {
    let root = apart::folder();
    let mut cargo = cargo(Path::new(PACKAGE), ["install", "--path=.", "--locked"]);
    cargo.arg("--root").arg(root.path()).env("CARGO_TARGET_DIR", root.path().join("target"));
    let run = cargo.start().finish_within(LIMIT);
    assert_eq!(run.status, 0, "{}", run.stderr);
    let installed = root.path().join("bin/newuts");
    let version = concat!("newuts ", env!("CARGO_PKG_VERSION"), "\n");
    command(&installed).arg("--version").run().is(0, version, "");
    assert!(fs::read(installed).unwrap() == fs::read(NEWUTS).unwrap(), "not what was tested");
}

/// Builds in a folder whose name begins so, with a CARGO_HOME of its own, into which what was
/// downloaded is unpacked anew. Gives the file.
fn built_elsewhere(name: &str) -> Vec<u8> {
    let copy = copy_of_the_package_called(name);
    let home = copy.path().join("home");
    fs::create_dir_all(home.join("registry")).unwrap();
    for downloaded in ["cache", "index"] {
        let original = cargo_home().join("registry").join(downloaded);
        symlink(original, home.join("registry").join(downloaded)).unwrap();
    }
    let mut cargo = cargo(copy.path(), ["build", "--release", "--locked", "--bin=newuts"]);
    let run = cargo.env("CARGO_HOME", &home).start().finish_within(LIMIT);
    assert_eq!(run.status, 0, "{}", run.stderr);
    assert!(home.join("registry/src").exists(), "CARGO_HOME was not used");
    fs::read(copy.path().join("target/release/newuts")).unwrap()
}

#[test]
fn it_makes_the_same_file_in_every_folder() {
    let built = ["", ODD_NAME].map(built_elsewhere);
    assert!(built[0] == built[1], "two folders, two files");
    assert!(built[0] == fs::read(NEWUTS).unwrap(), "not what was tested");
}

/// Cargo keeps what the build script said, and that must name no file of the old folder.
#[test]
fn it_can_be_built_on_where_it_was_moved_to() {
    let build = |package: &Path| {
        let mut cargo = cargo(package, ["build", "--release", "--locked", "--bin=newuts"]);
        let run = cargo.start().finish_within(LIMIT);
        assert_eq!(run.status, 0, "{}", run.stderr);
    };
    let copy = copy_of_the_package();
    build(copy.path());
    let folder = apart::folder();
    let moved = folder.path().join("moved");
    fs::rename(copy.path(), &moved).unwrap();
    let program = moved.join("target/release/newuts");
    fs::remove_file(&program).unwrap();
    // Something new, or nothing is linked anew.
    let mut main = File::options().append(true).open(moved.join("src/main.rs")).unwrap();
    writeln!(main, "const _: () = ();").unwrap();
    build(&moved);
    assert!(fs::read(program).unwrap() == fs::read(NEWUTS).unwrap(), "another file");
    fs::rename(&moved, copy.path()).unwrap();
}
