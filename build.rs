// SPDX-License-Identifier: MIT OR Apache-2.0
//! How the program is linked, each flag with its reason.
//!
//! The flags stand here and not in `.cargo/config.toml`, because flags from there reach build
//! scripts too when no `--target` is given, and a build script without a C library crashes.

use std::{env, fs};

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

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed=linker.ld");
    println!("cargo:rerun-if-env-changed=RUSTC_LINKER");

    // A bare linker (`rust-lld`) takes the flags as they are; a C compiler that drives one takes
    // them behind `-Wl,` and must be told to bring nothing of its own.
    let bare = env::var("RUSTC_LINKER").is_ok_and(|linker| linker.ends_with("lld"));
    let prefix = if bare { "" } else { "-Wl," };
    let drivers: &[&str] =
        if bare { &[] } else { &["-nostartfiles", "-nodefaultlibs", "-static-pie"] };
    // A copy of the script where cargo keeps what this makes: when a checkout is moved or copied with
    // its `target`, cargo corrects that path and no other. It is an argument of its own: behind
    // `-Wl,`, a comma in the name of the folder would end it. Both kinds of linker know -T.
    let script = env::var("OUT_DIR").expect("cargo sets OUT_DIR") + "/linker.ld";
    fs::copy("linker.ld", &script).expect("linker.ld can be copied");
    let script = ["-T".to_owned(), script];

    let drivers = drivers.iter().copied().map(str::to_owned);
    let linkers = LINKER.iter().map(|flag| format!("{prefix}{flag}"));
    for flag in drivers.chain(linkers).chain(script) {
        // For the program, and for examples/clone.rs.
        println!("cargo:rustc-link-arg-bins={flag}");
        println!("cargo:rustc-link-arg-examples={flag}");
    }
}
