//! The program as its users meet it. One binary, so that all tests run side by side: the longest
//! of them mostly sleeps.

mod demo;
mod support;
