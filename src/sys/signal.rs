// SPDX-License-Identifier: MIT OR Apache-2.0
//! Signals. Follows kill(2), sigaction(2), sigpending(2), sigprocmask(2), prctl(2)
//! (`PR_SET_PDEATHSIG`).

use core::ffi::{c_int, c_long, c_ulong};
use core::mem::MaybeUninit;
use core::{mem, ptr};

use linux_raw_sys::general::{
    __kernel_sighandler_t, SIG_SETMASK, kernel_sigaction, kernel_sigset_t,
    siginfo__bindgen_ty_1__bindgen_ty_1, siginfo_t,
};
use linux_raw_sys::prctl::PR_SET_PDEATHSIG;
use linux_raw_sys::signal_macros::{SIG_DFL, sig_ign};
use syscalls::Errno;

use super::process::Pid;
use super::table::{Call, Request};
use super::{Failure, OLD_TIMES, Sys};
use crate::cpu;

impl Sys {
    /// `kill(pid, sig)`—Sends a signal to a process.
    ///
    /// Numbers below 2 are not processes of this program's, and mean others, or all: they come from
    /// a kernel or a filter that lies, and are sent nothing.
    ///
    /// # Errors
    ///
    /// `ESRCH` where there is no such process, `EPERM`, `EINVAL`.
    pub fn kill(&self, pid: Pid, sig: u32) -> Result<(), Failure> {
        if pid < 2 {
            return Err(Failure { call: Call::kill, errno: Errno::ESRCH });
        }
        // SAFETY: no memory is involved.
        unsafe { self.call(Request::kill(pid, sig)) }.map(|_| ())
    }

    /// `rt_sigaction(signum, {SIG_IGN}, NULL, 8)`—Ignores a signal.
    ///
    /// # Errors
    ///
    /// `EINVAL` for a signal that there is not, or that cannot be ignored.
    pub fn sigaction_ignore(&self, signum: u32) -> Result<(), Failure> {
        self.sigaction(signum, sig_ign(), 0)
    }

    /// `rt_sigaction(signum, {SIG_DFL}, NULL, 8)`—Has a signal do what it does by default.
    ///
    /// # Errors
    ///
    /// `EINVAL` for a signal that there is not.
    pub fn sigaction_default(&self, signum: u32) -> Result<(), Failure> {
        self.sigaction(signum, SIG_DFL, 0)
    }

    /// `rt_sigaction(signum, {handler}, NULL, 8)`—Has a signal call `handler`, which does not
    /// return.
    ///
    /// # Errors
    ///
    /// `EINVAL` for a signal that there is not, or that cannot be caught.
    pub fn sigaction_handler(
        &self,
        signum: u32,
        handler: extern "C" fn(c_int),
    ) -> Result<(), Failure> {
        self.sigaction(signum, Some(handler), cpu::HANDLER_FLAGS)
    }

    /// `rt_sigaction(signum, {handler, flags}, NULL, 8)`.
    fn sigaction(
        &self,
        signum: u32,
        handler: __kernel_sighandler_t,
        flags: u32,
    ) -> Result<(), Failure> {
        let act = cpu::sigaction(handler, flags);
        let (no_old_one, size) = (0, size_of::<kernel_sigset_t>());
        let request = Request::rt_sigaction(signum, ptr::from_ref(&act), no_old_one, size);
        // SAFETY: the kernel reads one kernel_sigaction. A handler is code of ours that does not
        // touch what it interrupts.
        unsafe { self.call(request) }.map(|_| ())
    }

    /// `rt_sigprocmask(SIG_SETMASK, set, NULL, 8)`—Blocks these signals, and no others.
    ///
    /// # Errors
    ///
    /// None, as the set is good.
    pub fn sigprocmask_setmask(&self, set: &kernel_sigset_t) -> Result<(), Failure> {
        let (no_old_one, size) = (0, size_of::<kernel_sigset_t>());
        let request = Request::rt_sigprocmask(SIG_SETMASK, ptr::from_ref(set), no_old_one, size);
        // SAFETY: the kernel reads one kernel_sigset_t.
        unsafe { self.call(request) }.map(|_| ())
    }

