/** A process on NATS that goes away, is slow, is refused, or loses another one
 * (tests/conformance/bus.c has the rest). */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

#include "base/log.h"
#include "base/mem.h"
#include "bus/nats.h"
#include "support/nats_server.h"
#include "support/nats_world.h"
#include "support/t.h"

/** A loop of a process, and what it hears. */
struct ear {
    struct bus *bus;
    unsigned n_subscribed;
    unsigned n_events;
    unsigned n_gaps;
};

struct world {
    struct nats_server server; // a test's own, which it ends
    struct loop *loop;
    struct nats_node_world a;
    struct nats_node_world b;
    struct ear ears[3];
};

static account wallet(uint8_t n)
{
    return (account){.len = 3, .bytes = {1, 2, n}};
}

static void on_event(void *arg, const struct bus_event *e)
{
    (void)e;
    ((struct ear *)arg)->n_events++;
}

static void on_gap(void *arg)
{
    ((struct ear *)arg)->n_gaps++;
}

static void on_subscribed(void *arg, const account *a)
{
    (void)a;
    ((struct ear *)arg)->n_subscribed++;
}

static int open_world(void **state)
{
    struct world *w = NEW(struct world);

    assert_int_equal(loop_new(&w->loop), 0);
    *state = w;
    return 0;
}

static int close_world(void **state)
{
    struct world *w = *state;

    for (unsigned i = 0; i < COUNT_OF(w->ears); i++)
        bus_free(w->ears[i].bus);
    loop_run_once(w->loop);
    nats_node_close(&w->a);
    nats_node_close(&w->b);
    loop_free(w->loop);
    nats_server_fini(&w->server);
    free(w);
    return 0;
}

static struct ear *join(struct world *w, unsigned nth, const struct nats_node_world *n)
{
    static const struct bus_handler handler = {on_event, on_gap, on_subscribed, NULL};
    struct ear *e = &w->ears[nth];

    e->bus = nats_node_join(n, w->loop);
    bus_attach(e->bus, &handler, e);
    return e;
}

static void open_node(struct nats_node_world *n, const struct nats_server *s, const char *name)
{
    nats_node_open_as(n, (struct bus_nats_config){.urls = s->url, .node = name});
}

/** Until it holds: meson ends a test where it never does. */
#define UNTIL(w, condition)                                                                    \
    do {                                                                                       \
        loop_run_once((w)->loop);                                                              \
    } while (!(condition))

static void subscribe(struct world *w, struct ear *e, uint8_t n)
{
    const account a = wallet(n);
    const unsigned before = e->n_subscribed;

    bus_subscribe(e->bus, &a);
    UNTIL(w, e->n_subscribed > before);
}

static void publish(const struct ear *e, uint8_t n)
{
    const struct bus_event event = {.kind = BUS_CROWDED, .to = wallet(n)};

    bus_publish(e->bus, &event);
}

static void another_process_hears_what_is_published_and_its_own_loops_once(void **state)
{
    struct world *w = *state;

    nats_server_start(&w->server, NULL);
    open_node(&w->a, &w->server, "a");
    open_node(&w->b, &w->server, "b");
    struct ear *here = join(w, 0, &w->a);
    struct ear *beside = join(w, 1, &w->a);
    struct ear *afar = join(w, 2, &w->b);
    assert_false(here->bus->loses_nothing);
    assert_false(here->bus->is_ordered);
    subscribe(w, here, 1);
    subscribe(w, beside, 1);
    subscribe(w, afar, 1);
    publish(here, 1);
    UNTIL(w, here->n_events == 1 && beside->n_events == 1 && afar->n_events == 1);
    publish(afar, 1);
    UNTIL(w, here->n_events == 2 && beside->n_events == 2 && afar->n_events == 2);
    assert_int_equal(nats_node_numbers(&w->a).published, 1);
    assert_int_equal(nats_node_numbers(&w->a).received, 1);
    assert_int_equal(nats_node_numbers(&w->a).subjects, 1);
    assert_int_equal(here->n_gaps + beside->n_gaps + afar->n_gaps, 0);
}

