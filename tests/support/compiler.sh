# SPDX-License-Identifier: MIT OR Apache-2.0
# One compiler for all CPUs for which the one in PATH has no library, for tests/setup-machines: it
# is Debian's newest, unpacked with packages.sh and not installed, and gets the linker of the one
# in PATH. Its libraries are Debian's, too, or are built here from its own sources.

# in_path TARGET, in_cache TARGET: whether that compiler has the library for it.
in_path() {
    [ -d "$(rustc --print target-libdir --target "$1")" ]
}

in_cache() {
    [ -d "$cache/rust/usr/lib/rustlib/$1/lib" ]
}

# compiler TARGET:CPU...: puts it into the folder `rust` of the cache, with the libraries for all
# of these. After the colon is the CPU as Debian calls it, if Debian has the library, else nothing.
# All of it is made anew, so that it is of one version.
compiler() {
    new=$work/rust
    rm -rf "$new"
    archive "$host" own
    library=$(depends libstd-rust-web-dev libstd-rust-web-)
    [ -n "$library" ] || return
    llvm=$(depends "$library" libllvm)
    # The libraries that these want are this system's own.
    install $(depends "$llvm" '')
    unpack "$new" '*' rustc-web libstd-rust-web-dev "$library" "$llvm" || return
    # It finds its own libraries, wherever it lies.
    cat >"$new/rustc" <<END
#!/bin/sh
here=\${0%/*}
LD_LIBRARY_PATH=\$(echo "\$here"/usr/lib/*-linux-gnu) exec "\$here/usr/bin/rustc" "\$@"
END
    chmod +x "$new/rustc"
    bin=$new/usr/lib/rustlib/$(rustc -vV | sed -n 's/^host: //p')/bin
    mkdir -p "$bin" && ln -s "$(find "$(rustc --print sysroot)" -name rust-lld)" "$bin/" || return

    cores=
    for word; do
        if [ -n "${word#*:}" ]; then
            archive "${word#*:}" own && unpack "$new" '*' libstd-rust-web-dev || return
        else
            cores="$cores ${word%:}"
        fi
    done
    [ -z "$cores" ] || core $cores
    rm -rf "$cache/rust" && mv "$new" "$cache/rust"
}

# core TARGET...: gives the compiler in $new a library for each, as far as it can be built.
core() {
    archive "$host" own
    # Those of the compiler itself are most of the package.
    unpack "$new" './usr/src/*/library/*' rust-web-src || return
    sources=$new/usr/lib/rustlib/src
    mkdir -p "$sources"
    ln -s "$new"/usr/src/* "$sources/rust"
    empty=$work/empty
    mkdir -p "$empty/src"
    echo '#![no_std]' >"$empty/src/lib.rs"
    cat >"$empty/Cargo.toml" <<END
[package]
name = "empty"
edition = "2024"
[profile.release]
panic = "abort"
END
    # The standard library's own dependencies come with its sources: so no network is needed, and
    # nothing of the user's cargo.
    (
        cd "$empty"
        export CARGO_HOME="$work/cargo" RUSTC="$new/rustc" RUSTC_BOOTSTRAP=1
        # Without machine code, which takes a third of the time: the program is optimised as a whole.
        export RUSTFLAGS=-Clinker-plugin-lto
        cargo build --quiet --release --offline -Zbuild-std=core --keep-going --target-dir target \
            --config 'source.crates-io.replace-with="vendor"' \
            --config "source.vendor.directory=\"$sources/rust/library/vendor\"" \
            $(printf -- '--target=%s ' "$@")
    )
    for target; do
        built=$empty/target/$target/release/deps
        [ -e "$(echo "$built"/libempty-*.rlib)" ] || continue
        mkdir -p "$new/usr/lib/rustlib/$target/lib"
        mv "$built"/libcore-*.rlib "$built"/libcompiler_builtins-*.rlib \
            "$new/usr/lib/rustlib/$target/lib/" || return
    done
    # Nothing needs the sources any more, and they are half of it.
    rm -r "$new/usr/src" "$sources"
}
