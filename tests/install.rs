// SPDX-License-Identifier: MIT OR Apache-2.0
//! The Makefile: what it installs, where, and that it takes all of it away again.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use crate::support::apart;
use crate::support::cross::LIMIT;
use crate::support::package::{ODD_NAME, PACKAGE, copy_of_the_package, read};
use crate::support::require::{self, needs};
use crate::support::run::{NEWUTS, Watched as _, command};

/// What is installed below PREFIX: the file, its mode, and what it is in the repository.
const INSTALLED: [(&str, u32, &str); 5] = [
    ("bin/newuts", 0o755, NEWUTS),
    ("share/bash-completion/completions/newuts", 0o644, "doc/newuts.bash"),
    ("share/fish/vendor_completions.d/newuts.fish", 0o644, "doc/newuts.fish"),
    ("share/man/man1/newuts.1", 0o644, "doc/newuts.1"),
    ("share/zsh/site-functions/_newuts", 0o644, "doc/_newuts"),
];

/// All that is below a folder and is no folder, by its path in there.
fn files(folder: &Path) -> BTreeSet<String> {
    let run = command("find").arg(folder).args(["!", "-type", "d", "-printf", "%P\n"]).run();
    assert_eq!((run.status, run.stderr.as_str()), (0, ""));
    run.stdout.lines().map(str::to_owned).collect()
}

/// make(1) in `package`, for a root of its own. Its words are those of a shell, but `$` is make's.
fn make(package: &Path, target: &str, root: &Path) -> Command {
    let mut make = command("make");
    let root = root.to_str().unwrap().replace('$', "$$");
    make.current_dir(package).args(["--silent", target]).arg(format!("DESTDIR={root}"));
    // Those of a make that may run these tests.
    make.env_remove("MAKEFLAGS").env_remove("MFLAGS").env_remove("MAKELEVEL");
    make
}

#[test]
fn what_make_installs_it_takes_away_again() {
    needs!(require::tool("make"), require::tool("find"));
    for (words, prefix) in [(&[][..], "usr/local"), (&["PREFIX=/usr"], "usr")] {
        for name in ["", ODD_NAME] {
            let root = apart::folder_called(name);
            let make = |target| {
                let mut make = make(Path::new(PACKAGE), target, root.path());
                make.arg(format!("PROGRAM={NEWUTS}")).args(words);
                make
            };
            make("install").run().is(0, "", "");
            let expected = INSTALLED.map(|(file, ..)| format!("{prefix}/{file}"));
            assert_eq!(files(root.path()), expected.into());
            for (file, mode, original) in INSTALLED {
                let file = root.path().join(prefix).join(file);
                assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o7777, mode);
                let original = fs::read(Path::new(PACKAGE).join(original)).unwrap();
                assert!(fs::read(&file).unwrap() == original, "{}", file.display());
            }
            let version = concat!("newuts ", env!("CARGO_PKG_VERSION"), "\n");
            let installed = root.path().join(prefix).join("bin/newuts");
            command(installed).arg("--version").run().is(0, version, "");

            // A second time as well as the first; and what others have in these folders stays.
            make("install").run().is(0, "", "");
            fs::write(root.path().join(prefix).join("bin/another"), "").unwrap();
            for _ in ["there", "gone"] {
                make("uninstall").run().is(0, "", "");
                assert_eq!(files(root.path()), [format!("{prefix}/bin/another")].into());
            }
        }
    }
}

#[test]
fn it_builds_what_is_not_built_yet() {
    needs!(require::tool("make"), require::tool("find"));
    let copy = copy_of_the_package();
    let root = apart::folder();
    let mut make = make(copy.path(), "install", root.path());
    make.env_remove("CARGO_TARGET_DIR").env("CARGO_NET_OFFLINE", "true");
    let run = make.env("CARGO_TERM_QUIET", "true").start().finish_within(LIMIT);
    assert_eq!(run.status, 0, "{}", run.stderr);
    assert_eq!(files(root.path()).len(), INSTALLED.len());
    let installed = fs::read(root.path().join("usr/local/bin/newuts")).unwrap();
    assert!(installed == fs::read(NEWUTS).unwrap(), "not what was tested");
}

