//! How a call is shown: as strace(1) does, or as the registers that the kernel sees.
//! Follows strace 6.1, whose output it is byte for byte, and syscall(2) for the registers.
//!
//! To add a call, add it to the list of `calls!`, with a letter for each argument. To add a constant,
//! add it to the list of `constants!`, behind its letter.
//!
//! | letter | argument | shown |
//! |---|---|---|
//! | `d` | an int | in decimal |
//! | `u` | a size | in decimal |
//! | `a` | an address | in hexadecimal, or `NULL` |
//! | `s` | a C string | all of it |
//! | `b` | bytes, as many as the next argument says | the first 32 |
//! | `n` | a name, the same | the same, or its address if it is too long |
//! | `o` | bytes, as many as the result says | the first 32 |
//! | `v` | argv | each string as above |
//! | `e` | envp | its address, and how many strings it has |
//! | `t` | a timespec | its fields |
//! | `y` | a `new_utsname` that the call fills in | its first fields |
//! | `w` | a status that the call fills in | in the macros of wait(2) |
//! | `g` | a `kernel_sigaction` | its fields |
//! | `h`, `c` | the two structures of capget(2) | their fields, the sets in hexadecimal |
//! | `k` | the second of capset(2) | the same |
//! | `i` | an itimerval | its fields |
//! | `S` | a signal | its name |
//! | `P` `M` `N` `K` `O` | flags: protection, mapping, namespaces, mount, open | their names |
//! | `D` `F` `I` `L` `T` `R` | a constant: `AT_FDCWD`, fcntl, ioctl, prctl, setitimer, reboot | its name |
//! | `C` | clone's flags, and its stack before them, as strace names them | both |
//! | `-` | nothing that strace shows | in the registers only |
//!
//! A pointer that the kernel could not follow (`EFAULT`), or to something that it did not fill in,
//! is shown as an address.
#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_sign_loss,
    reason = "what a word of a call means, its letter says"
)]

use core::ffi::{CStr, c_int};
use core::ptr;
use core::slice;

use linux_raw_sys::general::{
    self as kernel, __kernel_old_itimerval, __user_cap_data_struct, __user_cap_header_struct,
    kernel_sigaction, timespec,
};
use linux_raw_sys::system::{__NEW_UTS_LEN, new_utsname};
use linux_raw_sys::{ioctl, prctl};
use syscalls::{Errno, Sysno};

use crate::bytes::nth;
use crate::failure;
use crate::line::Line;
use crate::packed;
use crate::packed::unpack;
use crate::process::{Strings, c_str};
use crate::sys::until_nul;
use crate::{arch, signal};

/// What is shown.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Trace {
    /// Nothing.
    Off,
    /// `--trace`: what strace would.
    Calls,
    /// `--trace=regs`: the registers.
    Registers,
}

/// The most that is shown of a string, in bytes: strace's `-s`.
const MAX_STRLEN: usize = 32;

/// From `name "letters";` makes tables of equal length. No pointers, which would have to be
/// relocated.
macro_rules! calls {
    ($($name:ident $letters:literal;)*) => {
        /// The numbers of this program's calls.
        const NUMBERS: &[u16] = &[$(Sysno::$name as u16),*];

        /// Their names.
        const CALLS: &[u8] = packed!(concat!($(stringify!($name), "\0"),*));

        /// The letters of their arguments, with a blank before the next call's.
        const SHAPES: &str = concat!($($letters, " "),*);
    };
}

calls! {
    capget "hc";
    capset "hk";
    clone "C----";
    execve "sve";
    exit "d";
    exit_group "d";
    fcntl "dF";
    getegid "";
    geteuid "";
    getpid "";
    getppid "";
    ioctl "dI";
    kill "dS";
    mmap "auPMdu";
    mount "ssaKa";
    mprotect "auP";
    nanosleep "ta";
    openat "DsO";
    pidfd_open "dd";
    prctl "LS";
    read "dou";
    reboot "RRR";
    rt_sigaction "Sgau";
    setdomainname "nu";
    sethostname "nu";
    setitimer "Tia";
    setns "dN";
    setpgid "dd";
    sync "";
    uname "y";
    unshare "N";
    wait4 "dwua";
    write "dbu";
}

/// Appends the name of a call.
pub fn name(line: &mut Line, number: Sysno) {
    unpack(line, CALLS, place(number));
}

