//! How fast, as ratios in one run: `cargo bench --bench speed`, as root. Needs gcc, musl-tools,
//! busybox-static, bubblewrap and valgrind (tests/setup). Writes doc/speed.svg.
//!
//! Criterion keeps the history of each program. The table at the end is from rounds in which all
//! programs run one after another, so that whatever else the machine does happens to all of them.

mod common;

use std::fs;
use std::mem::MaybeUninit;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use criterion::Criterion;

use common::{Bar, NEWUTS, Peers, plot, silent};

/// How many times each program runs for the table.
const ROUNDS: usize = 400;

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

/// What was measured of a program.
struct Row {
    name: &'static str,
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

    /// The time that least else disturbed.
    fn fastest(&self) -> Duration {
        self.times[0]
    }
}

/// Measures the programs in turns.
fn measure(programs: &[Program]) -> Vec<Row> {
    let row = |program: &Program| Row {
        name: program.name,
        times: Vec::new(),
        faults: i64::MAX,
        instructions: program.instructions(),
        size: program.size(),
    };
    let mut rows: Vec<_> = programs.iter().map(row).collect();
    for _ in 0..ROUNDS {
        for (program, row) in programs.iter().zip(&mut rows) {
            let (time, faults) = program.run();
            row.times.push(time);
            row.faults = row.faults.min(faults);
        }
    }
    for row in &mut rows {
        row.times.sort_unstable();
    }
    rows
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
}

/// The rows as bars.
fn bars(rows: &[Row]) -> Vec<Bar> {
    let bar = |row: &Row| {
        let median = row.median();
        (row.name.to_owned(), median.as_secs_f64(), format!("{} µs", median.as_micros()))
    };
    rows.iter().map(bar).collect()
}

fn main() {
    let peers = Peers::new();
    let newuts = Path::new(NEWUTS);
    let truth = peers.assemble("TRUE");
    let truth = truth.to_str().unwrap();
    let demos = [
        Program::new("newuts", newuts, &["--delay=0", "--hold=0", "bizarro"]),
        Program::new("assembler (the floor)", &peers.assemble("DEMO"), &[]),
        Program::new("C, musl", &peers.build("demo-musl", "musl-gcc", "demo.c", &[]), &["bizarro"]),
        Program::new("C, glibc", &peers.build("demo-glibc", "gcc", "demo.c", &[]), &["bizarro"]),
    ];
    let runs = [
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
    let mut criterion = Criterion::default()
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(2))
        .configure_from_args();
    for (name, programs) in [("demonstration", &demos[..]), ("command", &runs)] {
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

    let (demos, runs) = (measure(&demos), measure(&runs));
    print("the demonstration, both sleeps 0", &demos);
    print("a static `true` under another host name", &runs);
    plot(
        "speed.svg",
        &[
            ("The demonstration, both sleeps 0: median time", bars(&demos)),
            ("A static true under another host name: median time", bars(&runs)),
        ],
    );
}
