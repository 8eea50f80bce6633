// SPDX-License-Identifier: MIT OR Apache-2.0
//! How a process begins, or a thread. What a new child does first is here, too.
//! Follows clone(2).

use core::ffi::{c_int, c_void};
use core::num::NonZero;
use core::{mem, ptr};

use linux_raw_sys::general::{
    CLONE_ARGS_SIZE_VER0, CLONE_FILES, CLONE_FS, CLONE_SIGHAND, CLONE_SYSVSEM, CLONE_THREAD,
    CLONE_VM, SIGCHLD, clone_args,
};
use syscalls::Errno;

use super::memory::Stack;
use super::process::Pid;
use super::table::Request;
use super::{Failure, Sys, to_int};
use crate::cpu;

/// On which side of a [`Sys::clone_fork`] the caller is.
#[derive(Clone, Copy)]
pub enum Fork {
    /// In the child.
    Child,
    /// In the parent, with the child's id.
    Parent(NonZero<Pid>),
}

impl Sys {
    /// `clone(flags, child_stack, NULL, NULL, 0)`—Creates a child process, which calls
    /// `child_func(arg)` on the stack whose upper end is `child_stack`, and exits with its result.
    /// Returns the child's id.
    ///
    /// # Errors
    ///
    /// `EPERM` for a namespace without `CAP_SYS_ADMIN`, `ENOSPC` where there are too many of
    /// them, `EAGAIN` where there are too many processes, `EINVAL` on a kernel without the
    /// namespace, `ENOMEM`.
    ///
    /// # Safety
    ///
    /// `flags` leaves the child a copy of the memory (no `CLONE_VM`). `child_stack` is a multiple
    /// of 16, below it is writable memory, enough for `child_func`, and nothing else uses that.
    pub unsafe fn clone<T>(
        &self,
        child_func: extern "C" fn(&T) -> c_int,
        child_stack: *mut c_void,
        flags: u32,
        arg: &T,
    ) -> Result<Pid, Failure> {
        // SAFETY: a reference and a pointer to the same are alike for the ABI.
        let func = unsafe {
            mem::transmute::<extern "C" fn(&T) -> c_int, extern "C" fn(*const c_void) -> c_int>(
                child_func,
            )
        };
        let request = Request::clone(flags, child_stack, 0, 0, 0);
        let child = Child { sys: self, request, func, arg: ptr::from_ref(arg).cast() };
        // SAFETY: by this function's own contract, and `func` accepts `arg`.
        unsafe { self.clone_child(flags, child_stack, &child) }
    }

    /// [`Sys::clone`] for an argument of any type. (A function with a type parameter may be compiled
    /// into another crate, and would there look up the trampoline's address in a table, which would
    /// have to be relocated.)
    ///
    /// # Safety
    ///
    /// Same contract as [`Sys::clone`], and the child's `func` accepts its `arg`.
    unsafe fn clone_child(
        &self,
        flags: u32,
        child_stack: *mut c_void,
        child: &Child<'_>,
    ) -> Result<Pid, Failure> {
        let arg = ptr::from_ref(child).cast();
        // SAFETY: the stack is as the trampoline wants it, by this function's own contract, and
        // `first_function` gets what it accepts, in the child's copy of the memory.
        let raw = unsafe { cpu::clone(flags as usize, child_stack, first_function, arg) };
        let result = Errno::from_ret(raw);
        let request = &child.request;
        self.tell(request, Some(result));
        result.map(to_int).map_err(|errno| Failure { call: request.call, errno })
    }

    /// `clone(flags, NULL, NULL, NULL, 0)`—Creates a child process that goes on where the parent
    /// does, on its own copy of the same stack: fork(2), with `flags`.
    ///
    /// # Errors
    ///
    /// Those of [`Sys::clone`].
    pub fn clone_fork(&self, flags: u32) -> Result<Fork, Failure> {
        // SAFETY: without CLONE_VM, which is no flag for this, the child has a copy of everything.
        let pid = unsafe { self.call(Request::clone(flags, 0, 0, 0, 0)) }.map(to_int)?;
        Ok(NonZero::new(pid).map_or(Fork::Child, Fork::Parent))
    }

