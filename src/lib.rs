// SPDX-License-Identifier: MIT OR Apache-2.0
//! The example program of clone(2), freestanding: a process with a host name of its own.
//!
//! # The map
//!
//! The folders of `src/` are storeys. An import points down or sideways, never up.
//!
//! | storey | what is there |
//! |---|---|
//! | this file, [`args`] | the words of the command line become a request for one of the forms |
//! | [`forms`] | the story: what each form does, in the order in which it happens |
//! | [`text`] | what is said: lines, errors, and calls as `--trace` shows them |
//! | [`sys`] | the typed call: one method per system call, and the one table of all calls |
//! | [`cpu`] | the instruction: the few lines that no compiler can write, a file for each CPU |
//!
//! The way of the data is one way: the kernel leaves words on the stack ([`sys::start`]), they
//! become a request ([`args`]), a form answers it through [`sys`], and what it says goes out as
//! lines ([`text`]). What a function needs, it is handed: there are no globals, and so the program
//! has no writable data at all.
//!
//! To read: `examples/clone.rs`, the manual page's program and nothing else; then
//! [`forms::demo`], the same with everything that can go wrong; then [`sys::clone`] and [`cpu`],
//! where clone(2) becomes an instruction. `src/main.rs` is the program around this library. What
//! it does is in its manual page, `doc/newuts.1`.
#![no_std]

use args::{CommandLine, Form};
use forms::init::Init;
use forms::{check, demo, join, persist, run as command};
use sys::Sys;
use sys::file::STDOUT;
use sys::start::InitialStack;
use text::line::write_all;

#[cfg_attr(target_arch = "x86_64", path = "cpu/x86_64.rs")]
#[cfg_attr(target_arch = "aarch64", path = "cpu/aarch64.rs")]
#[cfg_attr(target_arch = "riscv64", path = "cpu/riscv64.rs")]
#[cfg_attr(target_arch = "x86", path = "cpu/x86.rs")]
#[cfg_attr(target_arch = "arm", path = "cpu/arm.rs")]
#[cfg_attr(target_arch = "s390x", path = "cpu/s390x.rs")]
#[cfg_attr(all(target_arch = "powerpc64", target_endian = "little"), path = "cpu/powerpc64le.rs")]
pub mod cpu;

pub mod args;
pub mod forms;
mod freestanding;
pub mod sys;
pub mod text;

/// What `--help` prints: at most 24 lines of 80 columns.
const HELP: &str = "\
Usage: newuts [OPTION]... HOSTNAME
       newuts [OPTION]... HOSTNAME COMMAND [ARG]...
       newuts [OPTION]... --join TARGET [COMMAND [ARG]...]
       newuts [OPTION]... --check[=WHICH]
Show a child with a host name of its own; run COMMAND under HOSTNAME; or run it
in the UTS namespace of TARGET, a process id or a path with a slash.

  --hold SECONDS|forever  how long the child keeps its namespace (default 200)
  --delay SECONDS         how long the parent waits before it looks (default 1)
  --kill-child[=SIGNAL]   the child gets SIGNAL (KILL) when the parent dies
  -f, --fork              stay as COMMAND's parent, and pass signals on
  --persist FILE          bind the new namespace to FILE, so that it stays
  --domainname NAME       set the NIS domain name too
  -U, --user              in a user namespace, which needs no privilege; with
                          --join, the one that owns the UTS namespace
  -c, --map-current-user  the same, and stay the user and group that you are
  -r, --map-root-user     the same, and be root there
  --trace[=regs]          show the system calls, as strace(1) or as registers
  --check[=WHICH]         try what the kernel promises (list, 6,26-31, setns)
  -h, --help; -V, --version  print this help; print the version

Exit status: that of COMMAND; else that of the child, or 128 plus the signal
that killed it; 1 (or 125, with COMMAND or --join) if a call or check failed,
126 if COMMAND cannot be executed, 127 if there is none, 2 if options are wrong.
";

/// What `--version` prints.
const VERSION: &str = concat!("newuts ", env!("CARGO_PKG_VERSION"), "\n");

/// Does what the words of the command line ask for, and ends.
pub fn run(process: &InitialStack<'_>) -> ! {
    let mut words = CommandLine::new(process.argv());
    let form = words.read();
    let sys = Sys::new(words.watcher);
    // First of all, because to show a call is to write, too.
    let signals = match form {
        Ok(Form::Demonstrate) => demo::set_signals(&sys),
        _ => Ok(()),
    };
    let init = Init::ask(&sys);
    init.open_console(&sys);
    let status = match (form, signals) {
        (Err(mistake), _) => mistake.report(&sys),
        (Ok(_), Err(failure)) => demo::fail(&sys, failure),
        (Ok(form), Ok(())) => answer(&sys, process, init, form, &words),
    };
    init.leave(&sys, status)
}

/// Does what a form is there for. Gives the exit status.
fn answer(
    sys: &Sys,
    process: &InitialStack<'_>,
    init: Init,
    form: Form<'_>,
    words: &CommandLine<'_>,
) -> u8 {
    let CommandLine { demo, fork, command, .. } = words;
    if demo.persist.is_some() && process.has_privilege_of_file() {
        persist::refuse(sys);
        return if matches!(form, Form::Demonstrate) { 1 } else { command::FAILED };
    }
    match form {
        Form::Demonstrate => demo::demonstrate(sys, process, init, demo),
        Form::Run => command::run(sys, process, init, demo, *fork, command),
        Form::Join(target) => join::join(sys, process, init, target, demo, *fork, command),
        Form::Check(which) => check::check(sys, process, init, which),
        Form::Help => say(sys, HELP),
        Form::Version => say(sys, VERSION),
    }
}

/// Prints a text. Gives the exit status.
fn say(sys: &Sys, text: &str) -> u8 {
    match write_all(sys, STDOUT, text.as_bytes()) {
        Ok(()) => 0,
        Err(failure) => {
            failure.report(sys);
            1
        }
    }
}
