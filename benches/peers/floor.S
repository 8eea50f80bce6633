// SPDX-License-Identifier: MIT OR Apache-2.0
/* The floor: the system calls of newuts and not an instruction more than they need. Nothing is
 * checked, nothing is formatted: no program that does its work can be faster.
 * Assembled with -DDEMO, -DRUN, -DTRUE or -DHOLD. */
#include <sys/syscall.h>

        .globl _start
        .text

        .macro call number
        mov $\number, %eax
        syscall
        .endm

        .macro say line, length
        mov $1, %edi
        lea \line(%rip), %rsi
        mov $\length, %edx
        call SYS_write
        .endm

_start:
#ifdef DEMO
        call SYS_getpid
        mov $13, %edi                   /* rt_sigaction(SIGPIPE, {SIG_IGN}, NULL, 8) */
        lea ignore(%rip), %rsi
        xor %edx, %edx
        mov $8, %r10d
        call SYS_rt_sigaction
        xor %edi, %edi                  /* mmap(NULL, 1 MiB, RW, PRIVATE|ANONYMOUS|STACK, -1, 0) */
        mov $0x100000, %esi
        mov $3, %edx
        mov $0x20022, %r10d
        mov $-1, %r8
        xor %r9d, %r9d
        call SYS_mmap
        mov %rax, %rbx
        mov %rax, %rdi                  /* mprotect(base, 4096, PROT_NONE) */
        mov $4096, %esi
        xor %edx, %edx
        call SYS_mprotect
        mov $0x4000011, %edi            /* clone(CLONE_NEWUTS|SIGCHLD, top) */
        lea 0x100000(%rbx), %rsi
        xor %edx, %edx
        xor %r10d, %r10d
        xor %r8d, %r8d
        call SYS_clone
        test %eax, %eax
        jz child
        mov %eax, %ebx
        say line, 22
        lea zero(%rip), %rdi
        xor %esi, %esi
        call SYS_nanosleep
        lea -400(%rsp), %rdi
        call SYS_uname
        say line, 31
        mov %ebx, %edi
        lea -8(%rsp), %rsi
        xor %edx, %edx
        xor %r10d, %r10d
        call SYS_wait4
        say line, 21
        xor %edi, %edi
        call SYS_exit_group
child:
        lea name(%rip), %rdi
        mov $7, %esi
        call SYS_sethostname
        lea -400(%rsp), %rdi
        call SYS_uname
        say line, 31
        lea zero(%rip), %rdi
        xor %esi, %esi
        call SYS_nanosleep
        xor %edi, %edi
        call SYS_exit
#endif
#ifdef RUN
        call SYS_getpid
        mov $0x4000000, %edi            /* unshare(CLONE_NEWUTS) */
        call SYS_unshare
        lea name(%rip), %rdi
        mov $7, %esi
        call SYS_sethostname
        mov (%rsp), %rax                /* execve(argv[2], argv + 2, envp) */
        mov 24(%rsp), %rdi
        lea 24(%rsp), %rsi
        lea 16(%rsp,%rax,8), %rdx
        call SYS_execve
        mov $127, %edi
        call SYS_exit_group
#endif
#ifdef TRUE
        xor %edi, %edi
        call SYS_exit_group
#endif
#ifdef HOLD
        say line, 1                     /* says that it is there, and waits for a signal */
        call SYS_pause
        xor %edi, %edi
        call SYS_exit_group
#endif

zero:   .quad 0, 0
ignore: .quad 1, 0, 0, 0
name:   .ascii "bizarro"
line:   .ascii "................................................................"
