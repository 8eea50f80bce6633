// SPDX-License-Identifier: MIT OR Apache-2.0
//! How fast, as ratios in one run: `cargo bench --bench speed`, as root. Needs gcc, musl-tools,
//! busybox-static, bubblewrap, tini, docker.io and valgrind (tests/setup); dietlibc-dev, too, where it
//! is there. nolibc, which is no package of Debian, is not among the peers. Writes doc/speed.svg.
//!
//! Criterion keeps the history of each program. The tables at the end are from rounds in which all
//! programs run one after another, in another order each time, so that whatever else the machine does
//! happens to all of them. Each table says how noisy the machine was; where the order of two rows is
//! not certain, nothing is drawn.

mod common;

use std::fs;
use std::mem::MaybeUninit;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use criterion::Criterion;

use common::{Bar, NEWUTS, Peers, plot, silent};

/// How many times each program runs for a table.
const ROUNDS: usize = 1_000;

/// How many times each promise is checked.
const CHECKS: usize = 20;

/// A program with its arguments.
struct Program {
    name: &'static str,
    words: Vec<String>,
    /// The same up to execve(2), which then fails: callgrind says nothing of a process that has
    /// become another program.
    counted: Vec<String>,
}

impl Program {
    fn new(name: &'static str, file: &Path, args: &[&str]) -> Self {
        let words = |args: &[&str]| {
            let mut words = vec![file.to_str().unwrap().to_owned()];
            words.extend(args.iter().map(|arg| (*arg).to_owned()));
            words
        };
        let mut counted = args.to_vec();
        if let Some(last) = counted.last_mut().filter(|last| last.starts_with('/')) {
            *last = "/nonexistent";
        }
        Self { name, words: words(args), counted: words(&counted) }
    }

    /// Runs it. Gives the time and the page faults, those of its children with them.
    fn run(&self) -> (Duration, i64) {
        let mut command = silent(&self.words);
        let start = Instant::now();
        #[expect(clippy::zombie_processes, reason = "wait4 waits, and says what was used")]
        let child = command.spawn().unwrap();
        let (mut status, mut usage) = (0, MaybeUninit::<libc::rusage>::zeroed());
        let pid = child.id().try_into().unwrap();
        // SAFETY: both are there to be written.
        let waited = unsafe { libc::wait4(pid, &raw mut status, 0, usage.as_mut_ptr()) };
        let time = start.elapsed();
        assert_eq!((waited, status), (pid, 0), "{:?}", self.words);
        // SAFETY: a rusage of zeros is one, and wait4 has filled it in.
        (time, unsafe { usage.assume_init() }.ru_minflt)
    }

    /// How many instructions its first process makes, as callgrind counts them.
    fn instructions(&self) -> Option<u64> {
        let mut command = Command::new("valgrind");
        command.args(["--tool=callgrind", "--callgrind-out-file=/dev/null"]).args(&self.counted);
        let output = command.stdin(Stdio::null()).output().unwrap();
        let words = String::from_utf8_lossy(&output.stderr);
        let counts = words.lines().filter_map(|line| line.split("Collected : ").nth(1));
        counts.filter_map(|count| count.trim().parse().ok()).max()
    }

    /// The size of its file.
    fn size(&self) -> u64 {
        fs::metadata(&self.words[0]).unwrap().len()
    }
}

/// The path of a program of the system.
fn tool(name: &str) -> PathBuf {
    let path = std::env::var_os("PATH").unwrap();
    let found = std::env::split_paths(&path).map(|folder| folder.join(name));
    found.into_iter().find(|file| file.is_file()).unwrap_or_else(|| panic!("needs {name}"))
}

/// A program in C with dietlibc, in whose libcompat is err(3), if that is there.
fn diet(peers: &Peers, name: &'static str, source: &str, args: &[&str]) -> Option<Program> {
    if Command::new("diet").stdout(Stdio::null()).stderr(Stdio::null()).status().is_err() {
        println!("no row for dietlibc: dietlibc-dev is not there");
        return None;
    }
    let file = peers.build(name, "diet gcc", source, &["-lcompat"]);
    Some(Program::new(DIET, &file, args))
}

/// What was measured of a program.
struct Row {
    name: &'static str,
    /// One for each round.
    rounds: Vec<Duration>,
    /// The same, the shortest first.
    times: Vec<Duration>,
    faults: i64,
    instructions: Option<u64>,
    size: u64,
}

impl Row {
    /// The time in the middle.
    fn median(&self) -> Duration {
        self.times[self.times.len() / 2]
    }