static void the_last_loop_that_wants_it_takes_the_subject_along(void **state)
{
    struct world *w = *state;
    const account a = wallet(1);

    nats_server_start(&w->server, NULL);
    open_node(&w->a, &w->server, "a");
    open_node(&w->b, &w->server, "b");
    struct ear *here = join(w, 0, &w->a);
    struct ear *beside = join(w, 1, &w->a);
    struct ear *afar = join(w, 2, &w->b);
    subscribe(w, here, 1);
    subscribe(w, beside, 1);
    bus_watch(here->bus, &a);
    UNTIL(w, nats_node_numbers(&w->a).subjects == 2);
    bus_unwatch(here->bus, &a);
    bus_unsubscribe(here->bus, &a);
    UNTIL(w, nats_node_numbers(&w->a).subjects == 1);
    publish(afar, 1);
    UNTIL(w, beside->n_events == 1);
    bus_free(beside->bus); // with what it is subscribed to
    beside->bus = NULL;
    UNTIL(w, nats_node_numbers(&w->a).subjects == 0);
    assert_int_equal(here->n_events, 0);
}

static void while_nats_is_away_nobody_waits_and_then_all_goes_on(void **state)
{
    struct world *w = *state;
    const account early = wallet(3);

    nats_server_start(&w->server, NULL);
    open_node(&w->a, &w->server, "a");
    open_node(&w->b, &w->server, "b");
    struct ear *here = join(w, 0, &w->a);
    struct ear *afar = join(w, 2, &w->b);
    subscribe(w, afar, 1);
    nats_server_stop(&w->server);
    bus_subscribe(here->bus, &early); // before anybody knows
    UNTIL(w, here->n_subscribed == 1);
    UNTIL(w, !nats_node_numbers(&w->a).is_connected && !nats_node_numbers(&w->b).is_connected);
    subscribe(w, afar, 2);
    publish(here, 1); // it is lost
    assert_int_equal(here->n_gaps + afar->n_gaps, 0);

    nats_server_start_again(&w->server);
    UNTIL(w, here->n_gaps > 0 && afar->n_gaps > 0);
    publish(here, 1);
    publish(here, 2);
    publish(afar, 3);
    UNTIL(w, afar->n_events == 2 && here->n_events == 1);
    assert_int_equal(nats_node_numbers(&w->a).lost, 1);
    assert_int_equal(nats_node_numbers(&w->a).dropped, 1);
}

static void a_node_starts_while_nats_is_away(void **state)
{
    struct world *w = *state;

    nats_server_start(&w->server, NULL);
    nats_server_stop(&w->server);
    open_node(&w->a, &w->server, "a");
    assert_false(nats_node_numbers(&w->a).is_connected);
    struct ear *here = join(w, 0, &w->a);
    subscribe(w, here, 1);
    nats_server_start_again(&w->server);
    open_node(&w->b, &w->server, "b");
    struct ear *afar = join(w, 2, &w->b);
    UNTIL(w, here->n_gaps > 0);
    publish(afar, 1);
    UNTIL(w, here->n_events == 1);
}

/** Of one that is silent, which looks like one that is slow, nobody waits for longer than
 * BUS_NATS_PATIENCE_MS. */
static void a_server_that_is_silent_is_lost(void **state)
{
    struct world *w = *state;

    nats_server_start(&w->server, NULL);
    open_node(&w->a, &w->server, "a");
    struct ear *here = join(w, 0, &w->a);
    nats_server_pause(&w->server, true);
    for (uint8_t n = 1; nats_node_numbers(&w->a).lost == 0; n++)
        subscribe(w, here, n); // not all of it pauses at once
    nats_server_pause(&w->server, false);
    UNTIL(w, here->n_gaps > 0);
    assert_int_equal(nats_node_numbers(&w->a).lost, 1);
}

static int open_as(const char *urls, const char *ca_file)
{
    struct bus_nats *n = NULL;
    const struct bus_nats_config config = {
        .urls = urls, .ca_file = ca_file, .node = "a", .rand = crypto_random()};
    const int r = bus_nats_open(&n, &config);

    if (r == 0)
        bus_nats_free(n);
    return r;
}

