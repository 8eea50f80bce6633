# SPDX-License-Identifier: MIT OR Apache-2.0
# Says which completions bash has for $LINE; its words are the arguments.
. doc/newuts.bash
COMP_LINE=$LINE COMP_POINT=${#LINE} COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
# The function that is called for the command, as bash would find it.
complete=($(complete -p newuts))
"${complete[2]}" newuts
printf '%s\n' "${COMPREPLY[@]}"
