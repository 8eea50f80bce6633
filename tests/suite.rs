//! The program as its users meet it. One binary, so that all tests run side by side: the longest
//! of them mostly sleeps.

mod args;
mod boot;
mod calls;
mod chains;
mod command;
mod containers;
mod demo;
mod elf;
mod errnos;
mod failures;
mod hints;
mod join;
mod line;
mod memory;
mod process;
#[cfg(target_arch = "x86_64")]
mod registers;
mod stack;
mod support;
mod targets;
mod trace;
mod user;
mod values;
