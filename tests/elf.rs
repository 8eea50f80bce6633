// SPDX-License-Identifier: MIT OR Apache-2.0
//! The file itself: what is in it and what is not, how it is loaded, and what the linker refuses.

use std::fs;
use std::path::Path;
use std::process::Command;

use object::Endianness;
use object::elf::{ET_DYN, FileHeader64, PF_R, PF_W, PF_X, PT_GNU_STACK, PT_LOAD};
use object::read::elf::{FileHeader as _, ProgramHeader as _, SectionHeader as _};
use rustix::process::Signal;

use crate::support::cross::{self, LIMIT};
use crate::support::package::{PACKAGE, cargo, copy_of_the_package, read};
use crate::support::require::{self, needs};
use crate::support::run::{NEWUTS, Watched as _, kill, newuts};

#[test]
fn it_is_at_most_96_kib() {
    assert!(fs::metadata(NEWUTS).unwrap().len() <= 96 * 1024);
}

#[test]
fn it_is_position_independent() {
    let bytes = fs::read(NEWUTS).unwrap();
    let header = FileHeader64::<Endianness>::parse(bytes.as_slice()).unwrap();
    assert_eq!(header.e_type(header.endian().unwrap()), ET_DYN);
}

/// Nothing is writable but the stack, which is not executable. No `PT_INTERP` and no `PT_DYNAMIC`:
/// nobody else is needed to load it.
#[test]
fn one_segment_is_to_read_and_execute_and_none_to_write() {
    let bytes = fs::read(NEWUTS).unwrap();
    let header = FileHeader64::<Endianness>::parse(bytes.as_slice()).unwrap();
    let endian = header.endian().unwrap();
    let segments = header.program_headers(endian, bytes.as_slice()).unwrap().iter();
    let segments = segments.map(|segment| (segment.p_type(endian), segment.p_flags(endian)));
    let expected = [(PT_LOAD, PF_R | PF_X), (PT_GNU_STACK, PF_R | PF_W)];
    assert_eq!(segments.collect::<Vec<_>>(), expected);
}

/// No relocations (.rela.dyn, .got), no variables (.data, .bss), nothing dynamic, no notes.
#[test]
fn constants_and_code_are_all_there_is() {
    let bytes = fs::read(NEWUTS).unwrap();
    let header = FileHeader64::<Endianness>::parse(bytes.as_slice()).unwrap();
    let endian = header.endian().unwrap();
    let sections = header.sections(endian, bytes.as_slice()).unwrap();
    let filled = sections.iter().filter(|section| section.sh_size(endian) > 0);
    let names = filled.map(|section| sections.section_name(endian, section).unwrap());
    let expected = [".rodata", ".text", ".shstrtab"].map(str::as_bytes);
    assert_eq!(names.collect::<Vec<_>>(), expected);
}

#[test]
fn no_trace_of_panics_or_of_the_building_machine() {
    let bytes = fs::read(NEWUTS).unwrap();
    let found = |text: &str| bytes.windows(text.len()).any(|window| window == text.as_bytes());
    assert!(found("--help"), "what is there is not found");
    for text in
        ["panicked", "unwrap", "src/", ".rs", "rustc", ".cargo", "registry", PACKAGE, "GLIBC"]
    {
        assert!(!found(text), "{text}");
    }
}

#[test]
fn it_is_loaded_at_a_random_address() {
    needs!(require::root());
    let random = fs::read_to_string("/proc/sys/kernel/randomize_va_space").unwrap();
    needs!(if random.trim() == "0" { Err("address randomization".to_owned()) } else { Ok(()) });
    let mut bases: Vec<_> = (0..3)
        .map(|_| {
            let running = newuts(["--hold=300", "--kill-child", "x"]).start();
            let child = running.cloned();
            let maps = fs::read_to_string(format!("/proc/{}/maps", running.pid())).unwrap();
            let own: Vec<_> = maps.lines().filter(|line| line.ends_with("/newuts")).collect();
            let protections: Vec<_> =
                own.iter().map(|line| line.split(' ').nth(1).unwrap()).collect();
            assert_eq!(protections, ["r-xp"], "{maps}");
            let base = own[0];
            let base = base.split('-').next().unwrap().to_owned();
            kill(child, Signal::KILL).unwrap();
            running.finish();
            base
        })
        .collect();
    bases.sort();
    bases.dedup();
    assert_eq!(bases.len(), 3, "{bases:?}");
}