/// The letters of a call's arguments.
fn letters(number: Sysno) -> &'static [u8] {
    nth(SHAPES.as_bytes(), b' ', place(number))
}

/// The place of a call in the tables.
fn place(number: Sysno) -> usize {
    NUMBERS.iter().take_while(|known| **known != number as u16).count()
}

/// A call, as far as it is known: before it is made there is no result, and after clone(2) two.
pub struct Call<'a> {
    /// Which.
    pub number: Sysno,
    /// Its arguments, and perhaps more.
    pub args: &'a [usize],
    /// What it gave; nothing yet, for a call that does not return.
    pub result: Option<Result<usize, Errno>>,
}

impl Call<'_> {
    /// Whether `trace` has a line for this call. strace sees clone return in the parent only.
    #[must_use]
    pub fn is_shown(&self, trace: Trace) -> bool {
        trace != Trace::Calls || self.number != Sysno::clone || !matches!(self.result, Some(Ok(0)))
    }

    /// Puts the line that `trace` wants for this call, made by process `pid`, into an empty one.
    pub fn show(&self, line: &mut Line, trace: Trace, pid: u64) {
        line.number(pid).byte(b' ');
        while line.len() < 6 {
            line.byte(b' ');
        }
        match trace {
            Trace::Registers => self.registers(line),
            _ => self.call(line),
        }
    }

    /// `clone rax=0x38 rdi=0x4000011 rsi=0x7f… => 0xdde`
    fn registers(&self, line: &mut Line) {
        let letters = letters(self.number);
        name(line, self.number);
        for index in 0..=letters.len() {
            let value = index.checked_sub(1).map_or(self.number as usize, |index| self.arg(index));
            let register = nth(arch::REGISTERS.as_bytes(), b' ', index);
            line.byte(b' ').bytes(register).byte(b'=').hex(value);
        }
        line.text(" => ");
        self.result(line, true);
    }

    /// `uname({sysname="Linux", nodename="bizarro", ...}) = 0`
    fn call(&self, line: &mut Line) {
        let letters = letters(self.number);
        name(line, self.number);
        line.byte(b'(');
        for (letter, index) in letters.iter().zip(0..) {
            // No signal is 0: prctl has none where it is told of none.
            if *letter == b'-' || (*letter == b'S' && self.arg(index) == 0) {
                break;
            }
            if index != 0 {
                line.text(", ");
            }
            self.argument(line, *letter, index);
        }
        line.text(") = ");
        self.result(line, false);
    }

    /// What the call gave: as strace has it, or as the register.
    fn result(&self, line: &mut Line, register: bool) {
        match self.result {
            None => line.byte(b'?'),
            Some(Ok(value)) if register || self.number == Sysno::mmap => line.hex(value),
            Some(Ok(value)) => line.number(value as u64),
            Some(Err(errno)) => {
                if register {
                    // It holds the negative number.
                    let number = errno.into_raw() as usize;
                    line.hex(number.wrapping_neg()).byte(b' ');
                }
                line.text("-1 ");
                failure::errno(line, errno, !register);
                line
            }
        };
    }

    /// The argument at `index`.
    fn arg(&self, index: usize) -> usize {
        self.args.get(index).copied().unwrap_or_default()
    }

    /// Appends the argument at `index`, which is of the kind that `letter` says.
    fn argument(&self, line: &mut Line, letter: u8, index: usize) {
        let word = self.arg(index);
        let unreadable = word == 0 || matches!(self.result, Some(Err(Errno::EFAULT)));
        let unfilled = !matches!(self.result, Some(Ok(_)));
        match letter {
            b'd' => int(line, word),
            b'u' => {
                line.number(word as u64);
            }
            b'S' => signal_name(line, word),
            b'C' => {
                line.text("child_stack=");
                address(line, self.arg(1));
                line.text(", flags=");
                names(line, b'N', word);
            }
            // The other capitals are those of NAMES.
            b'A'..=b'Z' => names(line, letter, word),
            b'y' | b'w' | b'c' | b'o' if unfilled => address(line, word),
            b'n' if self.arg(index + 1) > __NEW_UTS_LEN as usize => address(line, word),
            _ if unreadable => address(line, word),
            b'b' | b'n' => string(line, bytes(word, self.arg(index + 1)), MAX_STRLEN),
            b'o' => {
                let len = self.result.and_then(Result::ok).unwrap_or_default();
                string(line, bytes(word, len), MAX_STRLEN);
            }
            b's' => {
                let path = c_string(word).to_bytes();
                string(line, path, path.len());
            }
            b'v' => argv(line, strings(word)),
            b'e' => {
                let count = strings(word).count() as u64;
                address(line, word);
                line.text(" /* ").number(count).text(" var").text(if count == 1 {
                    ""
                } else {
                    "s"
                });
                line.text(" */");
            }
            b't' => {
                let time: &timespec = structure(word);
                line.text("{tv_sec=").number(time.tv_sec.cast_unsigned());
                line.text(", tv_nsec=").number(time.tv_nsec.cast_unsigned()).byte(b'}');
            }
            b'i' => {
                let timer: &__kernel_old_itimerval = structure(word);
                line.text("{it_interval={tv_sec=0, tv_usec=0}, it_value={tv_sec=");
                line.number(timer.it_value.tv_sec.cast_unsigned()).text(", tv_usec=0}}");
            }
            b'y' => {
                let uts: &new_utsname = structure(word);
                line.text("{sysname=\"").escaped(until_nul(&uts.sysname));
                line.text("\", nodename=\"").escaped(until_nul(&uts.nodename)).text("\", ...}");
            }
            b'w' => wait_status(line, *structure::<c_int>(word)),
            b'g' => action(line, structure(word)),
            b'h' => {
                let header: &__user_cap_header_struct = structure(word);
                line.text("{version=_LINUX_CAPABILITY_VERSION_3, pid=");
                int(line, header.pid as usize);
                line.byte(b'}');
            }
            b'c' | b'k' => {
                let [low, high]: &[__user_cap_data_struct; 2] = structure(word);
                let both = |low: u32, high: u32| (high as usize) << 32 | low as usize;
                line.text("{effective=").hex(both(low.effective, high.effective));
                line.text(", permitted=").hex(both(low.permitted, high.permitted));
                line.text(", inheritable=").hex(both(low.inheritable, high.inheritable)).byte(b'}');
            }
            _ => address(line, word),
        }
    }
}

