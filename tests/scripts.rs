// SPDX-License-Identifier: MIT OR Apache-2.0
//! A command that is a script without `#!`: /bin/sh runs it, as it does for env(1), nice(1) and
//! unshare(1), which are asked the same beside.

use std::fs::{self, Permissions};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

use crate::support::hint::NO_INTERPRETER;
use crate::support::require::{self, needs};
use crate::support::run::{
    Copied, NEWUTS, Outcome, Watched as _, command, newuts, no_fork, unprivileged,
};
use crate::support::strace::{self, Strace, inject};

/// Says how it was called.
const LOOK: &[u8] = b"echo \"$0 $# $*\"; for word; do echo \"<$word>\"; done; exit 7\n";

/// Makes a file.
fn install(path: &Path, content: &[u8], mode: u32) {
    let _lock = no_fork(); // a file that another process has open for writing cannot be executed
    fs::write(path, content).unwrap();
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

/// A folder that all may read.
fn folder() -> TempDir {
    let folder = TempDir::new().unwrap();
    fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).unwrap();
    folder
}

/// What others say of the same words.
const PEERS: [&[&str]; 3] = [&["env"], &["nice", "-n0"], &["unshare", "--uts"]];

/// Runs the words by each of the peers, which agree, and by the program in all forms that take a
/// command, which agrees with them.
#[track_caller]
fn agree(at: &Path, path: Option<&str>, words: &[&str]) -> Outcome {
    let run = |mut command: Command| {
        command.args(words).current_dir(at).env("LC_ALL", "C");
        if let Some(path) = path {
            command.env("PATH", path);
        }
        command.run()
    };
    let absolute = |name: &str| {
        let found = ["/usr/bin", "/bin"].map(|folder| Path::new(folder).join(name));
        found.into_iter().find(|path| path.exists()).unwrap()
    };
    let peers = PEERS.map(|peer| {
        let mut command = command(absolute(peer[0]));
        command.args(&peer[1..]);
        run(command)
    });
    let [expected, others @ ..] = &peers;
    for other in others {
        let found = (other.status, &other.stdout, &other.stderr);
        assert_eq!(found, (expected.status, &expected.stdout, &expected.stderr));
    }
    let join = format!("--join={}", std::process::id());
    for options in [&["x"][..], &["-r", "x"], &["--domainname=d", "--", "x"], &[&join]] {
        run(newuts(options)).is(expected.status, &expected.stdout, &expected.stderr);
    }
    let [expected, ..] = peers;
    expected
}

#[test]
fn a_script_by_its_path() {
    needs!(require::user_namespaces());
    let folder = folder();
    let at = folder.path();
    install(&at.join("script"), LOOK, 0o755);
    let absolute = at.join("script").to_str().unwrap().to_owned();
    symlink("script", at.join("link")).unwrap();
    for name in [absolute.as_str(), "./script", "./link", "../../../../../proc/self/cwd/script"] {
        let run = agree(at, None, &[name]);
        run.is(7, &format!("{name} 0 \n"), "");
        let words = [name, "a", "", "b c", "-x", "--", "-c", "*", "$0"];
        let run = agree(at, None, &words);
        let all = words[1..].join(" ");
        let each: Vec<_> = words[1..].iter().map(|word| format!("<{word}>\n")).collect();
        let each = each.concat();
        run.is(7, &format!("{name} 8 {all}\n{each}"), "");
    }
}

#[test]
fn a_script_by_the_search() {
    needs!(require::user_namespaces());
    let root = folder();
    let in_folder = |name: &str| {
        let folder = root.path().join(name);
        fs::create_dir_all(&folder).unwrap();
        folder
    };
    let path = |names: &[&str]| {
        let paths = names.iter().map(|name| match *name {
            "" => String::new(),
            name => in_folder(name).to_str().unwrap().to_owned(),
        });
        paths.collect::<Vec<_>>().join(":")
    };
    install(&in_folder("plain").join("tool"), LOOK, 0o755);
    install(&in_folder("other").join("tool"), b"echo other\n", 0o755);
    install(&in_folder("not executable").join("tool"), LOOK, 0o644);
    install(&in_folder("here").join("tool"), b"echo here; echo $0\n", 0o755);
    in_folder("empty");
    let here = in_folder("here");
    for names in [
        &["plain"][..],
        &["empty", "plain"],
        &["plain", "other"],
        &["other", "plain"],
        &["not executable", "plain"],
        &["empty", "not executable", "plain", "other"],
        &["", "plain"],
        &["empty", ""],
    ] {
        let run = agree(&here, Some(&path(names)), &["tool", "a b", "c"]);
        assert_eq!(run.stderr, "", "{names:?}");
        assert!(run.stdout.contains("/tool 2 a b c\n<a b>\n<c>\n") || run.stdout.contains("er"));
    }
    // It is not searched for again: what is run is what was found.
    let run = agree(&here, Some(&path(&["plain", "other"])), &["tool"]);
    run.is(7, &format!("{}/tool 0 \n", path(&["plain"])), "");
}

