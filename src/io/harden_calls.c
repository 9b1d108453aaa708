#include "io/harden_calls.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "io/harden_refused.h"

// What headers of an older kernel lack; from 424 on each processor has the same numbers.
#ifndef SYS_futex_waitv
    #define SYS_futex_waitv 449
#endif
#ifndef SYS_epoll_pwait2
    #define SYS_epoll_pwait2 441
#endif
#ifndef PR_SET_VMA
    #define PR_SET_VMA 0x53564d41
#endif
#ifndef CLONE_NEWTIME
    #define CLONE_NEWTIME 0x80
#endif

#if defined(__x86_64__)
    #define PROCESSOR AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
    #define PROCESSOR AUDIT_ARCH_AARCH64
#else
    #define PROCESSOR 0 // none that is known here
#endif

// What the C library, OpenSSL, libuv, libpq, nats.c and curl may want elsewhere is here as
// well. A kernel since 5.11 knows of each at once that it is allowed.

// clang-format off

static const int sockets[] = {
    SYS_recvmsg, SYS_sendmsg, SYS_accept, SYS_accept4, SYS_bind, SYS_connect,
    SYS_epoll_create1, SYS_epoll_ctl, SYS_epoll_pwait, SYS_epoll_pwait2, SYS_eventfd2,
    SYS_getpeername, SYS_getsockname, SYS_getsockopt, SYS_listen, SYS_ppoll, SYS_pselect6,
    SYS_recvfrom, SYS_recvmmsg, SYS_sendmmsg, SYS_sendto, SYS_setsockopt, SYS_shutdown,
    SYS_signalfd4, SYS_socketpair, SYS_timerfd_create, SYS_timerfd_gettime, SYS_timerfd_settime,
};

static const int files[] = {
    SYS_read, SYS_write, SYS_writev, SYS_close, SYS_close_range, SYS_copy_file_range, SYS_dup,
    SYS_dup3, SYS_faccessat, SYS_faccessat2, SYS_fadvise64, SYS_fallocate, SYS_fchmod,
    SYS_fchmodat, SYS_fchown, SYS_fcntl, SYS_fdatasync, SYS_flock, SYS_fstat, SYS_fstatfs,
    SYS_fsync, SYS_ftruncate, SYS_getcwd, SYS_getdents64, SYS_inotify_add_watch,
    SYS_inotify_init1, SYS_inotify_rm_watch, SYS_linkat, SYS_lseek, SYS_memfd_create,
    SYS_mkdirat, SYS_newfstatat, SYS_openat, SYS_openat2, SYS_pipe2, SYS_pread64, SYS_preadv,
    SYS_preadv2, SYS_pwrite64, SYS_pwritev, SYS_pwritev2, SYS_readahead, SYS_readlinkat,
    SYS_readv, SYS_renameat2, SYS_sendfile, SYS_splice, SYS_statfs, SYS_statx,
    SYS_sync_file_range, SYS_syncfs, SYS_tee, SYS_truncate, SYS_umask, SYS_unlinkat,
    SYS_utimensat, SYS_vmsplice,
};

static const int memory[] = {
    SYS_brk, SYS_get_mempolicy, SYS_madvise, SYS_membarrier, SYS_mincore, SYS_mlock,
    SYS_mlock2, SYS_mremap, SYS_msync, SYS_munlock, SYS_munmap,
};

static const int threads[] = {
    SYS_futex, SYS_capget, SYS_exit, SYS_exit_group, SYS_futex_waitv, SYS_get_robust_list,
    SYS_getcpu, SYS_getegid, SYS_geteuid, SYS_getgid, SYS_getgroups, SYS_getpgid, SYS_getpid,
    SYS_getppid, SYS_getpriority, SYS_getresgid, SYS_getresuid, SYS_getrusage, SYS_getsid,
    SYS_gettid, SYS_getuid, SYS_kill, SYS_prlimit64, SYS_restart_syscall, SYS_rseq,
    SYS_rt_sigaction, SYS_rt_sigpending, SYS_rt_sigprocmask, SYS_rt_sigqueueinfo,
    SYS_rt_sigreturn, SYS_rt_sigsuspend, SYS_rt_sigtimedwait, SYS_rt_tgsigqueueinfo,
    SYS_sched_get_priority_max, SYS_sched_get_priority_min, SYS_sched_getaffinity,
    SYS_sched_getattr, SYS_sched_getparam, SYS_sched_getscheduler, SYS_sched_setaffinity,
    SYS_sched_yield, SYS_set_robust_list, SYS_set_tid_address, SYS_setpriority, SYS_setrlimit,
    SYS_sigaltstack, SYS_sysinfo, SYS_tgkill, SYS_tkill, SYS_uname, SYS_wait4, SYS_waitid,
};

