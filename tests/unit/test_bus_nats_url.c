#include <stdio.h>
#include <stdlib.h>

#include "bus/nats_url.h"
#include "support/t.h"

static const struct row {
    const char *text;
    int want;
    const char *host; // of the last one
    unsigned port;
    const char *user;
    const char *password;
    bool is_here;
} rows[] = {
    {"nats://127.0.0.1", 0, "127.0.0.1", 4222, "", "", true},
    {"nats://127.1.2.3:65535", 0, "127.1.2.3", 65535, "", "", true},
    {"nats://localhost:1", 0, "localhost", 1, "", "", true},
    {"nats://LOCALHOST", 0, "LOCALHOST", 4222, "", "", true},
    {"nats://[::1]:4223", 0, "::1", 4223, "", "", true},
    {"nats://u:p@db.example:4222", 0, "db.example", 4222, "u", "p", false},
    {"nats://t0k3n@10.0.0.1", 0, "10.0.0.1", 4222, "t0k3n", "", false},
    {"nats://a%40b:c%3A%2fd%25@h", 0, "h", 4222, "a@b", "c:/d%", false},
    {"tls://u:p@nats.example", 0, "nats.example", 4222, "u", "p", false},
    {"tls://localhost", 0, "localhost", 4222, "", "", true},
    {"nats://u:p@a,nats://u:q@b:1", 0, "b", 1, "u", "q", false},
    {"nats://u:p@[2001:db8::1]", 0, "2001:db8::1", 4222, "u", "p", false},

    {"nats://db.example", NATS_URL_NO_PASSWORD, 0, 0, 0, 0, 0},
    {"nats://localhost.example", NATS_URL_NO_PASSWORD, 0, 0, 0, 0, 0},
    {"nats://127.0.0.1.example", NATS_URL_NO_PASSWORD, 0, 0, 0, 0, 0},
    {"nats://10.0.0.1", NATS_URL_NO_PASSWORD, 0, 0, 0, 0, 0},
    {"nats://0.0.0.0", NATS_URL_NO_PASSWORD, 0, 0, 0, 0, 0},
    {"nats://127.0.0.1,nats://10.0.0.1", NATS_URL_NO_PASSWORD, 0, 0, 0, 0, 0},
    {"tls://nats.example", NATS_URL_NO_PASSWORD, 0, 0, 0, 0, 0},
    {"tls://u:p@10.0.0.1", NATS_URL_NO_NAME, 0, 0, 0, 0, 0},
    {"tls://u:p@127.0.0.1", NATS_URL_NO_NAME, 0, 0, 0, 0, 0},
    {"tls://[::1]", NATS_URL_NO_NAME, 0, 0, 0, 0, 0},
    {"tls://localhost,nats://localhost", NATS_URL_MIXED, 0, 0, 0, 0, 0},
    {"nats://localhost,tls://localhost", NATS_URL_MIXED, 0, 0, 0, 0, 0},

    {"", NATS_URL_BAD, 0, 0, 0, 0, 0},
    {"localhost", NATS_URL_BAD, 0, 0, 0, 0, 0},
    {"http://localhost", NATS_URL_BAD, 0, 0, 0, 0, 0},
    {"NATS://localhost", NATS_URL_BAD, 0, 0, 0, 0, 0},
    {"nats:/localhost", NATS_URL_BAD, 0, 0, 0, 0, 0},
    {"nats://", NATS_URL_BAD, 0, 0, 0, 0, 0},
    {"nats://:4222", NATS_URL_BAD, 0, 0, 0, 0, 0},
    {"nats://localhost:", NATS_URL_BAD, 0, 0, 0, 0, 0},
    {"nats://localhost:0", NATS_URL_BAD, 0, 0, 0, 0, 0},
    {"nats://localhost:65536", NATS_URL_BAD, 0, 0, 0, 0, 0},
    {"nats://localhost:4222/", NATS_URL_BAD, 0, 0, 0, 0, 0},
    {"nats://localhost/x", NATS_URL_BAD, 0, 0, 0, 0, 0},
    {"nats://local host", NATS_URL_BAD, 0, 0, 0, 0, 0},
    {"nats://localhost\n", NATS_URL_BAD, 0, 0, 0, 0, 0},
    {"nats://-x", NATS_URL_BAD, 0, 0, 0, 0, 0},
    {"nats://[::1", NATS_URL_BAD, 0, 0, 0, 0, 0},
    {"nats://[localhost]", NATS_URL_BAD, 0, 0, 0, 0, 0},
    {"nats://[::1]4222", NATS_URL_BAD, 0, 0, 0, 0, 0},
    {"nats://::1", NATS_URL_BAD, 0, 0, 0, 0, 0},
    {"nats://@localhost", NATS_URL_BAD, 0, 0, 0, 0, 0},
    {"nats://:p@localhost", NATS_URL_BAD, 0, 0, 0, 0, 0},
    {"nats://u:@localhost", NATS_URL_BAD, 0, 0, 0, 0, 0},
    {"nats://u:p:q@localhost", NATS_URL_BAD, 0, 0, 0, 0, 0},
    {"nats://u:p@q@localhost", NATS_URL_BAD, 0, 0, 0, 0, 0},
    {"nats://u/v:p@localhost", NATS_URL_BAD, 0, 0, 0, 0, 0},
    {"nats://%00@localhost", NATS_URL_BAD, 0, 0, 0, 0, 0},
    {"nats://%4@localhost", NATS_URL_BAD, 0, 0, 0, 0, 0},
    {"nats://%zz@localhost", NATS_URL_BAD, 0, 0, 0, 0, 0},
    {"nats://u\xc3\xa9@localhost", NATS_URL_BAD, 0, 0, 0, 0, 0},
    {"nats://localhost,", NATS_URL_BAD, 0, 0, 0, 0, 0},
    {",nats://localhost", NATS_URL_BAD, 0, 0, 0, 0, 0},
    {"nats://localhost, nats://localhost", NATS_URL_BAD, 0, 0, 0, 0, 0},
};