    /// `rt_sigprocmask(SIG_SETMASK, set, oldset, 8)`—Blocks these signals, and no others. Gives
    /// those that were blocked.
    ///
    /// # Errors
    ///
    /// None, as the set is good.
    pub fn sigprocmask_exchange(&self, set: &kernel_sigset_t) -> Result<kernel_sigset_t, Failure> {
        let mut old = sigset([]);
        let (oldset, size) = (ptr::from_mut(&mut old), size_of::<kernel_sigset_t>());
        let request = Request::rt_sigprocmask(SIG_SETMASK, ptr::from_ref(set), oldset, size);
        // SAFETY: the kernel reads one kernel_sigset_t and writes another.
        unsafe { self.call(request) }?;
        Ok(old)
    }

    /// `rt_sigpending(set, 8)`—The signals that wait for the caller, which blocks them.
    ///
    /// # Errors
    ///
    /// None, as the set is good.
    pub fn sigpending(&self) -> Result<kernel_sigset_t, Failure> {
        let mut set = sigset([]);
        let request = Request::rt_sigpending(ptr::from_mut(&mut set), size_of::<kernel_sigset_t>());
        // SAFETY: the kernel writes one kernel_sigset_t.
        unsafe { self.call(request) }?;
        Ok(set)
    }

    /// `rt_sigtimedwait(set, info, NULL, 8)`—Takes one of these signals, which are blocked; waits
    /// for one, if none is pending.
    ///
    /// # Errors
    ///
    /// `EINTR` where the caller was stopped meanwhile.
    pub fn sigtimedwait(&self, set: &kernel_sigset_t) -> Result<SignalInfo, Failure> {
        let mut info = MaybeUninit::<siginfo_t>::zeroed();
        let (set, info_at) = (ptr::from_ref(set), info.as_mut_ptr());
        let (no_timeout, size) = (0, size_of::<kernel_sigset_t>());
        let request = Request::rt_sigtimedwait(set, info_at, no_timeout, size);
        // SAFETY: the kernel reads one kernel_sigset_t and writes one siginfo_t.
        match unsafe { self.call(request) } {
            Err(Failure { errno: Errno::ENOSYS, .. }) if OLD_TIMES => {
                let request = Request::rt_sigtimedwait_time64(set, info_at, no_timeout, size);
                // SAFETY: the same.
                unsafe { self.call(request) }
            }
            result => result,
        }?;
        // SAFETY: zeros are good for it, and what the kernel wrote is too.
        Ok(SignalInfo(unsafe { info.assume_init() }))
    }

    /// `rt_sigqueueinfo(pid, sig, info)`—Sends a signal with what came with it.
    ///
    /// # Errors
    ///
    /// `ESRCH`, `EAGAIN` where too many are waiting, `EPERM` for what only the kernel may say.
    pub fn sigqueueinfo(&self, pid: Pid, info: &SignalInfo) -> Result<(), Failure> {
        let request = Request::rt_sigqueueinfo(pid, info.signo(), ptr::from_ref(&info.0));
        // SAFETY: the kernel reads one siginfo_t.
        unsafe { self.call(request) }.map(|_| ())
    }

    /// `rt_sigaction(signum, {SIG_DFL}, oldact, 8)`—Has a signal do what it does by default. Gives
    /// what it did.
    ///
    /// # Errors
    ///
    /// `EINVAL` for a signal that there is not.
    pub fn sigaction_exchange(&self, signum: u32) -> Result<kernel_sigaction, Failure> {
        let act = cpu::sigaction(SIG_DFL, 0);
        let mut old = act;
        let (oldact, size) = (ptr::from_mut(&mut old), size_of::<kernel_sigset_t>());
        let request = Request::rt_sigaction(signum, ptr::from_ref(&act), oldact, size);
        // SAFETY: the kernel reads one kernel_sigaction and writes another.
        unsafe { self.call(request) }?;
        Ok(old)
    }

    /// `rt_sigaction(signum, act, NULL, 8)`—Has a signal do again what it did.
    ///
    /// # Errors
    ///
    /// `EINVAL` for a signal that there is not.
    pub fn sigaction_restore(&self, signum: u32, act: &kernel_sigaction) -> Result<(), Failure> {
        let (no_old_one, size) = (0, size_of::<kernel_sigset_t>());
        let request = Request::rt_sigaction(signum, ptr::from_ref(act), no_old_one, size);
        // SAFETY: the kernel reads one kernel_sigaction, which it gave itself.
        unsafe { self.call(request) }.map(|_| ())
    }

