# SPDX-License-Identifier: MIT OR Apache-2.0
# Completion of newuts for fish. Its place: a folder of $fish_complete_path.

# What the word under the cursor is: `option` (or the first operand), `name`, or `command`; in
# the last case, what there is of the command so far comes behind it, line by line.
function __newuts_here
    set -l words (commandline -opc)
    set -e words[1]
    set -l joined
    set -l ended
    while set -q words[1]
        switch $words[1]
            case --
                set ended yes
                set -e words[1]
                break
            case --join
                set joined yes
                set -e words[1]
            case '--join=*'
                set joined yes
            case --hold --delay --domainname --persist
                set -e words[1]
            case -
                break
            case '-*'
            case '*'
                break
        end
        set -e words[1]
    end
    if set -q joined[1]; and set -q words[1] || set -q ended[1]
        printf '%s\n' command $words
    else if set -q joined[1]
        printf '%s\n' option command
    else if set -q words[1]
        printf '%s\n' command $words[2..]
    else if set -q ended[1]
        echo name
    else
        echo option
    end
end

function __newuts_options
    contains option (__newuts_here)[1]
end

# The completions of the command itself.
function __newuts_command
    set -l here (__newuts_here)
    if test "$here" = 'option command'
        string match -q -- '-*' (commandline -ct); and return
        set here command
    end
    test "$here[1]" = command; or return
    set -e here[1]
    complete -C (string join -- ' ' (string escape -- $here) (commandline -ct))
end

complete -c newuts -f
complete -c newuts -n 'not __newuts_options; or contains command (__newuts_here)' -a '(__newuts_command)'
complete -c newuts -n __newuts_options -l hold -x -a forever -d 'How long the child keeps its namespace'
complete -c newuts -n __newuts_options -l delay -x -d 'How long the parent waits before it looks'
complete -c newuts -n __newuts_options -s f -l fork -d 'Stay as the parent of the command'
complete -c newuts -n __newuts_options -l persist -r -F -d 'Bind the namespace to a file'
complete -c newuts -n __newuts_options -l kill-child -a \
    'HUP INT QUIT ILL TRAP ABRT BUS FPE KILL USR1 SEGV USR2 PIPE ALRM TERM STKFLT
    CHLD CONT STOP TSTP TTIN TTOU URG XCPU XFSZ VTALRM PROF WINCH IO PWR SYS' \
    -d 'What the child gets when the parent dies'
complete -c newuts -n __newuts_options -l domainname -x -d 'Set the NIS domain name too'
complete -c newuts -n __newuts_options -l join -r -F -a '(__fish_complete_pids)' -d 'Enter the UTS namespace of a process or file'
complete -c newuts -n __newuts_options -s U -l user -d 'In a user namespace'
complete -c newuts -n __newuts_options -s c -l map-current-user -d 'In a user namespace, as the same user'
complete -c newuts -n __newuts_options -s r -l map-root-user -d 'In a user namespace, as root'
complete -c newuts -n __newuts_options -l trace -a regs -d 'Show the system calls'
complete -c newuts -n __newuts_options -l check -a \
    'list uname sethostname setdomainname clone unshare setns wait pidfd_open
    ioctl_ns user_namespaces uts_namespaces namespaces proc_sys_kernel' \
    -d 'Try what this kernel promises'
complete -c newuts -n __newuts_options -s h -l help -d 'Print a summary of the options'
complete -c newuts -n __newuts_options -s V -l version -d 'Print the version'
