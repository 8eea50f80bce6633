//! How the program is linked, each flag with its reason; the table of errnos; and how texts are
//! packed.
//!
//! The flags stand here and not in `.cargo/config.toml`, because flags from there reach build
//! scripts too when no `--target` is given, and a build script without a C library crashes.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::{env, fs, iter};

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
    let out_dir = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    let (errnos, pairs) = pack(&errnos());
    fs::write(out_dir.join("errnos"), errnos).expect("OUT_DIR can be written");
    fs::write(out_dir.join("pairs"), pairs).expect("OUT_DIR can be written");
}

/// The names and texts of all errnos, from errno 1 on, each ended by NUL.
///
/// One string, because a table of strings is a table of pointers: those would have to be relocated
/// before use, and nobody is there to do it.
fn errnos() -> String {
    let line = |number| {
        let errno = Errno::new(number);
        let Some((name, description)) = errno.name_and_description() else {
            return "\0\0".to_owned();
        };
        let glibc = GLIBC.iter().find(|(known, _)| *known == errno);
        format!("{name}\0{}\0", glibc.map_or(description, |(_, text)| text))
    };
    (1..=LAST_ERRNO).map(line).collect()
}

/// The rooms whose texts are packed.
const TALKATIVE: &[&str] = &["src/args.rs", "src/check.rs", "src/hint.rs", "src/lib.rs"];

/// Packs the table of errnos as src/packed.rs says, and gives the pairs of bytes that are best for
/// it and for the other texts together.
fn pack(errnos: &str) -> (Vec<u8>, Vec<u8>) {
    let mut texts = vec![errnos.as_bytes().to_vec()];
    for file in TALKATIVE {
        println!("cargo:rerun-if-changed={file}");
        let source = fs::read_to_string(file).expect("the source is here");
        // Between quotation marks are texts, more or less: which pairs are best is no question of
        // right and wrong.
        let quoted = source.split('"').skip(1).step_by(2);
        texts.push(quoted.flat_map(|text| text.bytes().chain([0])).collect());
    }
    let mut pairs = Vec::new();
    // NUL and newline are in texts.
    for symbol in (0x80..=0xff).chain(1..b' ').filter(|symbol| *symbol != b'\n') {
        let best = most_frequent(&texts);
        for text in &mut texts {
            *text = replace(text, best, symbol);
        }
        // The place of a symbol says which it is: those that are none have theirs, too.
        pairs.resize(usize::from(symbol ^ 0x80) * 2, 0);
        pairs.extend(best);
    }
    (texts.swap_remove(0), pairs)
}

/// The two neighbours that are seen most often.
fn most_frequent(texts: &[Vec<u8>]) -> [u8; 2] {
    let mut counts = BTreeMap::new();
    // Two NULs say that there is no pair.
    for pair in texts.iter().flat_map(|text| text.windows(2)).filter(|pair| *pair != [0, 0]) {
        *counts.entry([pair[0], pair[1]]).or_insert(0) += 1;
    }
    *counts.iter().max_by_key(|(_, count)| **count).expect("there are texts").0
}

/// The text with one symbol instead of two.
fn replace(text: &[u8], pair: [u8; 2], symbol: u8) -> Vec<u8> {
    let mut rest = text;
    iter::from_fn(|| {
        let (byte, tail) = match rest {
            [first, second, tail @ ..] if [*first, *second] == pair => (symbol, tail),
            [first, tail @ ..] => (*first, tail),
            [] => return None,
        };
        rest = tail;
        Some(byte)
    })
    .collect()
}

/// Tells cargo the link flags.
fn link() {
    println!("cargo:rerun-if-env-changed=RUSTC_LINKER");

    // A bare linker (`rust-lld`) takes the flags as they are; a C compiler that drives one takes
    // them behind `-Wl,` and must be told to bring nothing of its own.
    let bare = env::var("RUSTC_LINKER").is_ok_and(|linker| linker.ends_with("lld"));
    let prefix = if bare { "" } else { "-Wl," };
    let drivers: &[&str] =
        if bare { &[] } else { &["-nostartfiles", "-nodefaultlibs", "-static-pie"] };
    // The script is an argument of its own: behind `-Wl,`, a comma in the name of the folder would
    // end it. Both kinds of linker know -T.
    let root = env::var("CARGO_MANIFEST_DIR").expect("cargo sets CARGO_MANIFEST_DIR");
    let script = ["-T".to_owned(), format!("{root}/linker.ld")];

    let drivers = drivers.iter().copied().map(str::to_owned);
    let linkers = LINKER.iter().map(|flag| format!("{prefix}{flag}"));
    for flag in drivers.chain(linkers).chain(script) {
        println!("cargo:rustc-link-arg-bins={flag}");
    }
}
