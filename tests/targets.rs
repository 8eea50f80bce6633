// SPDX-License-Identifier: MIT OR Apache-2.0
//! The program for the CPUs of `tests/machines.txt` that are not this machine's, as far as it can
//! be seen without their kernels: the file itself, and what it does under the user-mode emulator,
//! which answers `CLONE_NEWUTS` with `EINVAL`. For the rest see `tests/boot.rs`.

use std::env::consts::ARCH;
use std::fs;
use std::io::Write as _;
use std::path::Path;

use object::elf::{
    ET_DYN, FileHeader32, FileHeader64, FileType, PF_R, PF_W, PF_X, PT_GNU_STACK, PT_LOAD,
    ProgramFlags, ProgramType, SHT_REL, SHT_RELA, SectionType,
};
use object::read::elf::{FileHeader, ProgramHeader as _, SectionHeader as _};
use object::{Endianness, FileKind};
use regex::Regex;

use crate::support::apart;
use crate::support::cross;
use crate::support::machine::{Machine, machines};
use crate::support::package::copy_of_the_package;
use crate::support::require::{self, needs};
use crate::support::run::{NEWUTS, Watched as _, command, no_fork};

/// The machines whose CPU is not this one's.
fn others() -> Vec<Machine> {
    let others: Vec<_> = machines().filter(|machine| machine.rust != ARCH).collect();
    assert!(!others.is_empty(), "no other CPU");
    others
}

/// A segment: what it is, what may be done with it, and where it lies.
struct Segment {
    kind: ProgramType,
    rights: ProgramFlags,
    align: u64,
    address: u64,
    offset: u64,
}

/// A section that has bytes.
struct Section {
    name: String,
    kind: SectionType,
    size: u64,
}

/// What a file says of itself.
struct Elf {
    kind: FileType,
    segments: Vec<Segment>,
    sections: Vec<Section>,
}

impl Elf {
    /// Of the program for a CPU.
    fn of(rust: &str) -> Self {
        let bytes = fs::read(cross::newuts(rust).unwrap()).unwrap();
        match FileKind::parse(bytes.as_slice()).unwrap() {
            FileKind::Elf32 => Self::read::<FileHeader32<Endianness>>(&bytes),
            _ => Self::read::<FileHeader64<Endianness>>(&bytes),
        }
    }

    fn read<Header: FileHeader<Endian = Endianness>>(bytes: &[u8]) -> Self {
        let header = Header::parse(bytes).unwrap();
        let endian = header.endian().unwrap();
        let segments = header.program_headers(endian, bytes).unwrap().iter();
        let segments = segments.map(|segment| Segment {
            kind: segment.p_type(endian),
            rights: segment.p_flags(endian),
            align: segment.p_align(endian).into(),
            address: segment.p_vaddr(endian).into(),
            offset: segment.p_offset(endian).into(),
        });
        let table = header.sections(endian, bytes).unwrap();
        let sections = table.iter().map(|section| Section {
            name: String::from_utf8(table.section_name(endian, section).unwrap().into()).unwrap(),
            kind: section.sh_type(endian),
            size: section.sh_size(endian).into(),
        });
        Self {
            kind: header.e_type(endian),
            segments: segments.collect(),
            sections: sections.filter(|section| section.size > 0).collect(),
        }
    }
}

#[test]
fn the_file_is_as_bare_as_the_first() {
    let mut sizes = Vec::new();
    for Machine { rust, .. } in machines() {
        needs!(cross::newuts(rust));
        let elf = Elf::of(rust);
        assert_eq!(elf.kind, ET_DYN);
        // Neither PT_INTERP nor PT_DYNAMIC; nothing writable, nothing both writable and code.
        let segments = elf.segments.iter().map(|segment| (segment.kind, segment.rights));
        let expected = [(PT_LOAD, PF_R | PF_X), (PT_GNU_STACK, PF_R | PF_W)];
        assert_eq!(segments.collect::<Vec<_>>(), expected, "{rust}");
        // No relocations, no variables. On some CPUs the table of addresses has a header.
        let is_relocation = |section: &Section| [SHT_REL, SHT_RELA].contains(&section.kind);
        assert!(!elf.sections.iter().any(is_relocation), "{rust}");
        let (headers, sections): (Vec<_>, Vec<_>) =
            elf.sections.iter().partition(|section| section.name == ".got");
        assert!(headers.iter().all(|header| header.size <= 12), "{rust}");
        let names: Vec<_> = sections.iter().map(|section| section.name.as_str()).collect();
        assert_eq!(names, [".rodata", ".text", ".shstrtab"], "{rust}");
        let size = fs::metadata(cross::newuts(rust).unwrap()).unwrap().len();
        sizes.push(format!("{rust} {size}"));
    }
    // Past the harness, which shows only what failed.
    let sizes = format!("SIZE: in bytes: {}\n", sizes.join(", "));
    std::io::stderr().write_all(sizes.as_bytes()).unwrap();
}

