// SPDX-License-Identifier: MIT OR Apache-2.0
//! The second form: a command under another host name, which is otherwise as without us.

use std::ffi::{CString, OsStr};
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

use crate::support::apart;
use crate::support::require::{self, needs};
use crate::support::run::{LIMIT, NEWUTS, Watched as _, command, newuts, no_fork};
use crate::support::setting::{calls_to_execve, with_environment};
use crate::support::strace::{self, Strace};
use crate::support::terminal::Terminal;

const HELP_IS_THERE: &str = "Try 'newuts --help' for more information.\n";

/// What a command writes, which need not be text.
#[track_caller]
fn bytes(command: &mut Command) -> Vec<u8> {
    let file = apart::file();
    command.stdout(file.reopen().unwrap()).run().is(0, "", "");
    fs::read(file.path()).unwrap()
}

#[test]
fn it_has_the_host_name() {
    needs!(require::root());
    // That the machine keeps its own is asserted after every run.
    newuts(["box", "uname", "-n"]).run().is(0, "box\n", "");
    newuts(["", "uname", "-n"]).run().is(0, "\n", "");
    let longest = "x".repeat(64);
    newuts([&longest, "uname", "-n"]).run().is(0, &format!("{longest}\n"), "");
}

#[test]
fn it_has_the_domain_name() {
    needs!(require::root());
    for args in [&["--domainname", "example.org"][..], &["--domainname=example.org"]] {
        let command = ["box", "cat", "/proc/sys/kernel/hostname", "/proc/sys/kernel/domainname"];
        newuts(args.iter().chain(&command)).run().is(0, "box\nexample.org\n", "");
    }
}

#[test]
fn it_is_the_same_process() {
    needs!(require::root());
    let running = newuts(["box", "sh", "-c", "echo $$ $PPID"]).start();
    let pids = format!("{} {}\n", running.pid(), std::process::id());
    running.finish().is(0, &pids, "");
}

#[test]
fn its_exit_status_is_its_own() {
    needs!(require::root());
    for status in [0, 1, 2, 125, 126, 127, 128, 255] {
        newuts(["box", "sh", "-c", &format!("exit {status}")]).run().is(status, "", "");
    }
}

#[test]
fn its_death_is_its_own() {
    needs!(require::root());
    for signal in [libc::SIGTERM, libc::SIGKILL, libc::SIGPIPE, libc::SIGUSR1] {
        let mut running = newuts(["box", "sh", "-c", &format!("kill -{signal} $$")]).start();
        assert_eq!(running.wait(LIMIT).signal(), Some(signal));
    }
}

#[test]
fn its_words_are_untouched() {
    const SCRIPT: &str = "cat /proc/$$/cmdline";
    needs!(require::root());
    let words: [&[u8]; 12] = [
        b"-l",
        b"--help",
        b"--hold=1",
        b"--bogus",
        b"-r",
        b"--",
        b"",
        b"--join",
        b"a b",
        b"\xff\x80",
        b"new\nline",
        b"\x1b[2J",
    ];
    let mut command = newuts(["box", "sh", "-c", SCRIPT]);
    command.args(words.map(OsStr::from_bytes));
    let expected = [&[b"sh", b"-c", SCRIPT.as_bytes()][..], &words].concat();
    let expected: Vec<u8> = expected.iter().flat_map(|word| [*word, b"\0"].concat()).collect();
    assert_eq!(bytes(&mut command), expected);
}

#[test]
fn two_dashes_end_the_options_only_before_the_host_name() {
    needs!(require::root());
    newuts(["--", "-box", "uname", "-n"]).run().is(0, "-box\n", "");
    newuts(["box", "--", "uname"]).run().is(127, "", "newuts: --: No such file or directory\n");
    newuts(["box", "-r"]).run().is(127, "", "newuts: -r: No such file or directory\n");
}

#[test]
fn its_environment_is_untouched() {
    needs!(require::root());
    let program = CString::new(NEWUTS).unwrap();
    let words = [&program, c"box", c"/bin/cat", c"/proc/self/environ"];
    let odd = [c"B=\xff\x80\n", c"A=1", c"A=2", c"", c"no equals sign", c"=x", c"PATH"];
    for environment in [&odd[..], &[]] {
        let expected: Vec<u8> =
            environment.iter().flat_map(|string| string.to_bytes_with_nul()).copied().collect();
        assert_eq!(bytes(&mut with_environment(&words, environment)), expected);
    }
}

#[test]
fn its_standard_input_is_untouched() {
    needs!(require::root());
    let mut file = apart::file();
    std::io::Write::write_all(&mut file, b"first\nsecond\n").unwrap();
    newuts(["box", "cat"]).stdin(file.reopen().unwrap()).run().is(0, "first\nsecond\n", "");
}

