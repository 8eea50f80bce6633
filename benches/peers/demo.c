// SPDX-License-Identifier: MIT OR Apache-2.0
/* The demonstration as a C program: the calls of `newuts --delay 0 --hold 0 bizarro`, by way of the
 * C library. Follows the example of clone(2). */
#define _GNU_SOURCE
#include <err.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define STACK_SIZE (1024 * 1024)

static const struct timespec zero;

static void say(const char *line, int length)
{
    if (write(STDOUT_FILENO, line, length) != length)
        err(EXIT_FAILURE, "write");
}

static int child_func(void *arg)
{
    struct utsname uts;
    char line[128];

    if (sethostname(arg, strlen(arg)) == -1)
        err(EXIT_FAILURE, "sethostname");
    if (uname(&uts) == -1)
        err(EXIT_FAILURE, "uname");
    say(line, snprintf(line, sizeof line, "uts.nodename in child: %s\n", uts.nodename));
    nanosleep(&zero, NULL);
    return 0;
}

int main(int argc, char *argv[])
{
    struct utsname uts;
    char line[128];
    char *stack;
    pid_t pid;
    int status;

    if (argc < 2 || getpid() == 1)
        return 0;
    signal(SIGPIPE, SIG_IGN);
    stack = mmap(NULL, STACK_SIZE, PROT_READ | PROT_WRITE,
                 MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
    if (stack == MAP_FAILED)
        err(EXIT_FAILURE, "mmap");
    if (mprotect(stack, getpagesize(), PROT_NONE) == -1)
        err(EXIT_FAILURE, "mprotect");
    pid = clone(child_func, stack + STACK_SIZE, CLONE_NEWUTS | SIGCHLD, argv[1]);
    if (pid == -1)
        err(EXIT_FAILURE, "clone");
    say(line, snprintf(line, sizeof line, "clone() returned %d\n", (int)pid));
    nanosleep(&zero, NULL);
    if (uname(&uts) == -1)
        err(EXIT_FAILURE, "uname");
    say(line, snprintf(line, sizeof line, "uts.nodename in parent: %s\n", uts.nodename));
    if (waitpid(pid, &status, 0) == -1)
        err(EXIT_FAILURE, "waitpid");
    say(line, snprintf(line, sizeof line, "child has terminated\n"));
    return WEXITSTATUS(status);
}
