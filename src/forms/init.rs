// SPDX-License-Identifier: MIT OR Apache-2.0
//! Process 1: of the machine, where its end would panic the kernel, or of a container.
//! Follows reboot(2), pid_namespaces(7), and signal(7) for what process 1 does not get.

use core::ffi::c_int;

use linux_raw_sys::general::{
    __kernel_timespec, O_NOCTTY, O_RDWR, SIGCHLD, SIGHUP, SIGINT, SIGQUIT, SIGTERM,
};
use syscalls::Errno;

use crate::sys::clone::Fork;
use crate::sys::file::STANDARD;
use crate::sys::{Failure, Sys};
use crate::text::trace;

/// Which process this is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Init {
    /// One among others.
    None,
    /// Process 1 of a PID namespace: when it ends, the kernel ends the others there.
    Container,
    /// Process 1 of the machine: if it ended, the kernel would panic.
    Machine,
}

impl Init {
    /// Asks the kernel, without /proc.
    ///
    /// `LINUX_REBOOT_CMD_CAD_OFF` is the one command of reboot(2) that a PID namespace does not
    /// have (`EINVAL`) and that does no harm where it works: it turns Ctrl-Alt-Del into a SIGINT
    /// for process 1. Without `CAP_SYS_BOOT` it is `EPERM`, and the machine's own init has that.
    #[must_use]
    pub fn ask(sys: &Sys) -> Self {
        if sys.getpid() != 1 {
            return Self::None;
        }
        match sys.reboot_cad_off() {
            Ok(()) => Self::Machine,
            Err(_) => Self::Container,
        }
    }

    /// Gives process 1 a console where the kernel or the engine left it without: its output goes
    /// to /dev/console if there is one, and else nowhere.
    pub fn open_console(self, sys: &Sys) {
        if self == Self::None {
            return;
        }
        for fd in STANDARD {
            // The lowest free descriptor is the one that was closed: open(2).
            if sys.fcntl_getfd(fd).is_err_and(|failure| failure.errno == Errno::EBADF)
                && sys.openat_lowest(c"/dev/console", O_RDWR | O_NOCTTY).is_err()
            {
                return;
            }
        }
    }

    /// Has the signals that ask a process to stop end process 1, too. The kernel does not deliver them
    /// there as long as they have no handler.
    ///
    /// # Errors
    ///
    /// rt_sigaction(2).
    pub fn catch_signals(self, sys: &Sys) -> Result<(), Failure> {
        if self == Self::None {
            return Ok(());
        }
        for signal in [SIGTERM, SIGINT, SIGHUP, SIGQUIT] {
            end_by(sys, signal)?;
        }
        Ok(())
    }

    /// Ends: by exit_group(2), or the machine with it.
    pub fn leave(self, sys: &Sys, status: u8) -> ! {
        if self == Self::Machine {
            power_off(sys);
        }
        sys.exit_group(status)
    }
}

/// Has a signal end process 1, too.
///
/// # Errors
///
/// rt_sigaction(2): `EINVAL` for a signal that cannot be caught.
pub fn end_by(sys: &Sys, signal: u32) -> Result<(), Failure> {
    let handler = if sys.is_watched_by(trace::watch_calls) {
        stop_and_show_calls
    } else if sys.is_watched_by(trace::watch_registers) {
        stop_and_show_registers
    } else {
        stop
    };
    sys.sigaction_handler(signal, handler)
}

/// What a signal that asks to stop does. It is handed nothing but the signal, so there is one for
/// each way to show the calls.
extern "C" fn stop(signal: c_int) {
    end(&Sys::new(None), signal);
}

/// The same, for `--trace`.
extern "C" fn stop_and_show_calls(signal: c_int) {
    end(&Sys::new(Some(trace::watch_calls)), signal);
}

/// The same, for `--trace=regs`.
extern "C" fn stop_and_show_registers(signal: c_int) {
    end(&Sys::new(Some(trace::watch_registers)), signal);
}

/// Ends process 1, or its child, which inherits the handler: so it asks anew which of them it is.
fn end(sys: &Sys, signal: c_int) -> ! {
    Init::ask(sys).leave(sys, 128 | signal.to_le_bytes()[0])
}

/// Powers the machine off, and never returns.
fn power_off(sys: &Sys) -> ! {
    // What is in memory only would be lost: reboot(2).
    sys.sync();
    // From a child, because the call ends in do_exit() where the power cannot be switched off
    // (kernel/reboot.c), and process 1 must not.
    if let Ok(Fork::Child) = sys.clone_fork(SIGCHLD) {
        sys.reboot_power_off();
        sys.exit_group(1);
    }
    // The power goes off meanwhile. If it does not, process 1 must still never end.
    loop {
        let _ = sys.nanosleep(&__kernel_timespec { tv_sec: i64::MAX, tv_nsec: 0 });
    }
}
