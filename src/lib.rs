//! The example program of clone(2), freestanding: a process with a host name of its own.
//!
//! # The map of the house
//!
//! Three storeys, which are never mixed:
//!
//! | storey | rooms | what is there |
//! |---|---|---|
//! | the story | [`demo`] | what happens, in the order in which it happens |
//! | the call | [`sys`] | one method per system call, with types and errors |
//! | the instruction | [`arch`] | the few lines that no compiler can write |
//!
//! The way of the data is one way: the kernel leaves the words on the stack ([`process`]), they
//! become a request ([`args`]), a form answers it through [`sys`], and what it says goes out as
//! lines ([`line`], [`failure`]). What a function needs, it is handed: there are no globals, and
//! so the program has no writable data at all.
#![no_std]

use process::InitialStack;
use sys::{STDERR, STDOUT, Sys};

use args::Request;
use failure::During as _;
use line::{Line, write_all};

#[cfg_attr(target_arch = "x86_64", path = "arch/x86_64.rs")]
#[cfg_attr(target_arch = "aarch64", path = "arch/aarch64.rs")]
pub mod arch;

pub mod args;
pub mod demo;
pub mod failure;
pub mod line;
pub mod process;
pub mod signal;
pub mod stack;
pub mod sys;

/// What `--help` prints: at most 24 lines of 80 columns.
const HELP: &str = "\
Usage: newuts [OPTION]... HOSTNAME
Show that a child process in a UTS namespace of its own has its own host name:
the example program of the clone(2) manual page.

  --hold SECONDS|forever  how long the child keeps its namespace (default 200)
  --delay SECONDS         how long the parent waits before it looks (default 1)
  --kill-child[=SIGNAL]   the child gets SIGNAL (default KILL) when the parent
                          dies
  --help                  print this help
  --version               print the version

SECONDS may have decimals. Options end at the first operand, or at --.
Exit status: that of the child, or 128 plus the signal that killed it;
1 if a call failed, 2 if the options are wrong.
";

/// Does what the words of the command line ask for, and ends.
pub fn run(process: &InitialStack<'_>) -> ! {
    let sys = Sys;
    let status = answer(&sys, process);
    sys.exit_group(status)
}

/// Gives the exit status.
fn answer(sys: &Sys, process: &InitialStack<'_>) -> u8 {
    let mut line = Line::new();
    match args::parse(process.argv()) {
        Ok(Request::Demonstrate(demo)) => {
            demo::demonstrate(sys, sys.getpid(), process.page_size(), &demo)
        }
        Ok(Request::Usage(name)) => {
            // The example's own choice: no host name is a question, not an error.
            line.text("Usage: ").escaped(name).text(" <child-hostname>\n");
            line.text("Try 'newuts --help' for more information.");
            u8::from(line.write_to(sys, STDERR).is_err())
        }
        Ok(Request::Help) => say(sys, HELP),
        Ok(Request::Version) => say(sys, concat!("newuts ", env!("CARGO_PKG_VERSION"), "\n")),
        Err(mistake) => {
            mistake.describe(&mut line);
            let _ = line.write_to(sys, STDERR);
            2
        }
    }
}

/// Prints a text of ours. Gives the exit status.
fn say(sys: &Sys, text: &str) -> u8 {
    match write_all(sys, STDOUT, text.as_bytes()).during("write") {
        Ok(()) => 0,
        Err(failure) => {
            failure.report(sys);
            1
        }
    }
}
