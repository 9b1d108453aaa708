/**
 * For tests of io/harden.h: files that may be read and changed, read, and neither; another
 * process; a port; and what is tried there, by a child that has limited itself or not.
 */
#pragma once

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "io/harden.h"
#include "io/harden_files.h"
#include "support/aborts.h"
#include "support/folder.h"

#define NOBODY 65534

struct world {
    struct folder f;
    char data[512];    // may be written to
    char config[512];  // may be read
    char outside[512]; // neither
    char own[512];     // files in them
    char read[512];
    char secret[512];
    pid_t other;             // another process
    struct sockaddr_in port; // may be bound
    int abstract;            // another's, listening
    int version;             // of Landlock, or -errno
};

static struct world *w; // what is tried has no other argument

static inline void write_file(const char *path)
{
    const int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, "x", 1), 1);
    close(fd);
}

static inline pid_t start_other(void)
{
    const pid_t pid = fork();

    assert_true(pid >= 0);
    if (pid == 0) {
        for (;;)
            pause();
    }
    return pid;
}

static inline struct sockaddr_un abstract_name(void)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};

    (void)snprintf(at.sun_path + 1, sizeof(at.sun_path) - 1, "parley-test-%d", (int)getpid());
    return at;
}

static struct sockaddr_un abstract_at;

static inline int listen_abstract(void)
{
    const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    abstract_at = abstract_name();
    assert_int_equal(bind(fd, (struct sockaddr *)&abstract_at, sizeof(abstract_at)), 0);
    assert_int_equal(listen(fd, 8), 0);
    return fd;
}

/** One that was free a moment ago. */
static inline void find_port(void)
{
    socklen_t size = sizeof(w->port);
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    w->port = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    assert_int_equal(bind(fd, (struct sockaddr *)&w->port, size), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&w->port, &size), 0);
    close(fd);
}

static inline int harden_setup(void **state)
{
    char name[512];

    w = calloc(1, sizeof(*w));
    assert_non_null(w);
    folder_make(&w->f);
    folder_path(w->data, &w->f, "data");
    folder_path(w->config, &w->f, "config");
    folder_path(w->outside, &w->f, "outside");
    folder_path(w->own, &w->f, "data/own");
    folder_path(w->read, &w->f, "config/read");
    folder_path(w->secret, &w->f, "outside/secret");
    assert_int_equal(mkdir(w->data, 0700), 0);
    assert_int_equal(mkdir(folder_path(name, &w->f, "data/sub"), 0700), 0);
    assert_int_equal(mkdir(w->config, 0700), 0);
    assert_int_equal(mkdir(w->outside, 0700), 0);
    write_file(w->own);
    write_file(w->read);
    write_file(w->secret);
    w->other = start_other();
    w->abstract = listen_abstract();
    w->version = harden_files_version();
    find_port();
    *state = w;
    return 0;
}

static inline int harden_teardown(void **state)
{
    (void)state;
    kill(w->other, SIGKILL);
    assert_int_equal(waitpid(w->other, NULL, 0), w->other);
    close(w->abstract);
    folder_remove(&w->f);
    free(w);
    return 0;
}

// What is tried: 0, or -errno.

static inline int done(long r)
{
    return r < 0 ? -errno : 0;
}

static inline int open_at(const char *path, int flags)
{
    const int fd = open(path, flags | O_CLOEXEC, 0600);

    if (fd < 0)
        return -errno;
    close(fd);
    return 0;
}

static inline int read_outside(void)
{
    return open_at(w->secret, O_RDONLY);
}

static inline int run_a_program(void)
{
    const pid_t pid = fork();
    int status = 0;

    if (pid == 0) {
        execl("/bin/true", "true", (char *)NULL);
        _exit(errno);
    }
    waitpid(pid, &status, 0);
    return -WEXITSTATUS(status);
}

static inline int map(int prot)
{
    void *p = mmap(NULL, 4096, prot, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (p == MAP_FAILED)
        return -errno;
    munmap(p, 4096);
    return 0;
}

static inline int map_both(void)
{
    return map(PROT_READ | PROT_WRITE | PROT_EXEC);
}

static inline int mount_something(void)
{
    const int r = done(mount("none", w->outside, "tmpfs", 0, NULL));

    if (r == 0)
        assert_int_equal(umount(w->outside), 0);
    return r;
}

static inline int bind_at(in_port_t port)
{
    struct sockaddr_in at = w->port;
    const int one = 1;
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    at.sin_port = port;
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    const int r = done(bind(fd, (struct sockaddr *)&at, sizeof(at)));
    close(fd);
    return r;
}

static inline int bind_ours(void)
{
    return bind_at(w->port.sin_port);
}

static inline int bind_any(void)
{
    return bind_at(0);
}

static inline int connect_abstract(void)
{
    const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const int r = done(connect(fd, (struct sockaddr *)&abstract_at, sizeof(abstract_at)));

    close(fd);
    return r;
}

static inline int gain(void)
{
    char text[4096] = "";
    FILE *file = fopen("/proc/self/status", "re");

    assert_non_null(file);
    const size_t n = fread(text, 1, sizeof(text) - 1, file);
    (void)fclose(file);
    text[n] = '\0';
    assert_non_null(strstr(text, "NoNewPrivs:"));
    return strstr(text, "NoNewPrivs:\t0") ? 0 : -EPERM;
}

// How.

static inline struct harden_config config_of(const struct harden_path *paths, size_t n)
{
    return (struct harden_config){
        .paths = paths, .n_paths = n, .port = ntohs(w->port.sin_port)};
}

static inline void limit_with(const struct harden_kernel *kernel)
{
    const struct harden_path paths[] = {
        {w->data, true}, {w->config, false}, {"/nonexistent", true}, {"/proc", false}};
    struct harden_config c = config_of(paths, COUNT_OF(paths));

    c.kernel = kernel;
    harden(&c);
}

/** What attempt() says in a child, limited or not. Its log is at the end. */
static inline int in_child(int (*attempt)(void), bool is_limited)
{
    int status = 0;
    const pid_t pid = fork();

    assert_true(pid >= 0);
    if (pid == 0) {
        if (is_limited)
            limit_with(NULL);
        _exit(-attempt());
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    return -WEXITSTATUS(status);
}

/** @param what  a void (**)(void) */
static inline void do_it(void *what)
{
    (*(void (**)(void))what)();
}

/** The log of a child that does this. */
static inline void hear(char *out, size_t size, void (*fn)(void))
{
    assert_int_equal(status_of(do_it, (void *)&fn, out, size), 0);
}

static inline unsigned count(const char *text, const char *what)
{
    unsigned n = 0;

    for (const char *at = strstr(text, what); at; at = strstr(at + 1, what))
        n++;
    return n;
}
