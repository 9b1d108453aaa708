#include <time.h>

#include "io/fetch.h"
#include "support/folder.h"
#include "support/t.h"
#include "support/tls_server.h"

#define GIVE_UP_MS INT64_C(20000)
#define PATH_SIZE  512

#define HERE  "DNS:localhost,IP:127.0.0.1"
#define WHOLE STR("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
#define CUT   STR("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n{}")

static const struct tls_cert good = {
    .name = "server", .alt = HERE, .from_s = -TLS_DAY_S, .until_s = TLS_DAY_S};

/** What the group shares: an authority, another one of the same name, and their files. */
static struct {
    struct folder folder;
    char ca_file[PATH_SIZE];
    char other_file[PATH_SIZE];
    char no_file[PATH_SIZE];
    struct tls_identity ca;
} here;

struct world {
    struct loop *loop;
    struct fetcher *fetcher;
    struct tls_identity identity;
    struct tls_server server;
    unsigned n_answered;
    int r;
    unsigned status;
    char why[128];
};

static int open_group(void **state)
{
    static const struct tls_cert authority = {
        .name = "authority", .from_s = -TLS_DAY_S, .until_s = TLS_DAY_S};
    struct tls_identity other;

    (void)state;
    folder_make(&here.folder);
    folder_path(here.ca_file, &here.folder, "ca.pem");
    folder_path(here.other_file, &here.folder, "other.pem");
    folder_path(here.no_file, &here.folder, "none.pem");
    tls_identity_init(&here.ca, &authority, NULL);
    tls_identity_init(&other, &authority, NULL);
    tls_write_cert(&here.ca, here.ca_file);
    tls_write_cert(&other, here.other_file);
    tls_identity_fini(&other);
    return 0;
}

static int close_group(void **state)
{
    (void)state;
    tls_identity_fini(&here.ca);
    folder_remove(&here.folder);
    return 0;
}

/** What its server does is set. @param ca_file  NULL: the system's */
static void open_fetcher(struct world *w, const struct tls_cert *c, const char *ca_file)
{
    const struct fetcher_config config = {.name = "test", .ca_file = ca_file, .max_running = 2};

    tls_identity_init(&w->identity, c, &here.ca);
    tls_server_open(&w->server, &w->identity);
    assert_int_equal(loop_new(&w->loop), 0);
    assert_int_equal(fetcher_new(&w->fetcher, w->loop, &config), 0);
}

static void open_world(struct world *w, const struct tls_cert *c, int version,
                       const char *ca_file)
{
    *w = (struct world){.server = {.version = version, .reply = WHOLE}};
    open_fetcher(w, c, ca_file);
}

static void close_world(struct world *w)
{
    fetcher_free(w->fetcher);
    loop_free(w->loop);
    tls_server_close(&w->server);
    tls_identity_fini(&w->identity);
}

static void on_answer(void *arg, int r, const char *why, const struct fetch_answer *answer)
{
    struct world *w = arg;

    w->n_answered++;
    w->r = r;
    snprintf(w->why, sizeof(w->why), "%s", r != 0 ? why : "");
    if (answer) {
        w->status = answer->status;
        assert_true(str_eq(answer->body, STR("{}")));
    }
}

static void ask(struct world *w, const char *host)
{
    const struct timespec nap = {.tv_nsec = 100000};
    const unsigned n_before = w->n_answered;
    char url[64];
    const struct fetch what = {.url = {url, (size_t)snprintf(url, sizeof(url), "https://%s:%u/",
                                                             host, w->server.port)},
                               .timeout_ms = GIVE_UP_MS,
                               .max_bytes = 64};

    fetcher_ask(w->fetcher, &what, on_answer, w);
    while (w->n_answered == n_before) {
        loop_run_once(w->loop);
        nanosleep(&nap, NULL);
    }
    assert_string_not_equal(w->why, "timed out");
}

static void believes_whom_its_authority_vouches_for(void **state)
{
    static const struct {
        const char *name;
        const char *host;
        int version;
    } rows[] = {
        {"by name, TLS 1.3", "localhost", TLS1_3_VERSION},
        {"by address, TLS 1.3", "127.0.0.1", TLS1_3_VERSION},
        {"by name, TLS 1.2", "localhost", TLS1_2_VERSION},
        {"by address, TLS 1.2", "127.0.0.1", TLS1_2_VERSION},
    };
    struct world w;

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        open_world(&w, &good, rows[i].version, here.ca_file);
        ask(&w, rows[i].host);
        if (w.r != 0)
            fail_msg("%s: %s", rows[i].name, w.why);
        expect_int(rows[i].name, w.status, 200);
        close_world(&w);
    }
}

