// SPDX-License-Identifier: MIT OR Apache-2.0
//! The child's stack and the trampoline, as a library: clone(2) without a namespace, so that
//! nobody needs a privilege for it.

use std::ffi::c_int;
use std::fs;
use std::hint::black_box;
use std::ptr;

use linux_raw_sys::general::SIGCHLD;
use newuts::sys::Sys;
use newuts::sys::memory::Stack;
use newuts::sys::table::Call;

use crate::support::run::no_fork;

/// The kernel, whose calls nobody watches.
const SYS: Sys = Sys::new(None);

const SIZE: usize = 1024 * 1024;

/// The machine's.
fn page_size() -> usize {
    rustix::param::page_size()
}

fn map() -> Stack {
    Stack::map(&SYS, SIZE, page_size()).ok().unwrap()
}

/// Runs `child` with `arg` on `stack` in a process of its own. Gives its status.
fn run<T>(stack: &Stack, child: extern "C" fn(&T) -> c_int, arg: &T) -> u8 {
    let _lock = no_fork(); // the child has a copy of all descriptors, too
    // SAFETY: the child gets a copy of the memory, and the stack is new.
    let pid = unsafe { SYS.clone(child, stack.top(), SIGCHLD, arg) }.unwrap();
    SYS.wait4(pid).unwrap().1.code()
}

#[test]
fn the_result_is_the_exit_status() {
    extern "C" fn child(status: &c_int) -> c_int {
        *status
    }
    for (result, status) in [(0, 0), (1, 1), (42, 42), (255, 255), (256, 0), (-1, 255)] {
        assert_eq!(run(&map(), child, &result), status);
    }
}

#[test]
fn the_argument_arrives() {
    extern "C" fn child(arg: &[u64; 4]) -> c_int {
        c_int::from(*arg == [1, u64::MAX, 3, 4])
    }
    assert_eq!(run(&map(), child, &[1, u64::MAX, 3, 4]), 1);
    assert_eq!(run(&map(), child, &[1, u64::MAX, 3, 5]), 0);
}

#[test]
fn the_child_runs_on_its_stack_aligned_as_the_abi_wants() {
    #[repr(align(16))]
    struct Aligned([u8; 16]);
    extern "C" fn child(bounds: &[usize; 2]) -> c_int {
        // The compiler relies on the stack's alignment at entry for this variable's.
        let variable = Aligned([7; 16]);
        let address = black_box(ptr::from_ref(&variable).addr());
        if black_box(&variable).0 != [7; 16] || !address.is_multiple_of(16) {
            return 1;
        }
        // Near the top: the first frame.
        if address < bounds[1] - 4096 || address >= bounds[1] || address < bounds[0] {
            return 2;
        }
        0
    }
    let stack = map();
    let top = stack.top().addr();
    assert_eq!(top % page_size(), 0);
    assert_eq!(run(&stack, child, &[top - SIZE, top]), 0);
}

/// Uses 1 KiB of stack for each level.
#[inline(never)]
fn recurse(levels: usize) -> usize {
    let mut frame = [levels; 1024 / size_of::<usize>()];
    if levels > 0 {
        frame[black_box(3)] = recurse(levels - 1);
    }
    black_box(&frame)[black_box(3)]
}

/// Recurses, in a process that leaves no core file.
extern "C" fn recursing(levels: &usize) -> c_int {
    // SAFETY: no memory is involved.
    unsafe { libc::prctl(libc::PR_SET_DUMPABLE, 0) };
    c_int::try_from(recurse(*levels)).unwrap_or(0)
}

#[test]
fn nearly_all_of_the_stack_can_be_used() {
    assert_eq!(run(&map(), recursing, &(SIZE / 1024 * 8 / 10)), 0);
}

#[test]
fn an_overflow_is_a_segmentation_fault_and_corrupts_nothing() {
    // The kernel likes to put the second right below the first: without the guard the child would
    // run on into it.
    let (first, second) = (map(), map());
    assert_eq!(run(&first, recursing, &(SIZE / 1024 * 5 / 4)), 139);
    for stack in [first, second] {
        let base = stack.top().wrapping_byte_sub(SIZE).cast::<u8>();
        for index in page_size()..SIZE {
            // SAFETY: all above the guard is readable, and nobody runs on it any more.
            assert_eq!(unsafe { base.wrapping_add(index).read() }, 0, "{index}");
        }
    }
}

#[test]
fn the_lowest_page_is_the_guard_and_the_rest_is_not_executable() {
    let top = map().top().addr();
    let (base, guarded) = (top - SIZE, top - SIZE + page_size());
    let maps = fs::read_to_string("/proc/self/maps").unwrap();
    // The protection of the mapping in which an address lies. Neighbours may be merged.
    let protection = |address: usize| {
        maps.lines().find_map(|line| {
            let (range, rest) = line.split_once(' ').unwrap();
            let (start, end) = range.split_once('-').unwrap();
            let address_of = |digits| usize::from_str_radix(digits, 16).unwrap();
            (address_of(start)..address_of(end)).contains(&address).then_some(&rest[..4])
        })
    };
    assert_eq!(protection(base), Some("---p"));
    assert_eq!(protection(guarded - 1), Some("---p"));
    assert_eq!(protection(guarded), Some("rw-p"));
    assert_eq!(protection(top - 1), Some("rw-p"));
}

#[test]
fn a_size_that_no_machine_has_is_no_memory() {
    let failure = Stack::map(&SYS, 1 << (usize::BITS - 1), page_size()).err().unwrap();
    assert_eq!((failure.call, failure.errno), (Call::mmap, syscalls::Errno::ENOMEM));
}