static const int times[] = {
    SYS_clock_getres, SYS_clock_gettime, SYS_clock_nanosleep, SYS_getitimer, SYS_getrandom,
    SYS_gettimeofday, SYS_nanosleep, SYS_setitimer, SYS_timer_create, SYS_timer_delete,
    SYS_timer_getoverrun, SYS_timer_gettime, SYS_timer_settime, SYS_times,
};

#if defined(__x86_64__)
/** What later processors have no more: others do the same. */
static const int of_old[] = {
    SYS_epoll_wait, SYS_access, SYS_alarm, SYS_arch_prctl, SYS_chmod, SYS_creat, SYS_dup2,
    SYS_epoll_create, SYS_eventfd, SYS_futimesat, SYS_getdents, SYS_getpgrp, SYS_getrlimit,
    SYS_link, SYS_lstat, SYS_mkdir, SYS_open, SYS_pause, SYS_pipe, SYS_poll, SYS_readlink,
    SYS_rename, SYS_renameat, SYS_rmdir, SYS_select, SYS_signalfd, SYS_stat, SYS_time,
    SYS_unlink, SYS_utimes,
};
#endif

/** They are tried, and done without where the kernel has none: the new process's flags are out
 * of sight in clone3, and what io_uring does no filter sees. */
static const int absent[] = {
    SYS_clone3, SYS_io_setup, SYS_io_submit, SYS_io_uring_enter, SYS_io_uring_register,
    SYS_io_uring_setup,
};

// clang-format on

#if IS_WATCHED
/** A report stops all threads, and runs what names its functions. */
static const int of_sanitizers[] = {
    SYS_execve, SYS_personality, SYS_prctl, SYS_process_vm_readv, SYS_ptrace,
    #if defined(__x86_64__)
    SYS_fork,   SYS_vfork,
    #endif
};
#endif

struct list_of_calls {
    const int *calls;
    size_t n;
};

static const struct list_of_calls allowed[] = {
    {sockets, COUNT_OF(sockets)},
    {files, COUNT_OF(files)},
    {memory, COUNT_OF(memory)},
    {threads, COUNT_OF(threads)},
    {times, COUNT_OF(times)},
#if defined(__x86_64__)
    {of_old, COUNT_OF(of_old)},
#endif
#if IS_WATCHED
    {of_sanitizers, COUNT_OF(of_sanitizers)},
#endif
};

/** The lower half of an argument, at which the kernel looks, masked. */
struct test {
    unsigned arg;
    uint32_t mask;
    uint32_t value;
};

#define TESTS_MAX 2

/** One that is allowed where its arguments are so; several rows are "or". */
struct rule {
    int call;
    unsigned n; // of its tests
    struct test tests[TESTS_MAX];
};

#define IS(arg, value)                                                                         \
    {                                                                                          \
        (arg), UINT32_MAX, (uint32_t)(value)                                                   \
    }
#define HAS_NONE(arg, mask)                                                                    \
    {                                                                                          \
        (arg), (uint32_t)(mask), 0                                                             \
    }
#define IS_TYPE(arg, type)                                                                     \
    {                                                                                          \
        (arg), 0xf, (type)                                                                     \
    } // of a socket
#define NAMESPACES                                                                             \
    (CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER |             \
     CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWTIME)

