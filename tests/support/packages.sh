# SPDX-License-Identifier: MIT OR Apache-2.0
# Debian's packages, for tests/setup and tests/setup-machines: installed on this system, or only
# unpacked into a folder.
#
# What is only unpacked may be for another CPU and from another release. It comes by an apt that
# has a configuration, package lists and a state of its own, and takes this machine for one of that
# CPU: so this system's architectures, lists and packages stay as they are (apt.conf(5)).

# cannot WHAT...: says so, and remembers that something is missing.
cannot() {
    echo "tests/setup: cannot $*" >&2
    failed=1
}

# install PACKAGE...: those that are not there yet, on this system.
install() {
    missing=
    for package; do
        dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' ||
            missing="$missing $package"
    done
    [ -n "$missing" ] || return 0
    refresh
    # One by one only where not all can be had: it takes longer.
    system_apt install $missing && return
    for package in $missing; do
        system_apt install "$package" || cannot "install $package"
    done
}

# refresh: reads this system's package lists, once. Another program may be doing the same.
refresh() {
    [ -z "${refreshed-}" ] || return 0
    for _ in 1 2 3 4 5; do
        apt-get update -q && refreshed=yes && return
        sleep 5
    done
}

system_apt() {
    DEBIAN_FRONTEND=noninteractive \
        apt-get -q -y -o DPkg::Lock::Timeout=300 --no-install-recommends "$@"
}

# archive CPU SUITE: from where `unpack` and `depends` take packages, until the next `archive`.
# SUITE is a release of Debian, or `own`: this system's own sources, whatever they are.
archive() {
    cpu=$1
    suite=$2
    private=$work/apt-$cpu-$suite
}

# private_apt COMMAND WORD...: a command of apt, with that archive's configuration.
private_apt() {
    [ -e "$private" ] || read_lists
    command=$1
    shift
    "$command" --config-file "$private/apt.conf" "$@"
}

# read_lists: makes the configuration, and reads the lists.
read_lists() {
    mkdir -p "$private/lists/partial" "$private/archives/partial"
    : >"$private/status"
    cat >"$private/apt.conf" <<END
APT::Architecture "$cpu";
#clear APT::Architectures;
APT::Architectures { "$cpu"; };
APT::Sandbox::User "root";
// A mirror may be behind its time. What it has is signed all the same.
Acquire::Check-Valid-Until "false";
Acquire::Languages "none";
#clear Acquire::IndexTargets::deb::DEP-11;
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
Dir::State "$private";
Dir::State::status "$private/status";
Dir::Cache "$private";
END
    if [ "$suite" != own ]; then
        keys=/usr/share/keyrings/debian-archive-keyring.gpg
        echo "deb [signed-by=$keys] $(mirror) $suite main" >"$private/sources.list"
        cat >>"$private/apt.conf" <<END
Dir::Etc::sourcelist "$private/sources.list";
Dir::Etc::sourceparts "/dev/null";
END
    fi
    # A list that cannot be read matters only if a package is not found then.
    private_apt apt-get update -q >&2
}

# mirror: from where this system has its own release.
mirror() {
    release=$(sed -n 's/^VERSION_CODENAME=//p' /etc/os-release)
    apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' "Release: $release" |
        head -n 1
}

# depends PACKAGE PATTERN: the packages so called on which it depends.
depends() {
    private_apt apt-cache depends --important "$1" | sed -n "s/.*Depends: \($2.*\)/\1/p"
}

# unpack FOLDER PATTERN PACKAGE...: what is so called in the packages.
unpack() {
    into=$1
    pattern=$2
    shift 2
    rm -rf "$work/debs"
    mkdir -p "$into" "$work/debs" || return
    (cd "$work/debs" && private_apt apt-get download -q "$@") || return
    for package in "$work"/debs/*.deb; do
        dpkg --fsys-tarfile "$package" |
            tar --extract --directory "$into" --wildcards "$pattern" || return
    done
}
