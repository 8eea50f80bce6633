// SPDX-License-Identifier: MIT OR Apache-2.0
//! The sessions of the README, of the guide and of the manual page: each is typed into a shell word for word,
//! and must come out as it is written there.

use std::collections::BTreeSet;
use std::io::{self, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::{Duration, Instant};
use std::{env, fs, thread};

use regex::Regex;

use crate::support::engine;
use crate::support::machine::OWN_TIME;
use crate::support::package::{copy_of_the_package, read};
use crate::support::require::{self, needs};
use crate::support::run::{NEWUTS, Watched as _, command, eventually, no_fork};

/// How long a command may take, on a machine that has much else to do: cargo builds, and a machine
/// boots.
const LIMIT: Duration = Duration::from_secs(600);

/// How long is waited for lines that do not come.
const GRACE: Duration = Duration::from_secs(60);

/// The reader's machine: it is called antero, has a user called cecilia, and its process ids are
/// those of the session. bash is process 1 there, and says when it waits for a command.
const MACHINE: &str = r#"
echo antero >/proc/sys/kernel/hostname
mount --bind passwd /etc/passwd
mount -t tmpfs run /run
stty -echo
export PS1='READY\n' PS2=
echo "$FIRST_PID" >/proc/sys/kernel/ns_last_pid
exec setsid --ctty "$@" bash --noprofile --norc --noediting -i
"#;

/// A command of a session, and what it prints.
struct Step {
    prompt: char,
    command: String,
    output: Vec<String>,
}

/// Commands of the README that `.ci/bare` types, on a bare system.
const ON_A_BARE_SYSTEM: [&str; 2] = ["cargo build --release", "tests/run"];

/// The sessions of the README and of the guide, in order, without what is typed there.
fn sessions() -> Vec<Vec<Step>> {
    let pages = ["README.md", "doc/guide.md"].map(read).concat();
    let blocks = pages.split("```console\n").skip(1);
    let mut sessions: Vec<_> =
        blocks.map(|block| session(block.split("```").next().unwrap())).collect();
    for steps in &mut sessions {
        steps.retain(|step| !ON_A_BARE_SYSTEM.contains(&step.command.as_str()));
    }
    sessions.retain(|steps| !steps.is_empty());
    sessions
}

/// The sessions among the manual page's examples: those that show what comes out.
fn sessions_of_the_page() -> Vec<Vec<Step>> {
    let page = read("doc/newuts.1");
    let mut examples = page.split(".SH EXAMPLES").nth(1).unwrap().to_owned();
    for (markup, text) in [("\\fB", ""), ("\\fP", ""), ("\\-", "-"), ("\\(aq", "'"), ("\\e", "\\")]
    {
        examples = examples.replace(markup, text);
    }
    let blocks = examples.split(".EX\n").skip(1);
    let sessions = blocks.map(|block| session(block.split(".EE").next().unwrap()));
    sessions.filter(|steps| steps.iter().any(|step| !step.output.is_empty())).collect()
}

fn session(block: &str) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    for line in block.lines() {
        if let Some(command) = line.strip_prefix("# ").or_else(|| line.strip_prefix("$ ")) {
            let prompt = line.chars().next().unwrap();
            steps.push(Step { prompt, command: command.to_owned(), output: Vec::new() });
            continue;
        }
        let step = steps.last_mut().expect("a prompt");
        if step.command.ends_with('\\') {
            step.command = format!("{}\n{line}", step.command);
        } else {
            step.output.push(line.to_owned());
        }
    }
    steps
}

/// What is written there that they print.
fn written(steps: &[Step]) -> String {
    let lines: Vec<_> = steps.iter().flat_map(|step| &step.output).cloned().collect();
    lines.join("\n")
}

/// The process ids of a session: clone's results, jobs, the first word of a trace, and what `$$`
/// is.
fn process_ids(text: &str) -> BTreeSet<u32> {
    let pid = r"(?m)clone\(\) returned (\d+)|^\[1\] (\d+)|^(\d+)  |^(\d{4})$";
    let found = Regex::new(pid).unwrap();
    let found = found
        .captures_iter(text)
        .map(|pid| pid.iter().skip(1).flatten().next().unwrap().as_str().parse());
    found.map(Result::unwrap).collect()
}