#[test]
fn it_is_the_same_file_from_another_folder() {
    for Machine { rust, .. } in others() {
        needs!(cross::newuts(rust));
        let folder = copy_of_the_package();
        let again = cross::build(rust, folder.path(), &folder.path().join("target")).unwrap();
        assert!(fs::read(again).unwrap() == fs::read(cross::newuts(rust).unwrap()).unwrap());
    }
}

#[test]
fn it_can_be_loaded_with_pages_of_the_largest_size() {
    for Machine { rust, pages, .. } in machines() {
        needs!(cross::newuts(rust));
        let largest = pages.iter().max().unwrap();
        let elf = Elf::of(rust);
        let loaded: Vec<_> =
            elf.segments.iter().filter(|segment| segment.kind == PT_LOAD).collect();
        let [all] = loaded[..] else { panic!("{rust}: {} segments", loaded.len()) };
        assert_eq!((all.address, all.offset), (0, 0), "{rust}");
        assert_eq!(all.align % largest, 0, "{rust}");
    }
}

#[test]
fn the_stack_is_guarded_by_a_page_of_any_size() {
    let map = Regex::new(r"mmap\(NULL, 1048576, .*, -1, 0\) = (0x\w+)\n").unwrap();
    for machine in machines().filter(|machine| machine.pages.len() > 1) {
        needs!(cross::newuts(machine.rust), require::tool(machine.user));
        for page in &machine.pages {
            // The emulator loads the file by such pages, and tells the program so.
            let newuts = cross::newuts(machine.rust).unwrap();
            let mut emulator = command(machine.user);
            let run = emulator.args(["-p", &page.to_string()]).arg(newuts).args(["--trace", "x"]);
            let run = run.run();
            assert_eq!(run.status, 1);
            let base = &map.captures(&run.stderr).expect(&run.stderr)[1];
            let guard = format!(" mprotect({base}, {page}, PROT_NONE) = 0\n");
            assert!(run.stderr.contains(&guard), "{}", run.stderr);
            assert!(run.stderr.contains("\nclone: Invalid argument\n"), "{}", run.stderr);
        }
    }
}

#[test]
fn every_cpu_gives_the_same_answers() {
    for Machine { rust, user, .. } in others() {
        needs!(cross::newuts(rust), require::tool(user));
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
            let mut foreign = command(user);
            foreign.args(["-0", NEWUTS]).arg(cross::newuts(rust).unwrap()).args(args);
            let (here, there) = (command(NEWUTS).args(args).run(), foreign.run());
            assert_eq!((here.status, here.stdout), (there.status, there.stdout), "{args:?}");
            assert_eq!(here.stderr, there.stderr, "{args:?}");
        }
    }
}

/// A word of 32 bits is no room for an error beside every id. (The program for i686 runs here.)
#[test]
fn the_largest_ids_are_no_errors() {
    needs!(cross::newuts("i686"), require::user_namespaces(), require::tool("setpriv"));
    let folder = apart::folder_for_all();
    let program = folder.path().join("newuts");
    {
        let _lock = no_fork();
        fs::copy(cross::newuts("i686").unwrap(), &program).unwrap();
    }
    for id in ["4294967294", "4294963201"] {
        for (option, inside) in [("-c", id), ("-r", "0")] {
            let mut setpriv = command("setpriv");
            setpriv.args([&format!("--reuid={id}"), &format!("--regid={id}"), "--clear-groups"]);
            setpriv.arg(&program).args([option, "box", "id", "-u"]);
            setpriv.run().is(0, &format!("{inside}\n"), "");
        }
    }
}

#[test]
fn the_memory_routines_of_every_cpu() {
    for Machine { rust, target, user, .. } in machines() {
        needs!(cross::compiler(rust).map(drop), require::tool(user));
        let folder = cross::folder(rust).join("memory");
        let package = Path::new(env!("CARGO_MANIFEST_DIR"));
        let mut cargo = cross::cargo(rust, package, &folder).unwrap();
        let run = cargo.env("CARGO_PROFILE_RELEASE_LTO", "off").arg("--lib").start();
        let run = run.finish_within(cross::LIMIT);
        assert_eq!(run.status, 0, "{}", run.stderr);
        let libraries = folder.join(target).join("release");
        let mut rustc = command(cross::compiler(rust).unwrap());
        rustc.args(["--edition=2024", "-Copt-level=z", "-Cpanic=abort", "--target", target]);
        // At a fixed address, so that the assertions may have constants with pointers.
        rustc.args(["-Crelocation-model=static", "-Clinker=rust-lld", "-Clinker-flavor=ld.lld"]);
        rustc.arg(format!("--extern=newuts={}", libraries.join("libnewuts.rlib").display()));
        rustc.arg("-L").arg(libraries.join("deps")).arg("-o").arg(folder.join("memory"));
        let run = rustc.arg("tests/support/memory.rs").current_dir(package).start();
        let run = run.finish_within(cross::LIMIT);
        assert_eq!(run.status, 0, "{}", run.stderr);
        let run = command(user).arg(folder.join("memory")).run();
        assert_eq!(
            (run.status, run.stdout.as_str(), run.stderr.as_str()),
            (0, "all is well\n", "")
        );
    }
}
