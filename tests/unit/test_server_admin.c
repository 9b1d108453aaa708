#include <stdio.h>

#include "bus/local.h"
#include "server/admin.h"
#include "store/mem.h"
#include "support/eio_world.h"
#include "support/limits.h"
#include "support/t.h"

/** The whole server in memory, but for its sockets. */
struct world {
    struct timers timers;
    struct job_queue later;
    struct seeded seeded;
    struct clock clock;
    struct store *store;
    struct bus *bus;
    struct chat *chat;
    struct auth *auth;
    struct auth_sessions *sessions;
    struct api *api;
    struct sio_server *sio;
    struct eio_server *eio;
    struct http_server *http;
    struct health health;
    struct node_media media; // off
    struct admin admin;
    size_t n_connections;
    struct http_route routes[3];
    struct mem_stream peer;
};

static void on_look(void *arg)
{
    (void)arg;
}

static void settle(struct world *w)
{
    while (w->later.head)
        job_run_all(&w->later);
}

static void make_chat(struct world *w)
{
    const struct store_limits limits = limits_of(1000, 1000);
    static const struct chat_config config = {.sessions = 20};
    struct rand *rand = &w->seeded.rand;

    w->store = store_mem_new(&w->later, rand, &limits);
    w->bus = bus_local_new(&w->later, rand);
    const struct chat_ports ports = {.store = w->store,
                                     .bus = w->bus,
                                     .timers = &w->timers,
                                     .later = &w->later,
                                     .clock = &w->clock,
                                     .rand = rand};
    w->chat = chat_new(&ports, &config);
    w->auth = auth_new(1);
    w->sessions = auth_sessions_new(&(struct auth_sessions_config){
        .rand = rand, .clock = &w->clock, .access_ms = 1000, .session_ms = 1000});
    const struct api_config api = {.chat = w->chat,
                                   .auth = w->auth,
                                   .sessions = w->sessions,
                                   .timers = &w->timers,
                                   .later = &w->later,
                                   .clock = &w->clock,
                                   .rand = rand,
                                   .home_chain = 1,
                                   .content_bytes = 1024};
    w->api = api_new(&api);
}

static void make_http(struct world *w)
{
    static const str paths[] = {STR("/healthz"), STR("/readyz"), STR("/metrics")};
    const struct sio_config sio = {
        .timers = &w->timers, .later = &w->later, .rand = &w->seeded.rand};
    const struct eio_config eio = {
        .timers = &w->timers, .later = &w->later, .rand = &w->seeded.rand};
    struct http_config http = {.timers = &w->timers,
                               .later = &w->later,
                               .clock = &w->clock,
                               .routes = w->routes,
                               .n_routes = COUNT_OF(paths)};

    w->sio = sio_server_new(&sio, &api_sio_app, w->api);
    w->eio = eio_server_new(&eio, &sio_eio_app, w->sio);
    health_start(&w->health, w->store, &w->timers, on_look, w);
    w->admin = (struct admin){.phase = ADMIN_SERVING,
                              .started_ms = w->timers.now_ms,
                              .timers = &w->timers,
                              .chat = w->chat,
                              .api = w->api,
                              .store = w->store,
                              .media = &w->media,
                              .eio = w->eio,
                              .health = &w->health,
                              .n_connections = &w->n_connections};
    for (size_t i = 0; i < COUNT_OF(paths); i++)
        w->routes[i] = (struct http_route){paths[i], &admin_http_handler, &w->admin};
    w->http = http_server_new(&http);
}

static int setup(void **state)
{
    static struct world w;

    w = (struct world){.timers.now_ms = 5000000, .clock.unix_ms = eio_world_unix_ms};
    w.later = JOB_QUEUE_INIT(w.later);
    seeded_init(&w.seeded, 1);
    make_chat(&w);
    make_http(&w);
    mem_stream_init(&w.peer, 1 << 20);
    http_server_accept(w.http, &w.peer.stream);
    *state = &w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;

    health_stop(&w->health);
    http_server_drain(w->http);
    settle(w);
    http_server_free(w->http);
    eio_server_free(w->eio);
    sio_server_free(w->sio);
    api_free(w->api);
    auth_sessions_free(w->sessions);
    auth_free(w->auth);
    chat_free(w->chat);
    bus_free(w->bus);
    store_free(w->store);
    mem_stream_fini(&w->peer);
    return 0;
}

