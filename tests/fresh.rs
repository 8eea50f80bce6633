//! The README's first command on a fresh Debian 12, which has Rust, and what the README tells the
//! reader to install.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::time::Duration;

use regex::Regex;

use crate::support::package::{cargo_home, copy_of_the_package, copy_tree, read};
use crate::support::require::{self, needs};
use crate::support::run::{Watched as _, command, parents_lines, transcript};

/// How long it may take until the packages are there, or the program.
const LIMIT: Duration = Duration::from_secs(300);

/// What happens in namespaces of its own, so that nothing stays mounted. The arguments: the root
/// file system, Rust, and what cargo downloaded.
const FRESH: &str = r#"set -e
cd "$1"
mount --bind "$2" opt
mount -o remount,bind,ro opt
mount --bind "$3" mnt
mount -o remount,bind,ro mnt
mount --rbind /dev dev
mount -t proc proc proc
exec chroot . env -i PATH=/opt/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root \
    CARGO_NET_OFFLINE=true CARGO_TERM_QUIET=true sh -c "cd /root/newuts && $4"
"#;

#[test]
fn the_first_command_of_the_readme_works_on_a_fresh_debian() {
    needs!(require::root(), require::tool("mmdebstrap"), require::tool("chroot"));
    let readme = read("README.md");
    let first = readme.split("```console\n# ").nth(1).unwrap().lines().next().unwrap();
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
    copy_tree(copy_of_the_package().path(), &root.join("root/newuts"));

    let rust = Path::new(env!("CARGO")).ancestors().nth(2).unwrap();
    let mut unshare = command("unshare");
    unshare.args([
        "--mount",
        "--uts",
        "--net",
        "--pid",
        "--fork",
        "--kill-child",
        "sh",
        "-c",
        FRESH,
        "sh",
    ]);
    unshare.args([root, rust, &cargo_home().join("registry")]).arg(first);
    let run = unshare.start().finish_within(LIMIT);
    assert_eq!(run.status, 0, "{}", run.stderr);
    let (_, transcript) = transcript(&run.stdout);
    let name = first.split(' ').next_back().unwrap();
    let expected =
        format!("clone() returned PID\nuts.nodename in child: {name}\n{}", parents_lines());
    assert_eq!(transcript, expected);
}