/// What a call's argument points to.
fn structure<'a, T>(address: usize) -> &'a T {
    // SAFETY: `Call::argument` comes here with addresses only that the kernel followed: the caller
    // of the call vouched for what is there, and it lives at least until the call is shown.
    unsafe { &*ptr::with_exposed_provenance::<T>(address) }
}

/// The bytes that an argument points to.
fn bytes<'a>(address: usize, len: usize) -> &'a [u8] {
    // SAFETY: as for `structure`; the kernel followed the length, too.
    unsafe { slice::from_raw_parts(ptr::with_exposed_provenance(address), len) }
}

/// The C string that an argument points to.
fn c_string<'a>(address: usize) -> &'a CStr {
    // SAFETY: as for `structure`.
    unsafe { c_str(ptr::with_exposed_provenance(address)) }
}

/// The array of C strings that an argument points to.
fn strings<'a>(address: usize) -> Strings<'a> {
    // SAFETY: as for `structure`.
    unsafe { Strings::new(ptr::with_exposed_provenance(address)) }
}

/// `0x7ffd1acdfb18`, or `NULL`.
fn address(line: &mut Line, word: usize) {
    match word {
        0 => line.text("NULL"),
        _ => line.hex(word),
    };
}

/// An int: the lower half of the register, with its sign.
fn int(line: &mut Line, word: usize) {
    let value = word as c_int;
    if value < 0 {
        line.byte(b'-');
    }
    line.number(value.unsigned_abs().into());
}

/// A string in quotes, up to `most` of its bytes.
fn string(line: &mut Line, bytes: &[u8], most: usize) {
    line.byte(b'"').escaped(bytes.get(..most).unwrap_or(bytes)).byte(b'"');
    if bytes.len() > most {
        line.text("...");
    }
}

/// `["sleep", "5"]`
fn argv(line: &mut Line, strings: Strings<'_>) {
    line.byte(b'[');
    for (index, word) in strings.enumerate() {
        if index != 0 {
            line.text(", ");
        }
        if index == MAX_STRLEN {
            line.text("...");
            break;
        }
        string(line, word.to_bytes(), MAX_STRLEN);
    }
    line.byte(b']');
}