/** @return the answer, borrowed until the next */
static str ask(struct world *w, const char *request)
{
    char text[256];

    snprintf(text, sizeof(text), "%s HTTP/1.1\r\nHost: a\r\n\r\n", request);
    mem_stream_feed(&w->peer, str_of(text));
    settle(w);
    return mem_stream_take(&w->peer);
}

static bool has(str text, const char *part)
{
    return text.len > 0 && memmem(text.ptr, text.len, part, strlen(part));
}

static void expect_answer(const char *what, str answer, const char *status, const char *body)
{
    char line[64];

    snprintf(line, sizeof(line), "HTTP/1.1 %s\r\n", status);
    assert(answer.ptr && answer.len > strlen(body));
    expect_int(what, str_starts(answer, str_of(line)), true);
    expect_int(what, has(answer, "\r\nCache-Control: no-store\r\n"), true);
    expect_str(what, ((str){answer.ptr + answer.len - strlen(body), strlen(body)}),
               str_of(body));
}

static void answers_each_request(void **state)
{
    static const struct {
        const char *request;
        const char *status;
        const char *body;
    } rows[] = {
        {"GET /healthz", "200 OK", "\r\n\r\nok\n"},
        {"GET /healthz?x=1", "200 OK", "\r\n\r\nok\n"},
        {"HEAD /healthz", "200 OK", "\r\n\r\n"},
        {"GET /readyz", "200 OK", "\r\n\r\nok\n"},
        {"HEAD /readyz", "200 OK", "\r\n\r\n"},
        {"HEAD /metrics", "200 OK", "\r\n\r\n"},
        {"POST /healthz", "405 Method Not Allowed", "\r\nAllow: GET, HEAD\r\n\r\n"},
        {"PUT /readyz", "405 Method Not Allowed", "\r\nAllow: GET, HEAD\r\n\r\n"},
        {"OPTIONS /metrics", "405 Method Not Allowed", "\r\nAllow: GET, HEAD\r\n\r\n"},
        {"GET /healthzz", "404 Not Found", "\r\n\r\nNot Found\n"},
        {"GET /metrics/x", "404 Not Found", "\r\n\r\nNot Found\n"},
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        expect_answer(rows[i].request, ask(*state, rows[i].request), rows[i].status,
                      rows[i].body);
    }
}

static void is_ready_while_clients_shall_come(void **state)
{
    struct world *w = *state;

    w->admin.phase = ADMIN_STARTING;
    expect_answer("starting", ask(w, "GET /readyz"), "503 Service Unavailable",
                  "\r\n\r\nstarting\n");
    w->admin.phase = ADMIN_SERVING;
    expect_answer("serving", ask(w, "GET /readyz"), "200 OK", "\r\n\r\nok\n");
    w->health.out_since_ms = w->timers.now_ms;
    expect_answer("no store", ask(w, "GET /readyz"), "503 Service Unavailable",
                  "\r\n\r\nthe store is out of reach\n");
    expect_answer("still runs", ask(w, "GET /healthz"), "200 OK", "\r\n\r\nok\n");
    w->admin.phase = ADMIN_DRAINING;
    expect_answer("draining", ask(w, "GET /readyz"), "503 Service Unavailable",
                  "\r\n\r\ndraining\n");
    expect_answer("no body", ask(w, "HEAD /readyz"), "503 Service Unavailable", "\r\n\r\n");
}