static void who_is_not_let_in_does_not_start(void **state)
{
    struct world *w = *state;
    char url[128];

    nats_server_start(&w->server, "--user=u --pass=p@ss");
    const char *place = w->server.url + strlen("nats://");
    snprintf(url, sizeof(url), "nats://u:p%%40ss@%s", place);
    expect_int("let in", open_as(url, NULL), 0);
    snprintf(url, sizeof(url), "nats://u:wrong@%s", place);
    expect_int("a wrong password", open_as(url, NULL), BUS_NATS_DENIED);
    snprintf(url, sizeof(url), "nats://p%%40ss@%s", place);
    expect_int("a token", open_as(url, NULL), BUS_NATS_DENIED);
    expect_int("nobody", open_as(w->server.url, NULL), BUS_NATS_DENIED);
}

/** It comes back, though nats.c would give up. */
static void who_is_refused_later_tries_for_ever(void **state)
{
    struct world *w = *state;
    char url[128];

    nats_server_start(&w->server, "--auth=t0k3n");
    snprintf(url, sizeof(url), "nats://t0k3n@%s", w->server.url + strlen("nats://"));
    nats_node_open_as(&w->a, (struct bus_nats_config){.urls = url});
    struct ear *here = join(w, 0, &w->a);
    nats_server_stop(&w->server);
    nats_server_change(&w->server, "--auth=another");
    nats_server_start_again(&w->server);
    nats_server_await(&w->server, "authentication error", 2);
    subscribe(w, here, 1);
    nats_server_stop(&w->server);
    nats_server_change(&w->server, "--auth=t0k3n");
    nats_server_start_again(&w->server);
    UNTIL(w, here->n_gaps > 0);
    assert_true(nats_node_numbers(&w->a).is_connected);
}

static void what_an_operator_got_wrong_has_a_name_and_a_remedy(void **state)
{
    static const struct {
        const char *urls;
        int want;
    } rows[] = {
        {"nats://127.0.0.1:1", 0},
        {"http://127.0.0.1", BUS_NATS_BAD_URL},
        {"nats://db.example", BUS_NATS_NO_PASSWORD},
        {"tls://u:p@10.0.0.1", BUS_NATS_NO_NAME},
        {"tls://localhost,nats://localhost", BUS_NATS_MIXED},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        expect_int(rows[i].urls, bus_nats_check_urls(rows[i].urls), rows[i].want);
        if (rows[i].want != 0)
            expect_int(rows[i].urls, open_as(rows[i].urls, NULL), rows[i].want);
    }
    for (int why = BUS_NATS_BAD_URL; why <= BUS_NATS_BAD_CA; why++)
        assert_true(strlen(bus_nats_remedy((enum bus_nats_refusal)why)) > 0);
    assert_true(bus_nats_has_password("nats://a,nats://t@b"));
    assert_false(bus_nats_has_password("nats://a,nats://b"));
    expect_int("no such file", open_as("tls://localhost:1", "/nowhere.pem"), BUS_NATS_BAD_CA);
}

/** @param at  gets its address */
static int listen_at(struct sockaddr_in *at)
{
    const int listener = socket(AF_INET, SOCK_STREAM, 0);
    socklen_t size = sizeof(*at);

    *at =
        (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    assert_int_equal(bind(listener, (struct sockaddr *)at, size), 0);
    assert_int_equal(listen(listener, 8), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)at, &size), 0);
    return listener;
}

static void *greet(void *arg)
{
    static const char info[] =
        "INFO {\"server_id\":\"x\",\"version\":\"2.9.0\",\"proto\":1,"
        "\"max_payload\":1048576,\"tls_required\":true}\r\n";
    const int *listener = arg;
    const int fd = accept(*listener, NULL, NULL);
    char said[4096];

    nats_server_write(fd, info);
    while (read(fd, said, sizeof(said)) > 0) {
    }
    close(fd);
    return NULL;
}