#[test]
fn its_terminal_is_untouched() {
    needs!(require::root());
    let terminal = Terminal::new();
    // As the session's leader, and with the controlling terminal: only then is there a /dev/tty.
    let script = "tty; read -r _ _ _ _ _ session _ </proc/$$/stat; \
                  [ $session = $$ ] && echo leader; echo hello >/dev/tty";
    let mut command = newuts(["box", "sh", "-c", script]);
    let said = format!("{}\nleader\n", terminal.name());
    terminal.control(&mut command).run().is(0, &said, "");
    terminal.until("hello\n");
}

#[test]
fn its_signals_are_as_they_were() {
    needs!(require::namespaces());
    let look = ["grep", "-E", "^(Sig(Blk|Ign|Cgt)|ShdPnd):", "/proc/self/status"];
    let masks = |ignored: &[i32], first: &[&str]| {
        let mut command = command(first[0]);
        command.args(&first[1..]);
        for signal in ignored {
            command.ignoring(*signal);
        }
        command.blocking(&[libc::SIGUSR2]).run()
    };
    for ignored in [&[][..], &[libc::SIGPIPE], &[libc::SIGHUP, libc::SIGCHLD]] {
        // What the test suite itself inherited is there, too.
        let expected = masks(ignored, &look).stdout;
        let bits = |name: &str| {
            let line = expected.lines().find_map(|line| line.strip_prefix(name)).unwrap();
            u64::from_str_radix(line.trim(), 16).unwrap()
        };
        assert_ne!(bits("SigBlk:") & 1 << (libc::SIGUSR2 - 1), 0, "{expected}");
        for signal in [libc::SIGPIPE, libc::SIGCHLD] {
            let is_ignored = bits("SigIgn:") & 1 << (signal - 1) != 0;
            assert_eq!(is_ignored, ignored.contains(&signal), "{expected}");
        }
        for options in [&[][..], &["-U"], &["-r"], &["-c"]] {
            let words = [&[NEWUTS][..], options, &["box"], &look].concat();
            masks(ignored, &words).is(0, &expected, "");
        }
    }
}

#[test]
fn it_inherits_every_descriptor_and_no_other() {
    needs!(require::namespaces());
    let look = ["sh", "-c", "exec 7</dev/null; exec \"$@\"", "sh"];
    let list = ["ls", "/proc/self/fd"];
    let expected = command(look[0]).args(&look[1..]).args(list).run().stdout;
    assert!(expected.contains("\n7\n"), "{expected}");
    let target = std::process::id().to_string();
    let path = format!("/proc/{target}/ns/uts");
    for words in [
        &["box"][..],
        &["-U", "box"],
        &["-c", "box"],
        &["-r", "--domainname=d", "box"],
        &["--join", &target],
        &["--join", &path],
    ] {
        let mut command = command(look[0]);
        command.args(&look[1..]).arg(NEWUTS).args(words).args(list).run().is(0, &expected, "");
    }
}

#[test]
fn closed_descriptors_stay_closed() {
    needs!(require::namespaces());
    let script = "for fd in 0 1; do [ -e /proc/$$/fd/$fd ] && echo $fd >&2; done; uname -n >&2";
    for options in [&[][..], &["-U"], &["-r"], &["-c"]] {
        let mut command = newuts(options);
        command.args(["box", "sh", "-c", script]);
        command.closed(0).closed(1).run().is(0, "", "box\n");
    }
}

#[test]
fn options_of_the_demonstration_are_mistakes() {
    for option in ["--hold=1", "--delay=1", "--kill-child", "--kill-child=TERM"] {
        let name = option.split('=').next().unwrap();
        let message = format!("newuts: option '{name}' cannot be used with a command");
        let message = format!("{message}\n{HELP_IS_THERE}");
        newuts([option, "box", "true"]).run().is(2, "", &message);
    }
}

#[test]
fn what_cannot_be_run_is_named() {
    needs!(require::root());
    let no_such_file = "No such file or directory";
    for (name, status, text) in [
        ("frobnicate", 127, no_such_file),
        ("", 127, no_such_file),
        ("/no/such", 127, no_such_file),
        ("./frobnicate", 127, no_such_file),
        ("/", 126, "Permission denied"),
        ("./", 126, "Permission denied"),
        ("/etc/passwd", 126, "Permission denied"),
        ("/etc/passwd/x", 126, "Not a directory"),
        (&"x".repeat(256), 126, "File name too long"),
    ] {
        newuts(["box", name]).run().is(status, "", &format!("newuts: {name}: {text}\n"));
    }
    let message = format!("newuts: new\\nline\\33[2J: {no_such_file}\n");
    newuts(["box", "new\nline\x1b[2J"]).run().is(127, "", &message);
    // The name alone is longer than a path: it is cut, and the reason is there (tests/words.rs).
    let run = newuts(["box", &format!("/{}", "x".repeat(5000))]).run();
    assert_eq!(run.status, 126);
    assert!(run.stderr.len() <= 4096);
    assert!(run.stderr.ends_with("x...: File name too long\n"));
}