static void metrics_say_the_numbers(void **state)
{
    static const char *const lines[] = {
        "\nparley_build_info{version=\"",
        "\nparley_uptime_seconds 61\n",
        "\nparley_connections 7\n",
        "\nparley_connections_max 900\n",
        "\nparley_sessions 0\n",
        "\nparley_store_up 1\n",
        "\nparley_store_refused_total 3\n",
        "\nparley_errors_total{code=\"too_large\"} 0\n",
        "\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\n",
    };
    struct world *w = *state;

    w->n_connections = 7;
    w->admin.max_connections = 900;
    w->store->counters.refused = 3;
    w->admin.started_ms = w->timers.now_ms - 61999;
    const str answer = ask(w, "GET /metrics");
    for (size_t i = 0; i < COUNT_OF(lines); i++)
        expect_int(lines[i], has(answer, lines[i]), true);
    assert_false(has(answer, "process_resident_memory_bytes 0\n"));
    assert_false(has(answer, "kicked")); // nothing sends it
}

static bool ends(str s, str end)
{
    return s.len >= end.len && str_eq((str){s.ptr + s.len - end.len, end.len}, end);
}

/** Two lines: "# HELP NAME Text." and "# TYPE NAME kind". @return the name */
static str expect_heading(str line, str *rest)
{
    str_take(&line, sizeof("# HELP ") - 1);
    const str name = str_take_until(&line, ' ');
    expect_int("help", line.len > 0 && line.ptr[line.len - 1] == '.', true);

    line = str_take_until(rest, '\n');
    expect_str("type", str_take(&line, sizeof("# TYPE ") - 1), STR("# TYPE "));
    expect_str("name", str_take_until(&line, ' '), name);
    const bool is_counter = str_eq(line, STR("counter"));
    const bool is_histogram = str_eq(line, STR("histogram"));
    expect_int("kind", is_counter || is_histogram || str_eq(line, STR("gauge")), true);
    expect_int("a counter's name", ends(name, STR("_total")), is_counter);
    if (is_histogram)
        expect_int("a histogram's name", ends(name, STR("_seconds")), true);
    return name;
}

/** Of a histogram "_bucket", "_sum" (of seconds) and "_count" stand behind the name. */
static void expect_sample(str line, str name)
{
    uint64_t value;

    expect_int("sample", str_starts(line, name), true);
    str sample = str_take_until(&line, ' ');
    str_take(&sample, name.len);
    const bool is_sum = str_eq(sample, STR("_sum"));
    if (!is_sum && !str_eq(sample, STR("_count")) && !str_starts(sample, STR("_bucket{le=\"")))
        expect_int("label", sample.len == 0 || sample.ptr[0] == '{', true);
    if (is_sum)
        expect_int("whole", str_to_u64(str_take_until(&line, '.'), UINT64_MAX, &value), 0);
    expect_int("value", str_to_u64(line, UINT64_MAX, &value), 0);
}

/** Every sample stands behind the HELP and the TYPE of its name. */
static void metrics_are_in_the_form_of_prometheus(void **state)
{
    str rest = ask(*state, "GET /metrics");
    str name = {0};
    unsigned n_samples = 0;

    assert(rest.ptr);
    const char *body = memmem(rest.ptr, rest.len, "\r\n\r\n", 4);
    assert(body);
    str_take(&rest, (size_t)(body - rest.ptr) + 4);
    assert_int_equal(rest.ptr[rest.len - 1], '\n');
    while (rest.len > 0) {
        const str line = str_take_until(&rest, '\n');
        if (str_starts(line, STR("# HELP "))) {
            name = expect_heading(line, &rest);
        } else {
            expect_sample(line, name);
            n_samples++;
        }
    }
    assert_true(n_samples > 30);
}