/** In the middle of the handshake, for which nats.c would wait without end. */
static void a_server_that_is_silent_where_tls_begins_is_away(void **state)
{
    struct sockaddr_in at;
    char url[64];
    pthread_t thread;
    int listener = listen_at(&at);

    (void)state;
    snprintf(url, sizeof(url), "tls://localhost:%u", (unsigned)ntohs(at.sin_port));
    assert_int_equal(pthread_create(&thread, NULL, greet, &listener), 0);
    assert_int_equal(open_as(url, NULL), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    close(listener);
}

static void tls_is_for_a_certificate_that_is_good_for_the_name(void **state)
{
    struct world *w = *state;
    char ca[128];
    char url[64];
    char options[512];

    nats_server_make_certificate(&w->server, "localhost");
    snprintf(ca, sizeof(ca), "%s/certificate.pem", w->server.folder.path);
    snprintf(options, sizeof(options), "--tls=true --tlscert=%s --tlskey=%s/key.pem", ca,
             w->server.folder.path);
    nats_server_start(&w->server, options);
    const char *port = strrchr(w->server.url, ':');
    snprintf(url, sizeof(url), "tls://localhost%s", port);
    expect_int("good", open_as(url, ca), 0);
    expect_int("signed by nobody", open_as(url, NULL), BUS_NATS_UNTRUSTED);

    nats_server_stop(&w->server);
    nats_server_make_certificate(&w->server, "another.example");
    nats_server_start_again(&w->server);
    expect_int("for another name", open_as(url, ca), BUS_NATS_UNTRUSTED);

    nats_server_stop(&w->server);
    nats_server_change(&w->server, NULL);
    nats_server_start_again(&w->server);
    expect_int("no TLS", open_as(url, ca), BUS_NATS_UNTRUSTED);
}

/** What waits is bounded, and what was subscribed is not lost by that. */
static void what_the_queue_has_no_room_for_is_dropped(void **state)
{
    struct world *w = *state;

    nats_server_start(&w->server, NULL);
    nats_node_open_as(&w->a,
                      (struct bus_nats_config){.urls = w->server.url, .queue_max = 1000});
    open_node(&w->b, &w->server, "b");
    struct ear *here = join(w, 0, &w->a);
    struct ear *afar = join(w, 2, &w->b);
    subscribe(w, afar, 1);
    for (unsigned i = 0; i < 100; i++)
        publish(here, 1);
    subscribe(w, here, 2);
    UNTIL(w, nats_node_numbers(&w->a).published + nats_node_numbers(&w->a).dropped >= 100);
    UNTIL(w, afar->n_events == nats_node_numbers(&w->a).published);
    assert_in_range(nats_node_numbers(&w->a).published, 1, 10);
    publish(here, 1);
    UNTIL(w, nats_node_numbers(&w->a).published == afar->n_events && afar->n_events > 1);
}

/** A loop that does not take what comes for it is told of a gap, once. */
static void what_a_loop_has_no_room_for_is_a_gap(void **state)
{
    static char content[65536];
    struct world *w = *state;
    const unsigned n = (unsigned)((size_t)2 * BUS_HUB_WAITING_MAX / sizeof(content));
    const struct bus_event e = {
        .kind = BUS_MESSAGE,
        .to = wallet(1),
        .message = {.type = STR("text"), .content = {content, sizeof(content)}},
    };
    struct loop *other = NULL;

    nats_server_start(&w->server, NULL);
    open_node(&w->a, &w->server, "a");
    open_node(&w->b, &w->server, "b");
    struct ear *here = join(w, 0, &w->a);
    subscribe(w, here, 1);
    assert_int_equal(loop_new(&other), 0);
    struct bus *publisher = nats_node_join(&w->b, other);
    for (unsigned i = 0; i < n; i++) {
        bus_publish(publisher, &e);
        loop_run_once(other);
        while (nats_node_numbers(&w->a).received <= i) // but the loop does not look
            loop_run_once(other);
    }
    assert_in_range(nats_node_numbers(&w->a).dropped, n / 2 - 16, n / 2 + 16);
    UNTIL(w, here->n_gaps == 1 && here->n_events + nats_node_numbers(&w->a).dropped == n);
    bus_publish(publisher, &e);
    loop_run_once(other);
    UNTIL(w, here->n_events + nats_node_numbers(&w->a).dropped == n + 1);
    assert_int_equal(here->n_gaps, 1);
    bus_free(publisher);
    loop_run_once(other);
    loop_free(other);
}

static void a_node_that_is_gone_is_a_gap(void **state)
{
    const struct bus_nats_config watches = {.node = "a", .node_ms = 20, .node_lost_ms = 1500};
    struct world *w = *state;
    struct bus_nats_config config = watches;

    nats_server_start(&w->server, NULL);
    config.urls = w->server.url;
    nats_node_open_as(&w->a, config);
    config.node = "b";
    nats_node_open_as(&w->b, config);
    struct ear *here = join(w, 0, &w->a);
    UNTIL(w, nats_node_numbers(&w->a).nodes == 1 && nats_node_numbers(&w->b).nodes == 1);
    assert_int_equal(here->n_gaps, 0);

    nats_node_close(&w->b); // and is there again at once, but another one
    nats_node_open_as(&w->b, config);
    UNTIL(w, here->n_gaps == 1);
    assert_int_equal(nats_node_numbers(&w->a).nodes, 1);

    nats_node_close(&w->b);
    UNTIL(w, here->n_gaps == 2);
    assert_int_equal(nats_node_numbers(&w->a).nodes, 0);
}

/** If one of them were gone before the next announcement, it would miss nobody. */
static void who_comes_hears_at_once_who_is_there(void **state)
{
    struct world *w = *state;
    struct bus_nats_config config = {.node = "a", .node_ms = 3600000, .node_lost_ms = 7200000};

    nats_server_start(&w->server, NULL);
    config.urls = w->server.url;
    nats_node_open_as(&w->a, config);
    for (unsigned i = 0; i < 2; i++) {
        config.node = "b";
        nats_node_open_as(&w->b, config);
        UNTIL(w, nats_node_numbers(&w->a).nodes == 1 && nats_node_numbers(&w->b).nodes == 1);
        nats_node_close(&w->b); // and is there again, another one of its name
    }
}

/** Of other processes, newer ones: and whatever else is there. */
static void what_nobody_can_read_is_counted(void **state)
{
    static const char *const said[][2] = {
        {"w.010201", "2\r\n\x02\x01"},
        {"w.010201", "0\r\n"},
        {"nodes", "3\r\nxyz"},
        {"nodes", "0\r\n"},
    };
    struct world *w = *state;
    char text[128];

    nats_server_start(&w->server, NULL);
    open_node(&w->a, &w->server, "a");
    struct ear *here = join(w, 0, &w->a);
    subscribe(w, here, 1);
    for (size_t i = 0; i < COUNT_OF(said); i++) {
        snprintf(text, sizeof(text), "PUB %s.%s %s\r\n", nats_world_prefix(), said[i][0],
                 said[i][1]);
        nats_server_say(&w->server, text);
    }
    UNTIL(w, nats_node_numbers(&w->a).unreadable == 4);
    assert_int_equal(here->n_events, 0);
}

/** Says that it is one, and after the first flush what makes nats.c close. */
static void *serve_badly(void *arg)
{
    static const char info[] =
        "INFO {\"server_id\":\"x\",\"version\":\"2.9.0\",\"proto\":1,"
        "\"max_payload\":1048576}\r\n";
    static const char bad[] =
        "PONG\r\n-ERR 'Whatever'\r\n-ERR 'Permissions Violation for"
        " Subscription to \"x\"'\r\n-ERR 'Authorization Violation'\r\n";
    const int *listener = arg;

    for (unsigned i = 0; i < 3; i++) {
        const int fd = accept(*listener, NULL, NULL);
        char said[4096];
        nats_server_write(fd, info);
        for (unsigned n_pings = 0; n_pings < 2;) {
            const ssize_t n = read(fd, said, sizeof(said) - 1);
            if (n <= 0)
                break;
            said[n] = '\0';
            if (strstr(said, "PING"))
                nats_server_write(fd, n_pings++ == 0 ? "PONG\r\n" : bad);
        }
        while (read(fd, said, sizeof(said)) > 0) {
        }
        close(fd);
    }
    return NULL;
}

/** nats.c has given up then: we have not. */
static void what_a_server_says_that_nobody_knows_is_a_connection_lost(void **state)
{
    struct world *w = *state;
    struct sockaddr_in at;
    char url[64];
    pthread_t thread;
    int listener = listen_at(&at);

    snprintf(url, sizeof(url), "nats://127.0.0.1:%u", (unsigned)ntohs(at.sin_port));
    assert_int_equal(pthread_create(&thread, NULL, serve_badly, &listener), 0);
    nats_node_open_as(&w->a, (struct bus_nats_config){.urls = url});
    struct ear *here = join(w, 0, &w->a);
    subscribe(w, here, 1);
    assert_int_equal(pthread_join(thread, NULL), 0); // after the third
    close(listener);
    subscribe(w, here, 2);
}

struct log {
    atomic_bool is_forbidden;
    atomic_bool has_password;
};

static void on_line(void *arg, str line)
{
    struct log *log = arg;

    if (memmem(line.ptr, line.len, "event=bus_nats_forbidden", 24))
        atomic_store(&log->is_forbidden, true);
    if (memmem(line.ptr, line.len, "s3cret", 6))
        atomic_store(&log->has_password, true);
}

static void what_the_server_forbids_is_logged_and_no_password_is(void **state)
{
    struct world *w = *state;
    struct log log = {false, false};
    char path[512];
    char text[600];

    folder_make(&w->server.folder);
    nats_server_path(path, &w->server, "config");
    FILE *f = fopen(path, "we");
    assert_non_null(f);
    fprintf(f,
            "authorization { users = [ { user: u, password: s3cret,"
            " permissions: { publish: other, subscribe: other } } ] }\n");
    (void)fclose(f);
    snprintf(text, sizeof(text), "--config=%s", path);
    nats_server_start(&w->server, text);
    snprintf(text, sizeof(text), "nats://u:s3cret@%s", w->server.url + strlen("nats://"));
    log_set_sink(on_line, &log);
    nats_node_open_as(&w->a, (struct bus_nats_config){.urls = text});
    struct ear *here = join(w, 0, &w->a);
    subscribe(w, here, 1);
    UNTIL(w, atomic_load(&log.is_forbidden));
    nats_server_stop(&w->server);
    UNTIL(w, nats_node_numbers(&w->a).lost == 1);
    assert_int_equal(open_as("nats://u:s3cret@127.0.0.1:1", NULL), 0);
    log_set_sink(NULL, NULL);
    assert_false(atomic_load(&log.has_password));
}

#define NATS_TEST(test) cmocka_unit_test_setup_teardown(test, open_world, close_world)

int main(void)
{
    struct CMUnitTest tests[] = {
        cmocka_unit_test(what_an_operator_got_wrong_has_a_name_and_a_remedy),
        NATS_TEST(another_process_hears_what_is_published_and_its_own_loops_once),
        NATS_TEST(the_last_loop_that_wants_it_takes_the_subject_along),
        NATS_TEST(while_nats_is_away_nobody_waits_and_then_all_goes_on),
        NATS_TEST(a_node_starts_while_nats_is_away),
        NATS_TEST(a_server_that_is_silent_is_lost),
        NATS_TEST(who_is_not_let_in_does_not_start),
        NATS_TEST(who_is_refused_later_tries_for_ever),
        NATS_TEST(what_the_server_forbids_is_logged_and_no_password_is),
        NATS_TEST(what_a_server_says_that_nobody_knows_is_a_connection_lost),
        NATS_TEST(a_server_that_is_silent_where_tls_begins_is_away),
        NATS_TEST(tls_is_for_a_certificate_that_is_good_for_the_name),
        NATS_TEST(what_the_queue_has_no_room_for_is_dropped),
        NATS_TEST(what_a_loop_has_no_room_for_is_a_gap),
        NATS_TEST(a_node_that_is_gone_is_a_gap),
        NATS_TEST(who_comes_hears_at_once_who_is_there),
        NATS_TEST(what_nobody_can_read_is_counted),
    };

    for (size_t i = 1; i < COUNT_OF(tests); i++) // with servers of their own
        nats_world_skip_if_absent(&tests[i]);
    return cmocka_run_group_tests_name("bus_nats", tests, NULL, NULL);
}
