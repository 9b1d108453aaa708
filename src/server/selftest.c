#include "server/selftest.h"

#include <stdio.h>

#include "crypto/random.h"
#include "server/echo.h"
#include "server/options.h"
#include "server/run.h"

#define MAX_PAYLOAD (64U << 20)

struct options {
    struct addr listen;
    str path;
    int64_t ping_interval;
    int64_t ping_timeout;
    int64_t upgrade_timeout;
    int64_t connect_timeout;
    uint64_t max_payload;
    uint64_t max_attachments;
    struct option_list cors_origin;
    bool cors_credentials;
    struct option_list transports;
    bool allow_upgrades;
    str log;
};

#define FIELD(name) offsetof(struct options, name)
static const struct option rows[] = {
    {"listen", OPTION_ADDR, FIELD(listen), "127.0.0.1:8080", "HOST:PORT",
     "where to listen: loopback only; port 0 picks one", 0, 0},
    {"path", OPTION_TEXT, FIELD(path), "/socket.io/", "PATH", "where Socket.IO is", 0, 0},
    {"ping-interval", OPTION_DURATION, FIELD(ping_interval), "25s", "DURATION",
     "from a client's pong to the next ping", 10, 86400000},
    {"ping-timeout", OPTION_DURATION, FIELD(ping_timeout), "20s", "DURATION",
     "for the pong, then the client is given up", 10, 86400000},
    {"upgrade-timeout", OPTION_DURATION, FIELD(upgrade_timeout), "10s", "DURATION",
     "for a WebSocket to take over from polling", 10, 86400000},
    {"connect-timeout", OPTION_DURATION, FIELD(connect_timeout), "45s", "DURATION",
     "for a client to join its first namespace", 10, 86400000},
    {"max-payload", OPTION_SIZE, FIELD(max_payload), "1000000", "SIZE",
     "of a POST, and of a WebSocket message", 1, MAX_PAYLOAD},
    {"max-attachments", OPTION_COUNT, FIELD(max_attachments), "10", "N",
     "binary attachments of one packet", 1, SIO_ATTACHMENTS_MAX},
    {"cors-origin", OPTION_LIST, FIELD(cors_origin), NULL, "ORIGINS",
     "origins whose pages may read our answers, or *", 0, 0},
    {"cors-credentials", OPTION_SWITCH, FIELD(cors_credentials), "off", "on|off",
     "let these pages send cookies", 0, 0},
    {"transports", OPTION_LIST, FIELD(transports), "polling,websocket", "LIST",
     "what a client may come with", 0, 0},
    {"allow-upgrades", OPTION_SWITCH, FIELD(allow_upgrades), "on", "on|off",
     "from polling to a WebSocket", 0, 0},
    {"log", OPTION_TEXT, FIELD(log), "info", "LEVEL",
     "error, warn, info, debug, trace; by layer: info,ws=trace", 0, 0},
    {"recovery", OPTION_IGNORED, 0, NULL, "", "", 0, 0},
    {"cookie", OPTION_IGNORED, 0, NULL, "", "", 0, 0},
    {"permessage-deflate", OPTION_IGNORED, 0, NULL, "", "", 0, 0},
    {"allow-eio3", OPTION_IGNORED, 0, NULL, "", "", 0, 0},
};
#undef FIELD

const struct option_table selftest_table = {
    .command = "parley selftest",
    .summary =
        "Serves Parley's transport with an echo application instead of the chat, for the test\n"
        "suites of Engine.IO (/engine.io/), Socket.IO (/socket.io/) and WebSocket (/ws-echo).\n"
        "It opens no store, asks nobody who they are, and listens on loopback only.",
    .options = rows,
    .n_options = COUNT_OF(rows),
};

struct selftest {
    struct loop *loop;
    struct http_server *http;
    struct eio_server *engine;   // /engine.io/
    struct eio_server *socketio; // /socket.io/
    struct sio_server *sio;
    struct http_origins origins;
    struct echo echo;
    struct tcp_limit limit;
};

static int usage(const char *text)
{
    fprintf(stderr, "parley selftest: %s\n", text);
    return 2;
}

static unsigned transports_of(const struct option_list *list)
{
    unsigned transports = 0;

    for (size_t i = 0; i < list->n; i++) {
        if (str_eq(list->items[i], STR("polling"))) {
            transports |= EIO_POLLING_TRANSPORT;
        } else if (str_eq(list->items[i], STR("websocket"))) {
            transports |= EIO_WEBSOCKET_TRANSPORT;
        } else {
            return 0;
        }
    }
    return transports;
}

/** @return whether each of the list is one */
static bool origins_of(const struct option_list *list, struct http_origins *out)
{
    static_assert(OPTIONS_LIST_MAX <= HTTP_ORIGINS_MAX, "a list of origins fits");
    for (size_t i = 0; i < list->n; i++) {
        if (http_origins_add(out, list->items[i]) != 0)
            return false;
    }
    return true;
}

