// SPDX-License-Identifier: MIT OR Apache-2.0
//! The program as its users meet it. One binary, so that all tests run side by side.

mod args;
mod boot;
mod calls;
mod chains;
mod check;
mod command;
mod completions;
mod containers;
mod contrib;
mod cost;
mod demo;
mod descriptors;
mod doc;
mod elf;
mod errnos;
mod example;
mod failures;
mod faults;
mod fork;
#[cfg(target_arch = "x86_64")]
mod guide;
mod hints;
mod inherited;
mod install;
mod jobs;
mod join;
mod kill_child;
mod layers;
mod left_behind;
mod line;
mod memory;
mod package;
mod persist;
mod places;
mod process;
mod process_1;
mod readme;
mod reaper;
#[cfg(target_arch = "x86_64")]
mod registers;
mod release;
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