/// Nothing tells what a script is but that the kernel does not know it.
#[test]
fn whatever_the_kernel_does_not_know_is_a_script() {
    needs!(require::user_namespaces());
    let folder = folder();
    let at = folder.path();
    for (content, status) in [
        (&b""[..], Some(0)),
        (b"\n", Some(0)),
        (b"# a comment\n", Some(0)),
        (b"exit 3", Some(3)),
        (b"\n#!/no/such\nexit 4\n", Some(4)),
        (b" #!/no/such\nexit 5\n", Some(5)),
        (b"#!\nexit 6\n", None),
        (b"#! \nexit 6\n", None),
        (b"frobnicate\n", Some(127)),
        (b"kill -TERM $$\n", Some(143)),
        // What a shell makes of these is its own.
        (b"\x7fELF\nexit 8\n", None),
        (b"\x7fELF\x02\x01\x01\0\0\0\0\0", None),
        (b"\0\0\0\0\nexit 9\n", None),
        (b"MZ\0\0\nexit 9\n", None),
    ] {
        install(&at.join("script"), content, 0o755);
        let run = agree(at, None, &["./script", "a"]);
        if let Some(status) = status {
            assert_eq!(run.status, status, "{content:?}");
        }
        agree(at, Some(&format!("{}:/usr/bin:/bin", at.display())), &["script"]);
    }
    install(&at.join("script"), &[LOOK, &vec![b'#'; 100_000]].concat(), 0o755);
    agree(at, None, &["./script"]).is(7, "./script 0 \n", "");
}

#[test]
fn a_script_that_cannot_be_read_is_not_run() {
    needs!(require::user_namespaces());
    let folder = folder();
    let script = folder.path().join("script");
    install(&script, LOOK, 0o711);
    let program = Copied::new();
    let as_user = |words: &[&str]| {
        let mut command = unprivileged();
        command.args(words).arg(&script).env("LC_ALL", "C").run()
    };
    let expected = as_user(&["env"]);
    assert_ne!(expected.status, 0);
    let found = as_user(&[program.path.to_str().unwrap(), "-U", "x"]);
    found.is(expected.status, &expected.stdout, &expected.stderr);
}

#[test]
fn any_number_of_words_is_handed_on() {
    needs!(require::root());
    let folder = folder();
    install(&folder.path().join("script"), b"echo $#; echo $0; shift 4998; echo $*\n", 0o755);
    let words: Vec<_> = (0..5000).map(|number| number.to_string()).collect();
    for (options, name) in [(&["x"][..], "./script"), (&["--", "x"], "./script")] {
        let mut command = newuts(options);
        command.arg(name).args(&words).current_dir(&folder);
        command.run().is(0, "5000\n./script\n4998 4999\n", "");
    }
}

#[test]
fn the_environment_and_the_descriptors_are_handed_on() {
    needs!(require::root());
    let folder = folder();
    install(
        &folder.path().join("script"),
        b"echo $A; cat /proc/$$/environ | tr '\\0' '\\n' | grep -c ^A=; ls /proc/self/fd | wc -l\n",
        0o755,
    );
    let run = |mut command: Command| {
        command.arg("./script").env("A", "b c").current_dir(&folder);
        command.run()
    };
    let expected = run(command("env"));
    assert!(expected.stdout.starts_with("b c\n1\n"), "{expected:?}");
    run(newuts(["x"])).is(0, &expected.stdout, "");
}

#[test]
fn only_two_calls_more_are_made() {
    needs!(strace::here());
    let folder = folder();
    let script = folder.path().join("script");
    install(&script, b"exit 7\n", 0o755);
    let script = script.to_str().unwrap();
    let path = format!("PATH=/no/such:{}:/usr/bin", folder.path().display());
    for (options, name, tried) in
        [(&[][..], script, &[script][..]), (&["-E", &path], "script", &["/no/such/script", script])]
    {
        let (run, log) = Strace::new(options, &["box", name, "a", "b"]).run();
        run.is(7, "", "");
        let calls = log.parent().named("execve");
        let (shell, first) = calls.split_last().unwrap();
        assert_eq!(first.len(), tried.len());
        for (call, path) in first.iter().zip(tried) {
            let words = format!("execve(\"{path}\", [\"{name}\", \"a\", \"b\"], 0x");
            assert!(call.starts_with(&words), "{call}");
        }
        assert!(first.last().unwrap().ends_with(" = -1 ENOEXEC (Exec format error)"));
        let words = format!("execve(\"/bin/sh\", [\"/bin/sh\", \"{script}\", \"a\", \"b\"], 0x");
        assert!(shell.starts_with(&words), "{shell}");
        assert!(shell.ends_with(" vars */) = 0"), "{shell}");
    }
}

