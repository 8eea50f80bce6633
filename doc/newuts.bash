# SPDX-License-Identifier: MIT OR Apache-2.0
# Completion of newuts for bash.
# Its place: /usr/share/bash-completion/completions/newuts, or source it.

_newuts() {
    local words=() places=() i
    # bash has made three words of --join=1, because of COMP_WORDBREAKS: they become one again.
    for ((i = 1; i <= COMP_CWORD; i++)); do
        if ((i > 1)) && [[ ${COMP_WORDS[i]} == = || ${COMP_WORDS[i - 1]} == = ]]; then
            words[-1]+=${COMP_WORDS[i]}
        else
            words+=("${COMP_WORDS[i]}")
            places+=("$i")
        fi
    done

    # Options end at the first operand, or at `--`.
    local at last=$((${#words[@]} - 1)) joined=0 ended=0
    for ((at = 0; at < last; at++)); do
        case ${words[at]} in
            --) ended=1; ((at++)); break ;;
            --join) joined=1; ((at++)) ;;
            --join=*) joined=1 ;;
            --hold | --delay | --domainname | --persist) ((at++)) ;;
            -?*) ;;
            *) break ;;
        esac
    done

    local cur=${words[last]}
    COMPREPLY=()
    if ((at > last)); then
        _newuts_value "${words[last - 1]}" "$cur"
    elif ((at == last && !ended)) && [[ $cur == --*=* ]]; then
        _newuts_value "${cur%%=*}" "${cur#*=}"
    elif ((at == last && !ended)) && [[ $cur == -* ]]; then
        COMPREPLY=($(compgen -W '--hold --delay --kill-child --domainname --join -f --fork --persist -U --user
            -c --map-current-user -r --map-root-user --trace --check -h --help -V --version' -- "$cur"))
    elif ((at == last && !joined)); then
        : # the host name, which is new
    else
        _newuts_command $((joined ? at : at + 1))
    fi
}

# _newuts_value OPTION BEGINNING
_newuts_value() {
    case $1 in
        --hold) COMPREPLY=($(compgen -W forever -- "$2")) ;;
        --persist) COMPREPLY=($(compgen -f -- "$2")) ;;
        --trace) COMPREPLY=($(compgen -W regs -- "$2")) ;;
        --check)
            local promises='list uname sethostname setdomainname clone unshare setns wait pidfd_open
                ioctl_ns user_namespaces uts_namespaces namespaces proc_sys_kernel'
            COMPREPLY=($(compgen -W "$promises" -- "$2"))
            ;;
        --kill-child)
            local signals='HUP INT QUIT ILL TRAP ABRT BUS FPE KILL USR1 SEGV USR2 PIPE ALRM TERM STKFLT
                CHLD CONT STOP TSTP TTIN TTOU URG XCPU XFSZ VTALRM PROF WINCH IO PWR SYS'
            COMPREPLY=($(compgen -W "$signals" -- "$2"))
            ;;
        --join)
            local IFS=$'\n'
            compopt -o filenames 2>/dev/null
            COMPREPLY=($(compgen -W "$(cd /proc && printf '%s\n' [0-9]*)" -- "$2"; compgen -f -- "$2"))
            ;;
    esac
}

# _newuts_command WORD: the place of COMMAND among the words.
_newuts_command() {
    if declare -F _command_offset >/dev/null; then
        _command_offset "${places[$1]}"
    elif (($1 == last)); then
        COMPREPLY=($(compgen -c -- "$cur"))
    else
        compopt -o default 2>/dev/null
    fi
}

complete -F _newuts newuts