/// What the package for Debian installs, and what it is in the repository.
const PACKAGED: [(&str, &str); 7] = [
    ("usr/bin/newuts", NEWUTS),
    ("usr/share/bash-completion/completions/newuts", "doc/newuts.bash"),
    ("usr/share/doc/newuts/README.md", "README.md"),
    ("usr/share/doc/newuts/copyright", ""),
    ("usr/share/fish/vendor_completions.d/newuts.fish", "doc/newuts.fish"),
    ("usr/share/man/man1/newuts.1.gz", ""),
    ("usr/share/zsh/vendor-completions/_newuts", "doc/_newuts"),
];

/// It is made, installed into a root with a list of packages of its own, used, and removed.
#[test]
fn the_package_for_debian() {
    needs!(require::tool("dpkg"), require::tool("zcat"), require::tool("find"));
    // CI does without it where it is not there: to build it takes longer than all else it prepares.
    if let Err(missing) = require::tool("cargo-deb") {
        return require::say("install::the_package_for_debian", &missing);
    }
    let (copy, root) = (copy_of_the_package(), apart::folder());
    let package = copy.path().join("newuts.deb");
    let mut cargo = command(env!("CARGO"));
    cargo.args(["deb", "--quiet", "--offline", "--locked", "--output"]).arg(&package);
    cargo.current_dir(copy.path()).env("CARGO_TARGET_DIR", copy.path().join("target"));
    let run = cargo.start().finish_within(LIMIT);
    assert_eq!(run.status, 0, "{}", run.stderr);

    let field = |name| command("dpkg").arg("--field").arg(&package).arg(name).run().stdout;
    assert_eq!(field("Package"), "newuts\n");
    let version = field("Version");
    assert_eq!(version.split('-').next(), Some(env!("CARGO_PKG_VERSION")));
    let first = field("Description").lines().next().unwrap().to_owned();
    assert_eq!(first, env!("CARGO_PKG_DESCRIPTION"));
    assert!(first.len() <= 80, "{first}");

    let state = root.path().join("var/lib/dpkg");
    for folder in ["info", "updates"] {
        fs::create_dir_all(state.join(folder)).unwrap();
    }
    fs::write(state.join("status"), "").unwrap();
    let dpkg = |words: &[&str]| {
        let mut dpkg = command("dpkg");
        dpkg.arg(format!("--root={}", root.path().display())).arg("--force-not-root");
        let run = dpkg.args(words).run();
        assert_eq!((run.status, run.stderr.as_str()), (0, ""), "{words:?}: {}", run.stdout);
    };
    let installed = || {
        let mut files = files(root.path());
        files.retain(|file| !file.starts_with("var/"));
        files
    };
    dpkg(&["--install", package.to_str().unwrap()]);
    assert_eq!(installed(), PACKAGED.map(|(file, _)| file.to_owned()).into());
    for (file, original) in PACKAGED.into_iter().filter(|(_, original)| !original.is_empty()) {
        let original = fs::read(Path::new(PACKAGE).join(original)).unwrap();
        assert!(fs::read(root.path().join(file)).unwrap() == original, "{file}");
    }
    let page = command("zcat").arg(root.path().join("usr/share/man/man1/newuts.1.gz")).run();
    assert_eq!(page.stdout, read("doc/newuts.1"));
    let version = concat!("newuts ", env!("CARGO_PKG_VERSION"), "\n");
    command(root.path().join("usr/bin/newuts")).arg("--version").run().is(0, version, "");
    dpkg(&["--purge", "newuts"]);
    assert_eq!(installed(), BTreeSet::new());
}

#[test]
fn it_is_short() {
    assert!(read("Makefile").lines().count() <= 40);
}
