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
mod descriptors;
mod doc;
mod elf;
mod errnos;
mod example;
mod failures;
mod faults;
mod hints;
mod inherited;
mod join;
mod kill_child;
mod layers;
mod line;
mod memory;
mod package;
mod process;
mod process_1;
mod readme;
#[cfg(target_arch = "x86_64")]
mod registers;
mod scale;
mod scripts;
mod signals;
mod stack;
mod support;
mod targets;
mod trace;
mod user;
mod values;
mod words;
