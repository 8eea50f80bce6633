// SPDX-License-Identifier: MIT OR Apache-2.0
//! The files of `contrib`, as they are. Those for initramfs-tools and dracut are tried by `.ci/bare
//! hooks`, with the real ones, on a system of their own.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use crate::support::apart::{self, ALONE};
use crate::support::engine::{self, Engine};
use crate::support::package::{PACKAGE, cargo_home, copy_of_the_package, read};
use crate::support::require::{self, needs};
use crate::support::run::{NEWUTS, Watched as _, command};

/// Builds the image `box` by the Containerfile, from images `rust` and `base`. The first has this
/// machine's Rust and C compiler, which it sees where they are, and what cargo downloaded; the
/// second has a shell and a few commands.
fn build(engine: &Engine) {
    let rust = apart::folder();
    for folder in ["cargo/registry", "etc", "proc", "rust", "tmp", "usr"] {
        fs::create_dir_all(rust.path().join(folder)).unwrap();
    }
    for link in ["bin", "lib", "lib64"] {
        symlink(format!("usr/{link}"), rust.path().join(link)).unwrap();
    }
    for downloaded in ["cache", "index"] {
        let link = rust.path().join("cargo/registry").join(downloaded);
        symlink(format!("/downloaded/{downloaded}"), link).unwrap();
    }
    let image = "FROM scratch\nCOPY . /\n\
                 ENV PATH=/rust/bin:/usr/bin CARGO_HOME=/cargo CARGO_NET_OFFLINE=true\n";
    fs::write(rust.path().join("Dockerfile"), image).unwrap();
    engine.build("rust", rust.path().to_str().unwrap(), &[]);

    let base = apart::folder();
    fs::create_dir(base.path().join("bin")).unwrap();
    fs::copy("/bin/busybox", base.path().join("bin/busybox")).unwrap();
    for applet in ["sh", "sha256sum", "uname"] {
        symlink("busybox", base.path().join("bin").join(applet)).unwrap();
    }
    fs::write(base.path().join("Dockerfile"), "FROM scratch\nCOPY bin /bin\n").unwrap();
    engine.build("base", base.path().to_str().unwrap(), &[]);

    let mut rustc = command("rustc");
    let rustc = rustc.args(["--print", "sysroot"]).current_dir(PACKAGE).run().stdout;
    let registry = cargo_home().join("registry");
    let seen = [
        ("/usr", "/usr"),
        ("/etc/alternatives", "/etc/alternatives"),
        (rustc.trim_end(), "/rust"),
        (registry.to_str().unwrap(), "/downloaded"),
    ];
    let seen = seen.map(|(from, to)| format!("--volume={from}:{to}:ro"));
    let copy = copy_of_the_package();
    let file = format!("--file={}/contrib/Containerfile", copy.path().display());
    let options = ["--build-arg=RUST=rust", "--build-arg=BASE=base", "--network=none", &file];
    let limits = ["--ulimit=nofile=1024:1024", "--ulimit=nproc=1024:1024"];
    let options = [&options[..], &limits, &seen.each_ref().map(String::as_str)].concat();
    engine.build("box", copy.path().to_str().unwrap(), &options);
}

/// The program is built in one stage and copied in the next, and is process 1 there; in a pod, too,
/// as Kubernetes' file describes it.
#[test]
fn the_containerfile_and_the_pod() {
    needs!(require::tool("cc"), require::tool("sha256sum"), require::tool("catatonit"));
    let Some(engine) = engine::podman() else { return };
    build(&engine);
    let own = command("sha256sum").arg(NEWUTS).run().stdout;
    let mut words = vec!["run", "--rm", "--network=none", "--hostname=antero"];
    words.extend(["--ulimit=nofile=1024:1024", "--ulimit=nproc=1024:1024", "--cgroups=no-conmon"]);
    let group = engine.cgroup();
    let run = |more: &[&str]| {
        let mut podman = engine.client();
        podman.args(&words).arg(format!("--cgroup-parent={group}"));
        podman.args(more).run()
    };
    run(&["--cap-add=SYS_ADMIN", "box"]).is(0, "box\n", "");
    let who = "uname -n; echo $PPID";
    run(&["--cap-add=SYS_ADMIN", "box", "sh", "-c", who]).is(0, "box\n1\n", "");
    let sum = run(&["--entrypoint=/bin/sha256sum", "box", "/usr/bin/newuts"]);
    assert_eq!(sum.stdout.split(' ').next(), own.split(' ').next(), "not what was tested: {sum:?}");

    let file = Path::new(PACKAGE).join("contrib/kubernetes.yaml");
    engine.pod(file.to_str().unwrap(), "newuts-box").is(0, "box\n", "");
}

/// mkinitcpio is not to be had on Debian: its hook is called with what it may call, as
/// mkinitcpio(8) says ("Build hooks").
#[test]
fn the_hook_for_mkinitcpio() {
    needs!(require::namespaces(), require::tool("bash"));
    let script = r#"mount -t tmpfs it /usr/local/bin && "$0" -c "$1" bash "$2""#;
    let hook = r#"
set -u
add_binary() { echo "add_binary $*"; }
error() { echo "error: $*"; }
. contrib/mkinitcpio/newuts
build
echo "status $?"
cp "$1" /usr/local/bin/newuts
build
echo "status $?"
help
"#;
    let mut bash = command(ALONE[0]);
    bash.args(&ALONE[1..]).args(["bash", "-c", script, "bash"]);
    let run = bash.args([hook, NEWUTS]).current_dir(PACKAGE).run();
    let help = run.stdout.split_once("This hook adds newuts").expect(&run.stdout);
    let expected = "error: newuts is not installed\nstatus 1\n\
                    add_binary /usr/local/bin/newuts /usr/bin/newuts\nstatus 0\n";
    assert_eq!((run.status, help.0, run.stderr.as_str()), (0, expected, ""));
}

/// The README says where each of them is.
#[test]
fn the_readme_names_them() {
    let readme = read("README.md");
    let files =
        command("find").arg("contrib").args(["-type", "f"]).current_dir(PACKAGE).run().stdout;
    assert!(files.lines().count() >= 5);
    for file in files.lines() {
        assert!(readme.contains(&format!("]({file})")), "{file}");
    }
}