/// A demonstration's lines in the order in which they are written: the parent's stand among each
/// other as they came, and the shell's and the child's, which may come at any time, in their places.
fn in_order(text: &str) -> String {
    let line =
        r"^(\[1\] \d+|clone\(\) returned .*|uts.nodename in (child|parent): .*|child has .*)$";
    let line = Regex::new(line).unwrap();
    let lines: Vec<_> = text.lines().collect();
    let blocks = lines.chunk_by(|one, next| line.is_match(one) == line.is_match(next));
    let blocks = blocks.flat_map(|block| {
        if !line.is_match(block[0]) {
            return block.to_vec();
        }
        let (shell, others): (Vec<_>, Vec<_>) =
            block.iter().copied().partition(|line| line.starts_with("[1] "));
        let (child, parent): (Vec<_>, Vec<_>) =
            others.into_iter().partition(|line| line.contains(" in child: "));
        let (first, rest) = parent.split_at(parent.len().min(1));
        [&shell, first, &child, rest].concat()
    });
    blocks.collect::<Vec<_>>().join("\n") + "\n"
}

/// What is compared: process ids by their order, no addresses, no kernel times, no names of
/// containers; a trace by its processes, and a demonstration by its processes.
fn normalised(text: &str) -> String {
    let text = Regex::new(r"0x7[a-f][0-9a-f]{10}").unwrap().replace_all(text, "ADDRESS");
    let text = Regex::new(r"\[ *\d+\.\d+\] ").unwrap().replace_all(&text, "[TIME] ");
    let text =
        Regex::new("in parent: [0-9a-f]{12}\n").unwrap().replace_all(&text, "in parent: ID\n");
    let mut text = in_order(&text);
    for (place, pid) in process_ids(&text).into_iter().enumerate() {
        for number in [format!(r"\b{pid}\b"), format!(r"\b{pid:#x}\b")] {
            text =
                Regex::new(&number).unwrap().replace_all(&text, format!("PID{place}")).into_owned();
        }
    }
    let mut lines: Vec<_> = text.lines().collect();
    let process =
        |line: &&str| line.split_once("  ").map_or(String::new(), |(pid, _)| pid.to_owned());
    if lines.iter().all(|line| line.starts_with("PID")) {
        lines.sort_by_key(process); // stable: each process's own lines stay in order
    }
    lines.join("\n")
}

/// An emulator that is called as the reader calls it, whose machine has a time of its own.
fn install_emulator(folder: &Path) {
    let name = "qemu-system-x86_64";
    let (path, own_time) = (env::var("PATH").unwrap(), OWN_TIME.join(" "));
    let script = format!("#!/bin/sh\nPATH={path} exec {name} {own_time} \"$@\"\n");
    let _lock = no_fork();
    let emulator = folder.join("target/release").join(name);
    fs::write(&emulator, script).unwrap();
    fs::set_permissions(emulator, fs::Permissions::from_mode(0o755)).unwrap();
}

/// Types the commands, and gives what they print; `environment` is what the shell has besides.
fn typed(steps: &[Step], folder: &Path, environment: &[(&str, String)]) -> String {
    let written = written(steps);
    let first = process_ids(&written).into_iter().next().unwrap_or(1000);
    let (stdin, mut keyboard) = {
        let _lock = no_fork();
        io::pipe().unwrap()
    };

    let user = match steps[0].prompt {
        '$' => "setpriv --reuid=1000 --regid=1000 --clear-groups",
        _ => "env",
    };
    let unshare =
        "unshare --uts --mount --pid --fork --kill-child --mount-proc sh -c \"$MACHINE\" sh";
    let path = format!("{}:{}", folder.join("target/release").display(), env::var("PATH").unwrap());
    let mut script = command("script");
    script.args(["--quiet", "--return", "--command", &format!("{unshare} {user}"), "/dev/null"]);
    script.current_dir(folder).stdin(stdin).env("PATH", path).env("TERM", "dumb");
    script.env("MACHINE", MACHINE).env("FIRST_PID", (first - 1).to_string());
    script.env("CARGO_TARGET_DIR", folder.join("target"));
    script.env("CARGO_NET_OFFLINE", "true").env("CARGO_TERM_QUIET", "true");
    let running = script.envs(environment.iter().map(|(name, value)| (name, value))).start();

    let ready = |count| {
        let what = format!("prompt {count}: {}", running.stdout());
        eventually(&what, LIMIT, || {
            (running.stdout().matches("READY\r\n").count() == count).then_some(())
        });
    };
    let printed = || running.stdout().replace('\r', "").replace("READY\n", "");
    let mut lines = 0;
    ready(1);
    for (place, step) in steps.iter().enumerate() {
        writeln!(keyboard, "{}", step.command).unwrap();
        // A backslash at the end of a line is no command, and gives another prompt, PS2.
        ready(place + 2);
        // What runs in the background prints when it likes.
        lines += step.output.len();
        let start = Instant::now();
        while printed().lines().count() < lines && start.elapsed() < GRACE {
            thread::sleep(Duration::from_millis(20));
        }
    }
    printed()
}

