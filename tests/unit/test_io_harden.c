/**
 * Each row: a child process that limits itself, and then tries something. The same is tried
 * without limits, where it has to work, or the row would show nothing.
 */
#include <sched.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#include "io/harden_files.h"
#include "support/harden_world.h"

// What is tried: 0, or -errno.

static int read_own(void)
{
    return open_at(w->own, O_RDWR);
}

static int make_own(void)
{
    char path[512];
    char to[512];

    int r = open_at(folder_path(path, &w->f, "data/new"), O_WRONLY | O_CREAT | O_EXCL);
    if (r == 0)
        r = done(rename(path, folder_path(to, &w->f, "data/sub/new")));
    if (r == 0)
        r = done(truncate(to, 0));
    if (r == 0)
        r = done(unlink(to));
    return r;
}

static int bind_path(void)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    (void)snprintf(at.sun_path, sizeof(at.sun_path), "%.80s/data/s", w->f.path);
    const int r = done(bind(fd, (struct sockaddr *)&at, sizeof(at)));
    close(fd);
    unlink(at.sun_path);
    return r;
}

static int read_config(void)
{
    return open_at(w->read, O_RDONLY);
}

static int write_config(void)
{
    return open_at(w->read, O_WRONLY);
}

static int make_config(void)
{
    char path[512];

    const int r = open_at(folder_path(path, &w->f, "config/new"), O_WRONLY | O_CREAT);
    unlink(path);
    return r;
}

static int read_through_link(void)
{
    char path[512];

    return open_at(folder_path(path, &w->f, "data/link"), O_RDONLY);
}

static int list_outside(void)
{
    return open_at(w->outside, O_RDONLY | O_DIRECTORY);
}

static int write_outside(void)
{
    return open_at(w->secret, O_WRONLY);
}

static int truncate_outside(void)
{
    return done(truncate(w->secret, 1));
}

static int move_in(void)
{
    char to[512];

    const int r = done(rename(w->secret, folder_path(to, &w->f, "data/secret")));
    if (r == 0)
        assert_int_equal(rename(to, w->secret), 0);
    return r;
}

static int make_link(void)
{
    char path[512];

    const int r = done(symlink(w->secret, folder_path(path, &w->f, "data/made")));
    unlink(path);
    return r;
}

static int trace(void)
{
    const int r = done(ptrace(PTRACE_SEIZE, w->other, NULL, NULL));

    if (r == 0)
        (void)ptrace(PTRACE_DETACH, w->other, NULL, NULL);
    return r;
}

static int read_memory(void)
{
    static char theirs;
    char ours = 0;
    const struct iovec to = {&ours, 1};
    const struct iovec from = {&theirs, 1};

    return done(process_vm_readv(w->other, &to, 1, &from, 1, 0));
}

static int close_if(int fd)
{
    if (fd < 0)
        return -errno;
    close(fd);
    return 0;
}

static int raw_socket(void)
{
    return close_if(socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_ICMP));
}

