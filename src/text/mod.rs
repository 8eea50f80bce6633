//! What is said: lines, put together from words, numbers, errors and calls.
//!
//! In the order in which each builds on those before: [`mod@line`], the one writer; [`errno`] and
//! [`signal`], names and texts; [`failure`], what perror(3) would say; [`constant`], [`argument`]
//! and [`trace`], how a call is shown.

pub mod argument;
pub mod constant;
pub mod errno;
pub mod failure;
pub mod line;
pub mod signal;
pub mod trace;