/// A folder like the one in which a reader would be: the package's, with the program built, and
/// a kernel.
fn checkout() -> tempfile::TempDir {
    let folder = copy_of_the_package();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o777)).unwrap();
    fs::create_dir_all(folder.path().join("target/release")).unwrap();
    fs::write(
        folder.path().join("passwd"),
        "root:x:0:0::/root:/bin/sh\ncecilia:x:1000:1000::/:/bin/sh\n",
    )
    .unwrap();
    let _lock = no_fork();
    fs::copy(NEWUTS, folder.path().join("target/release/newuts")).unwrap();
    folder
}

/// The kernel that tests/setup brought.
fn kernel() -> Result<std::path::PathBuf, String> {
    let cache = env::var_os("XDG_CACHE_HOME").map_or_else(
        || Path::new(&env::var_os("HOME").unwrap_or_default()).join(".cache"),
        Into::into,
    );
    let kernel = cache.join("newuts-tests/x86_64/vmlinuz");
    if kernel.exists() { Ok(kernel) } else { Err(format!("{}: tests/setup", kernel.display())) }
}

/// Runs those sessions that are `chosen` by their commands.
#[track_caller]
fn check(sessions: Vec<Vec<Step>>, chosen: fn(&str) -> bool) {
    let commands =
        |steps: &[Step]| -> Vec<_> { steps.iter().map(|step| step.command.clone()).collect() };
    let sessions: Vec<_> =
        sessions.into_iter().filter(|steps| chosen(&commands(steps).join("\n"))).collect();
    assert!(!sessions.is_empty(), "there is no such session");
    for steps in sessions {
        let folder = checkout();
        if let Ok(kernel) = kernel() {
            fs::copy(kernel, folder.path().join("vmlinuz")).unwrap();
            install_emulator(folder.path());
        }
        let written = written(&steps);
        let printed = typed(&steps, folder.path(), &[]);
        let commands = commands(&steps);
        assert_eq!(normalised(&printed), normalised(&written), "{commands:#?}\n{printed}");
    }
}

fn here() -> Result<(), String> {
    require::namespaces()?;
    ["bash", "script", "setpriv", "setsid", "unshare"].into_iter().try_for_each(require::tool)
}

fn is_boot(commands: &str) -> bool {
    commands.contains("qemu-system")
}

fn is_build(commands: &str) -> bool {
    commands.contains("cargo run")
}

fn is_engine(commands: &str) -> bool {
    commands.contains("docker")
}

#[test]
fn every_session_comes_out_as_it_is_written() {
    needs!(here());
    check(sessions(), |commands| !is_boot(commands) && !is_build(commands) && !is_engine(commands));
}

#[test]
fn so_do_those_of_the_manual_page() {
    needs!(here());
    let sessions = sessions_of_the_page();
    assert_eq!(sessions.len(), 2);
    check(sessions, |_| true);
}

#[test]
fn the_first_session_builds_the_program() {
    needs!(here());
    check(sessions(), is_build);
}

#[test]
fn the_initramfs_boots() {
    needs!(here(), require::tool("cpio"), require::tool("qemu-system-x86_64"), kernel().map(drop));
    check(sessions(), is_boot);
}

#[test]
fn the_image_is_built_and_run() {
    needs!(here());
    let Some(engine) = engine::docker() else { return };
    engine.let_users_in();
    let mut sessions = sessions();
    sessions.retain(|steps| steps.iter().any(|step| is_engine(&step.command)));
    assert!(!sessions.is_empty(), "there is no such session");
    for steps in sessions {
        let printed = typed(&steps, checkout().path(), &engine.environment());
        // Before that, the build tells what it does.
        let (printed, written) = (normalised(&printed), normalised(&written(&steps)));
        assert!(printed.ends_with(&written), "{printed}\ndoes not end with\n{written}");
    }
}
