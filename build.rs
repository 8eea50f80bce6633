//! How the program is linked, each flag with its reason; and the table of errnos.
//!
//! The flags stand here and not in `.cargo/config.toml`, because flags from there reach build
//! scripts too when no `--target` is given, and a build script without a C library crashes.

use std::path::Path;
use std::{env, fs};

use syscalls::Errno;

/// Flags for the linker, in the words of ld(1).
const LINKER: &[&str] = &[
    // ET_DYN without PT_INTERP: position-independent, and nobody else is needed to load it.
    "-static",
    "-pie",
    "--no-dynamic-linker",
    // Nothing is relocated, so there is nothing to make read-only afterwards.
    "-znorelro",
    "-znoexecstack",
    // A build id would differ with the folder in which the program was built.
    "--build-id=none",
    // What nothing calls is not in the file; the panic handler must be among it.
    "--gc-sections",
    // No symbols for other objects to find: there are no other objects.
    "--no-export-dynamic",
    "--hash-style=gnu",
];

/// The texts that strerror(3) in glibc has otherwise than the kernel's header files, from which
/// the `syscalls` crate has its own.
const GLIBC: &[(Errno, &str)] = &[
    (Errno::EIO, "Input/output error"),
    (Errno::EBADF, "Bad file descriptor"),
    (Errno::EAGAIN, "Resource temporarily unavailable"),
    (Errno::ENOMEM, "Cannot allocate memory"),
    (Errno::EXDEV, "Invalid cross-device link"),
    (Errno::ENFILE, "Too many open files in system"),
    (Errno::ENOTTY, "Inappropriate ioctl for device"),
    (Errno::EDOM, "Numerical argument out of domain"),
    (Errno::ERANGE, "Numerical result out of range"),
    (Errno::EDEADLK, "Resource deadlock avoided"),
    (Errno::ENOLCK, "No locks available"),
    (Errno::ENOSYS, "Function not implemented"),
    (Errno::ELOOP, "Too many levels of symbolic links"),
    (Errno::EBADMSG, "Bad message"),
    (Errno::EILSEQ, "Invalid or incomplete multibyte or wide character"),
    (Errno::EOPNOTSUPP, "Operation not supported"),
    (Errno::ENETRESET, "Network dropped connection on reset"),
    (Errno::EDQUOT, "Disk quota exceeded"),
    (Errno::ECANCELED, "Operation canceled"),
];

/// The largest errno that programs see, `EHWPOISON` (asm-generic/errno.h).
const LAST_ERRNO: i32 = 133;

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed=linker.ld");
    link();
    let out_dir = env::var_os("OUT_DIR").expect("cargo sets OUT_DIR");
    fs::write(Path::new(&out_dir).join("errnos"), errnos()).expect("OUT_DIR can be written");
}

/// The names and texts of all errnos as one string, a line each from errno 1 on.
///
/// One string, because a table of strings is a table of pointers: those would have to be relocated
/// before use, and nobody is there to do it.
fn errnos() -> String {
    let line = |number| {
        let errno = Errno::new(number);
        let Some((name, description)) = errno.name_and_description() else {
            return "\n".to_owned();
        };
        let glibc = GLIBC.iter().find(|(known, _)| *known == errno);
        format!("{name} {}\n", glibc.map_or(description, |(_, text)| text))
    };
    (1..=LAST_ERRNO).map(line).collect()
}

/// Tells cargo the link flags.
fn link() {
    println!("cargo:rerun-if-env-changed=RUSTC_LINKER");

    let root = env::var("CARGO_MANIFEST_DIR").expect("cargo sets CARGO_MANIFEST_DIR");
    let script = format!("-T{root}/linker.ld");
    // A bare linker (`rust-lld`) takes the flags as they are; a C compiler that drives one takes
    // them behind `-Wl,` and must be told to bring nothing of its own.
    let bare = env::var("RUSTC_LINKER").is_ok_and(|linker| linker.ends_with("lld"));
    if !bare {
        for flag in ["-nostartfiles", "-nodefaultlibs", "-static-pie"] {
            println!("cargo:rustc-link-arg-bins={flag}");
        }
    }
    for flag in LINKER.iter().copied().chain([script.as_str()]) {
        let prefix = if bare { "" } else { "-Wl," };
        println!("cargo:rustc-link-arg-bins={prefix}{flag}");
    }
}
