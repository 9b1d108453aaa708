#include "io/overdue.h"

#include <dirent.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/err.h"
#include "base/mem.h"
#include "io/loop.h"

#define AGAIN_MS 500 // it may have made another one meanwhile

struct overdue {
    const char *host;
    uint16_t port;
    struct loop_thread thread;
    pthread_mutex_t mutex; // of what follows
    pthread_cond_t ended;
    bool is_over;
    bool is_late;
    int64_t next_ns; // monotonic: when it is late, or still is
};

static bool is_same_place(const struct sockaddr_storage *a, const struct addrinfo *b)
{
    const struct sockaddr_in *a4 = (const void *)a;
    const struct sockaddr_in6 *a6 = (const void *)a;

    if (a->ss_family != b->ai_family)
        return false;
    if (a->ss_family == AF_INET) {
        const struct sockaddr_in *b4 = (const void *)b->ai_addr;
        return a4->sin_port == b4->sin_port && a4->sin_addr.s_addr == b4->sin_addr.s_addr;
    }
    const struct sockaddr_in6 *b6 = (const void *)b->ai_addr;
    return a->ss_family == AF_INET6 && a6->sin6_port == b6->sin6_port &&
           memcmp(&a6->sin6_addr, &b6->sin6_addr, sizeof(a6->sin6_addr)) == 0;
}

static void cut_if_there(int fd, const struct addrinfo *places)
{
    struct sockaddr_storage peer = {0};
    socklen_t size = sizeof(peer);

    if (getpeername(fd, (struct sockaddr *)&peer, &size) != 0)
        return;
    for (; places; places = places->ai_next) {
        if (is_same_place(&peer, places))
            shutdown(fd, SHUT_RDWR); // whoever has it closes it
    }
}

static void cut_all(const struct overdue *o)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    struct addrinfo *places = NULL;
    char port[8];

    (void)snprintf(port, sizeof(port), "%u", (unsigned)o->port);
    if (getaddrinfo(o->host, port, &hints, &places) != 0)
        return;
    DIR *fds = opendir("/proc/self/fd");
    // NOLINTNEXTLINE(concurrency-mt-unsafe): nobody else reads this one
    for (const struct dirent *e = fds ? readdir(fds) : NULL; e; e = readdir(fds)) {
        if (e->d_name[0] != '.')
            cut_if_there((int)strtol(e->d_name, NULL, 10), places);
    }
    if (fds)
        closedir(fds);
    freeaddrinfo(places);
}

static void run(void *arg)
{
    struct overdue *o = arg;

    pthread_mutex_lock(&o->mutex);
    while (!o->is_over) {
        const struct timespec until = {.tv_sec = o->next_ns / 1000000000,
                                       .tv_nsec = o->next_ns % 1000000000};
        if (pthread_cond_timedwait(&o->ended, &o->mutex, &until) == 0 || o->is_over)
            continue;
        o->is_late = true;
        o->next_ns = loop_now_ns() + AGAIN_MS * INT64_C(1000000);
        pthread_mutex_unlock(&o->mutex);
        cut_all(o);
        pthread_mutex_lock(&o->mutex);
    }
    pthread_mutex_unlock(&o->mutex);
}

static void destroy(struct overdue *o)
{
    pthread_cond_destroy(&o->ended);
    pthread_mutex_destroy(&o->mutex);
    free(o);
}

int overdue_begin(struct overdue **out, const char *host, uint16_t port, int64_t after_ms)
{
    struct overdue *o = NEW(struct overdue);
    pthread_condattr_t attributes;

    o->host = host;
    o->port = port;
    o->next_ns = loop_now_ns() + after_ms * 1000000;
    pthread_mutex_init(&o->mutex, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&o->ended, &attributes);
    pthread_condattr_destroy(&attributes);
    const int r = loop_thread_start(&o->thread, "overdue", run, o);
    if (r < 0) {
        destroy(o);
        return err_up(r);
    }
    *out = o;
    return 0;
}

bool overdue_end(struct overdue *o)
{
    pthread_mutex_lock(&o->mutex);
    o->is_over = true;
    pthread_cond_signal(&o->ended);
    pthread_mutex_unlock(&o->mutex);
    loop_thread_join(&o->thread);
    const bool was_late = o->is_late;
    destroy(o);
    return was_late;
}
