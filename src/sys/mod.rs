// SPDX-License-Identifier: MIT OR Apache-2.0
//! The typed call: a method for each system call, with the kernel's names, types and errors.
//! Each follows the manual page of its name, section 2; the facts relied on stand beside it.
//!
//! In the order of this file: how any call is made, watched, and fails; then, in files of their
//! own, what is below the methods ([`bytes`], [`table`], [`start`]), and the methods by topic, in
//! the order in which the demonstration comes to them: [`memory`], [`mod@clone`], [`names`],
//! [`mod@file`], [`sleep`], [`wait`], [`process`], and what other forms need: [`namespace`],
//! [`signal`], [`machine`].
//!
//! A method is named after its call. Where one call does several things, each has a method whose
//! name begins with the call's: `prctl_set_pdeathsig`.

use core::ffi::{c_int, c_long};
use core::ptr;

use syscalls::Errno;

use table::{Call, Request};

pub mod bytes;
pub mod clone;
pub mod file;
pub mod machine;
pub mod memory;
pub mod names;
pub mod namespace;
pub mod process;
pub mod signal;
pub mod sleep;
pub mod start;
pub mod table;
pub mod wait;

/// Whether a long has 32 bits. Then the calls whose times are made of longs are old, there are newer
/// ones beside them, and a kernel may be without the old ones (`CONFIG_COMPAT_32BIT_TIME`).
const OLD_TIMES: bool = c_long::BITS < i64::BITS;

/// A system call that failed.
#[must_use]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Failure {
    /// Which.
    pub call: Call,
    /// Why.
    pub errno: Errno,
}

/// What a call gave; nothing yet, where it is shown before it is made.
pub type Outcome = Option<Result<usize, Errno>>;

/// Who is told of each call.
///
/// What the arguments point to is still there when it is told, as far as the kernel could follow
/// them.
pub type Watcher = fn(&Request, Outcome);

/// The kernel, as the rest of the program sees it.
pub struct Sys {
    watcher: Option<Watcher>,
}

impl Sys {
    /// The kernel, with somebody who is told of each call, or nobody.
    #[must_use]
    pub const fn new(watcher: Option<Watcher>) -> Self {
        Self { watcher }
    }

    /// Whether it is this watcher that is told of each call.
    #[must_use]
    pub fn is_watched_by(&self, watcher: Watcher) -> bool {
        self.watcher.is_some_and(|own| ptr::fn_addr_eq(own, watcher))
    }

    /// Makes a call. Gives what it gave: a number whose meaning is in its manual page.
    ///
    /// # Errors
    ///
    /// The call's own.
    ///
    /// # Safety
    ///
    /// What the call itself asks for: pointers among the arguments must be good for what the kernel
    /// does with them, or such that it cannot follow them.
    pub unsafe fn call(&self, request: Request) -> Result<usize, Failure> {
        // SAFETY: the caller keeps the call's contract.
        let raw = unsafe { request.make_raw() };
        if let Some(watcher) = self.watcher {
            watcher(&request, Some(Errno::from_ret(raw)));
        }
        Errno::from_ret(raw).map_err(|errno| Failure { call: request.call, errno })
    }

    /// Makes a call that is not expected to return, such as exit(2). The watcher is told before it
    /// is made, while there is somebody to tell; and again if it does return, because it failed or
    /// because a tracer had a hand in it.
    ///
    /// # Errors
    ///
    /// Same contract as [`Sys::call`].
    ///
    /// # Safety
    ///
    /// Same contract as [`Sys::call`].
    unsafe fn call_at_the_end(&self, request: Request) -> Result<usize, Failure> {
        self.tell(&request, None);
        // SAFETY: the caller keeps the call's contract.
        unsafe { self.call(request) }
    }

    /// Tells the watcher, if there is one.
    fn tell(&self, request: &Request, outcome: Outcome) {
        if let Some(watcher) = self.watcher {
            watcher(request, outcome);
        }
    }
}

/// The int that a call gave.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    reason = "it is the lower half of the register"
)]
fn to_int(result: usize) -> c_int {
    result as c_int
}
