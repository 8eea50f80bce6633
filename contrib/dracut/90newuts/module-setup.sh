#!/bin/bash
# SPDX-License-Identifier: MIT OR Apache-2.0
# newuts in an initramfs made by dracut, as /bin/newuts.
# Its place: the folder 90newuts, in /usr/lib/dracut/modules.d. Then: dracut --force
#
# Without this module a line in a file /etc/dracut.conf.d/newuts.conf does, too:
# install_items+=" /usr/local/bin/newuts "

# dracut(8) has no /usr/local in its PATH.
program() {
    local file
    for file in /usr/local/bin/newuts /usr/bin/newuts; do
        if [[ -x $file ]]; then
            echo "$file"
            return
        fi
    done
    return 1
}

check() {
    program >/dev/null
}

depends() {
    return 0
}

install() {
    inst_simple "$(program)" /bin/newuts
}
