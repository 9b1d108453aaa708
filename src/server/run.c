#include "server/run.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>

#include "eio/server.h"
#include "http/assets.h"
#include "io/process.h"

#define STREAM_MAX (EIO_QUEUE_MAX * (size_t)2) // bytes unsent; room for a queue in base64
static_assert(HTTP_ASSET_MAX + HTTP_HEAD_MAX + HTTP_UNTAKEN_MAX <= STREAM_MAX, "a file fits");

void run_cancel(struct running *r)
{
    if (r->listener)
        listener_close(r->listener);
    r->listener = NULL;
}

static void refuse(void *arg)
{
    struct running *r = arg;

    r->is_stopping = true;
    // Who comes from now on waits for who has the socket next.
    if (r->how->share == TCP_GIVEN)
        run_cancel(r);
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

    run_cancel(r); // until now there was somebody to say when to come again
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

static void on_accept(void *arg, struct stream *stream)
{
    struct running *r = arg;
    http_server_accept(r->how->http, stream);
}

static bool is_proxy(void *arg, const ip *peer)
{
    const struct run *how = ((const struct running *)arg)->how;
    return how->proxies && http_proxies_trust(how->proxies, peer);
}

/** A proxy, or another node. */
static bool is_for_many(void *arg, const ip *peer)
{
    const struct run *how = ((const struct running *)arg)->how;
    return is_proxy(arg, peer) || (how->peers && relay_peers_has(how->peers, peer));
}

static int fail(const struct run *how, int r)
{
    char text[ADDR_TEXT_SIZE];

    fprintf(stderr, "%s: can't listen on %s: %s\n", how->command, addr_text(text, &how->listen),
            r == -EADDRINUSE ? "it is in use; --listen takes another, with port 0 any"
                             : strerrordesc_np(-r));
    return RUN_FAILED;
}

int run_listen(struct running *r, const struct run *how, struct addr *at)
{
    *r = (struct running){.how = how};
    const struct tcp_listen tcp = {
        .addr = how->listen,
        .share = how->share,
        .fd = how->fd,
        .tls = how->tls,
        .max_queued = STREAM_MAX,
        .limit = how->limit,
        .is_exempt = is_for_many,
        .is_proxy = how->proxy_protocol ? is_proxy : NULL,
        .on_accept = on_accept,
        .arg = r,
    };

    stop_init(&r->stop, &how->loop->timers, how->drain_ms, &stop_ops, r);
    const int result = tcp_listen(&r->listener, how->loop, &tcp);
    if (result != 0)
        return fail(how, result);
    *at = listener_addr(r->listener);
    return 0;
}

int run_on_signals(const struct run *how, loop_signal_fn *fn, void *arg)
{
    int r = loop_on_signal(how->loop, SIGTERM, fn, arg);
    if (r == 0)
        r = loop_on_signal(how->loop, SIGINT, fn, arg);
    return r == 0 ? 0 : fail(how, r);
}

const char *run_scheme(const struct tls_context *tls)
{
    return tls ? "https" : "http";
}

void run_say_ready(const char *scheme, const struct addr *at)
{
    char text[ADDR_TEXT_SIZE];

    printf("parley: ready %s://%s\n", scheme, addr_text(text, at));
}

void run_say_stop(const struct running *r, int signal)
{
    log_info(NULL, r->is_stopping ? "server_hurry" : "server_stop", "signal=%d connections=%zu",
             signal, atomic_load(&r->how->limit->n));
}

void run_stop(struct running *r)
{
    stop_ask(&r->stop);
}

int run_serve(struct running *r)
{
    loop_run(r->how->loop);
    loop_run_once(r->how->loop); // the last jobs free what is left
    return r->is_clean ? 0 : RUN_UNCLEAN;
}

static void on_signal(void *arg, int signal)
{
    run_say_stop(arg, signal);
    run_stop(arg);
}

int run(const struct run *how)
{
    struct running r;
    struct addr at;

    int result = run_listen(&r, how, &at);
    if (result != 0)
        return result;
    result = run_on_signals(how, on_signal, &r);
    if (result != 0) {
        run_cancel(&r);
        return result;
    }
    run_say_ready(run_scheme(how->tls), &at);
    fflush(stdout);
    return run_serve(&r);
}

size_t run_max_streams(uint64_t *files, size_t others)
{
    const size_t reserved = TCP_FILES_RESERVED + others;

    *files = process_raise_file_limit();
    return *files / 2 > reserved ? *files - reserved : *files / 2;
}
