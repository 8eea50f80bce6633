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
//! lines ([`mod@line`], [`failure`]). What a function needs, it is handed: there are no globals, and
//! so the program has no writable data at all.
//!
//! All the rooms, in the order in which a reader may want to enter them:
//!
//! | room | what is there |
//! |---|---|
//! | [`demo`] | the first form, clone(2): begin here |
//! | [`mod@run`], [`join`] | the two others: unshare(2) and a command; setns(2) |
//! | [`mod@check`] | the fourth: what the manual pages promise, tried |
//! | [`namespace`] | what is asked for and set in a UTS namespace, the user maps included |
//! | [`sys`] | a method for each system call, and the types of what it takes and gives |
//! | [`stack`] | the child's stack and its guard page |
//! | [`arch`] | clone and its trampoline, memory routines: a file for each CPU |
//! | [`process`] | the initial stack, read |
//! | [`args`], [`signal`] | words to a request; the names of signals |
//! | [`mod@line`] | the one writer of lines, and its escapes |
//! | [`failure`], [`hint`] | what perror(3) would say, and why |
//! | [`bytes`] | strings, taken apart and compared |
//! | [`packed`](mod@packed) | texts that take less room in the file |
//! | [`trace`] | how a call is shown: as strace(1) does, or as registers |
//! | [`init`] | being process 1 |
//!
//! `_start` is not here: it and what else only a program without a C library needs is in
//! `src/main.rs` and `src/rt`. What the program does is in its manual page, `doc/newuts.1`.
#![no_std]

use process::InitialStack;
use sys::{STDOUT, Sys};

use args::{CommandLine, Form};
use failure::During as _;
use init::Init;
use line::Line;
use packed::unpack;
use syscalls::Sysno;

#[cfg_attr(target_arch = "x86_64", path = "arch/x86_64.rs")]
#[cfg_attr(target_arch = "aarch64", path = "arch/aarch64.rs")]
pub mod arch;

pub mod args;
pub mod bytes;
pub mod check;
pub mod demo;
pub mod failure;
pub mod hint;
pub mod init;
pub mod join;
pub mod line;
pub mod namespace;
pub mod packed;
pub mod process;
pub mod run;
pub mod signal;
pub mod stack;
pub mod sys;
pub mod trace;

/// What `--help` prints: at most 24 lines of 80 columns.
const HELP: &[u8] = packed!(
    "\
Usage: newuts [OPTION]... HOSTNAME
       newuts [OPTION]... HOSTNAME COMMAND [ARG]...
       newuts [OPTION]... --join TARGET [COMMAND [ARG]...]
       newuts [OPTION]... --check
Show a child with a host name of its own; or run COMMAND under HOSTNAME; or run
it in the UTS namespace of TARGET, a process id or a path with a slash.

  --hold SECONDS|forever  how long the child keeps its namespace (default 200)
  --delay SECONDS         how long the parent waits before it looks (default 1)
  --kill-child[=SIGNAL]   the child gets SIGNAL (KILL) when the parent dies
  --domainname NAME       set the NIS domain name too
  -U, --user              in a user namespace, which needs no privilege; with
                          --join, the one that owns the UTS namespace
  -c, --map-current-user  the same, and stay the user and group that you are
  -r, --map-root-user     the same, and be root there
  --trace[=regs]          show the system calls, as strace(1) or as registers
  --check                 try what the kernel promises; prints KTAP
  --help, --version       print this help, or the version

Exit status: that of COMMAND; else that of the child, or 128 plus the signal
that killed it; 1 (or 125, with COMMAND or --join) if a call or check failed,
126 if COMMAND cannot be executed, 127 if there is none, 2 if options are wrong."
);

/// Does what the words of the command line ask for, and ends.
pub fn run(process: &InitialStack<'_>) -> ! {
    let mut words = CommandLine::new(process.argv());
    let form = words.read();
    let sys = Sys::new(words.trace);
    let init = Init::ask(&sys);
    init.open_console(&sys);
    let status = match &form {
        Ok(form) => answer(&sys, process, init, *form, &words),
        Err(mistake) => mistake.report(&sys),
    };
    init.leave(&sys, status)
}

/// Gives the exit status.
fn answer(
    sys: &Sys,
    process: &InitialStack<'_>,
    init: Init,
    form: Form<'_>,
    words: &CommandLine<'_>,
) -> u8 {
    let CommandLine { demo, command, .. } = words;
    match form {
        Form::Join(target) => {
            join::join(sys, process, target, demo.namespace.user.is_some(), command)
        }
        Form::Run => run::run(sys, process, &demo.namespace, command),
        Form::Demonstrate => demo::demonstrate(sys, process, init, demo),
        Form::Check => check::check(sys, init),
        Form::Help => say(sys, HELP),
        Form::Version => say(sys, packed!(concat!("newuts ", env!("CARGO_PKG_VERSION")))),
    }
}

/// Prints a text of ours, packed. Gives the exit status.
fn say(sys: &Sys, text: &[u8]) -> u8 {
    match unpack(&mut Line::new(), text, 0).write_to(sys, STDOUT).during(Sysno::write) {
        Ok(()) => 0,
        Err(failure) => {
            failure.report(sys);
            1
        }
    }
}
