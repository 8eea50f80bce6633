// SPDX-License-Identifier: MIT OR Apache-2.0
//! The machine as a whole. Follows reboot(2) and sync(2).

use linux_raw_sys::general::{
    LINUX_REBOOT_CMD_CAD_OFF, LINUX_REBOOT_CMD_POWER_OFF, LINUX_REBOOT_MAGIC1, LINUX_REBOOT_MAGIC2,
};

use super::table::Request;
use super::{Failure, Sys};

impl Sys {
    /// `reboot(LINUX_REBOOT_MAGIC1, LINUX_REBOOT_MAGIC2, LINUX_REBOOT_CMD_CAD_OFF)`—Has
    /// Ctrl-Alt-Del send a `SIGINT` to process 1.
    ///
    /// # Errors
    ///
    /// `EINVAL` in a PID namespace, `EPERM` without `CAP_SYS_BOOT`.
    pub fn reboot_cad_off(&self) -> Result<(), Failure> {
        // SAFETY: the command takes no string, so no memory is involved.
        unsafe { self.call(reboot(LINUX_REBOOT_CMD_CAD_OFF)) }.map(|_| ())
    }

    /// `reboot(LINUX_REBOOT_MAGIC1, LINUX_REBOOT_MAGIC2, LINUX_REBOOT_CMD_POWER_OFF)`—Switches the
    /// machine off. Returns only where it cannot: `EPERM` without `CAP_SYS_BOOT`.
    pub fn reboot_power_off(&self) {
        // SAFETY: the command takes no string, so no memory is involved.
        let _ = unsafe { self.call_at_the_end(reboot(LINUX_REBOOT_CMD_POWER_OFF)) };
    }

    /// `sync()`—Writes all that was not yet written to the disks. Cannot fail.
    pub fn sync(&self) {
        // SAFETY: no arguments, no memory.
        let _ = unsafe { self.call(Request::sync()) };
    }
}

/// reboot(2) with its two magic numbers, without which it does nothing.
fn reboot(cmd: u32) -> Request {
    Request::reboot(LINUX_REBOOT_MAGIC1, LINUX_REBOOT_MAGIC2, cmd)
}