    /// `clone3({flags, exit_signal=SIGCHLD}, 64)`—[`Sys::clone_fork`] by the newer call.
    ///
    /// # Errors
    ///
    /// Those of [`Sys::clone`]; `ENOSYS` before Linux 5.3.
    pub fn clone3_fork(&self, flags: u32) -> Result<Fork, Failure> {
        let args = clone3_args(flags);
        let size = CLONE_ARGS_SIZE_VER0 as usize;
        // SAFETY: the kernel reads the first 64 bytes of the structure. Without CLONE_VM, which is
        // no flag for this, the child has a copy of everything.
        let pid = unsafe { self.call(Request::clone3(ptr::from_ref(&args), size)) }.map(to_int)?;
        Ok(NonZero::new(pid).map_or(Fork::Child, Fork::Parent))
    }

    /// `clone(CLONE_VM|…|CLONE_THREAD, child_stack, NULL, NULL, 0)`—Starts a thread of the calling
    /// process, which calls `func(arg)` on `stack`, and ends with it.
    ///
    /// # Errors
    ///
    /// Those of [`Sys::clone`].
    ///
    /// # Safety
    ///
    /// Nothing else uses the stack, `func` accepts `arg`, and what that points to lives, with all
    /// that `func` touches, as long as the thread, and is fit for sharing.
    pub unsafe fn clone_thread(
        &self,
        stack: &Stack,
        func: extern "C" fn(*const c_void) -> c_int,
        arg: *const c_void,
    ) -> Result<(), Failure> {
        let flags =
            CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM;
        // What the thread is to do lies at the top of its own stack, because this function returns
        // before the thread has read it.
        let size = size_of::<Child<'_>>().next_multiple_of(16);
        let child_stack = stack.top().wrapping_byte_sub(size);
        let request = Request::clone(flags, child_stack, 0, 0, 0);
        let child: *mut Child<'_> = child_stack.cast();
        // SAFETY: the stack's memory is writable, aligned to 16 and this function's alone.
        unsafe { child.write(Child { sys: self, request, func, arg }) };
        // SAFETY: the stack is as the trampoline wants it, `first_function` gets what it accepts,
        // and what the two share is fit for that, by this function's own contract.
        let raw = unsafe {
            cpu::clone(flags as usize, child_stack, first_function, child.cast_const().cast())
        };
        let result = Errno::from_ret(raw);
        self.tell(&request, Some(result));
        result.map(|_| ()).map_err(|errno| Failure { call: request.call, errno })
    }
}

/// The argument of clone3(2) for a child that goes on where its parent does.
#[must_use]
pub fn clone3_args(flags: u32) -> clone_args {
    clone_args {
        flags: flags.into(),
        pidfd: 0,
        child_tid: 0,
        parent_tid: 0,
        exit_signal: SIGCHLD.into(),
        stack: 0,
        stack_size: 0,
        tls: 0,
        set_tid: 0,
        set_tid_size: 0,
        cgroup: 0,
    }
}

/// What a new child is to do: call `func(arg)`.
struct Child<'a> {
    sys: &'a Sys,
    /// The clone(2) that makes it.
    request: Request,
    func: extern "C" fn(*const c_void) -> c_int,
    arg: *const c_void,
}

/// The first function of a child: for it, clone returns 0, and that is to be seen too.
extern "C" fn first_function(child: *const c_void) -> c_int {
    // SAFETY: `Sys::clone` passes a `Child`, of which this process has a copy.
    let Child { sys, request, func, arg } = unsafe { &*child.cast::<Child<'_>>() };
    sys.tell(request, Some(Ok(0)));
    sys.exit(func(*arg))
}
