// SPDX-License-Identifier: MIT OR Apache-2.0
/* `newuts HOSTNAME COMMAND` as a C program: unshare, sethostname, execvp. */
#define _GNU_SOURCE
#include <err.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int main(int argc, char *argv[])
{
    if (argc < 3 || getpid() == 1)
        return 0;
    if (unshare(CLONE_NEWUTS) == -1)
        err(125, "unshare");
    if (sethostname(argv[1], strlen(argv[1])) == -1)
        err(125, "sethostname");
    execvp(argv[2], argv + 2);
    err(127, "%s", argv[2]);
}
