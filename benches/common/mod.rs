// SPDX-License-Identifier: MIT OR Apache-2.0
//! What both benchmarks need: the peers, built from `benches/peers`, a way to run a program and
//! count, and a plot.

use std::ffi::OsStr;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

/// The program that is measured.
pub const NEWUTS: &str = env!("CARGO_BIN_EXE_newuts");

/// Where this project is.
const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// The programs to compare with, built for this run.
pub struct Peers(TempDir);

impl Peers {
    /// An empty folder for them. This process leaves the machine's host name alone from here on,
    /// and so do all programs that it runs.
    pub fn new() -> Self {
        // SAFETY: no thread runs yet that would notice.
        let unshared = unsafe { libc::unshare(libc::CLONE_NEWUTS) };
        assert_eq!(unshared, 0, "the benchmarks need root");
        Self(TempDir::new().unwrap())
    }

    /// The program that is measured, as an installer leaves it: a copy beside its peers. How a file
    /// was written decides how much of it one page fault maps, and a linker writes it in small parts.
    pub fn newuts(&self) -> PathBuf {
        let file = self.0.path().join("newuts");
        fs::copy(NEWUTS, &file).unwrap();
        file
    }

    /// Builds one of them, static. `compiler` is a command.
    pub fn build(&self, name: &str, compiler: &str, source: &str, options: &[&str]) -> PathBuf {
        let file = self.0.path().join(name);
        let source = Path::new(ROOT).join("benches/peers").join(source);
        let mut words = compiler.split(' ');
        let mut command = Command::new(words.next().unwrap_or_default());
        command
            .args(words)
            .args(["-static", "-O2", "-s", "-o"])
            .arg(&file)
            .arg(source)
            .args(options);
        assert!(command.status().unwrap().success(), "{command:?}");
        file
    }

    /// Assembles one part of the floor.
    pub fn assemble(&self, part: &str) -> PathBuf {
        let define = format!("-D{part}");
        self.build(
            part,
            "gcc",
            "floor.S",
            &["-nostdlib", "-Wl,-znoexecstack,--build-id=none", &define],
        )
    }
}

/// A command that is to be silent.
pub fn silent<S: AsRef<OsStr>>(words: &[S]) -> Command {
    let mut command = Command::new(&words[0]);
    command.args(&words[1..]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command
}

/// A bar of a plot: its label, its value, and how the value is shown.
pub type Bar = (String, f64, String);

/// Writes a plot: a title, and the bars below it, for each group.
pub fn plot(name: &str, groups: &[(&str, Vec<Bar>)]) {
    const ROW: usize = 24;
    const LEFT: f64 = 210.0;
    const WIDTH: f64 = 400.0;
    let rows: usize = groups.iter().map(|(_, bars)| bars.len() + 2).sum();
    let height = rows * ROW;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 720 {height}\" \
         font-family=\"sans-serif\" font-size=\"13\">\n\
         <rect width=\"720\" height=\"{height}\" fill=\"#fff\"/>\n"
    );
    let mut y = 0;
    for (title, bars) in groups {
        y += ROW;
        writeln!(svg, "<text x=\"10\" y=\"{}\" font-weight=\"bold\">{title}</text>", y - 6)
            .unwrap();
        let most = bars.iter().map(|(_, value, _)| *value).fold(f64::MIN_POSITIVE, f64::max);
        for (label, value, shown) in bars {
            let width = WIDTH * value / most;
            let colour = if label.contains("newuts") { "#c33" } else { "#789" };
            let (text, end) = (y + 16, LEFT + width + 6.0);
            writeln!(
                svg,
                "<text x=\"{}\" y=\"{text}\" text-anchor=\"end\">{label}</text>\
                 <rect x=\"{LEFT}\" y=\"{}\" width=\"{width:.1}\" height=\"16\" fill=\"{colour}\"/>\
                 <text x=\"{end:.1}\" y=\"{text}\">{shown}</text>",
                LEFT - 8.0,
                y + 3,
            )
            .unwrap();
            y += ROW;
        }
        y += ROW;
    }
    svg.push_str("</svg>\n");
    let folder = Path::new(ROOT).join("doc");
    fs::create_dir_all(&folder).unwrap();
    let file = folder.join(name);
    fs::write(&file, svg).unwrap();
    println!("{} is written", file.display());
}
