/** A nats-server that a test starts, ends, and starts anew on the same port:
 * tests/support/nats. */
#pragma once

#include <arpa/inet.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/folder.h"
#include "support/t.h"
#include "support/tls_server.h"

#define NATS_SERVER_OPTIONS 8

struct nats_server {
    struct folder folder; // of its log, and of what a test puts there
    char url[64];
    unsigned port;
    char options[1024]; // what it is started with
    pid_t pid;          // of tests/support/nats; 0: it does not run
    int input;          // of that: it ends with it
};

static inline const char *nats_server_path(char out[512], const struct nats_server *s,
                                           const char *name)
{
    return folder_path(out, &s->folder, name);
}

static inline void nats_server_exec(const struct nats_server *s, const int input[2],
                                    const int output[2])
{
    const char *root = getenv("TESTS_OF"); // NOLINT(concurrency-mt-unsafe): one thread
    char script[512];
    char port[32];
    char log[600] = "--log=";
    char options[sizeof(s->options)];
    char *args[NATS_SERVER_OPTIONS + 4] = {script, log};
    size_t n = 2;
    char *rest = NULL;

    snprintf(script, sizeof(script), "%s/tests/support/nats", root ? root : ".");
    nats_server_path(log + strlen(log), s, "log");
    snprintf(port, sizeof(port), "--port=%u", s->port);
    if (s->port != 0)
        args[n++] = port;
    memcpy(options, s->options, sizeof(options));
    for (char *o = strtok_r(options, " ", &rest); o; o = strtok_r(NULL, " ", &rest))
        args[n++] = o;
    dup2(input[0], STDIN_FILENO);
    dup2(output[1], STDOUT_FILENO);
    for (int fd = STDERR_FILENO + 1; fd < 256; fd++)
        close(fd);
    execv(script, args);
    _exit(127);
}

/** Once it says where it is, it is ready. */
static inline void nats_server_start_again(struct nats_server *s)
{
    int input[2];
    int output[2];
    size_t n = 0;

    assert_int_equal(pipe(input), 0);
    assert_int_equal(pipe(output), 0);
    s->pid = fork();
    if (s->pid == 0)
        nats_server_exec(s, input, output);
    assert_true(s->pid > 0);
    close(input[0]);
    close(output[1]);
    s->input = input[1];
    for (ssize_t got = 1; got > 0 && n < sizeof(s->url) - 1; n += (size_t)got) {
        got = read(output[0], s->url + n, sizeof(s->url) - 1 - n);
        if (got <= 0 || memchr(s->url + n, '\n', (size_t)got)) {
            n += got > 0 ? (size_t)got : 0;
            break;
        }
    }
    close(output[0]);
    if (n == 0)
        fail_msg("nats-server does not start");
    s->url[n - 1] = '\0';
    s->port = (unsigned)strtoul(strrchr(s->url, ':') + 1, NULL, 10);
}

/** @param options  of the server, "--a=b --c=d"; NULL: none */
static inline void nats_server_change(struct nats_server *s, const char *options)
{
    snprintf(s->options, sizeof(s->options), "%s", options ? options : "");
}

static inline void nats_server_start(struct nats_server *s, const char *options)
{
    if (!s->folder.path[0])
        folder_make(&s->folder);
    nats_server_change(s, options);
    nats_server_start_again(s);
}

/** At once, as if its machine were gone. */
static inline void nats_server_stop(struct nats_server *s)
{
    if (s->pid == 0)
        return;
    close(s->input);
    assert_int_equal(waitpid(s->pid, NULL, 0), s->pid);
    s->pid = 0;
}

static inline void nats_server_fini(struct nats_server *s)
{
    nats_server_stop(s);
    if (s->folder.path[0])
        folder_remove(&s->folder);
}

/** It is there, and does nothing; or goes on. */
static inline void nats_server_pause(const struct nats_server *s, bool is_paused)
{
    char path[512];
    char text[4096] = "";

    // What it says of itself: its command line is not its own yet.
    snprintf(path, sizeof(path), "/proc/%d/task/%d/children", (int)s->pid, (int)s->pid);
    FILE *f = fopen(path, "re");
    assert_non_null(f);
    assert_non_null(fgets(text, sizeof(text), f));
    (void)fclose(f);
    for (char *at = text; *at;) {
        const pid_t child = (pid_t)strtol(at, &at, 10);
        at += strspn(at, " ");
        snprintf(path, sizeof(path), "/proc/%d/comm", (int)child);
        f = fopen(path, "re");
        char name[32] = "";
        assert_true(f && fgets(name, sizeof(name), f));
        (void)fclose(f);
        if (str_starts(str_of(name), STR("nats-server")))
            assert_int_equal(kill(child, is_paused ? SIGSTOP : SIGCONT), 0);
    }
}

/** Until its log has the text so often. */
static inline void nats_server_await(const struct nats_server *s, const char *text, unsigned n)
{
    char path[512];
    unsigned got = 0;

    nats_server_path(path, s, "log");
    while (got < n) {
        char line[1024];
        FILE *f = fopen(path, "re");
        assert_non_null(f);
        for (got = 0; fgets(line, sizeof(line), f);)
            got += strstr(line, text) != NULL;
        (void)fclose(f);
        if (got < n)
            usleep(5000);
    }
}

static inline void nats_server_write(int fd, const char *text)
{
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
}

/** As a client of its own: in NATS' protocol. Returns once the server has done it. */
static inline void nats_server_say(const struct nats_server *s, const char *text)
{
    const struct sockaddr_in to = {.sin_family = AF_INET,
                                   .sin_port = htons((uint16_t)s->port),
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    char said[8192] = "";
    size_t n = 0;
    const int fd = socket(AF_INET, SOCK_STREAM, 0);

    assert_int_equal(connect(fd, (const struct sockaddr *)&to, sizeof(to)), 0);
    nats_server_write(fd, "CONNECT {\"verbose\":false}\r\n");
    nats_server_write(fd, text);
    nats_server_write(fd, "PING\r\n");
    while (!strstr(said, "PONG")) {
        const ssize_t got = read(fd, said + n, sizeof(said) - 1 - n);
        assert_true(got > 0);
        n += (size_t)got;
    }
    close(fd);
}

/** certificate.pem, which is its own authority, and key.pem. */
static inline void nats_server_make_certificate(struct nats_server *s, const char *name)
{
    char alt[128];
    char path[512];
    struct tls_identity i;

    if (!s->folder.path[0])
        folder_make(&s->folder);
    snprintf(alt, sizeof(alt), "DNS:%s", name);
    tls_identity_init(
        &i, &(struct tls_cert){.name = name, .alt = alt, .from_s = -1, .until_s = TLS_DAY_S},
        NULL);
    FILE *f = fopen(nats_server_path(path, s, "certificate.pem"), "we");
    assert_int_equal(f && PEM_write_X509(f, i.cert) == 1, 1);
    (void)fclose(f);
    f = fopen(nats_server_path(path, s, "key.pem"), "we");
    assert_int_equal(f && PEM_write_PrivateKey(f, i.key, NULL, NULL, 0, NULL, NULL) == 1, 1);
    (void)fclose(f);
    tls_identity_fini(&i);
}
