// SPDX-License-Identifier: MIT OR Apache-2.0
/* A kernel that takes one argument of a call for another, to those below it:
 *
 *     mutant CALL INDEX FROM TO COMMAND [ARG]...
 *
 * runs COMMAND; where it or a process or thread of its makes CALL, by number, and the argument at
 * INDEX, counted from 0, is FROM, or whatever it is if FROM is `any`, the kernel gets TO. Numbers
 * are of 32 bits. The exit status is COMMAND's, or 128 and the signal's number.
 */
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/types.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

/* As many as there are processes and threads at once. */
#define MOST 64

#define OPTIONS                                                                                  \
    (PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE |    \
     PTRACE_O_EXITKILL)

static unsigned long long call;
static int place, any;
static uint32_t from, to;

/* Whose argument was changed, and what it was: a call leaves the registers of its arguments as they
 * were, and programs rely on that. */
static struct {
    pid_t pid;
    unsigned long long was;
} changed[MOST];

static unsigned long long *argument(struct user_regs_struct *regs)
{
    unsigned long long *all[] = { &regs->rdi, &regs->rsi, &regs->rdx,
                                  &regs->r10, &regs->r8,  &regs->r9 };

    return all[place];
}

static int find(pid_t pid)
{
    for (int i = 0; i < MOST; i++)
        if (changed[i].pid == pid)
            return i;
    abort();
}

static void enter(pid_t pid)
{
    struct user_regs_struct regs;
    unsigned long long *word = argument(&regs);
    int i;

    ptrace(PTRACE_GETREGS, pid, NULL, &regs);
    if (regs.orig_rax != call || (!any && (uint32_t)*word != from))
        return;
    i = find(0);
    changed[i].pid = pid;
    changed[i].was = *word;
    *word = to;
    ptrace(PTRACE_SETREGS, pid, NULL, &regs);
}

static void leave(pid_t pid)
{
    struct user_regs_struct regs;

    for (int i = 0; i < MOST; i++) {
        if (changed[i].pid != pid)
            continue;
        ptrace(PTRACE_GETREGS, pid, NULL, &regs);
        *argument(&regs) = changed[i].was;
        ptrace(PTRACE_SETREGS, pid, NULL, &regs);
        changed[i].pid = 0;
    }
}

/* A process or thread that begins has its maker's registers. */
static void begin(pid_t pid)
{
    struct user_regs_struct regs;

    ptrace(PTRACE_GETREGS, pid, NULL, &regs);
    if (regs.orig_rax == call && !any && *argument(&regs) == to) {
        *argument(&regs) = from;
        ptrace(PTRACE_SETREGS, pid, NULL, &regs);
    }
}

int main(int argc, char *argv[])
{
    int ready[2], status, end = 1;
    char byte = 0;
    pid_t child, pid;

    if (argc < 6 || pipe(ready) != 0)
        return 125;
    call = strtoull(argv[1], NULL, 0);
    place = atoi(argv[2]);
    any = strcmp(argv[3], "any") == 0;
    from = any ? 0 : (uint32_t)strtoll(argv[3], NULL, 0);
    to = (uint32_t)strtoll(argv[4], NULL, 0);

    child = fork();
    if (child == 0) {
        close(ready[1]);
        if (read(ready[0], &byte, 1) != 1)
            return 125;
        close(ready[0]);
        execvp(argv[5], argv + 5);
        return 127;
    }
    if (child < 0 || ptrace(PTRACE_SEIZE, child, NULL, (void *)OPTIONS) != 0 ||
        ptrace(PTRACE_INTERRUPT, child, NULL, NULL) != 0 || write(ready[1], &byte, 1) != 1)
        return 125;
    close(ready[0]);
    close(ready[1]);

    while ((pid = waitpid(-1, &status, __WALL)) > 0) {
        int signal = WSTOPSIG(status), event = status >> 16;

        if (!WIFSTOPPED(status)) {
            if (pid == child)
                end = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
            for (int i = 0; i < MOST; i++)
                if (changed[i].pid == pid)
                    changed[i].pid = 0;
        } else if (event == PTRACE_EVENT_STOP && signal != SIGTRAP) {
            /* It is stopped as by a shell, and stays so. */
            ptrace(PTRACE_LISTEN, pid, NULL, NULL);
        } else if (signal == (SIGTRAP | 0x80)) {
            struct __ptrace_syscall_info info = { 0 };

            ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof info, &info);
            if (info.op == PTRACE_SYSCALL_INFO_ENTRY)
                enter(pid);
            else
                leave(pid);
            ptrace(PTRACE_SYSCALL, pid, NULL, NULL);
        } else {
            if (event == PTRACE_EVENT_STOP)
                begin(pid);
            ptrace(PTRACE_SYSCALL, pid, NULL, event ? 0L : (long)signal);
        }
    }
    return end;
}
