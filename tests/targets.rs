//! The program for the CPUs of `tests/machines.txt` that are not this machine's, as far as it can
//! be seen without their kernels: the file itself, and what it does under the user-mode emulator,
//! which answers `CLONE_NEWUTS` with `EINVAL`. For the rest see `tests/boot.rs`.

use std::env::consts::ARCH;
use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::Command;

use object::Endianness;
use object::elf::{
    EM_AARCH64, ET_DYN, FileHeader64, PF_R, PF_W, PF_X, PT_GNU_STACK, PT_LOAD, ProgramHeader64,
};
use object::read::elf::{FileHeader as _, ProgramHeader as _, SectionHeader as _};
use regex::Regex;

use crate::support::cross;
use crate::support::machine::machines;
use crate::support::package::{ODD_NAME, copy_of_the_package_called};
use crate::support::require::{self, needs};
use crate::support::run::{NEWUTS, Watched as _, command};

/// The CPUs that are not this machine's.
fn others() -> Vec<&'static str> {
    let others: Vec<_> =
        machines().map(|machine| machine.rust).filter(|rust| *rust != ARCH).collect();
    assert!(!others.is_empty(), "no other CPU");
    others
}

/// The user-mode emulator of a CPU.
fn emulator(rust: &str) -> Command {
    command(machines().find(|machine| machine.rust == rust).expect(rust).user)
}

/// Whether it is there.
fn has_emulator(rust: &str) -> Result<(), String> {
    require::tool(emulator(rust).get_program().to_str().unwrap())
}

#[test]
fn the_file_is_as_bare_as_the_first() {
    for rust in others() {
        needs!(cross::newuts(rust));
        let bytes = fs::read(cross::newuts(rust).unwrap()).unwrap();
        let header = FileHeader64::<Endianness>::parse(bytes.as_slice()).unwrap();
        let endian = header.endian().unwrap();
        assert_eq!(header.e_type(endian), ET_DYN);
        // Neither PT_INTERP nor PT_DYNAMIC; nothing writable, nothing both writable and code.
        let segments = header.program_headers(endian, bytes.as_slice()).unwrap().iter();
        let segments = segments.map(|segment| (segment.p_type(endian), segment.p_flags(endian)));
        let expected = [(PT_LOAD, PF_R), (PT_LOAD, PF_R | PF_X), (PT_GNU_STACK, PF_R | PF_W)];
        assert_eq!(segments.collect::<Vec<_>>(), expected);
        // No relocations, no variables.
        let sections = header.sections(endian, bytes.as_slice()).unwrap();
        let filled = sections.iter().filter(|section| section.sh_size(endian) > 0);
        let names = filled.map(|section| sections.section_name(endian, section).unwrap());
        let expected = [".rodata", ".text", ".shstrtab"].map(str::as_bytes);
        assert_eq!(names.collect::<Vec<_>>(), expected);
        // Past the harness, which shows only what failed.
        let first = fs::metadata(NEWUTS).unwrap().len();
        let sizes = format!("SIZE: {ARCH} {first} bytes, {rust} {} bytes\n", bytes.len());
        std::io::stderr().write_all(sizes.as_bytes()).unwrap();
    }
}

#[test]
fn it_is_the_same_file_from_another_folder() {
    for rust in others() {
        needs!(cross::newuts(rust));
        let folder = copy_of_the_package_called(ODD_NAME);
        let again = cross::build(rust, folder.path(), &folder.path().join("target")).unwrap();
        assert!(fs::read(again).unwrap() == fs::read(cross::newuts(rust).unwrap()).unwrap());
    }
}

/// Kernels for aarch64 are built for pages of 4, 16 or 64 KiB.
#[test]
fn aarch64_segments_share_no_page_of_64_kib() {
    const PAGE: u64 = 64 * 1024;
    needs!(cross::newuts("aarch64"));
    let bytes = fs::read(cross::newuts("aarch64").unwrap()).unwrap();
    let header = FileHeader64::<Endianness>::parse(bytes.as_slice()).unwrap();
    let endian = header.endian().unwrap();
    assert_eq!(header.e_machine(endian), EM_AARCH64);
    let segments = header.program_headers(endian, bytes.as_slice()).unwrap();
    let is_loaded = |segment: &&ProgramHeader64<_>| segment.p_type(endian) == PT_LOAD;
    let mut free = 0;
    assert_eq!(segments.iter().filter(is_loaded).count(), 2);
    for segment in segments.iter().filter(is_loaded) {
        assert_eq!(segment.p_align(endian), PAGE);
        let (address, offset) = (segment.p_vaddr(endian), segment.p_offset(endian));
        assert_eq!(address % PAGE, offset % PAGE, "mmap could not place it");
        assert!(address / PAGE >= free);
        free = (address + segment.p_memsz(endian)).div_ceil(PAGE);
    }
}