static void each_is_read_or_refused(void **state)
{
    struct nats_urls urls;

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const struct row *row = &rows[i];
        expect_int(row->text, nats_urls_read(&urls, str_of(row->text)), row->want);
        if (row->want != 0)
            continue;
        const struct nats_url *u = &urls.all[urls.n - 1];
        assert_string_equal(u->host, row->host);
        expect_int(row->text, u->port, row->port);
        assert_string_equal(u->user, row->user);
        assert_string_equal(u->password, row->password);
        expect_int(row->text, u->is_here, row->is_here);
        expect_int(row->text, u->is_tls, str_starts(str_of(row->text), STR("tls")));
    }
}

/** Each part of one that is good, in memory of exactly its size. */
static void one_that_is_cut_is_read_within_its_end(void **state)
{
    static const char text[] = "nats://a%40b:c%3Ad@[::1]:4222,nats://t@h.example:1";

    (void)state;
    for (size_t n = 0; n < sizeof(text); n++) {
        struct nats_urls urls;
        char *exact = malloc(n + (n == 0));
        assert_non_null(exact);
        memcpy(exact, text, n);
        const int r = nats_urls_read(&urls, (str){exact, n});
        assert_in_range(r, 0, NATS_URL_NO_PASSWORD);
        free(exact);
    }
}

static void their_number_and_each_part_has_a_limit(void **state)
{
    struct nats_urls urls;
    char text[2048] = "";
    size_t n = 0;

    (void)state;
    for (unsigned i = 0; i < NATS_URLS_MAX; i++)
        n += (size_t)snprintf(text + n, sizeof(text) - n, "%snats://[::1]", i ? "," : "");
    expect_int("as many as may be", nats_urls_read(&urls, str_of(text)), 0);
    snprintf(text + n, sizeof(text) - n, ",nats://[::1]");
    expect_int("one more", nats_urls_read(&urls, str_of(text)), NATS_URL_BAD);

    for (unsigned more = 0; more < 2; more++) {
        snprintf(text, sizeof(text), "nats://u:%0*d@localhost", NATS_URL_SECRET_MAX + (int)more,
                 0);
        expect_int("a secret", nats_urls_read(&urls, str_of(text)), more ? NATS_URL_BAD : 0);
        snprintf(text, sizeof(text), "nats://u@%0*d.de", NATS_URL_HOST_MAX - 3 + (int)more, 0);
        expect_int("a host", nats_urls_read(&urls, str_of(text)), more ? NATS_URL_BAD : 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_is_read_or_refused),
        cmocka_unit_test(one_that_is_cut_is_read_within_its_end),
        cmocka_unit_test(their_number_and_each_part_has_a_limit),
    };
    return cmocka_run_group_tests_name("bus_nats_url", tests, NULL, NULL);
}