    /// `prctl(PR_SET_PDEATHSIG, sig)`—The caller gets `sig` when its parent dies.
    ///
    /// # Errors
    ///
    /// `EINVAL` for a signal that there is not.
    pub fn prctl_set_pdeathsig(&self, sig: u32) -> Result<(), Failure> {
        // SAFETY: no memory is involved.
        unsafe { self.call(Request::prctl(PR_SET_PDEATHSIG, sig)) }.map(|_| ())
    }
}

/// What came with a signal: sigaction(2), "The siginfo_t argument".
#[repr(transparent)]
pub struct SignalInfo(siginfo_t);

impl SignalInfo {
    fn common(&self) -> &siginfo__bindgen_ty_1__bindgen_ty_1 {
        // SAFETY: the kernel fills in the common fields of every siginfo_t.
        unsafe { &self.0.__bindgen_anon_1.__bindgen_anon_1 }
    }

    /// `si_signo`, the signal.
    #[must_use]
    pub fn signo(&self) -> c_int {
        self.common().si_signo
    }

    /// `si_errno`: 0 from the kernel; a process may send another.
    #[must_use]
    pub fn errno(&self) -> c_int {
        self.common().si_errno
    }

    /// `si_code`: above 0 where the kernel sent it, and 0 or less where a process did.
    #[must_use]
    pub fn code(&self) -> c_int {
        self.common().si_code
    }

    /// `si_pid`, of a signal that a process sent, and of `SIGCHLD`.
    #[must_use]
    pub fn pid(&self) -> Pid {
        // SAFETY: integers, whatever the kernel put there.
        unsafe { self.common()._sifields._kill._pid }
    }

    /// `si_uid`, of the same.
    #[must_use]
    pub fn uid(&self) -> u32 {
        // SAFETY: integers, whatever the kernel put there.
        unsafe { self.common()._sifields._kill._uid }
    }

    /// `si_status`, of `SIGCHLD`.
    #[must_use]
    pub fn status(&self) -> c_int {
        // SAFETY: integers, whatever the kernel put there.
        unsafe { self.common()._sifields._sigchld._status }
    }

    /// `si_utime` and `si_stime`, of `SIGCHLD`, in clock ticks.
    #[must_use]
    pub fn times(&self) -> [u64; 2] {
        // SAFETY: integers, whatever the kernel put there.
        let child = unsafe { self.common()._sifields._sigchld };
        [child._utime, child._stime].map(|ticks| u64::try_from(ticks).unwrap_or_default())
    }

    /// `si_band` and `si_fd`, of a signal that a file sent.
    #[must_use]
    pub fn file(&self) -> (c_long, c_int) {
        // SAFETY: integers, whatever the kernel put there.
        let file = unsafe { self.common()._sifields._sigpoll };
        (file._band, file._fd)
    }

    /// `si_value`, of a signal that came with one (`SI_QUEUE`).
    #[must_use]
    pub fn value(&self) -> usize {
        // SAFETY: integers, whatever the kernel put there.
        let value = unsafe { self.common()._sifields._rt }._sigval;
        // SAFETY: the wider of its two forms.
        unsafe { value.sival_ptr }.addr()
    }
}

/// A set of signals: bit N-1 of its words stands for signal N (the kernel's asm-generic/signal.h).
#[must_use]
pub fn sigset(signals: impl IntoIterator<Item = u32>) -> kernel_sigset_t {
    // SAFETY: a set is integers, for which zeros are good: the empty set.
    let mut set: kernel_sigset_t = unsafe { mem::zeroed() };
    for signal in signals {
        let bit = signal.wrapping_sub(1);
        let width = c_ulong::BITS;
        if let Some(word) = set.sig.get_mut((bit / width) as usize) {
            *word |= 1 << (bit % width);
        }
    }
    set
}

/// Whether a set has a signal.
#[must_use]
pub fn sigset_has(set: &kernel_sigset_t, signal: u32) -> bool {
    let bit = signal.wrapping_sub(1);
    let word = set.sig.get((bit / c_ulong::BITS) as usize).copied().unwrap_or_default();
    word >> (bit % c_ulong::BITS) & 1 != 0
}