    /// Between which times the median of very many rounds is, with a probability of 95 percent: so
    /// far from the middle are those of a binomial distribution's two standard deviations.
    fn interval(&self) -> (Duration, Duration) {
        let (middle, deviations) = (self.times.len() / 2, self.times.len().isqrt());
        (self.times[middle - deviations], self.times[middle + deviations])
    }

    /// How wide that is, as a part of the median.
    fn spread(&self) -> f64 {
        let (from, to) = self.interval();
        to.saturating_sub(from).div_duration_f64(self.median())
    }

    /// Whether it is certain which of two is the faster one: whether it was that in so many rounds
    /// more than half that it would be chance once in a thousand times.
    fn differs_from(&self, other: &Self) -> bool {
        let rounds = self.rounds.len();
        let pairs = self.rounds.iter().zip(&other.rounds);
        let faster = pairs.filter(|(mine, others)| mine < others).count();
        // 3.3 standard deviations, each of half the square root.
        (2 * faster).abs_diff(rounds) * 10 > 33 * rounds.isqrt()
    }

    /// The time that least else disturbed.
    fn fastest(&self) -> Duration {
        self.times[0]
    }
}

/// Measures the programs in turns.
fn measure(programs: &[Program]) -> Vec<Row> {
    let row = |program: &Program| Row {
        name: program.name,
        rounds: Vec::new(),
        times: Vec::new(),
        faults: i64::MAX,
        instructions: program.instructions(),
        size: program.size(),
    };
    let mut rows: Vec<_> = programs.iter().map(row).collect();
    for round in 0..ROUNDS {
        // Another one begins, and they go on forwards and backwards in turns.
        let mut order: Vec<_> = (0..programs.len()).collect();
        order.rotate_left(round / 2 % programs.len());
        if round % 2 == 1 {
            order.reverse();
        }
        for index in order {
            let (time, faults) = programs[index].run();
            let row = &mut rows[index];
            row.rounds.push(time);
            row.faults = row.faults.min(faults);
        }
    }
    for row in &mut rows {
        row.times.clone_from(&row.rounds);
        row.times.sort_unstable();
    }
    rows
}

/// How the programs with dietlibc are called. They are as fast as those with musl, as far as can be
/// measured, so they are in the tables and not in the picture, which shows an order.
const DIET: &str = "C, dietlibc";

/// The rows that are drawn.
fn drawn(rows: &[Row]) -> impl Iterator<Item = &Row> {
    rows.iter().filter(|row| row.name != DIET)
}

/// The pairs of neighbours, by their medians, of which it is not certain which one is the faster.
fn uncertain(rows: &[Row]) -> Vec<[&'static str; 2]> {
    let mut sorted: Vec<_> = drawn(rows).collect();
    sorted.sort_by_key(|row| row.median());
    let pairs = sorted.windows(2).filter(|pair| !pair[0].differs_from(pair[1]));
    pairs.map(|pair| [pair[0].name, pair[1].name]).collect()
}

/// Prints the rows as a table in Markdown; the first is what the others are compared with.
fn print(title: &str, rows: &[Row]) {
    println!(
        "\n| {title} | median | ratio | fastest | ratio | page faults | instructions | file |"
    );
    println!("|---|---|---|---|---|---|---|---|");
    for row in rows {
        let ratio = |time: fn(&Row) -> Duration| time(row).div_duration_f64(time(&rows[0]));
        let (median, fastest) = (row.median().as_micros(), row.fastest().as_micros());
        let instructions = row.instructions.map_or("–".to_owned(), |count| count.to_string());
        println!(
            "| {} | {median} µs | {:.2} | {fastest} µs | {:.2} | {} | {instructions} | {} |",
            row.name,
            ratio(Row::median),
            ratio(Row::fastest),
            row.faults,
            row.size
        );
    }
    let spreads = rows.iter().map(|row| format!("{} {:.1} %", row.name, 100.0 * row.spread()));
    println!(
        "\nnoise, the width of the interval in which the median is with a probability of 95 percent: {}",
        spreads.collect::<Vec<_>>().join("; ")
    );
}

