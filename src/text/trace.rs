// SPDX-License-Identifier: MIT OR Apache-2.0
//! How a call is shown: as strace(1) does, or as the registers that the kernel sees.
//! Follows strace 6.1, whose output it is byte for byte, and syscall(2) for the registers.
//!
//! Nothing is listed here: names and kinds of arguments are in the table of calls
//! ([`crate::sys::table`]), each kind's form in [`argument`], constants in [`super::constant`].

use core::iter;

use super::line::Line;
use super::{argument, errno};
use crate::cpu;
use crate::sys::file::STDERR;
use crate::sys::table::{Call, Request};
use crate::sys::{Outcome, Sys};

/// The width of the column in which strace shows process ids.
const PID_WIDTH: usize = 5;

/// Shows a call on standard error, as `strace -f` does: for `--trace`.
pub fn watch_calls(request: &Request, outcome: Outcome) {
    // strace sees clone return in the parent only.
    let is_clone = matches!(request.call, Call::clone | Call::clone3);
    if !(is_clone && outcome == Some(Ok(0))) {
        write(request, outcome, as_call);
    }
}

/// Shows a call on standard error, as the registers that the kernel sees: for `--trace=regs`.
pub fn watch_registers(request: &Request, outcome: Outcome) {
    write(request, outcome, as_registers);
}

/// Writes a line behind the process id, by calls that nobody watches. Where it cannot be written,
/// the program goes on.
fn write(request: &Request, outcome: Outcome, body: fn(&mut Line, &Request, Outcome)) {
    let unwatched = Sys::new(None);
    let mut line = Line::new();
    line.number(unwatched.getpid().unsigned_abs().into());
    while line.len() < PID_WIDTH {
        line.byte(b' ');
    }
    line.byte(b' ');
    body(&mut line, request, outcome);
    let _ = line.write_to(&unwatched, STDERR);
}

/// Appends `uname({sysname="Linux", nodename="bizarro", ...}) = 0`.
pub fn as_call(line: &mut Line, request: &Request, outcome: Outcome) {
    let row = request.call.row();
    line.bytes(row.name()).byte(b'(');
    for (index, kind) in row.kinds().enumerate() {
        if !argument::is_shown(kind, request) {
            break;
        }
        if index != 0 {
            line.text(", ");
        }
        argument::show(line, kind, request, index, outcome);
    }
    line.text(") = ");
    match outcome {
        None => line.byte(b'?'),
        Some(Ok(address)) if request.call == Call::mmap => line.hex(address),
        Some(Ok(number)) => match argument::result_kind(request) {
            Some(kind) => {
                argument::show_result(line, kind, number);
                line
            }
            None => line.number(number as u64),
        },
        Some(Err(errno)) => {
            errno::name_and_text(line.text("-1 "), errno);
            line
        }
    };
}

/// Appends `clone rax=0x38 rdi=0x4000011 rsi=0x7f… rdx=0x0 r10=0x0 r8=0x0 => 0xdde`.
pub fn as_registers(line: &mut Line, request: &Request, outcome: Outcome) {
    let row = request.call.row();
    line.bytes(row.name());
    let registers = cpu::REGISTERS.as_bytes().split(|byte| *byte == b' ');
    let (words, count) = request.registers();
    let words = iter::once(row.number as usize).chain(words);
    for (register, word) in registers.zip(words).take(1 + count) {
        line.byte(b' ').bytes(register).byte(b'=').hex(word);
    }
    line.text(" => ");
    match outcome {
        None => line.byte(b'?'),
        Some(Ok(result)) => line.hex(result),
        Some(Err(errno)) => {
            line.hex(cpu::failed(errno.into_raw().unsigned_abs() as usize));
            errno::name(line.text(" -1 "), errno);
            line
        }
    };
}
