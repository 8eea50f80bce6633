// SPDX-License-Identifier: MIT OR Apache-2.0
//! The program as a link in a chain of programs that each become the next.

use crate::support::require::{self, needs};
use crate::support::run::{NEWUTS, Watched as _, command};

#[test]
fn of_any_length() {
    needs!(require::root());
    let links = (0..50).flat_map(|link| [NEWUTS.to_owned(), format!("name{link}")]);
    let mut links: Vec<_> = links.collect();
    links.extend(["uname".to_owned(), "-n".to_owned()]);
    command(&links[0]).args(&links[1..]).run().is(0, "name49\n", "");
}

#[test]
fn around_and_inside_other_programs() {
    needs!(
        require::namespaces(),
        require::tool("setpriv"),
        require::tool("busybox"),
        require::tool("setsid"),
        require::tool("unshare"),
        require::tool("nsenter"),
    );
    let keep = "/proc/self/ns/uts";
    let join = format!("--uts={keep}");
    // The tests may run under nice(1) themselves.
    let nice: i32 = command("nice").run().stdout.trim_end().parse().unwrap();
    let nice = (nice + 7).min(19).to_string();
    for (chain, said) in [
        (&["newuts", "a", "newuts", "b", "uname", "-n"][..], "b"),
        (&["newuts", "a", "newuts", "-U", "b", "uname", "-n"], "b"),
        (&["newuts", "-r", "a", "newuts", "b", "uname", "-n"], "b"),
        (&["newuts", "-r", "a", "newuts", "-r", "b", "newuts", "-c", "c", "uname", "-n"], "c"),
        (&["newuts", "a", "newuts", "--join", keep, "uname", "-n"], "a"),
        (&["newuts", "a", "newuts", "--join", keep, "newuts", "b", "uname", "-n"], "b"),
        (&["env", "V=1", "newuts", "a", "env", "W=2", "sh", "-c", "echo $V$W`uname -n`"], "12a"),
        (&["env", "-u", "PATH", NEWUTS, "a", "uname", "-n"], "a"),
        (&["setpriv", "--nnp", "newuts", "a", "setpriv", "--reuid=1", "uname", "-n"], "a"),
        (&["newuts", "a", "setpriv", "--reuid=5", "--clear-groups", "id", "-u"], "5"),
        (&["nice", "-n", "5", "newuts", "a", "nice", "-n", "2", "nice"], &nice),
        (&["setsid", "newuts", "a", "setsid", "--wait", "newuts", "b", "uname", "-n"], "b"),
        (&["busybox", "env", "newuts", "a", "busybox", "uname", "-n"], "a"),
        (&["busybox", "sh", "-c", "newuts a busybox hostname"], "a"),
        (&["busybox", "unshare", "-u", "newuts", "a", "busybox", "hostname"], "a"),
        (&["newuts", "a", "busybox", "unshare", "-u", "newuts", "b", "uname", "-n"], "b"),
        (&["unshare", "--uts", "newuts", "a", "nsenter", &join, "uname", "-n"], "a"),
        (&["timeout", "99", "newuts", "a", "timeout", "99", "uname", "-n"], "a"),
    ] {
        let path = std::path::Path::new(NEWUTS).parent().unwrap().to_str().unwrap();
        let path = format!("{path}:{}", std::env::var("PATH").unwrap());
        let run = command("/usr/bin/env").args(chain).env("PATH", path).run();
        let found = (run.status, run.stdout, run.stderr);
        assert_eq!(found, (0, format!("{said}\n"), String::new()), "{chain:?}");
    }
}

#[test]
fn pass_the_exit_status_on() {
    needs!(require::namespaces());
    for status in [0, 3, 125, 255] {
        let script = format!("exit {status}");
        let chain = ["a", NEWUTS, "-r", "b", "env", NEWUTS, "c", "sh", "-c", &script];
        command(NEWUTS).args(chain).run().is(status, "", "");
    }
    let chain = ["a", NEWUTS, "b", "frobnicate"];
    let message = "newuts: frobnicate: No such file or directory\n";
    command(NEWUTS).args(chain).run().is(127, "", message);
}
