// SPDX-License-Identifier: MIT OR Apache-2.0
//! How many: namespaces held open at once, and runs one after another.
//! `cargo bench --bench scale`, as root; the largest number of namespaces may be given:
//! `cargo bench --bench scale -- 10000`. Writes doc/scale.svg.

mod common;

use std::fs;
use std::io::Read as _;
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::{Child, Command};
use std::thread::sleep;
use std::time::{Duration, Instant};

use common::{Peers, plot, silent};

/// How many runs follow one another, to see whether they leave something behind.
const RUNS: u32 = 100_000;

/// How much more memory the kernel may hold afterwards: the machine does other things too.
const NOISE: u64 = 32 * 1024 * 1024;

/// For how many seconds it may hold more than that.
const PATIENCE: u32 = 300;

/// What a number of namespaces costs.
struct Cost {
    count: u32,
    time: Duration,
    memory: u64,
}

/// A field of a file of /proc, which is a number: `MemAvailable:  123 kB`.
fn field(file: &str, name: &str, column: usize) -> u64 {
    let text = fs::read_to_string(file).unwrap_or_default();
    let line = text.lines().find(|line| line.split_whitespace().next() == Some(name));
    let word = line.and_then(|line| line.split_whitespace().nth(column));
    word.and_then(|word| word.parse().ok()).unwrap_or_default()
}

/// The memory that the kernel itself holds, in bytes: structures, stacks and page tables. That of
/// the processes would tell more of what else the machine does.
fn kernel_memory() -> u64 {
    let names = ["SUnreclaim:", "KernelStack:", "PageTables:"];
    names.map(|name| field("/proc/meminfo", name, 1) * 1024).iter().sum()
}

/// The UTS namespaces of the machine, as its slab allocator counts them: of those that end it keeps
/// some for later.
fn namespaces() -> u64 {
    field("/proc/slabinfo", "uts_namespace", 1)
}

/// How many processes there are.
fn processes() -> usize {
    let entries = fs::read_dir("/proc").unwrap().filter_map(Result::ok);
    entries.filter(|entry| entry.file_name().as_encoded_bytes()[0].is_ascii_digit()).count()
}

/// Starts `count` programs, each of which holds its namespace, or none without `newuts`: one after
/// another, each when the last has said that it is ready. Then ends them. Where there is no more,
/// the reason is in the second place.
fn hold(count: u32, newuts: Option<&Path>, holder: &Path) -> (Cost, Option<String>) {
    let before = kernel_memory();
    let start = Instant::now();
    let (mut reader, writer) = std::io::pipe().unwrap();
    let mut children: Vec<Child> = Vec::new();
    let mut short = None;
    for index in 0..count {
        let name = format!("n{index}");
        let mut command = Command::new(newuts.unwrap_or(holder));
        if newuts.is_some() {
            command.arg(&name).arg(holder);
        }
        let output = || writer.try_clone().unwrap();
        let mut child = match command.stdout(output()).stderr(output()).spawn() {
            Ok(child) => child,
            Err(error) => {
                short = Some(error.to_string());
                break;
            }
        };
        let mut said = [0; 200];
        let length = reader.read(&mut said).unwrap();
        if said[..length] != *b"." {
            assert_eq!(child.wait().unwrap().code(), Some(125));
            short = Some(String::from_utf8_lossy(&said[..length]).trim_end().to_owned());
            break;
        }
        children.push(child);
    }
    let time = start.elapsed();
    let memory = kernel_memory().saturating_sub(before);
    let count = u32::try_from(children.len()).unwrap();
    for child in &mut children {
        child.kill().unwrap();
    }
    for mut child in children {
        assert_eq!(child.wait().unwrap().signal(), Some(libc::SIGKILL));
    }
    (Cost { count, time, memory }, short)
}

/// Each after another, as many as there are to be.
fn one_after_another(newuts: &Path, truth: &Path) -> Duration {
    let start = Instant::now();
    for _ in 0..RUNS {
        let status = silent(&[newuts, Path::new("box"), truth]).status().unwrap();
        assert!(status.success());
    }
    start.elapsed()
}

fn main() {
    let peers = Peers::new();
    let (holder, truth) = (peers.assemble("HOLD"), peers.assemble("TRUE"));
    let newuts = peers.newuts();
    let most = std::env::args().find_map(|word| word.parse().ok()).unwrap_or(10_000);

    println!(
        "| namespaces held | time for each | kernel memory for each | a process without one |"
    );
    println!("|---|---|---|---|");
    let (mut times, mut memories) = (Vec::new(), Vec::new());
    for count in [100, 1_000, 10_000, 100_000].into_iter().filter(|count| *count <= most) {
        let (bare, _) = hold(count, None, &holder);
        let (cost, short) = hold(count, Some(&newuts), &holder);
        if let Some(reason) = short {
            println!("the machine's limit is {}: {reason}", cost.count);
        }
        let (time, memory) = (cost.time / cost.count, cost.memory / u64::from(cost.count));
        let without = bare.memory / u64::from(bare.count);
        println!("| {} | {} µs | {memory} bytes | {without} bytes |", cost.count, time.as_micros());
        times.push((
            cost.count.to_string(),
            time.as_secs_f64(),
            format!("{} µs", time.as_micros()),
        ));
        let kilobytes = f64::from(u32::try_from(memory / 1024).unwrap());
        memories.push((cost.count.to_string(), kilobytes, format!("{kilobytes} KiB")));
    }

    // The rest is the process: what it costs without a namespace depends on what was free before.
    let size = field("/proc/slabinfo", "uts_namespace", 3);
    println!("\nof that the namespace itself: {size} bytes");

    let held = || (kernel_memory(), processes(), namespaces());
    let before = held();
    let time = one_after_another(&newuts, &truth);
    // What others hold meanwhile they give back some time; what these runs lost stays lost.
    let is_as_before = |after: &(u64, usize, u64)| {
        after.0 < before.0 + NOISE && after.1 < before.1 + 1_000 && after.2 < before.2 + 10_000
    };
    let mut after = held();
    for _ in 0..PATIENCE {
        if is_as_before(&after) {
            break;
        }
        sleep(Duration::from_secs(1));
        after = held();
    }
    println!("\n{RUNS} runs of `newuts box true` one after another: {:.0?} each", time / RUNS);
    println!("kernel memory, processes, slab's namespaces before: {before:?}, after: {after:?}");
    assert!(is_as_before(&after), "memory is gone, or processes or namespaces stayed");

    plot(
        "scale.svg",
        &[
            ("Namespaces held at once: time for each, from start to ready", times),
            ("Namespaces held at once: kernel memory for each, its process included", memories),
        ],
    );
}