static const struct rule rules[] = {
    // Memory is never both: what was written can't be run.
    {SYS_mmap, 1, {HAS_NONE(2, PROT_WRITE)}},
    {SYS_mmap, 1, {HAS_NONE(2, PROT_EXEC)}},
    {SYS_mprotect, 1, {HAS_NONE(2, PROT_WRITE)}},
    {SYS_mprotect, 1, {HAS_NONE(2, PROT_EXEC)}},
    {SYS_clone, 1, {HAS_NONE(0, NAMESPACES)}},
    {SYS_socket, 1, {IS(0, AF_UNIX)}},
    {SYS_socket, 2, {IS(0, AF_INET), IS_TYPE(1, SOCK_STREAM)}},
    {SYS_socket, 2, {IS(0, AF_INET), IS_TYPE(1, SOCK_DGRAM)}},
    {SYS_socket, 2, {IS(0, AF_INET6), IS_TYPE(1, SOCK_STREAM)}},
    {SYS_socket, 2, {IS(0, AF_INET6), IS_TYPE(1, SOCK_DGRAM)}},
    {SYS_socket, 2, {IS(0, AF_NETLINK), IS(2, 0 /* NETLINK_ROUTE */)}}, // getaddrinfo() asks it
    {SYS_ioctl, 1, {IS(1, FIONBIO)}},
    {SYS_ioctl, 1, {IS(1, FIONREAD)}},
    {SYS_ioctl, 1, {IS(1, FIOCLEX)}},
    {SYS_ioctl, 1, {IS(1, FIONCLEX)}},
    {SYS_ioctl, 1, {IS(1, TIOCOUTQ)}}, // of a socket, what is unsent
    {SYS_ioctl, 1, {IS(1, TCGETS)}},   // isatty()
    {SYS_ioctl, 1, {IS(1, TIOCGWINSZ)}},
    {SYS_prctl, 1, {IS(0, PR_SET_NAME)}}, // of a thread
    {SYS_prctl, 1, {IS(0, PR_GET_NAME)}},
    {SYS_prctl, 1, {IS(0, PR_SET_VMA)}}, // a name of memory
    {SYS_prctl, 1, {IS(0, PR_GET_DUMPABLE)}},
};

// The program, in the machine's language that seccomp(2) has.

#define ANSWER(what)     BPF_STMT(BPF_RET | BPF_K, (what))
#define ANSWER_NOT_THERE (SECCOMP_RET_ERRNO | ENOSYS)
#define LOAD(field)      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
/** Go on where it is so, else behind the n after this. */
#define WHERE(test, value, n) BPF_JUMP(BPF_JMP | (test) | BPF_K, (value), 0, (n))

#define FILTER_MAX 1024

struct filter {
    struct sock_filter code[FILTER_MAX];
    size_t n;
};

static void add(struct filter *f, struct sock_filter code)
{
    assert(f->n < FILTER_MAX);
    f->code[f->n++] = code;
}

#define ADD(f, ...) add((f), (struct sock_filter)__VA_ARGS__)

static void add_list(struct filter *f, const struct list_of_calls *list, uint32_t answer)
{
    for (size_t i = 0; i < list->n; i++) {
        ADD(f, WHERE(BPF_JEQ, (uint32_t)list->calls[i], 1));
        ADD(f, ANSWER(answer));
    }
}

/** 64 bits of an argument, of which the lower half is first on all that are known here. */
static void add_rule(struct filter *f, const struct rule *r)
{
    static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "or the halves are the other way");
    unsigned char behind = (unsigned char)(3 * r->n + 1);

    ADD(f, LOAD(nr));
    ADD(f, WHERE(BPF_JEQ, (uint32_t)r->call, behind));
    for (unsigned i = 0; i < r->n; i++) {
        const struct test *t = &r->tests[i];
        behind = (unsigned char)(behind - 3);
        ADD(f,
            BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)(offsetof(struct seccomp_data, args) +
                                                          sizeof(uint64_t) * t->arg)));
        ADD(f, BPF_STMT(BPF_ALU | BPF_AND | BPF_K, t->mask));
        ADD(f, WHERE(BPF_JEQ, t->value, behind));
    }
    ADD(f, ANSWER(SECCOMP_RET_ALLOW));
}

static void fill(struct filter *f)
{
    const struct list_of_calls none = {absent, COUNT_OF(absent)};

    ADD(f, LOAD(arch));
    ADD(f, BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, PROCESSOR, 1, 0));
    ADD(f, ANSWER(SECCOMP_RET_KILL_PROCESS));
    ADD(f, LOAD(nr));
    for (size_t i = 0; i < COUNT_OF(allowed); i++)
        add_list(f, &allowed[i], SECCOMP_RET_ALLOW);
    add_list(f, &none, ANSWER_NOT_THERE);
    for (size_t i = 0; i < COUNT_OF(rules); i++)
        add_rule(f, &rules[i]);
    ADD(f, ANSWER(SECCOMP_RET_TRAP));
}

int harden_calls_load(const struct sock_fprog *filter)
{
    const long r =
        syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, filter);

    if (r > 0) // a thread that has limits of its own
        return -EBUSY;
    return r < 0 ? -errno : 0;
}

int harden_calls(int (*load)(const struct sock_fprog *filter))
{
    struct filter f = {0};

    if (!HARDEN_SAYS_REFUSED)
        return -EOPNOTSUPP;
    fill(&f);
    const int r = harden_refused_say();
    return r == 0 ? load(&(struct sock_fprog){(unsigned short)f.n, f.code}) : r;
}
