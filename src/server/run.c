#include "server/run.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>

#include "crypto/random.h"
#include "eio/server.h"
#include "http/assets.h"
#include "io/process.h"
#include "io/tcp.h"
#include "server/stop.h"

#define STREAM_MAX (EIO_QUEUE_MAX * (size_t)2) // bytes unsent; room for a queue in base64
static_assert(HTTP_ASSET_MAX + HTTP_HEAD_MAX + HTTP_UNTAKEN_MAX <= STREAM_MAX, "a file fits");

struct running {
    const struct run *how;
    struct listener *listener; // NULL once all connections are closed
    struct stop stop;
    struct ips per_ip;
    struct tcp_limit limit;
    bool is_stopping;
    bool is_clean;
};

static void refuse(void *arg)
{
    struct running *r = arg;

    r->is_stopping = true;
    r->how->ops->refuse(r->how->arg);
}

static size_t let_go(void *arg, size_t n_steps)
{
    struct running *r = arg;
    return r->how->ops->let_go(r->how->arg, n_steps);
}

static void close_all(void *arg)
{
    struct running *r = arg;

    listener_close(r->listener); // until now there was somebody to say when to come again
    r->listener = NULL;
    r->how->ops->close(r->how->arg);
    http_server_drain(r->how->http);
}

static bool is_over(void *arg)
{
    struct running *r = arg;
    return r->how->loop->n_streams == 0 && r->how->ops->is_idle(r->how->arg);
}

static void cut(void *arg)
{
    struct running *r = arg;

    loop_abort_streams(r->how->loop);
    r->how->ops->give_up(r->how->arg);
}

static void on_end(void *arg, bool is_clean)
{
    struct running *r = arg;

    r->is_clean = is_clean;
    if (!is_clean)
        log_error(NULL, "server_stop_unclean", "connections=%zu", r->how->loop->n_streams);
    loop_stop(r->how->loop);
}

static const struct stop_ops stop_ops = {
    .refuse = refuse,
    .let_go = let_go,
    .close = close_all,
    .is_over = is_over,
    .cut = cut,
    .on_end = on_end,
};

static void on_signal(void *arg, int signal)
{
    struct running *r = arg;

    log_info(NULL, r->is_stopping ? "server_hurry" : "server_stop", "signal=%d connections=%zu",
             signal, r->how->loop->n_streams);
    stop_ask(&r->stop);
}

static void on_accept(void *arg, struct stream *stream)
{
    struct running *r = arg;
    http_server_accept(r->how->http, stream);
}

static bool is_proxy(void *arg, const ip *peer)
{
    const struct running *r = arg;
    return r->how->proxies && http_proxies_trust(r->how->proxies, peer);
}

static int fail(const struct run *how, int r)
{
    char text[ADDR_TEXT_SIZE];

    fprintf(stderr, "%s: can't listen on %s: %s\n", how->command, addr_text(text, &how->listen),
            r == -EADDRINUSE ? "it is in use; --listen takes another, with port 0 any"
                             : strerrordesc_np(-r));
    return RUN_FAILED;
}

static int start(struct running *r)
{
    const struct tcp_listen tcp = {
        .addr = r->how->listen,
        .max_queued = STREAM_MAX,
        .limit = &r->limit,
        .is_exempt = is_proxy,
        .on_accept = on_accept,
        .arg = r,
    };

    int result = tcp_listen(&r->listener, r->how->loop, &tcp);
    if (result != 0)
        return fail(r->how, result);
    result = loop_on_signal(r->how->loop, SIGTERM, on_signal, r);
    if (result == 0)
        result = loop_on_signal(r->how->loop, SIGINT, on_signal, r);
    if (result == 0)
        return 0;
    listener_close(r->listener);
    return fail(r->how, result);
}

int run(const struct run *how)
{
    struct running r = {.how = how};
    char text[ADDR_TEXT_SIZE];

    ips_init(&r.per_ip, how->max_per_ip, crypto_random());
    r.limit.max = how->max_streams;
    r.limit.per_ip = how->max_per_ip > 0 ? &r.per_ip : NULL;
    stop_init(&r.stop, &how->loop->timers, how->drain_ms, &stop_ops, &r);
    const int result = start(&r);
    if (result != 0)
        return result;
    const struct addr at = listener_addr(r.listener);
    if (how->ops->on_listening)
        how->ops->on_listening(how->arg, &at);
    printf("parley: ready http://%s\n", addr_text(text, &at));
    if (how->ops->on_ready)
        how->ops->on_ready(how->arg, &at);
    fflush(stdout);
    loop_run(how->loop);
    loop_run_once(how->loop); // the last jobs free what is left
    if (!r.is_clean)
        return RUN_UNCLEAN;
    ips_fini(&r.per_ip);
    return 0;
}

size_t run_max_streams(uint64_t *files, size_t others)
{
    const size_t reserved = TCP_FILES_RESERVED + others;

    *files = process_raise_file_limit();
    return *files / 2 > reserved ? *files - reserved : *files / 2;
}
