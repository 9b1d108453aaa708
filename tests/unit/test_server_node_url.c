/** Where a node is reached, as text. */
#include "server/node_url.h"
#include "support/exact.h"
#include "support/t.h"

static const struct {
    const char *url;
    const char *host; // NULL: it is refused
    unsigned port;
    const char *printed; // NULL: as url
} rows[] = {
    {"http://10.0.0.1:8080", "10.0.0.1", 8080, NULL},
    {"http://a", "a", 80, "http://a:80"},
    {"http://node-1.chat_svc.local:1", "node-1.chat_svc.local", 1, NULL},
    {"http://[::1]:8080", "::1", 8080, NULL},
    {"http://[fd00::1]", "fd00::1", 80, "http://[fd00::1]:80"},
    {"http://a:65535", "a", 65535, NULL},
    {"http://a:00080", "a", 80, "http://a:80"},
    {"", NULL, 0, NULL},
    {"http://", NULL, 0, NULL},
    {"http://:80", NULL, 0, NULL},
    {"http://a:", NULL, 0, NULL},
    {"http://a:0", NULL, 0, NULL},
    {"http://a:65536", NULL, 0, NULL},
    {"http://a:000080", NULL, 0, NULL},
    {"http://a:8x", NULL, 0, NULL},
    {"http://a:-8", NULL, 0, NULL},
    {"http://a:80:80", NULL, 0, NULL},
    {"http://a/", NULL, 0, NULL},
    {"http://a:80/", NULL, 0, NULL},
    {"http://a?b", NULL, 0, NULL},
    {"http://a b", NULL, 0, NULL},
    {"http://u@a", NULL, 0, NULL},
    {"https://a", NULL, 0, NULL},
    {"HTTP://a", NULL, 0, NULL},
    {"a:80", NULL, 0, NULL},
    {"http://[::1", NULL, 0, NULL},
    {"http://[]", NULL, 0, NULL},
    {"http://[a]", NULL, 0, NULL},
    {"http://[127.0.0.1]", NULL, 0, NULL},
    {"http://[::1]80", NULL, 0, NULL},
    {"http://[::1%25lo]", NULL, 0, NULL},
    {"http://::1", NULL, 0, NULL},
};

static void reads_what_it_should_and_no_more(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct node_url u = {0};
        char printed[STORE_NODE_URL_MAX + 1];
        const int r = node_url_parse(&u, str_of(rows[i].url));
        if (r != (rows[i].host ? 0 : NODE_URL_BAD))
            fail_msg("%s: %d", rows[i].url, r);
        if (!rows[i].host)
            continue;
        assert_string_equal(u.host, rows[i].host);
        assert_int_equal(u.port, rows[i].port);
        node_url_print(printed, &u);
        assert_string_equal(printed, rows[i].printed ? rows[i].printed : rows[i].url);
    }
}

/** Where it is cut it is another one, or none; nothing behind its end is read. */
static void cut_at_every_byte(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        for (size_t n = 0; n <= strlen(rows[i].url); n++) {
            struct node_url u = {0};
            char *cut = exact_copy((str){rows[i].url, n});
            const int r = node_url_parse(&u, (str){cut, n});
            assert_true(r == 0 || r == NODE_URL_BAD);
            exact_free(cut);
        }
    }
}

static void a_host_may_be_so_long(void **state)
{
    char url[STORE_NODE_URL_MAX + 64] = "http://";
    char printed[STORE_NODE_URL_MAX + 1];
    struct node_url u;

    (void)state;
    memset(url + 7, 'a', NODE_HOST_SIZE);
    memcpy(url + 7 + NODE_HOST_SIZE - 1, ":65535", 7);
    assert_int_equal(node_url_parse(&u, str_of(url)), 0);
    node_url_print(printed, &u);
    assert_string_equal(printed, url);
    memset(url + 7, 'a', NODE_HOST_SIZE);
    memcpy(url + 7 + NODE_HOST_SIZE, ":65535", 7);
    assert_int_equal(node_url_parse(&u, str_of(url)), NODE_URL_BAD);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_what_it_should_and_no_more),
        cmocka_unit_test(cut_at_every_byte),
        cmocka_unit_test(a_host_may_be_so_long),
    };

    return cmocka_run_group_tests_name("where a node is reached", tests, NULL, NULL);
}
