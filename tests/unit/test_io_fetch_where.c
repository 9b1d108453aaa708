#include "support/fetch_world.h"

// Where it goes

static void asks_nobody_for_what_is_no_url(void **state)
{
    static const char *const urls[] = {"http://192.0.2.1/", "ftp://127.0.0.1/", "/etc/passwd",
                                       "https://user:secret@127.0.0.1/", ""};
    struct world *w = *state;

    for (size_t i = 0; i < COUNT_OF(urls); i++) {
        const struct asked *a = ask_url(w, urls[i], LONG_MS);
        await_all(w);
        expect_failure(urls[i], a, FETCH_FAILED);
    }
    assert_int_equal(atomic_load(&n_looked_up), 0);
}

static void localhost_is_this_machine_and_not_looked_up(void **state)
{
    struct world *w = *state;
    char url[RAW_URL_SIZE];

    reply_with(w, OK("{}"));
    snprintf(url, sizeof(url), "http://localhost:%u/", w->server.addr.port);
    const struct asked *a = ask_url(w, url, LONG_MS);
    snprintf(url, sizeof(url), "http://LocalHost:%u/", w->server.addr.port);
    const struct asked *upper = ask_url(w, url, LONG_MS);
    snprintf(url, sizeof(url), "http://0x7f.1:%u/", w->server.addr.port);
    const struct asked *digits = ask_url(w, url, LONG_MS);
    await_all(w);
    expect_answer("localhost", a, 200, STR("{}"));
    expect_answer("in upper case", upper, 200, STR("{}"));
    expect_answer("by digits", digits, 200, STR("{}"));
    assert_int_equal(atomic_load(&n_looked_up), 0);
}

static int setup_ipv6(void **state)
{
    return fetch_world_open(state, "::1");
}

/** Not by name: that is 127.0.0.1 as well, where another test may have this port. */
static void this_machine_in_ipv6(void **state)
{
    struct world *w = *state;

    reply_with(w, OK("{}"));
    const struct asked *a = ask(w, "/", LONG_MS);
    await_all(w);
    expect_answer("it", a, 200, STR("{}"));
}

static void fails_where_the_name_is_unknown(void **state)
{
    struct world *w = *state;
    const struct asked *a = ask_url(w, "https://unknown.example/secret", LONG_MS);

    await_all(w);
    expect_failure("it", a, FETCH_FAILED);
    assert_true(atomic_load(&n_looked_up) > 0);
}

static const char *const proxy_names[] = {"http_proxy",  "https_proxy", "all_proxy", "no_proxy",
                                          "HTTPS_PROXY", "ALL_PROXY",   "NO_PROXY"};

// NOLINTBEGIN(concurrency-mt-unsafe): nobody else reads it while nothing is under way

static void drop_proxies(void)
{
    for (size_t i = 0; i < COUNT_OF(proxy_names); i++)
        assert_int_equal(unsetenv(proxy_names[i]), 0);
}

static int teardown_proxy(void **state)
{
    const int r = teardown(state);

    drop_proxies();
    return r;
}

/** Our server is the proxy. */
static void use_proxy(struct world *w, const char *no_proxy)
{
    char url[RAW_URL_SIZE];

    raw_url(url, &w->server, "http", "");
    for (size_t i = 0; i < COUNT_OF(proxy_names); i++)
        assert_int_equal(setenv(proxy_names[i], url, 1), 0);
    assert_int_equal(setenv("no_proxy", no_proxy, 1), 0);
    assert_int_equal(setenv("NO_PROXY", no_proxy, 1), 0);
}

// NOLINTEND(concurrency-mt-unsafe)

static void asks_others_through_the_proxy(void **state)
{
    struct world *w = *state;

    use_proxy(w, "");
    w->closes = true;
    reply_with(w, STR("HTTP/1.1 403 \r\n\r\n"));
    const struct asked *a = ask_url(w, "https://rpc.example/secret", LONG_MS);
    await_all(w);
    expect_failure("it", a, FETCH_FAILED);
    assert_int_equal(w->server.n_requests, 1);
    assert_true(raw_is(&w->server.requests[0], "rpc.example:443"));
    assert_null(strstr(w->server.requests[0].head, "secret"));
    assert_int_equal(atomic_load(&n_looked_up), 0);
}

static void but_not_whom_the_environment_excepts(void **state)
{
    struct world *w = *state;

    use_proxy(w, "other.example,rpc.example");
    const struct asked *a = ask_url(w, "https://rpc.example/", LONG_MS);
    await_all(w);
    expect_failure("it", a, FETCH_FAILED);
    assert_int_equal(w->server.n_conns, 0);
    assert_true(atomic_load(&n_looked_up) > 0);
}

static void asks_this_machine_without_the_proxy(void **state)
{
    struct world *w = *state;
    char url[RAW_URL_SIZE];

    use_proxy(w, "");
    reply_with(w, OK("{}"));
    const struct asked *a = ask(w, "/direct", LONG_MS);
    await_all(w);
    expect_answer("http", a, 200, STR("{}"));
    assert_true(raw_is(&w->server.requests[0], "/direct"));

    ask_url(w, raw_url(url, &w->server, "https", "/"), LONG_MS);
    UNTIL(w, w->server.n_conns == 2 && w->server.conns[1].in.len > 0);
    assert_int_equal(buf_str(&w->server.conns[1].in).ptr[0], 22); // a TLS handshake (RFC 8446)
    raw_abort(&w->server.conns[1]);
    await_all(w);
    assert_int_equal(w->server.n_requests, 1);
}

#define PROXY_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown_proxy)
#define TEST(name)       cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(asks_nobody_for_what_is_no_url),
        TEST(localhost_is_this_machine_and_not_looked_up),
        TEST(fails_where_the_name_is_unknown),
        PROXY_TEST(asks_others_through_the_proxy),
        PROXY_TEST(but_not_whom_the_environment_excepts),
        PROXY_TEST(asks_this_machine_without_the_proxy),
        cmocka_unit_test_setup_teardown(this_machine_in_ipv6, setup_ipv6, teardown),
    };
    drop_proxies();
    return cmocka_run_group_tests_name("io/fetch, whom it asks", tests, NULL, NULL);
}
