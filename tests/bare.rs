//! The README's commands on a bare Debian 12, which has Rust, and what the README tells the
//! reader to install: the program is built, run and tested there, without a network.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::time::Duration;

use regex::Regex;

use crate::support::package::{cargo_home, copy_of_the_package, copy_tree, read};
use crate::support::require::{self, needs};
use crate::support::run::{Outcome, Watched as _, command, parents_lines, transcript};

/// Commands of the README that are typed here, beside the first.
pub const COMMANDS: [&str; 2] = [BUILD, TEST];
const BUILD: &str = "cargo build --release";
const TEST: &str = "tests/run";

/// How long it may take until the packages are there, or the program.
const LIMIT: Duration = Duration::from_secs(300);

/// How long all the tests may take there, beside those here.
const LIMIT_OF_THE_TESTS: Duration = Duration::from_secs(1200);

/// How many tests need nothing but that, at least.
const TESTS: usize = 140;

/// What happens in namespaces of its own, so that nothing stays mounted. It is no chroot, in which
/// there would be no user namespaces. The arguments: the root file system, Rust, what cargo
/// downloaded, and the command.
const BARE: &str = r#"set -e
mount --bind "$1" "$1"
cd "$1"
mount --bind "$2" opt
mount -o remount,bind,ro opt
mount --bind "$3" mnt
mount -o remount,bind,ro mnt
mount --rbind /dev dev
mount -t proc proc proc
pivot_root . media
umount --lazy media
exec env -i NEWUTS_TEST_RUN="$NEWUTS_TEST_RUN" CARGO_NET_OFFLINE=true HOME=/root \
    PATH=/opt/bin:/usr/sbin:/usr/bin:/sbin:/bin sh -c "cd /root/newuts && $4"
"#;

/// Types a command of the README there.
#[track_caller]
fn typed(root: &Path, line: &str, limit: Duration) -> Outcome {
    let rust = Path::new(env!("CARGO")).ancestors().nth(2).unwrap();
    let mut unshare = command("unshare");
    unshare.args(["--mount", "--uts", "--net", "--pid", "--fork", "--kill-child"]);
    unshare.args(["sh", "-c", BARE, "sh"]);
    unshare.args([root, rust, &cargo_home().join("registry")]).arg(line);
    let run = unshare.start().finish_within(limit);
    assert_eq!(run.status, 0, "{line}\n{}\n{}", run.stdout, run.stderr);
    run
}

#[test]
fn the_readme_s_commands_work() {
    needs!(require::root(), require::tool("mmdebstrap"), require::tool("pivot_root"));
    let readme = read("README.md");
    let first = readme.split("```console\n# ").nth(1).unwrap().lines().next().unwrap();
    for line in COMMANDS {
        assert!(readme.contains(&format!(" {line}\n")), "{line}");
    }
    let packages = Regex::new("`apt-get install ([^`]*)`").unwrap();
    let packages = packages.captures(&readme).unwrap()[1].replace(' ', ",");

    let folder = tempfile::tempdir_in("/tmp").unwrap();
    let root = folder.path();
    let mut mmdebstrap = command("unshare");
    mmdebstrap.args(["--mount", "mmdebstrap", "--mode=root", "--variant=minbase", "--quiet"]);
    mmdebstrap.arg(format!("--include={packages}")).arg("bookworm").arg(root);
    let run = mmdebstrap.start().finish_within(LIMIT);
    needs!(if run.status == 0 {
        Ok(())
    } else {
        Err(format!("Debian's packages: {}", run.stderr))
    });

    let home = root.join("root/.cargo/registry");
    fs::create_dir_all(&home).unwrap();
    for downloaded in ["cache", "index"] {
        symlink(Path::new("/mnt").join(downloaded), home.join(downloaded)).unwrap();
    }
    let checkout = root.join("root/newuts");
    copy_tree(copy_of_the_package().path(), &checkout);

    typed(root, BUILD, LIMIT);
    assert!(checkout.join("target/release/newuts").exists());

    let run = typed(root, first, LIMIT);
    let (_, transcript) = transcript(&run.stdout);
    let name = first.split(' ').next_back().unwrap();
    let expected =
        format!("clone() returned PID\nuts.nodename in child: {name}\n{}", parents_lines());
    assert_eq!(transcript, expected);

    let run = typed(root, TEST, LIMIT_OF_THE_TESTS);
    assert_all_ran(&run);
}

/// Asserts that tests ran, and that those that did not run lack a program and nothing else.
#[track_caller]
fn assert_all_ran(run: &Outcome) {
    let results = Regex::new(r"test result: ok\. (\d+) passed; 0 failed; 0 ignored; ").unwrap();
    let passed = results.captures_iter(&run.stdout).map(|result| result[1].parse::<usize>());
    let passed: usize = passed.map(Result::unwrap).sum();
    let skips = Regex::new("(?m)^SKIP: (.*?): needs (.*)$").unwrap();
    let mut skipped = BTreeSet::new();
    for skip in skips.captures_iter(&run.stderr) {
        let [test, missing] = skip.extract().1;
        assert!(!missing.contains("root") && !missing.contains("namespaces"), "{test}: {missing}");
        skipped.insert(test);
    }
    assert!(passed >= TESTS + skipped.len(), "{passed} passed, of them skipped: {skipped:#?}");
}
