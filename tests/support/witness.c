// SPDX-License-Identifier: MIT OR Apache-2.0
/* A command that tells which signals it gets: it blocks all of them, those too that a C library
 * keeps for itself, and takes one after the other.
 *
 *     witness          a line for each, with where it came from (si_code) and its value
 *     witness count    all counts in one line, whenever the last signal comes
 */
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

#define LAST 64

int main(int argc, char *argv[])
{
    uint64_t all = ~UINT64_C(0);
    unsigned counts[LAST + 1] = { 0 };
    siginfo_t info;

    (void)argv;
    syscall(SYS_rt_sigprocmask, SIG_SETMASK, &all, NULL, sizeof all);
    dprintf(STDOUT_FILENO, "ready %d %d\n", getpid(), getppid());
    for (;;) {
        /* Interrupted by a stop and its end: signal(7). */
        if (syscall(SYS_rt_sigtimedwait, &all, &info, NULL, sizeof all) < 0)
            continue;
        if (argc == 1) {
            dprintf(STDOUT_FILENO, "signal %d code %d value %d\n", info.si_signo, info.si_code,
                    info.si_code == SI_QUEUE ? info.si_value.sival_int : 0);
            continue;
        }
        counts[info.si_signo]++;
        if (info.si_signo != LAST)
            continue;
        char line[16 * LAST];
        int length = sprintf(line, "counts");
        for (int signal = 1; signal <= LAST; signal++)
            length += sprintf(line + length, " %u", counts[signal]);
        dprintf(STDOUT_FILENO, "%s\n", line);
    }
}