/// `SIGTERM`, or `SIGRT_2` for one without a name.
fn signal_name(line: &mut Line, word: usize) {
    /// The kernel's first real-time signal.
    const SIGRTMIN: usize = kernel::SIGRTMIN as usize;

    match signal::name(word) {
        Some(name) => line.text("SIG").bytes(name),
        None if word == SIGRTMIN => line.text("SIGRTMIN"),
        None if word > SIGRTMIN => line.text("SIGRT_").number((word - SIGRTMIN) as u64),
        None => line.number(word as u64),
    };
}

/// `[{WIFEXITED(s) && WEXITSTATUS(s) == 0}]`
fn wait_status(line: &mut Line, status: c_int) {
    let [low, high, ..] = status.to_le_bytes();
    match low & 0x7f {
        0 => line.text("[{WIFEXITED(s) && WEXITSTATUS(s) == ").number(high.into()),
        signal => {
            line.text("[{WIFSIGNALED(s) && WTERMSIG(s) == ");
            signal_name(line, signal.into());
            line.text(if low & 0x80 == 0 { "" } else { " && WCOREDUMP(s)" })
        }
    };
    line.text("}]");
}

/// `{sa_handler=SIG_IGN, sa_mask=[], sa_flags=0}`
fn action(line: &mut Line, action: &kernel_sigaction) {
    line.text("{sa_handler=");
    match action.sa_handler_kernel.map_or(0, |handler| handler as usize) {
        0 => line.text("SIG_DFL"),
        1 => line.text("SIG_IGN"),
        handler => line.hex(handler),
    };
    line.text(", sa_mask=[], sa_flags=");
    line.text(if action.sa_flags == 0 { "0}" } else { "SA_RESTORER, sa_restorer=NULL}" });
}

/// From `letter module: NAME NAME;` makes tables of equal length, as [`calls!`] does.
macro_rules! constants {
    ($($letter:literal $module:ident: $($name:ident)*;)*) => {
        /// The constants of this program's calls.
        const VALUES: &[u32] = &[$($($module::$name as u32,)*)*];

        /// The letters of the arguments that they are.
        const LETTERS: &[u8] = &[$($({
            let _ = stringify!($name);
            $letter
        },)*)*];

        /// Their names.
        const NAMES: &[u8] = packed!(concat!($($(stringify!($name), "\0",)*)*));
    };
}

constants! {
    b'P' kernel: PROT_NONE PROT_READ PROT_WRITE;
    b'M' kernel: MAP_PRIVATE MAP_ANONYMOUS MAP_STACK;
    b'N' kernel: CLONE_NEWNS CLONE_NEWUTS CLONE_NEWUSER;
    b'K' kernel: MS_BIND MS_REC MS_PRIVATE;
    b'T' kernel: ITIMER_REAL;
    b'O' kernel: O_RDONLY O_WRONLY O_RDWR O_NOCTTY O_CLOEXEC;
    b'D' kernel: AT_FDCWD;
    b'F' kernel: F_GETFD;
    b'I' ioctl: NS_GET_USERNS;
    b'L' prctl: PR_SET_PDEATHSIG PR_GET_SECCOMP;
    b'R' kernel: LINUX_REBOOT_MAGIC1 LINUX_REBOOT_MAGIC2 LINUX_REBOOT_CMD_CAD_OFF
        LINUX_REBOOT_CMD_POWER_OFF;
}

/// `PROT_READ|PROT_WRITE`, or `AT_FDCWD`.
fn names(line: &mut Line, letter: u8, word: usize) {
    /// The part of flags that is a number: `O_RDONLY` is 0 there, as `PROT_NONE` is.
    const NUMBER: u32 = kernel::O_ACCMODE;

    let is_flags = matches!(letter, b'P' | b'M' | b'N' | b'K' | b'O');
    let mut rest = word as u32;
    let mut separator = "";
    for (index, (known, value)) in LETTERS.iter().zip(VALUES).enumerate() {
        if *known != letter {
            continue;
        }
        // What of the word makes up this constant.
        let mask = match *value {
            _ if !is_flags => u32::MAX,
            0 => NUMBER,
            value => value,
        };
        if rest & mask == *value {
            unpack(line.text(separator), NAMES, index);
            if !is_flags {
                return;
            }
            rest &= !value;
            separator = "|";
        }
    }
    if rest != 0 {
        line.text(separator);
        if rest > kernel::CSIGNAL {
            line.hex(rest as usize);
        } else {
            // The signal that clone is told to send.
            signal_name(line, rest as usize);
        }
    } else if separator.is_empty() {
        line.byte(b'0');
    }
}