#[test]
fn aarch64_guards_the_stack_by_a_page_of_any_size() {
    needs!(cross::newuts("aarch64"), has_emulator("aarch64"));
    let map = Regex::new(r"mmap\(NULL, 1048576, .*, -1, 0\) = (0x\w+)\n").unwrap();
    for page in ["4096", "16384", "65536"] {
        // The emulator loads the file by such pages, and tells the program so.
        let newuts = cross::newuts("aarch64").unwrap();
        let run = emulator("aarch64").args(["-p", page]).arg(newuts).args(["--trace", "x"]).run();
        assert_eq!(run.status, 1);
        let base = &map.captures(&run.stderr).expect(&run.stderr)[1];
        let guard = format!(" mprotect({base}, {page}, PROT_NONE) = 0\n");
        assert!(run.stderr.contains(&guard), "{}", run.stderr);
        assert!(run.stderr.contains("\nclone: Invalid argument\n"), "{}", run.stderr);
    }
}

#[test]
fn every_cpu_gives_the_same_answers() {
    for rust in others() {
        needs!(cross::newuts(rust), has_emulator(rust));
        for args in [
            &[][..],
            &["--help"],
            &["--version"],
            &["--bogus"],
            &["--hold=soon", "x"],
            &["--trace=all", "x"],
            &["--join", "/nowhere"],
            &["--join", "2147483647"],
            &["--join", "/dev/null", "true"],
        ] {
            let mut foreign = emulator(rust);
            foreign.args(["-0", NEWUTS]).arg(cross::newuts(rust).unwrap()).args(args);
            let (here, there) = (command(NEWUTS).args(args).run(), foreign.run());
            assert_eq!((here.status, here.stdout), (there.status, there.stdout), "{args:?}");
            assert_eq!(here.stderr, there.stderr, "{args:?}");
        }
    }
}

/// Runs `tests/memory.rs` there: as a program of its own, with a C library.
#[test]
fn the_memory_routines_of_every_cpu() {
    for rust in others() {
        let linker = format!("{rust}-linux-gnu-gcc");
        needs!(cross::compiler(rust).map(drop), has_emulator(rust), require::tool(&linker));
        let (target, folder) = (cross::target(rust), cross::folder(rust).join("memory"));
        // The test harness wants to catch panics.
        let mut cargo = cross::cargo(rust, Path::new(env!("CARGO_MANIFEST_DIR")), &folder).unwrap();
        cargo.env("CARGO_PROFILE_RELEASE_PANIC", "unwind").env("CARGO_PROFILE_RELEASE_LTO", "off");
        let run = cargo.arg("--lib").start().finish_within(cross::LIMIT);
        assert_eq!(run.status, 0, "{}", run.stderr);
        let libraries = folder.join(target).join("release");
        let mut rustc = command(cross::compiler(rust).unwrap());
        rustc.args(["--test", "--edition=2024", "-O", "--target", target, "tests/memory.rs"]);
        rustc.arg(format!("-Clinker={linker}")).arg("-Ctarget-feature=+crt-static");
        rustc.arg(format!("--extern=newuts={}", libraries.join("libnewuts.rlib").display()));
        rustc.arg("-L").arg(libraries.join("deps")).arg("-o").arg(folder.join("memory"));
        let run = rustc.current_dir(env!("CARGO_MANIFEST_DIR")).start().finish_within(cross::LIMIT);
        assert_eq!(run.status, 0, "{}", run.stderr);
        let run = emulator(rust).arg(folder.join("memory")).run();
        assert_eq!(run.status, 0, "{}", run.stdout);
        assert!(run.stdout.contains("test memcpy_copies ... ok"), "{}", run.stdout);
    }
}