static int packet_socket(void)
{
    return close_if(socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
}

static int family_socket(void)
{
    return close_if(socket(AF_ALG, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
}

static int udp(void)
{
    return close_if(socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
}

static int route(void)
{
    return close_if(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, 0));
}

static int map_executable(void)
{
    return map(PROT_READ | PROT_EXEC); // as dlopen() does
}

static int protect_both(void)
{
    void *p = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    assert_true(p != MAP_FAILED);
    const int r = done(mprotect(p, 4096, PROT_WRITE | PROT_EXEC));
    munmap(p, 4096);
    return r;
}

static int new_namespace(void)
{
    return done(unshare(CLONE_NEWUTS));
}

static int child_in_namespace(void)
{
    const long pid = syscall(SYS_clone, CLONE_NEWUTS | SIGCHLD, NULL, NULL, NULL, NULL);

    if (pid == 0)
        _exit(0);
    if (pid > 0)
        waitpid((pid_t)pid, NULL, 0);
    return done(pid);
}

static int fake_input(void)
{
    const int r = done(ioctl(w->abstract, TIOCSTI, "x"));

    return r == -ENOTTY ? 0 : r; // it was asked
}

static int other_user(void)
{
    return done(syscall(SYS_setresuid, -1, -1, -1));
}

static int change_root(void)
{
    return done(chroot("/"));
}

static int debug_again(void)
{
    return done(prctl(PR_SET_DUMPABLE, 1, 0, 0, 0));
}

static int filter_more(void)
{
    return done(syscall(SYS_bpf, 0, NULL, 0)) == -EPERM ? -EPERM : 0;
}

static int io_uring(void)
{
    char params[256] = {0};
    const long fd = syscall(SYS_io_uring_setup, 1, params);

    return close_if((int)fd);
}

static int signal_other(void)
{
    return done(kill(w->other, 0));
}

static int signal_ours(void)
{
    return done(kill(getpid(), 0));
}

static int dump_core(void)
{
    struct rlimit core = {1024, 1024};

    if (setrlimit(RLIMIT_CORE, &core) < 0)
        return -errno;
    return prctl(PR_GET_DUMPABLE) == 1 ? 0 : -EPERM;
}

// The rows.

#define FREE 0 // it is allowed

struct row {
    const char *name;
    int (*attempt)(void);
    int want;        // with the limits
    int version;     // of Landlock that it takes; 0: it is another that forbids it
    bool for_root;   // without limits it takes root
    bool is_watched; // likewise where a sanitizer looks on, which has to be let
};

// clang-format off
static const struct row rows[] = {
    {"a file of ours", read_own, FREE, 2, false, true},
    {"a new file of ours, moved, cut and removed", make_own, FREE, 2, false, true},
    {"a socket among our files", bind_path, FREE, 2, false, true},
    {"a file that may be read", read_config, FREE, 2, false, true},
    {"its change", write_config, -EACCES, 2, false, true},
    {"another beside it", make_config, -EACCES, 2, false, true},
    {"a file outside", read_outside, -EACCES, 2, false, true},
    {"a file outside, by a link", read_through_link, -EACCES, 2, false, true},
    {"the directory outside", list_outside, -EACCES, 2, false, true},
    {"its change outside", write_outside, -EACCES, 2, false, true},
    {"its end cut off", truncate_outside, -EACCES, 3, false, true},
    {"a file from outside moved in", move_in, -EACCES, 2, false, true},
    {"a link made", make_link, -EPERM, 0, false, true},
    {"a program", run_a_program, -EPERM, 0, false, false},
    {"a process traced", trace, -EPERM, 0, true, false},
    {"its memory read", read_memory, -EPERM, 0, true, false},
    {"a raw socket", raw_socket, -EPERM, 0, true, true},
    {"a packet socket", packet_socket, -EPERM, 0, true, true},
    {"a socket of another family", family_socket, -EPERM, 0, false, true},
    {"a socket of UDP", udp, FREE, 0, false, true},
    {"a question for our addresses", route, FREE, 0, false, true},
    {"a mount", mount_something, -EPERM, 0, true, true},
    {"memory to write and run", map_both, -EPERM, 0, false, true},
    {"memory to run", map_executable, FREE, 0, false, true},
    {"memory that becomes both", protect_both, -EPERM, 0, false, true},
    {"a namespace", new_namespace, -EPERM, 0, true, true},
    {"a child in one", child_in_namespace, -EPERM, 0, true, true},
    {"input of a terminal made up", fake_input, -EPERM, 0, false, true},
    {"another user", other_user, -EPERM, 0, false, true},
    {"another root", change_root, -EPERM, 0, true, true},
    {"memory opened again", debug_again, -EPERM, 0, false, false},
    {"a program for the kernel", filter_more, -EPERM, 0, true, true},
    {"calls that no filter sees", io_uring, -ENOSYS, 0, false, true},
    {"our port", bind_ours, FREE, 4, false, true},
    {"another port", bind_any, -EACCES, 4, false, true},
    {"a signal to another", signal_other, -EPERM, 6, false, true},
    {"a signal to ourselves", signal_ours, FREE, 6, false, true},
    {"another's socket without a path", connect_abstract, -EPERM, 6, false, true},
    {"a core", dump_core, -EPERM, 0, true, true},
    {"privileges of a program", gain, -EPERM, 0, false, true},
};
// clang-format on

static bool is_left_out(const struct row *r)
{
    if (r->version > w->version) {
        print_message("skip %s: the kernel's Landlock is %d\n", r->name, w->version);
        return true;
    }
    if (IS_WATCHED && !r->is_watched)
        return true;
    if (r->for_root && geteuid() != 0) {
        print_message("skip %s: it takes root\n", r->name);
        return true;
    }
    return false;
}

static void what_it_does_not_need_is_refused(void **state)
{
    char path[512];

    (void)state;
    assert_int_equal(symlink(w->secret, folder_path(path, &w->f, "data/link")), 0);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        if (is_left_out(&rows[i]))
            continue;
        const int without = in_child(rows[i].attempt, false);
        if (without != -ENOSYS && without != -EAFNOSUPPORT) // this kernel has no such thing
            expect_int(rows[i].name, without, 0);
        expect_int(rows[i].name, in_child(rows[i].attempt, true), rows[i].want);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_it_does_not_need_is_refused, harden_setup,
                                        harden_teardown),
    };
    return cmocka_run_group_tests_name("io_harden", tests, NULL, NULL);
}