static void durations_are_counted_by_their_bounds(void **state)
{
    static const char *const lines[] = {
        "\nparley_store_append_seconds_bucket{le=\"0.0001\"} 2\n",
        "\nparley_store_append_seconds_bucket{le=\"0.00025\"} 3\n",
        "\nparley_store_append_seconds_bucket{le=\"5\"} 3\n",
        "\nparley_store_append_seconds_bucket{le=\"10\"} 4\n",
        "\nparley_store_append_seconds_bucket{le=\"+Inf\"} 5\n",
        "\nparley_store_append_seconds_sum 20.000202\n",
        "\nparley_store_append_seconds_count 5\n",
        "\nparley_store_queue_seconds_count 0\n",
        "\nparley_delivery_seconds_sum 0.000000\n",
    };
    struct world *w = *state;
    struct histogram *h = &w->store->counters.append;

    histogram_add(h, -5); // a clock was set
    histogram_add(h, 100);
    histogram_add(h, 101);
    histogram_add(h, 10000000);
    histogram_add(h, 10000001);
    const str answer = ask(w, "GET /metrics");
    for (size_t i = 0; i < COUNT_OF(lines); i++)
        expect_int(lines[i], has(answer, lines[i]), true);
}

/** What is one's own, like the time since the start, is not added up. */
static void numbers_of_several_are_added_up(void **state)
{
    struct world *w = *state;

    w->n_connections = 7;
    w->admin.max_connections = 900;
    w->store->counters.refused = 3;
    w->admin.started_ms = w->timers.now_ms - 61999;
    struct admin_numbers sum = admin_numbers_of(&w->admin);
    struct admin_numbers more = sum;
    more.eio.sessions = 5;
    more.s3.failures = 2; // the last of all fields
    more.api.errors[API_N_ERRORS - 1] = 9;
    more.uptime_s = more.memory = more.max_connections = 1;
    more.chat.delivery.counts[HISTOGRAM_BOUNDS] = 4;
    admin_numbers_add(&sum, &more);
    assert_int_equal(sum.connections, 14);
    assert_int_equal(sum.store.refused, 6);
    assert_int_equal(sum.eio.sessions, 5);
    assert_int_equal(sum.s3.failures, 2);
    assert_int_equal(sum.api.errors[API_N_ERRORS - 1], 9);
    assert_int_equal(sum.uptime_s, 61);
    assert_int_equal(sum.max_connections, 900);
    assert_int_equal(sum.chat.delivery.counts[HISTOGRAM_BOUNDS], 4);
    assert_true(sum.memory > 1);
    assert_int_equal(sum.store_up, 1);
    more.store_up = 0;
    admin_numbers_add(&sum, &more);
    assert_int_equal(sum.store_up, 0);
}

struct asked {
    struct http_request *rq;
    unsigned n_gone;
};

static void on_metrics(void *arg, struct http_request *rq)
{
    struct asked *a = arg;
    a->rq = rq;
}

static void on_gone(void *arg, struct http_request *rq)
{
    struct asked *a = arg;

    a->n_gone += a->rq == rq;
    a->rq = NULL;
}

static void metrics_may_be_answered_later(void **state)
{
    struct world *w = *state;
    struct asked a = {0};

    w->admin.on_metrics = on_metrics;
    w->admin.on_gone = on_gone;
    w->admin.arg = &a;
    assert_int_equal(ask(w, "GET /metrics").len, 0);
    assert_non_null(a.rq);
    const struct admin_numbers n = {.connections = 31};
    admin_respond(a.rq, &n);
    settle(w);
    assert_true(has(mem_stream_take(&w->peer), "\nparley_connections 31\n"));
    assert_int_equal(ask(w, "GET /metrics").len, 0);
    mem_stream_end(&w->peer, STREAM_LOST);
    assert_int_equal(a.n_gone, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(answers_each_request),
        TEST(is_ready_while_clients_shall_come),
        TEST(metrics_say_the_numbers),
        TEST(metrics_are_in_the_form_of_prometheus),
        TEST(durations_are_counted_by_their_bounds),
        TEST(numbers_of_several_are_added_up),
        TEST(metrics_may_be_answered_later),
    };
    return cmocka_run_group_tests_name("server/admin", tests, NULL, NULL);
}