static void believes_nobody_else(void **state)
{
    static const struct {
        const char *name;
        const char *host;
        const char *ca_file;
        struct tls_cert cert;
    } rows[] = {
        {"of no authority of the system's",
         "localhost",
         NULL,
         {.name = "localhost", .alt = HERE, .from_s = -TLS_DAY_S, .until_s = TLS_DAY_S}},
        {"of another authority of that name",
         "localhost",
         here.other_file,
         {.name = "localhost", .alt = HERE, .from_s = -TLS_DAY_S, .until_s = TLS_DAY_S}},
        {"of one that is not there",
         "localhost",
         here.no_file,
         {.name = "localhost", .alt = HERE, .from_s = -TLS_DAY_S, .until_s = TLS_DAY_S}},
        {"another host",
         "localhost",
         here.ca_file,
         {.name = "localhost",
          .alt = "DNS:a.example",
          .from_s = -TLS_DAY_S,
          .until_s = TLS_DAY_S}},
        {"a name instead of an address",
         "127.0.0.1",
         here.ca_file,
         {.name = "127.0.0.1",
          .alt = "DNS:localhost",
          .from_s = -TLS_DAY_S,
          .until_s = TLS_DAY_S}},
        {"another address",
         "127.0.0.1",
         here.ca_file,
         {.name = "127.0.0.1",
          .alt = "IP:127.0.0.2",
          .from_s = -TLS_DAY_S,
          .until_s = TLS_DAY_S}},
        {"expired",
         "localhost",
         here.ca_file,
         {.name = "localhost", .alt = HERE, .from_s = -2 * TLS_DAY_S, .until_s = -TLS_DAY_S}},
        {"not yet",
         "localhost",
         here.ca_file,
         {.name = "localhost", .alt = HERE, .from_s = TLS_DAY_S, .until_s = 2 * TLS_DAY_S}},
    };
    struct world w;

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        open_world(&w, &rows[i].cert, TLS1_3_VERSION, rows[i].ca_file);
        ask(&w, rows[i].host);
        expect_int(rows[i].name, w.r, FETCH_FAILED);
        close_world(&w);
        expect_int(rows[i].name, w.server.n_requests, 0); // nothing was said to it
    }
}

static void speaks_no_tls_that_is_older(void **state)
{
    static const int versions[] = {TLS1_VERSION, TLS1_1_VERSION};
    struct world w;

    (void)state;
    for (size_t i = 0; i < COUNT_OF(versions); i++) {
        open_world(&w, &good, versions[i], here.ca_file);
        ask(&w, "localhost");
        assert_int_equal(w.r, FETCH_FAILED);
        close_world(&w);
        // It is the version that it did not offer, and nothing else.
        assert_int_equal(w.server.reason, SSL_R_UNSUPPORTED_PROTOCOL);
    }
}

static void speaks_http_1_1_alone(void **state)
{
    struct world w;

    (void)state;
    open_world(&w, &good, TLS1_3_VERSION, here.ca_file);
    ask(&w, "localhost");
    close_world(&w);
    assert_string_equal(w.server.protocols, "\x08http/1.1"); // RFC 7301
}

static void keeps_a_connection(void **state)
{
    struct world w;

    (void)state;
    open_world(&w, &good, TLS1_3_VERSION, here.ca_file);
    for (int i = 0; i < 3; i++) {
        ask(&w, "localhost");
        assert_int_equal(w.r, 0);
    }
    close_world(&w);
    assert_int_equal(w.server.n_requests, 3);
    assert_int_equal(w.server.n_conns, 1);
}

/** Whoever is between may have done so. */
static void an_answer_that_is_cut_is_none(void **state)
{
    struct world w;

    (void)state;
    w = (struct world){.server = {.version = TLS1_3_VERSION, .reply = CUT, .is_rude = true}};
    open_fetcher(&w, &good, here.ca_file);
    ask(&w, "localhost");
    assert_int_equal(w.r, FETCH_FAILED);
    close_world(&w);
    assert_int_equal(w.server.n_requests, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(believes_whom_its_authority_vouches_for),
        cmocka_unit_test(believes_nobody_else),
        cmocka_unit_test(speaks_no_tls_that_is_older),
        cmocka_unit_test(speaks_http_1_1_alone),
        cmocka_unit_test(keeps_a_connection),
        cmocka_unit_test(an_answer_that_is_cut_is_none),
    };
    return cmocka_run_group_tests_name("io/fetch, TLS", tests, open_group, close_group);
}
