// SPDX-License-Identifier: MIT OR Apache-2.0
//! The machinery of the tests: what cannot run here is skipped aloud ([`require`]), every program
//! runs under watch ([`run`]), in a container of each engine too ([`engine`]), on a terminal
//! ([`terminal`]), beside others that do the same ([`parents`]), above a command that tells which
//! signals it gets ([`witness`]), on a kernel that takes an argument for another ([`mutant`]), and
//! strace says which calls it made ([`strace`], [`trace`]). What it may say of a cause stands in
//! [`hint`]. The program is built for other CPUs, too ([`cross`]), put into an archive
//! ([`initramfs`]) and booted by a kernel ([`machine`]).

pub mod apart;
pub mod cross;
pub mod engine;
pub mod hint;
pub mod initramfs;
pub mod machine;
pub mod mutant;
pub mod package;
pub mod parents;
pub mod require;
pub mod run;
pub mod setting;
pub mod strace;
pub mod terminal;
pub mod trace;
pub mod witness;
