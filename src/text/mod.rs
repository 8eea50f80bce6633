// SPDX-License-Identifier: MIT OR Apache-2.0
//! What is said: lines, put together from words, numbers, errors and calls.
//!
//! In the order in which each builds on those before: [`mod@line`], the one writer; [`errno`] and
//! [`signal`], names and texts; [`failure`], what perror(3) would say; and how a call is shown:
//! [`constant`], the names of flags; [`word`] and [`pointee`], what an argument is, and what one points
//! to; [`argument`], which of these it is for each kind; [`trace`], the whole line.

pub mod argument;
pub mod constant;
pub mod errno;
pub mod failure;
pub mod line;
pub mod pointee;
pub mod signal;
pub mod trace;
pub mod word;