// Stopping.

static void refuse(void *arg)
{
    (void)arg;
}

static size_t let_go(void *arg, size_t n_steps)
{
    (void)arg, (void)n_steps;
    return 0; // of all at once: nobody's clients depend on it
}

static void close_all(void *arg)
{
    struct selftest *s = arg;

    eio_server_shut_down(s->engine);
    eio_server_shut_down(s->socketio);
    echo_shut_down(&s->echo);
}

static bool is_idle(void *arg)
{
    (void)arg;
    return true;
}

static void give_up(void *arg)
{
    (void)arg;
}

static const struct run_ops run_ops = {
    .refuse = refuse,
    .let_go = let_go,
    .close = close_all,
    .is_idle = is_idle,
    .give_up = give_up,
};

static int serve(struct selftest *s, const struct options *o)
{
    struct timers *timers = &s->loop->timers;
    struct job_queue *later = &s->loop->later;
    struct rand *rand = crypto_random();

    const struct sio_config sio = {
        .timers = timers,
        .later = later,
        .rand = rand,
        .connect_timeout_ms = o->connect_timeout,
        .max_attachments = (unsigned)o->max_attachments,
    };
    const struct eio_config eio = {
        .timers = timers,
        .later = later,
        .rand = rand,
        .ping_interval_ms = o->ping_interval,
        .ping_timeout_ms = o->ping_timeout,
        .upgrade_timeout_ms = o->upgrade_timeout,
        .max_payload = o->max_payload,
        .transports = transports_of(&o->transports),
        .allow_upgrades = o->allow_upgrades,
        .origins = s->origins,
        .cors = o->cors_origin.n > 0,
        .cors_credentials = o->cors_credentials,
    };
    const struct ws_config ws = {
        .timers = timers, .later = later, .max_message = o->max_payload};

    echo_init(&s->echo, &ws);
    s->sio = sio_server_new(&sio, &echo_sio_app, &s->echo);
    s->socketio = eio_server_new(&eio, &sio_eio_app, s->sio);
    s->engine = eio_server_new(&eio, &echo_eio_app, NULL);
    const struct http_route routes[] = {
        {o->path, &eio_http_handler, s->socketio},
        {STR("/engine.io/"), &eio_http_handler, s->engine},
        {STR("/ws-echo"), &echo_ws_handler, &s->echo},
    };
    const struct http_config http = {
        .timers = timers,
        .later = later,
        .clock = &s->loop->clock,
        .routes = routes,
        .n_routes = COUNT_OF(routes),
    };
    s->http = http_server_new(&http);

    const struct run how = {
        .command = "parley selftest",
        .loop = s->loop,
        .http = s->http,
        .listen = o->listen,
        .limit = &s->limit,
        .ops = &run_ops,
        .arg = s,
    };
    const int r = run(&how);
    http_server_free(s->http);
    eio_server_free(s->engine);
    eio_server_free(s->socketio);
    sio_server_free(s->sio);
    return r == 0 ? 0 : 1;
}

int selftest_main(int argc, char **argv)
{
    struct options o = {0};
    struct selftest s = {0};

    const int refusal =
        options_parse(&selftest_table, &o, &(struct options_from){argc, argv, NULL, NULL});
    if (refusal != 0)
        return refusal == OPTIONS_HELP ? 0 : 2;
    if (!addr_is_loopback(&o.listen))
        return usage("listens on loopback only: it lets anybody in");
    if (!str_starts(o.path, STR("/")) || o.path.ptr[o.path.len - 1] != '/')
        return usage("--path must begin and end with '/'");
    if (transports_of(&o.transports) == 0)
        return usage("--transports takes polling, websocket, or both");
    if (!origins_of(&o.cors_origin, &s.origins))
        return usage("--cors-origin takes origins such as https://shop.example:8443, or *");
    if (log_set_levels(o.log) != 0) {
        return usage(
            "--log takes a level (error, warn, info, debug, trace), and layers: "
            "info,ws=trace");
    }
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        if (rows[i].kind == OPTION_IGNORED &&
            options_has(&selftest_table, rows[i].name, argc, argv)) {
            log_warn(NULL, "server_ignored", "option=%s", rows[i].name);
        }
    }
    uint64_t files = 0;
    s.limit.max = run_max_streams(&files, 0);
    log_info(NULL, "server_selftest", "auth=none store=none files=%llu max_connections=%zu",
             (unsigned long long)files, s.limit.max);
    if (loop_new(&s.loop) != 0)
        return 1;
    const int code = serve(&s, &o);
    loop_free(s.loop);
    return code;
}
