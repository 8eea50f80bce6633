// SPDX-License-Identifier: MIT OR Apache-2.0
//! Any block that execve(2) could leave: all its parts are found, and nothing beside them is read.
#![no_main]

use std::ffi::{CStr, CString};

use libfuzzer_sys::fuzz_target;
use linux_raw_sys::auxvec::{AT_NULL, AT_PAGESZ};
use newuts::sys::start::InitialStack;

fuzz_target!(|input: (Vec<Vec<u8>>, Vec<Vec<u8>>, Vec<(usize, usize)>)| {
    let (argv, envp, auxv) = input;
    let string = |bytes: Vec<u8>| {
        let bytes: Vec<_> = bytes.into_iter().filter(|byte| *byte != 0).collect();
        CString::new(bytes).unwrap()
    };
    let argv: Vec<_> = argv.into_iter().map(string).collect();
    let envp: Vec<_> = envp.into_iter().map(string).collect();
    let mut words = vec![argv.len()];
    for strings in [&argv, &envp] {
        words.extend(strings.iter().map(|string| string.as_ptr().expose_provenance()));
        words.push(0);
    }
    let auxv: Vec<_> = auxv.into_iter().filter(|(kind, _)| *kind != AT_NULL as usize).collect();
    words.extend(auxv.iter().flat_map(|(kind, value)| [*kind, *value]));
    words.extend([AT_NULL as usize, 0]);
    // Exactly as long as it must be, so that a read beyond it is seen.
    let words = words.into_boxed_slice();

    // SAFETY: the block is made as the System V ABI draws it, and lives as long.
    let stack = unsafe { InitialStack::new(words.as_ptr()) };
    let same = |strings: Vec<&CStr>, expected: &[CString]| {
        strings.into_iter().eq(expected.iter().map(CString::as_c_str))
    };
    assert!(same(stack.argv().collect(), &argv));
    assert!(same(stack.envp().collect(), &envp));
    let page_size = auxv.iter().find(|(kind, _)| *kind == AT_PAGESZ as usize);
    assert_eq!(stack.page_size(), page_size.map_or(4096, |(_, size)| *size));
});
