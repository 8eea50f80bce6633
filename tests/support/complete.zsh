# SPDX-License-Identifier: MIT OR Apache-2.0
# Says in the file $ANSWER which completions zsh has for $LINE, instead of showing them.
fpath=($PWD/doc $fpath)
autoload -U compinit
compinit -D -u
compadd() {
    local -a hits
    if [[ ${@[1,(i)(-|--)]} == *-(O|A|D)\ * ]]; then
        builtin compadd "$@"
        return
    fi
    builtin compadd -A hits "$@"
    print -rl -- $hits >>$ANSWER
    builtin compadd "$@"
}
zle-line-init() {
    LBUFFER=$LINE
    zle complete-word
    exit 0
}
zle -N zle-line-init