/// Builds the program in `package` for release.
fn build(package: &Path) -> Command {
    cargo(package, ["build", "--release", "--locked", "--bin=newuts"])
}

/// What src/main.rs may not do, and what the linker says to it.
#[test]
fn the_linker_refuses_panics_pointers_and_variables() {
    const START: &str = "    newuts::run(process)\n";
    let package = copy_of_the_package();
    let main = package.path().join("src/main.rs");
    let original = fs::read_to_string(&main).unwrap();
    assert!(original.contains(START));

    // The same copy links as it is, so what fails below fails for its reason.
    let run = build(package.path()).start().finish_within(LIMIT);
    assert_eq!(run.status, 0, "{}", run.stderr);

    let volatile = |what| format!("unsafe {{ core::ptr::read_volatile(&raw const {what}) }}");
    for (items, statement, complaint) in [
        ("", "let _ = [1, 2][process.argv().count()];".to_owned(), "a_panic_path_survived"),
        ("", "let _ = 7 / process.argv().count();".to_owned(), "a_panic_path_survived"),
        ("", "process.argv().next().unwrap();".to_owned(), "a_panic_path_survived"),
        (
            "static POINTER: &&str = &\"x\";",
            format!("let _ = {};", volatile("POINTER")),
            "newuts: a constant holds a pointer, which needs a relocation",
        ),
        (
            "static mut ZERO: usize = 0;",
            format!("let _ = {};", volatile("ZERO")),
            "newuts: a variable needs a writable page",
        ),
        (
            "static mut ONE: usize = 1;",
            format!("let _ = {};", volatile("ONE")),
            "newuts: a variable needs a writable page",
        ),
    ] {
        let changed = original.replace(START, &format!("    {statement}\n{START}"));
        fs::write(&main, format!("{changed}\n{items}\n")).unwrap();
        let run = build(package.path()).start().finish_within(LIMIT);
        assert_ne!(run.status, 0, "{items} {statement}");
        assert!(run.stderr.contains(complaint), "{statement}: {}", run.stderr);
        assert!(!run.stderr.contains("error[E"), "{statement}: {}", run.stderr);
    }
}

/// The guide's table of them. With a target, so that flags do not reach build scripts.
#[cfg(target_arch = "x86_64")]
#[test]
fn the_linker_refuses_the_settings_that_the_guide_names() {
    const FLAGS: &str = "CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_RUSTFLAGS";
    let guide = read("doc/guide.md");
    let package = copy_of_the_package();
    let build = || {
        let mut cargo = build(package.path());
        cargo.arg("--target=x86_64-unknown-linux-gnu");
        cargo
    };
    for (setting, variable, value) in [
        ("opt-level = 0", "CARGO_PROFILE_RELEASE_OPT_LEVEL", "0"),
        ("overflow-checks", "CARGO_PROFILE_RELEASE_OVERFLOW_CHECKS", "true"),
        ("debug-assertions", "CARGO_PROFILE_RELEASE_DEBUG_ASSERTIONS", "true"),
        ("lto = \"off\"", "CARGO_PROFILE_RELEASE_LTO", "off"),
        ("lto = \"thin\"", "CARGO_PROFILE_RELEASE_LTO", "thin"),
        ("-Cinstrument-coverage", FLAGS, "-Cinstrument-coverage"),
        ("-Cprofile-generate", FLAGS, "-Cprofile-generate"),
        ("-Crelocation-model=static", FLAGS, "-Crelocation-model=static"),
    ] {
        let row = guide.lines().find(|line| line.contains(&format!("`{setting}`")));
        let complaint = row.expect(setting).split('|').nth(2).unwrap().trim().trim_matches('`');
        let run = build().env(variable, value).start().finish_within(cross::LIMIT);
        assert_ne!(run.status, 0, "{setting}");
        assert!(run.stderr.contains(complaint), "{setting}: {complaint}: {}", run.stderr);
        assert!(!run.stderr.contains("error[E"), "{setting}: {}", run.stderr);
    }
    let run = build().start().finish_within(cross::LIMIT);
    assert_eq!(run.status, 0, "{}", run.stderr);
}