/// Prints how long the promises take that the kernel is checked for: all of them, and each.
fn print_checks() {
    let output = Command::new(NEWUTS).arg("--check=list").output().unwrap();
    let list = String::from_utf8(output.stdout).unwrap();
    let median = |option: &str| {
        let time = |_| {
            let start = Instant::now();
            assert!(silent(&[NEWUTS, option]).status().unwrap().success(), "{option}");
            start.elapsed()
        };
        let mut times: Vec<_> = (0..CHECKS).map(time).collect();
        times.sort_unstable();
        times[CHECKS / 2]
    };
    let (all, none) = (median("--check"), median("--check=list"));
    let count = u32::try_from(list.lines().count()).unwrap();
    println!(
        "\nall {count} promises: {all:.1?}, {:.1?} for each; their list alone: {none:.1?}",
        all / count
    );
    println!("\n| promise, checked alone | median |\n|---|---|");
    for promise in list.lines() {
        let (number, _) = promise.split_once(' ').unwrap();
        println!("| {promise} | {} µs |", median(&format!("--check={number}")).as_micros());
    }
}

/// The rows as bars.
fn bars(rows: &[Row]) -> Vec<Bar> {
    let bar = |row: &Row| {
        let median = row.median();
        (row.name.to_owned(), median.as_secs_f64(), format!("{} µs", median.as_micros()))
    };
    drawn(rows).map(bar).collect()
}

fn main() {
    let peers = Peers::new();
    let newuts = &peers.newuts();
    let truth = peers.assemble("TRUE");
    let truth = truth.to_str().unwrap();
    let mut demos = vec![
        Program::new("newuts", newuts, &["--delay=0", "--hold=0", "bizarro"]),
        Program::new("assembler (the floor)", &peers.assemble("DEMO"), &[]),
        Program::new("C, musl", &peers.build("demo-musl", "musl-gcc", "demo.c", &[]), &["bizarro"]),
        Program::new("C, glibc", &peers.build("demo-glibc", "gcc", "demo.c", &[]), &["bizarro"]),
    ];
    demos.extend(diet(&peers, "demo-diet", "demo.c", &["bizarro"]));
    let mut runs = vec![
        Program::new("newuts box true", newuts, &["box", truth]),
        Program::new("assembler (the floor)", &peers.assemble("RUN"), &["box", truth]),
        Program::new(
            "C, musl",
            &peers.build("run-musl", "musl-gcc", "run.c", &[]),
            &["box", truth],
        ),
        Program::new("C, glibc", &peers.build("run-glibc", "gcc", "run.c", &[]), &["box", truth]),
        Program::new("unshare --uts", &tool("unshare"), &["--uts", truth]),
        Program::new("busybox unshare -u", &tool("busybox"), &["unshare", "-u", truth]),
        Program::new(
            "bwrap --unshare-uts",
            &tool("bwrap"),
            &["--unshare-uts", "--hostname", "box", "--dev-bind", "/", "/", truth],
        ),
        Program::new("true alone", Path::new(truth), &[]),
    ];
    runs.extend(diet(&peers, "run-diet", "run.c", &["box", truth]));
    let mut inits = vec![
        Program::new("newuts --fork box true", newuts, &["--fork", "box", truth]),
        Program::new("tini -s -- true", &tool("tini"), &["-s", "--", truth]),
        Program::new("tini-static -s -- true", &tool("tini-static"), &["-s", "--", truth]),
    ];
    let docker = tool("docker-init");
    if docker.canonicalize().unwrap() == tool("tini-static").canonicalize().unwrap() {
        println!("no row for docker-init: it is tini-static here");
    } else {
        inits.push(Program::new("docker-init -s -- true", &docker, &["-s", "--", truth]));
    }
    let mut criterion = Criterion::default()
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(2))
        .configure_from_args();
    for (name, programs) in [("demonstration", &demos), ("command", &runs), ("init", &inits)] {
        let mut group = criterion.benchmark_group(name);
        for program in programs {
            group.bench_function(program.name, |bencher| bencher.iter(|| program.run()));
        }
        group.finish();
    }
    criterion.final_summary();
    if std::env::args().any(|word| word == "--test" || word == "--list") {
        return;
    }

    let tables = [
        ("the demonstration, both sleeps 0", measure(&demos)),
        ("a static `true` under another host name", measure(&runs)),
        ("a static `true` as the child of an init", measure(&inits)),
    ];
    for (title, rows) in &tables {
        print(title, rows);
    }
    print_checks();
    let uncertain: Vec<_> = tables.iter().flat_map(|(_, rows)| uncertain(rows)).collect();
    if !uncertain.is_empty() {
        println!("\nnothing is drawn, for it is not certain which one is faster: {uncertain:?}");
        return;
    }
    let [demos, runs, inits] = tables.map(|(_, rows)| bars(&rows));
    plot(
        "speed.svg",
        &[
            ("The demonstration, both sleeps 0: median time", demos),
            ("A static true under another host name: median time", runs),
            ("A static true as the child of an init: median time", inits),
        ],
    );
}
