// SPDX-License-Identifier: MIT OR Apache-2.0
//! The README's table of the places in which the program can run: each cell is tried.

use std::process::Command;

use crate::support::engine::{Kind, With, builders};
use crate::support::package::read;
use crate::support::require::{self, needs};
use crate::support::run::{Copied, Outcome, Watched as _, command, unprivileged};

use With::{Nobody, Restricted, SysAdmin, Unconfined};

/// The first cell of the table's head.
const HEAD: &str = "| where |";

/// What each column is tried with: `$` stands for the program.
const COLUMNS: [(&str, &[&[&str]]); 5] = [
    ("`newuts box …`", &[&["--hold=0", "--delay=0", "box"], &["box", "$", "--version"]]),
    ("`--user`", &[&["--user", "--hold=0", "--delay=0", "box"], &["-U", "box", "$", "--version"]]),
    ("`-c`, `-r`", &[&["-c", "box", "$", "--version"], &["-r", "box", "$", "--version"]]),
    // Process 1 of a container is the program itself, and so it is in `here`.
    ("`--join`", &[&["--join=1"], &["--join=1", "$", "--version"]]),
    ("`--check`", &[&["--check"]]),
];

/// The rows of the table: the first cell, and the others.
fn rows() -> Vec<(String, Vec<String>)> {
    let readme = read("README.md");
    let table = readme.lines().skip_while(|line| !line.starts_with(HEAD));
    let mut rows: Vec<Vec<String>> = table
        .take_while(|line| line.starts_with('|'))
        .map(|line| line.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect())
        .collect();
    assert!(rows.len() > 10, "no such table");
    let head = rows.remove(0);
    assert_eq!(head[1..], COLUMNS.map(|(title, _)| title.to_owned()));
    rows.remove(0); // the dashes
    let mut named = Vec::new();
    for mut row in rows {
        let place = row.remove(0);
        // One row can be for both engines.
        match place.strip_prefix("Docker or Podman") {
            Some(rest) => {
                named.extend(
                    ["Docker", "Podman"].map(|name| (format!("{name}{rest}"), row.clone())),
                );
            }
            None => named.push((place, row)),
        }
    }
    named
}

/// What a cell says of runs that ended so: all of them worked, or none.
fn cell(runs: &[Outcome]) -> &'static str {
    if runs.iter().all(|run| run.status == 0) {
        // --check does not fail where it must leave something out.
        if runs.iter().any(|run| run.stdout.contains("# SKIP")) { "in part" } else { "yes" }
    } else {
        let works = runs.iter().find(|run| run.status == 0);
        assert!(works.is_none(), "the one does and the other does not: {runs:?}");
        assert!(runs.iter().all(|run| run.stderr.contains("not permitted")), "{runs:?}");
        "no"
    }
}

/// Tries what stands in the row called `place`, where `run` runs the program that is called
/// `program` there. Gives the row as it should be, if it is not.
fn check(place: &str, program: &str, run: impl Fn(&[&str]) -> Outcome) -> Vec<String> {
    let rows = rows();
    let row = rows.iter().find(|(name, _)| name == place);
    let (_, written) = row.unwrap_or_else(|| panic!("the README has no row {place}"));
    let found = COLUMNS.map(|(_, tries)| {
        let words = |words: &[&'static str]| -> Vec<&str> {
            words.iter().map(|word| if *word == "$" { program } else { word }).collect()
        };
        let runs: Vec<_> = tries.iter().map(|tried| run(&words(tried))).collect();
        cell(&runs)
    });
    if written == &found { Vec::new() } else { vec![format!("{place}: {}", found.join(" | "))] }
}

/// A command that runs its arguments as process 1 of new PID and mount namespaces, so that process
/// 1 is somebody whom it may join if anybody.
fn here() -> Command {
    let mut unshare = command("unshare");
    unshare.args(["--pid", "--mount", "--fork", "--kill-child", "--mount-proc"]);
    unshare
}

#[test]
fn root_and_an_ordinary_user() {
    needs!(require::user_namespaces());
    let program = Copied::new();
    let path = program.path.to_str().unwrap();
    let script = "\"$@\"; exit $?"; // a shell stays process 1, of the same user
    let root =
        check("root", path, |args| here().args(["sh", "-c", script, "sh", path]).args(args).run());
    let user: Vec<_> = unprivileged().get_args().map(ToOwned::to_owned).collect();
    let ordinary = check("an ordinary user", path, |args| {
        let mut command = here();
        command.arg("setpriv").args(&user).args(["sh", "-c", script, "sh", path]).args(args).run()
    });
    assert_eq!([root, ordinary].concat(), [""; 0]);
}

#[test]
fn a_chroot() {
    needs!(require::user_namespaces(), require::tool("chroot"));
    let program = Copied::new();
    let folder = program.path.parent().unwrap();
    let root = check("root in a chroot", "/newuts", |args| {
        here().arg("chroot").arg(folder).arg("/newuts").args(args).run()
    });
    let ordinary = check("an ordinary user in a chroot", "/newuts", |args| {
        let mut command = here();
        command.args(["chroot", "--userspec=65534:65534"]).arg(folder).arg("/newuts");
        command.args(args).run()
    });
    assert_eq!([root, ordinary].concat(), [""; 0]);
}

#[test]
fn containers() {
    let mut wrong = Vec::new();
    for engine in builders() {
        let name = match engine.kind {
            Kind::Docker => "Docker",
            Kind::Podman => "Podman",
            Kind::Runc => unreachable!("it builds no images"),
        };
        for (options, with) in [
            ("", &[][..]),
            (", `USER`", &[Nobody]),
            (", `--cap-add SYS_ADMIN`", &[SysAdmin]),
            (", `--cap-add SYS_ADMIN`, `USER`", &[SysAdmin, Nobody]),
            (", `--security-opt seccomp=unconfined`", &[Unconfined]),
            (", as Kubernetes restricts it", &[Restricted, Nobody]),
        ] {
            let place = format!("{name}{options}");
            wrong.extend(check(&place, "/newuts", |args| engine.newuts(with, args).run()));
        }
    }
    assert_eq!(wrong, [""; 0]);
}