/// Makes a file.
fn install(path: &Path, content: &str, mode: u32) {
    let _lock = no_fork(); // a file that another process has open for writing cannot be executed
    fs::write(path, content).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

/// Folders to search, and in each something called `tool`.
fn folders() -> TempDir {
    let root = apart::folder();
    let folder = |name: &str| {
        let folder = root.path().join(name);
        fs::create_dir(&folder).unwrap();
        folder.join("tool")
    };
    for name in ["good", "here"] {
        install(&folder(name), &format!("#!/bin/sh\necho {name}\n"), 0o755);
    }
    install(&folder("no-x"), "#!/bin/sh\necho no-x\n", 0o644);
    install(&folder("no-shebang"), "echo no-shebang\n", 0o755);
    install(&folder("no-interpreter"), "#!/no/such\n", 0o755);
    install(&root.path().join("file"), "", 0o644);
    fs::create_dir(folder("folder")).unwrap();
    symlink("tool", folder("loop")).unwrap();
    folder("empty");
    root
}

#[test]
fn path_is_searched_as_execvp_does() {
    needs!(require::root());
    let root = folders();
    let at = |name: &str| root.path().join(name).to_str().unwrap().to_owned();
    let (good, empty, file, no_x) = (&at("good"), &at("empty"), &at("file"), &at("no-x"));
    let (folder, looped, no_interpreter) = (&at("folder"), &at("loop"), &at("no-interpreter"));
    let denied = "Permission denied";
    for (path, status, outcome) in [
        (&[good][..], 0, "good"),
        (&[empty, good], 0, "good"),
        (&[file, good], 0, "good"),
        (&[no_x, good], 0, "good"),
        (&[folder, good], 0, "good"),
        (&[no_interpreter, good], 0, "good"),
        (&[empty], 127, "No such file or directory"),
        (&[no_x], 126, denied),
        (&[folder], 126, denied),
        (&[no_x, empty], 126, denied),
        (&[empty, no_x, file], 126, denied),
        (&[looped, good], 126, "Too many levels of symbolic links"),
        // An empty element is the current folder.
        (&[&String::new()], 0, "here"),
        (&[&String::new(), good], 0, "here"),
        (&[good, &String::new()], 0, "good"),
        (&[empty, &String::new()], 0, "here"),
        (&[empty, &String::new(), good], 0, "here"),
    ] {
        let path = path.iter().map(|folder| folder.as_str()).collect::<Vec<_>>().join(":");
        for (words, prefix) in [
            (&["/usr/bin/env"][..], "/usr/bin/env: 'tool': "),
            (&[NEWUTS, "box"], "newuts: tool: "),
        ] {
            let mut command = command(words[0]);
            command.args(&words[1..]).arg("tool").env("LC_ALL", "C").env("PATH", &path);
            let run = command.current_dir(root.path().join("here")).run();
            let (stdout, stderr) = match status {
                0 => (format!("{outcome}\n"), String::new()),
                _ => (String::new(), format!("{prefix}{outcome}\n")),
            };
            let found = (run.status, run.stdout, run.stderr);
            assert_eq!(found, (status, stdout, stderr), "{words:?} {path}");
        }
    }
}

#[test]
fn path_is_not_searched_for_a_name_with_a_slash() {
    needs!(require::root());
    let root = folders();
    let mut command = newuts(["box", "./tool"]);
    command.env("PATH", root.path().join("good")).current_dir(root.path().join("here"));
    command.run().is(0, "here\n", "");
}

/// What has no interpreter has /bin/sh: tests/scripts.rs.
#[test]
fn a_script_without_an_interpreter_ends_the_search() {
    needs!(require::root());
    let root = folders();
    let path = format!("{0}/no-shebang:{0}/good", root.path().display());
    newuts(["box", "tool"]).env("PATH", path).run().is(0, "no-shebang\n", "");
}

/// Where glibc goes on in the current folder.
#[test]
fn a_folder_that_is_too_long_is_passed_over() {
    needs!(require::root());
    let root = folders();
    let path = format!("/{}:{}", "x".repeat(4200), root.path().join("good").display());
    let mut command = newuts(["box", "tool"]);
    command.env("PATH", path).current_dir(root.path().join("here")).run().is(0, "good\n", "");
}

/// Where env(1) ends with 126 and `Not a directory`, because that was the last reason.
#[test]
fn what_is_in_no_folder_is_not_found() {
    needs!(require::root());
    let message = "newuts: tool: No such file or directory\n";
    newuts(["box", "tool"]).env("PATH", "/etc/passwd").run().is(127, "", message);
}

#[test]
fn the_first_path_of_an_environment_counts() {
    needs!(require::root());
    let program = CString::new(NEWUTS).unwrap();
    let words = [&program, c"box", c"uname", c"-n"];
    let run = |environment: &[&std::ffi::CStr]| with_environment(&words, environment).run();
    run(&[c"PATHS=/none", c"XPATH=/none", c"PATH", c"PATH=/usr/bin:/bin"]).is(0, "box\n", "");
    run(&[c"PATH=/usr/bin:/bin", c"PATH=/none"]).is(0, "box\n", "");
    let message = "newuts: uname: No such file or directory\n";
    run(&[c"PATH=/none", c"PATH=/usr/bin:/bin"]).is(127, "", message);
    // None at all.
    run(&[]).is(0, "box\n", "");
}

#[test]
fn every_folder_of_the_path_is_tried_in_its_order() {
    needs!(strace::here());
    let tried = |path: &[&str], folders: &[&str]| {
        let (run, log) = Strace::new(path, &["box", "frobnicate"]).run();
        run.is(127, "", "newuts: frobnicate: No such file or directory\n");
        let mut execs = Vec::new();
        for call in log.parent().named("execve") {
            assert!(call.ends_with(" = -1 ENOENT (No such file or directory)"), "{call}");
            execs.push(call.split('"').nth(1).unwrap().to_owned());
        }
        assert_eq!(execs, folders);
    };
    let default = [
        "/usr/local/sbin/frobnicate",
        "/usr/local/bin/frobnicate",
        "/usr/sbin/frobnicate",
        "/usr/bin/frobnicate",
        "/sbin/frobnicate",
        "/bin/frobnicate",
    ];
    tried(&["-E", "PATH"], &default);
    tried(&["-E", "PATH="], &["frobnicate"]);
    tried(&["-E", "PATH=/a::b/:"], &["/a/frobnicate", "frobnicate", "b//frobnicate", "frobnicate"]);
}

#[test]
fn only_what_is_needed_is_called() {
    needs!(strace::here(), require::namespaces());
    for (args, calls) in [
        (&["box"][..], &["unshare(CLONE_NEWUTS) = 0", "sethostname(\"box\", 3) = 0"][..]),
        (
            &["--domainname=d", "box"],
            &[
                "unshare(CLONE_NEWUTS) = 0",
                "sethostname(\"box\", 3) = 0",
                "setdomainname(\"d\", 1) = 0",
            ],
        ),
        (
            &["-U", "box"],
            &["unshare(CLONE_NEWUTS|CLONE_NEWUSER) = 0", "sethostname(\"box\", 3) = 0"],
        ),
        (
            &["-r", "box"],
            &[
                "geteuid() = 0",
                "getegid() = 0",
                "unshare(CLONE_NEWUTS|CLONE_NEWUSER) = 0",
                "openat(AT_FDCWD, \"/proc/self/uid_map\", O_WRONLY|O_CLOEXEC) = 3",
                "write(3, \"0 0 1\", 5) = 5",
                "openat(AT_FDCWD, \"/proc/self/setgroups\", O_WRONLY|O_CLOEXEC) = 4",
                "write(4, \"deny\", 4) = 4",
                "openat(AT_FDCWD, \"/proc/self/gid_map\", O_WRONLY|O_CLOEXEC) = 5",
                "write(5, \"0 0 1\", 5) = 5",
                "sethostname(\"box\", 3) = 0",
            ],
        ),
    ] {
        let (run, log) = Strace::new(&[], &[args, &["/bin/true"]].concat()).run();
        run.is(0, "", "");
        let made = calls_to_execve(&log);
        let (last, first) = made.split_last().unwrap();
        assert_eq!(first[0], format!("getpid() = {}", log.parent().pid));
        assert_eq!(first[1..], *calls);
        assert!(last.starts_with("execve(\"/bin/true\", [\"/bin/true\"], ADDR /* "), "{last}");
        assert!(last.ends_with(" vars */) = 0"), "{last}");
        assert_eq!(log.processes(), 1);
    }
}
