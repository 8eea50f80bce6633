// SPDX-License-Identifier: MIT OR Apache-2.0
//! `--persist FILE`: the namespace outlives its processes, bound to a file as `unshare --uts=FILE`
//! does it. On failure nothing is left that was not there before.

use std::fs;
use std::os::unix::fs::{FileTypeExt as _, PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};

use rustix::fs::{XattrFlags, setxattr};
use rustix::process::Signal;
use tempfile::TempDir;

use crate::support::require::{self, needs};
use crate::support::run::{
    Copied, NEWUTS, Outcome, Watched as _, command, host_name, kill, newuts, transcript,
};
use crate::support::setting::{NO_PROC, after};
use crate::support::strace;

const HELP_IS_THERE: &str = "Try 'newuts --help' for more information.\n";

/// A folder, which each command sees in a mount namespace of its own: what it mounts goes with it.
struct Place {
    folder: TempDir,
}

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir_in("/tmp").unwrap();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o777)).unwrap();
        Self { folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Runs a script, `$1` the program and `$2` a file of the folder, which is the current one.
    /// Whatever it mounts, nothing of it is left here.
    #[track_caller]
    fn run(&self, propagation: &str, script: &str) -> Outcome {
        let mut unshare = command("unshare");
        unshare.args(["--mount", "--uts", &format!("--propagation={propagation}")]);
        unshare.args(["sh", "-c", script, "sh", NEWUTS, "file"]).current_dir(&self.folder);
        let run = unshare.run();
        let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap();
        assert!(!mounts.contains(self.folder.path().to_str().unwrap()), "{mounts}");
        run
    }

    /// The names of what is there.
    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(&self.folder).unwrap();
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

/// In a script: what is mounted, and where the file leads.
const LOOK: &str = "
look() {
    grep -c ' nsfs ' /proc/self/mountinfo
    \"$1\" --join ./$2 uname -n
}
";

#[test]
fn a_file_that_is_not_there_is_made() {
    needs!(require::namespaces());
    for fork in ["", "--fork"] {
        let place = Place::new();
        let script = format!("{LOOK} $1 {fork} --persist $2 box true; echo $?; look $1 $2");
        place.run("private", &script).is(0, "0\n1\nbox\n", "");
        // What is left of it where nothing is mounted: an empty file.
        let file = fs::metadata(place.path("file")).unwrap();
        assert!(file.is_file() && file.len() == 0 && !file.file_type().is_block_device());
        assert_eq!(place.names(), ["file"]);
    }
}

#[test]
fn a_file_that_is_there_is_bound_over_and_comes_back() {
    needs!(require::namespaces());
    let place = Place::new();
    fs::write(place.path("file"), "content\n").unwrap();
    let script = format!(
        "{LOOK} $1 --persist=./$2 --domainname=d box true; look $1 $2
        $1 --join ./$2 cat /proc/sys/kernel/domainname; umount $2; cat $2"
    );
    place.run("private", &script).is(0, "1\nbox\nd\ncontent\n", "");
}

/// The namespace is the command's own, and what the command sets stays set.
#[test]
fn it_is_the_namespace_of_the_command() {
    needs!(require::namespaces());
    let place = Place::new();
    for fork in ["", "--fork"] {
        let script = format!(
            "$1 {fork} --persist $2 box sh -c 'readlink /proc/self/ns/uts; uname -n
                echo renamed >/proc/sys/kernel/hostname'
            echo uts:[$(stat --format %i $2)]; $1 --join ./$2 uname -n; umount $2"
        );
        let run = place.run("private", &script);
        let lines: Vec<_> = run.stdout.lines().collect();
        assert_eq!(lines.len(), 4, "{run:?}");
        assert_eq!((lines[0], lines[1], lines[3]), (lines[2], "box", "renamed"));
    }
}

#[test]
fn unshare_does_the_same() {
    needs!(require::namespaces());
    // The same file, the same look, for both; but unshare(1) sets no name and makes no file.
    let look = "
        grep ' nsfs ' /proc/self/mountinfo | sed 's/.*uts:.[0-9]*. [^ ]* //; s/master:[0-9]*/M/'
        stat --format '%a %U %F %s' $2
        nsenter --uts=$2 readlink /proc/self/ns/uts | tr -d 0-9
        umount $2
        stat --format '%F' $2";
    for propagation in ["private", "slave", "unchanged"] {
        let place = Place::new();
        fs::write(place.path("file"), "").unwrap();
        let run = |line: &str| place.run(propagation, &format!("{line}; echo $?; {look}"));
        let theirs = run("unshare --uts=$2 true");
        assert!(theirs.stdout.starts_with("0\nrw"), "{theirs:?}");
        for fork in ["", "--fork"] {
            let ours = run(&format!("$1 {fork} --persist $2 box true"));
            ours.is(0, &theirs.stdout, &theirs.stderr);
        }
    }
}

/// Where mounts are shared it is seen in the other mount namespaces, too.
#[test]
fn in_a_shared_mount_the_others_see_it() {
    needs!(require::namespaces());
    for line in
        ["unshare --uts=$2 true", "$1 --persist $2 box true", "$1 --fork --persist $2 b true"]
    {
        let place = Place::new();
        let script = format!(
            "mount --bind . . && mount --make-shared . && cd $PWD && touch $2
            unshare --mount --propagation=unchanged sleep 300 & other=$!
            until [ $(readlink /proc/$other/ns/mnt) != $(readlink /proc/$$/ns/mnt) ]; do :; done
            {line}
            grep -c ' nsfs ' /proc/$$/mountinfo; grep -c ' nsfs ' /proc/$other/mountinfo
            kill $other"
        );
        let run = place.run("private", &script);
        assert_eq!(run.stdout, "1\n1\n", "{line}: {run:?}");
    }
}

#[test]
fn the_demonstration_may_be_joined_afterwards() {
    needs!(require::namespaces());
    for options in ["", "-U", "-r"] {
        let place = Place::new();
        let script = format!(
            "{LOOK} $1 {options} --persist $2 --delay=0.1 --hold=0.3 bizarro >log; echo $?; look $1 $2"
        );
        place.run("private", &script).is(0, "0\n1\nbizarro\n", "");
        let log = fs::read_to_string(place.path("log")).unwrap();
        let (_, log) = transcript(&log);
        assert!(log.contains("uts.nodename in child: bizarro\n"), "{log}");
        assert!(log.ends_with("child has terminated\n"), "{log}");
    }
}

#[test]
fn the_demonstration_may_be_joined_while_it_lasts() {
    needs!(require::namespaces());
    let place = Place::new();
    let script = "$1 --persist $2 --delay=0 --hold=300 bizarro & echo; wait";
    let mut unshare = command("unshare");
    unshare.args(["--mount", "--uts", "sh", "-c", script, "sh", NEWUTS, "file"]);
    let running = unshare.current_dir(&place.folder).start();
    running.until("uts.nodename in child: bizarro\n");
    running.until("uts.nodename in parent: ");
    running.until("clone() returned ");
    let file = format!("/proc/{}/root{}", running.pid(), place.path("file").display());
    newuts(["--join", &file, "uname", "-n"]).run().is(0, "bizarro\n", "");
    // Whom a signal ends has not failed: the namespace stays.
    let child = running.stdout();
    let child = child.lines().find_map(|line| line.strip_prefix("clone() returned ")).unwrap();
    kill(child.parse().unwrap(), Signal::KILL).unwrap();
    let run = running.finish();
    assert!(run.stdout.ends_with("child has terminated\n"), "{run:?}");
}

/// However short it lasts, and however long the parent takes.
#[test]
fn the_demonstration_does_not_end_before_it_is_bound() {
    needs!(strace::here(), require::namespaces());
    for call in ["pidfd_open", "mount"] {
        let place = Place::new();
        let script = format!(
            "{LOOK} strace -f -o /dev/null -e inject={call}:delay_enter=300000 \
                 $1 --persist $2 --delay=0 --hold=0 bizarro >log; echo $?; look $1 $2"
        );
        place.run("private", &script).is(0, "0\n1\nbizarro\n", "");
        let log = fs::read_to_string(place.path("log")).unwrap();
        assert!(log.ends_with("child has terminated\n"), "{log}");
    }
}

/// Who stays outside binds. Without a fork nobody does: then it is as with unshare(1) of
/// util-linux 2.38.
#[test]
fn with_a_user_namespace_somebody_must_stay_outside() {
    needs!(require::namespaces());
    for user in ["-U", "-r", "-c"] {
        let place = Place::new();
        let script = format!("{LOOK} $1 {user} --fork --persist $2 box true; echo $?; look $1 $2");
        place.run("private", &script).is(0, "0\n1\nbox\n", "");

        let place = Place::new();
        let script =
            format!("$1 {user} --persist $2 box true; echo $?; grep nsfs /proc/self/mountinfo");
        let run = place.run("private", &script);
        assert_eq!(run.stdout, "125\n", "{run:?}");
        assert!(run.stderr.starts_with("mount: Operation not permitted\n"), "{run:?}");
        assert_eq!(place.names(), [""; 0]);
    }
}

/// Its own is the command's: it can be joined only through the user namespace that owns it.
#[test]
fn the_user_namespace_owns_what_is_bound() {
    needs!(require::namespaces());
    let place = Place::new();
    let script =
        "$1 -r --fork --persist $2 box sleep 0; $1 --user --join ./$2 sh -c 'uname -n; id -u'";
    place.run("private", script).is(0, "box\n0\n", "");
}

#[test]
fn an_ordinary_user_may_not_and_leaves_nothing() {
    needs!(require::user_namespaces());
    let program = Copied::new();
    for options in ["-U --persist", "-U --fork --persist", "-r --fork --persist"] {
        let place = Place::new();
        let script = format!(
            "exec setpriv --reuid=65534 --regid=65534 --clear-groups {} {options} $2 box true",
            program.path.display()
        );
        let run = place.run("private", &script);
        assert_eq!((run.status, run.stdout.as_str()), (125, ""), "{run:?}");
        assert!(run.stderr.starts_with("mount: Operation not permitted\n"), "{run:?}");
        assert_eq!(place.names(), [""; 0], "{options}");
    }
    // The demonstration, which leaves no child either.
    let place = Place::new();
    let script = format!(
        "exec setpriv --reuid=65534 --regid=65534 --clear-groups {} -U --persist $2 bizarro",
        program.path.display()
    );
    let run = place.run("private", &script);
    assert_eq!(run.status, 1, "{run:?}");
    assert!(run.stderr.contains("mount: Operation not permitted\n"), "{run:?}");
    assert_eq!(place.names(), [""; 0]);
    // In a mount namespace of one's own one may.
    let place = Place::new();
    let script = format!(
        "exec setpriv --reuid=65534 --regid=65534 --clear-groups unshare -Urm sh -c \
         '$1 --persist $2 box true && $1 --join ./$2 uname -n' sh {} $2",
        program.path.display()
    );
    place.run("private", &script).is(0, "box\n", "");
}

#[test]
fn what_fails_leaves_nothing_half_made() {
    needs!(require::namespaces());
    let too_long = "x".repeat(65);
    for (words, status) in [
        (&*format!("--persist $2 {too_long} true"), 125),
        (&format!("--fork --persist $2 {too_long} true"), 125),
        (&format!("-r --fork --persist $2 {too_long} true"), 125),
        ("--persist $2 box frobnicate", 127),
        ("--fork --persist $2 box frobnicate", 127),
        ("-U --fork --persist $2 box frobnicate", 127),
        ("--persist $2 box /", 126),
        ("-U --fork --persist $2 box /", 126),
        (&format!("--persist $2 --delay=0 {too_long}"), 1),
        (&format!("-r --persist $2 --delay=0 {too_long}"), 1),
        ("--persist $2 --delay=0 --hold=0 bizarro >/dev/full", 1),
        ("--persist $2 --delay=0 --hold=300 bizarro >&-", 1),
    ] {
        let script = format!("$1 {words}; echo $?; grep nsfs /proc/self/mountinfo");
        // Neither a file, where there was none, ...
        let place = Place::new();
        let run = place.run("private", &script);
        assert_eq!(run.stdout.lines().last().unwrap(), status.to_string(), "{words}: {run:?}");
        assert_eq!(place.names(), [""; 0], "{words}");
        // ... nor a mount over one that was there before.
        fs::write(place.path("file"), "content").unwrap();
        let run = place.run("private", &script);
        assert_eq!(run.stdout.lines().last().unwrap(), status.to_string(), "{words}: {run:?}");
        assert_eq!(fs::read_to_string(place.path("file")).unwrap(), "content", "{words}");
    }
    // A command that fails by itself has run: its namespace stays.
    for status in [125, 126, 127] {
        let place = Place::new();
        let script =
            format!("{LOOK} $1 -U --fork --persist $2 box sh -c 'exit {status}'; look $1 $2");
        place.run("private", &script).is(0, "1\nbox\n", "");
    }
}

#[test]
fn a_place_where_nothing_can_be_bound_is_an_error() {
    needs!(require::namespaces());
    let place = Place::new();
    fs::create_dir(place.path("folder")).unwrap();
    fs::write(place.path("plain"), "").unwrap();
    symlink("nowhere", place.path("dangling")).unwrap();
    symlink("loop", place.path("loop")).unwrap();
    let before = place.names();
    for (file, text) in [
        ("folder", "Not a directory"),
        ("folder/", "Not a directory"),
        ("plain/file", "Not a directory"),
        ("missing/file", "No such file or directory"),
        ("dangling", "No such file or directory"),
        ("loop", "Too many levels of symbolic links"),
        ("''", "No such file or directory"),
        (&"x".repeat(256), "File name too long"),
    ] {
        for words in ["box true", "-U --fork box true", "--fork box true", "--hold=300 bizarro"] {
            let words = words.rsplit_once(' ').unwrap();
            let script = format!(
                "set -- $1; $1 --persist {file} {} {}; echo $?; grep nsfs /proc/self/mountinfo",
                words.0, words.1
            );
            let run = place.run("private", &script);
            let status = if words.1 == "bizarro" { 1 } else { 125 };
            let last = run.stdout.lines().last().unwrap();
            assert_eq!(last, status.to_string(), "{file} {words:?}: {run:?}");
            let errors: Vec<_> =
                run.stderr.lines().filter(|line| !line.starts_with("newuts: hint: ")).collect();
            let said = errors.iter().any(|line| line.ends_with(text));
            assert!(said && errors.len() == 1, "{file} {words:?}: {run:?}");
            assert_eq!(place.names(), before);
        }
    }
}

#[test]
fn a_file_system_that_cannot_be_written_to() {
    needs!(require::namespaces());
    let mount = "mount -t tmpfs own . && cd $PWD && touch file && mount -o remount,ro .";
    let place = Place::new();
    // What is there already can be bound over; unshare(1) can, too.
    for line in ["$1 --persist file box true", "unshare --uts=./file true"] {
        let run = place.run("private", &format!("{mount} && {line} && stat -f --format %T file"));
        run.is(0, "nsfs\n", "");
    }
    for fork in ["", "--fork", "-U --fork"] {
        let run =
            place.run("private", &format!("{mount} && $1 {fork} --persist new box true; echo $?"));
        assert_eq!(run.stdout, "125\n", "{run:?}");
        assert!(run.stderr.ends_with(": Read-only file system\n"), "{run:?}");
    }
}

#[test]
fn a_link_is_followed() {
    needs!(require::namespaces());
    let place = Place::new();
    fs::write(place.path("plain"), "").unwrap();
    symlink("plain", place.path("file")).unwrap();
    let script = format!("{LOOK} $1 --persist $2 box true; look $1 plain");
    place.run("private", &script).is(0, "1\nbox\n", "");
    assert!(Path::is_symlink(&place.path("file")));
}

#[test]
fn two_may_be_bound_over_each_other() {
    needs!(require::namespaces());
    let place = Place::new();
    let script = "$1 --persist $2 first true; $1 --persist $2 second true
        $1 --join ./$2 uname -n; umount $2; $1 --join ./$2 uname -n; umount $2; umount $2 || echo no";
    let run = place.run("private", script);
    assert_eq!(run.stdout, "second\nfirst\nno\n", "{run:?}");
}

#[test]
fn without_proc_it_is_an_error_that_leaves_nothing() {
    needs!(require::namespaces());
    let place = Place::new();
    for fork in ["", "--fork"] {
        let run =
            place.run("private", &format!("{NO_PROC} && $1 {fork} --persist $2 box true; echo $?"));
        if run.stdout == "0\n" {
            // A kernel that can do without: Linux 6.11.
            assert_eq!(place.names(), ["file"]);
            fs::remove_file(place.path("file")).unwrap();
        } else {
            assert_eq!(run.stdout, "125\n", "{run:?}");
            assert!(run.stderr.ends_with(": No such file or directory\n"), "{run:?}");
            assert_eq!(place.names(), [""; 0]);
        }
    }
}

/// Where /proc is that of another PID namespace, somebody else has the child's number there: the
/// machine's own init, perhaps.
#[test]
fn nobody_is_bound_but_who_was_made() {
    needs!(require::namespaces());
    let pids = "unshare --pid --fork $1";
    let place = Place::new();
    let script = format!(
        "{LOOK} {pids} --persist $2 box readlink /proc/self/ns/uts
        echo uts:[$(stat --format %i $2)]; look $1 $2"
    );
    let run = place.run("private", &script);
    let lines: Vec<_> = run.stdout.lines().collect();
    assert_eq!(lines.len(), 4, "{run:?}");
    assert_eq!((lines[0], lines[2], lines[3]), (lines[1], "1", "box"));
    for (words, status) in [
        ("--fork --persist $2 box true", 125),
        ("-U --fork --persist $2 box true", 125),
        ("--persist $2 --hold=300 bizarro 2>&1 >/dev/null", 1),
    ] {
        let place = Place::new();
        let script = format!("{pids} {words}; echo $?; grep nsfs /proc/self/mountinfo");
        let run = place.run("private", &script);
        let said = run.stderr + &run.stdout;
        assert_eq!(said, format!("openat: No such process\n{status}\n"), "{words}");
        assert_eq!(place.names(), [""; 0], "{words}");
        // In its own /proc the child is found.
        let words = words.replace("--hold=300", "--delay=0 --hold=0");
        let script = format!("unshare --pid --fork --mount-proc $1 {words}; echo $?");
        let run = place.run("private", &script);
        assert!(run.stdout.ends_with("0\n"), "{words}: {run:?}");
        assert_eq!(place.names(), ["file"], "{words}");
    }
}

/// Nor is a file left for which there was no descriptor.
#[test]
fn too_few_descriptors_leave_nothing() {
    needs!(require::namespaces(), require::tool("prlimit"));
    let place = Place::new();
    let run = place.run("private", "exec prlimit --nofile=3 $1 --persist $2 box true <&-");
    run.is(125, "", "fcntl: Invalid argument\n");
    assert_eq!(place.names(), [""; 0]);
}

#[test]
fn no_descriptor_and_no_child_is_left_to_the_command() {
    needs!(require::namespaces());
    let place = Place::new();
    let look = "read children </proc/$$/task/$$/children; echo [$children]
        ls /proc/self/fd; grep Sig[PBIC] /proc/self/status";
    let expected = place.run("private", &format!("exec sh -c '{look}'"));
    for fork in ["", "--fork", "-U --fork", "-r --fork --kill-child"] {
        let run = place.run("private", &format!("$1 {fork} --persist $2 box sh -c '{look}'"));
        run.is(0, &expected.stdout, "");
    }
    // A standard one that is closed stays so.
    let look = "for fd in 0 1 2; do [ -e /proc/$$/fd/$fd ] && exit 1; done; exit 7";
    for fork in ["", "--fork", "-U --fork"] {
        let line = format!("$1 {fork} --persist $2 box sh -c '{look}' <&- >&- 2>&-");
        place.run("private", &line).is(7, "", "");
    }
    // And what goes wrong is not written into anything of the program's own.
    let line = "$1 -U --fork --persist $2 box frobnicate 2>&-";
    place.run("private", line).is(127, "", "");
}

#[test]
fn it_does_not_go_with_a_namespace_that_is_there_already() {
    for (words, with) in [
        (&["--persist=f", "--join=1", "true"][..], "--join"),
        (&["--join=1", "--persist", "f"], "--join"),
        (&["--check", "--persist=f"], "--check"),
    ] {
        let message =
            format!("newuts: option '--persist' cannot be used with {with}\n{HELP_IS_THERE}");
        newuts(words).run().is(2, "", &message);
    }
    let message = format!("newuts: option '--persist' requires an argument\n{HELP_IS_THERE}");
    newuts(["--persist"]).run().is(2, "", &message);
}

#[test]
fn the_machine_keeps_its_name() {
    needs!(require::namespaces());
    let place = Place::new();
    let script = "exec unshare --mount $1 --persist $2 box uname -n";
    place.run("private", script).is(0, "box\n", "");
    after("true", &["uname", "-n"]).run().is(0, &format!("{}\n", host_name()), "");
}

/// CAP_SYS_ADMIN, permitted and effective, as setcap(8) writes it: capabilities(7), "File capability
/// extended attribute versioning", VFS_CAP_REVISION_2.
const SYS_ADMIN_OF_FILE: [u8; 20] = [1, 0, 0, 2, 0, 0, 0x20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];

/// A user who has a privilege by the program's file would cover whatever file he names.
#[test]
fn a_privilege_of_the_program_s_file_is_not_for_it() {
    needs!(require::namespaces(), require::tool("setpriv"));
    let refused = "newuts: --persist: the privilege is that of the program's file, and not yours\n";
    for set_user_id in [false, true] {
        let program = Copied::new();
        if set_user_id {
            fs::set_permissions(&program.path, fs::Permissions::from_mode(0o4755)).unwrap();
        } else {
            let (name, flags) = ("security.capability", XattrFlags::empty());
            setxattr(&program.path, name, &SYS_ADMIN_OF_FILE, flags).unwrap();
        }
        let place = Place::new();
        fs::write(place.path("file"), "content\n").unwrap();
        // By a shell that is that user: so the program's file is what changes the process.
        let script = "
            user() { setpriv --reuid=65534 --regid=65534 --clear-groups \"$@\"; }
            user sh -c '
                \"$1\" box uname -n
                for option in -c -r; do \"$1\" $option box uname -n; echo $?; done
                \"$1\" --persist $2 box true; echo $?
                \"$1\" --fork --persist new box true; echo $?
                \"$1\" --delay 0 --hold 0 --persist $2 box; echo $?
            ' sh $1 $2
            cat $2; grep -c ' nsfs ' /proc/self/mountinfo
            # Root has it from nobody.
            \"$1\" --persist $2 box true; echo $?
            grep -c ' nsfs ' /proc/self/mountinfo";
        let path = program.path.to_str().unwrap();
        let run = place.run("private", &script.replace("$1", path));
        let lines: Vec<_> = run.stdout.lines().collect();
        // The maps of who is root by the file's bit are another matter.
        let maps = if set_user_id { &lines[1..5] } else { &["box", "0", "box", "0"] };
        let expected = [&["box"], maps, &["125", "125", "1", "content", "0", "0", "1"]].concat();
        assert_eq!(lines, expected, "{run:?}");
        let said: Vec<_> = run.stderr.split_inclusive('\n').collect();
        assert_eq!(said[said.len() - 3..], [refused; 3], "{run:?}");
        assert!(set_user_id || said.len() == 3, "{run:?}");
        assert_eq!(place.names(), ["file"]);
    }
}
