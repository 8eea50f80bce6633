// SPDX-License-Identifier: MIT OR Apache-2.0
//! Any call with any words, its pointers good: the line is printable, and whole if it fits.
#![no_main]

use std::ffi::{CString, c_char};
use std::ptr;

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use newuts::sys::table::{Call, Request};
use newuts::text::line::Line;
use newuts::text::trace::{as_call, as_registers};
use syscalls::Errno;

/// A call's arguments: words, and what the pointers among them point to.
#[derive(Arbitrary, Debug)]
enum Input {
    Words(u8, [usize; 6]),
    Bytes(u8, usize, Vec<u8>),
    Path(Vec<u8>, usize),
    Execve(Vec<Vec<u8>>, Vec<Vec<u8>>),
    Nanosleep(u32, u32),
    Uname(Vec<u8>),
    Wait4(usize, i32),
    Capget([u32; 8]),
    Sigaction(usize, [usize; 4]),
}

#[derive(Arbitrary, Debug)]
struct Traced {
    input: Input,
    result: Option<Result<usize, u16>>,
    registers: bool,
}

/// Calls without a pointer that is followed.
const WORDS: [Call; 18] = [
    Call::clone,
    Call::exit,
    Call::exit_group,
    Call::fcntl,
    Call::getpid,
    Call::getppid,
    Call::geteuid,
    Call::getegid,
    Call::ioctl,
    Call::kill,
    Call::mmap,
    Call::mprotect,
    Call::pidfd_open,
    Call::prctl,
    Call::reboot,
    Call::setns,
    Call::sync,
    Call::unshare,
];

/// C strings, of what comes before each NUL.
fn strings(words: &[Vec<u8>]) -> Vec<CString> {
    let text = |word: &Vec<u8>| word.split(|byte| *byte == 0).next().unwrap_or_default().to_vec();
    words.iter().map(|word| CString::new(text(word)).unwrap()).collect()
}

fn pointers(strings: &[CString]) -> Vec<*const c_char> {
    strings.iter().map(|string| string.as_ptr()).chain([ptr::null()]).collect()
}

fn address<T>(it: &[T]) -> usize {
    it.as_ptr().expose_provenance()
}

fn show(traced: &Traced, call: Call, given: &[usize], most: usize) {
    // What a call fills in is there only if it succeeded, and is no longer than it was asked for.
    let outcome = traced.result.map(|result| match result {
        Ok(value) => Ok(value.min(most)),
        Err(errno) => Err(Errno::new(i32::from(errno % 4095) + 1)),
    });
    let mut args = [0; 6];
    args[..given.len()].copy_from_slice(given);
    let mut line = Line::new();
    let show = if traced.registers { as_registers } else { as_call };
    show(&mut line, &Request { call, args }, outcome);
    let said = String::from_utf8(line.as_bytes().to_vec()).unwrap();
    assert!(said.bytes().all(|byte| matches!(byte, b' '..=b'~')), "{said}");
    assert!(said.as_bytes().starts_with(call.row().name()), "{said}");
    if said.len() < 4000 {
        assert!(said.contains(if traced.registers { " => " } else { ") = " }), "{said}");
    }
}

fuzz_target!(|traced: Traced| {
    let all = usize::MAX;
    match &traced.input {
        Input::Words(index, words) => {
            let call = WORDS[usize::from(*index) % WORDS.len()];
            show(&traced, call, &words[..call.row().kinds().count()], all);
        }
        Input::Bytes(index, fd, bytes) => {
            let (at, len) = (address(bytes), bytes.len());
            match index % 4 {
                0 => show(&traced, Call::write, &[*fd, at, len], all),
                1 => show(&traced, Call::read, &[*fd, at, len], len),
                2 => show(&traced, Call::sethostname, &[at, len], all),
                _ => show(&traced, Call::setdomainname, &[at, len], all),
            }
        }
        Input::Path(path, flags) => {
            let path = strings(std::slice::from_ref(path));
            let path = path[0].as_ptr().expose_provenance();
            show(&traced, Call::openat, &[-100_isize as usize, path, *flags], all);
        }
        Input::Execve(argv, envp) => {
            let (argv, envp) = (strings(argv), strings(envp));
            let path = argv.first().map_or(0, |path| path.as_ptr().expose_provenance());
            let (argv, envp) = (pointers(&argv), pointers(&envp));
            show(&traced, Call::execve, &[path, address(&argv), address(&envp)], all);
        }
        Input::Nanosleep(seconds, nanoseconds) => {
            let time = [u64::from(*seconds), u64::from(*nanoseconds)];
            show(&traced, Call::nanosleep, &[address(&time), 0], all);
        }
        Input::Uname(bytes) => {
            let mut names = [0; size_of::<linux_raw_sys::system::new_utsname>()];
            for (place, byte) in names.iter_mut().zip(bytes) {
                *place = *byte;
            }
            show(&traced, Call::uname, &[address(&names)], all);
        }
        Input::Wait4(pid, status) => {
            show(&traced, Call::wait4, &[*pid, address(&[*status]), 0, 0], all);
        }
        Input::Capget(words) => {
            let [version, pid, sets @ ..] = *words;
            show(&traced, Call::capget, &[address(&[version, pid]), address(&sets)], all);
        }
        Input::Sigaction(signal, action) => {
            show(&traced, Call::rt_sigaction, &[*signal, address(action), 0, 8], all);
        }
    }
});
