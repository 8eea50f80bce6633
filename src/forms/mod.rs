// SPDX-License-Identifier: MIT OR Apache-2.0
//! The story: what each form of the program does, in the order in which it happens.
//!
//! Begin with [`demo`]. The other forms are [`run`], [`join`] and [`check`]; what they share is in
//! [`namespace`], [`persist`], [`process`], [`fork`], [`death`], [`init`] and [`hint`].

pub mod check;
pub mod death;
pub mod demo;
pub mod fork;
pub mod hint;
pub mod init;
pub mod join;
pub mod namespace;
pub mod persist;
pub mod process;
pub mod run;
