//! The program as its users meet it. One binary, so that all tests run side by side, by their
//! names: the longest, `bare`, is among the first, and the next mostly sleeps.

mod args;
mod bare;
mod boot;
mod calls;
mod chains;
mod check;
mod command;
mod completions;
mod containers;
mod demo;
mod doc;
mod elf;
mod errnos;
mod failures;
mod faults;
mod fork;
mod hints;
mod jobs;
mod join;
mod line;
mod memory;
mod package;
mod persist;
mod process;
mod readme;
mod reaper;
#[cfg(target_arch = "x86_64")]
mod registers;
mod scale;
mod signals;
mod stack;
mod support;
mod targets;
mod trace;
mod user;
mod values;