/// Other reasons than ENOEXEC are no scripts.
#[test]
fn a_missing_interpreter_is_no_script() {
    needs!(require::user_namespaces());
    let folder = folder();
    let at = folder.path();
    install(&at.join("shebang"), b"#!/no/such\necho ran\n", 0o755);
    install(&at.join("chain"), format!("#!{}/shebang\n", at.display()).as_bytes(), 0o755);
    install(&at.join("elf"), &with_another_loader(&fs::read("/usr/bin/env").unwrap()), 0o755);
    install(&at.join("fine"), b"#!/bin/sh\necho ran\n", 0o755);
    symlink("nowhere", at.join("dangling")).unwrap();
    symlink("shebang", at.join("link")).unwrap();
    let path = format!("{}:/no/such", at.display());
    for (name, is_there) in [
        ("shebang", true),
        ("chain", true),
        ("elf", true),
        ("link", true),
        ("dangling", false),
        ("nowhere", false),
    ] {
        let hint = if is_there { NO_INTERPRETER } else { "" };
        let dotted = format!("./{name}");
        let absolute = format!("{}/{name}", at.display());
        for name in [name, &dotted, &absolute] {
            let join = format!("--join={}", std::process::id());
            for options in [&["x"][..], &["-r", "x"], &[&join]] {
                let mut command = newuts(options);
                command.arg(name).current_dir(at).env("PATH", &path);
                let message = format!("newuts: {name}: No such file or directory\n{hint}");
                command.run().is(127, "", &message);
            }
        }
    }
    // Where the search goes on, it finds something.
    let other = TempDir::new().unwrap();
    install(&other.path().join("shebang"), b"#!/bin/sh\necho found\n", 0o755);
    let path = format!("{}:{}", at.display(), other.path().display());
    newuts(["x", "shebang"]).env("PATH", path).run().is(0, "found\n", "");
    newuts(["x", "./fine"]).current_dir(at).run().is(0, "ran\n", "");
    // Nothing is there at all.
    newuts(["x", ""]).run().is(127, "", "newuts: : No such file or directory\n");
}

/// A filter can say so, too: then it is no interpreter that is missing.
#[test]
fn a_filter_that_finds_no_script_is_no_missing_interpreter() {
    needs!(strace::here());
    let folder = folder();
    let fine = folder.path().join("fine");
    install(&fine, b"#!/bin/sh\necho ran\n", 0o755);
    let fine = fine.to_str().unwrap();
    let (run, _) = inject(&["execve:error=ENOENT"], &["x", fine]);
    run.is(127, "", &format!("newuts: {fine}: No such file or directory\n"));
}

/// A program that wants a loader of another name, which is as long.
fn with_another_loader(program: &[u8]) -> Vec<u8> {
    let loader = program.windows(8).position(|bytes| bytes == b"/ld-linu");
    let mut changed = program.to_vec();
    changed[loader.expect("a program with a loader") + 1] = b'x';
    changed
}

/// In a folder with the program, the script, and nothing else.
#[test]
fn without_a_shell_there_is_none() {
    needs!(require::root(), require::tool("chroot"));
    let folder = folder();
    install(&folder.path().join("newuts"), &fs::read(NEWUTS).unwrap(), 0o755);
    install(&folder.path().join("script"), LOOK, 0o755);
    // It is found whatever PATH says.
    let chroot = ["/usr/sbin/chroot", "/sbin/chroot"];
    let chroot = chroot.into_iter().find(|path| Path::new(path).exists()).unwrap();
    for (path, name) in [("/", "/script"), ("/", "script"), ("/:/none", "script")] {
        let mut command = command(chroot);
        command.arg(folder.path()).args(["/newuts", "x", name]).env("PATH", path);
        let message = format!("newuts: {name}: No such file or directory\n{NO_INTERPRETER}");
        command.run().is(127, "", &message);
    }
    // A shell that is none.
    fs::create_dir_all(folder.path().join("bin/sh")).unwrap();
    let mut command = command(chroot);
    command.arg(folder.path()).args(["/newuts", "x", "/script"]);
    command.run().is(126, "", "newuts: /script: Permission denied\n");
}

/// A name that is no text goes to the shell as it is.
#[test]
fn the_name_is_bytes() {
    needs!(require::root());
    let folder = folder();
    let name = std::ffi::OsStr::from_bytes(b"new\nline \xff");
    install(&folder.path().join(name), b"echo \"$0\" | od -An -c | tr -s ' '\n", 0o755);
    let run = |mut command: Command| {
        let path = format!("{}:/usr/bin:/bin", folder.path().display());
        command.arg(name).env("PATH", path).current_dir(&folder).run()
    };
    let expected = run(command("env"));
    assert_eq!((expected.status, expected.stderr.as_str()), (0, ""));
    run(newuts(["x"])).is(0, &expected.stdout, "");
}
