/**
 * PostgreSQL under test: that of TEST_POSTGRES (tests/support/postgres), and in there a
 * schema of its own for each test. Where there is none, tests that need it are skipped by name.
 */
#pragma once

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "store/pg_link.h"
#include "support/t.h"

#define PG_WORLD_URL_SIZE 512

struct pg_world {
    char schema[48];
    char url[PG_WORLD_URL_SIZE]; // whose search_path is the schema
    struct pg_link *admin;       // likewise
};

/** Of the log: what pg_on_line() was given, as its sink. */
struct pg_lines {
    char text[8192];
    size_t len;
};

static inline void pg_on_line(void *arg, str line)
{
    struct pg_lines *lines = arg;

    if (lines->len + line.len < sizeof(lines->text)) {
        str_copy(lines->text + lines->len, line);
        lines->len += line.len;
    }
}

/** NULL: there is none. */
static inline const char *pg_world_server(void)
{
    return getenv("TEST_POSTGRES"); // NOLINT(concurrency-mt-unsafe): before any thread
}

/** @param more  a parameter of URLs: name=value, encoded @param out  PG_WORLD_URL_SIZE */
static inline void pg_world_url(char *out, const char *more)
{
    const char *server = pg_world_server();
    const int n = snprintf(out, PG_WORLD_URL_SIZE, "%s%c%s", server,
                           strchr(server, '?') ? '&' : '?', more);

    assert_in_range(n, 1, PG_WORLD_URL_SIZE - 1);
}

/** One that is not connected. @return owned; pg_link_free() */
static inline struct pg_link *pg_world_link(const char *url)
{
    const struct pg_link_config config = {.url = url, .name = "test"};
    struct pg_link *l = NULL;

    assert_int_equal(pg_link_new(&l, &config), 0);
    return l;
}

/** @return owned; pg_link_free() */
static inline struct pg_link *pg_world_connect(const char *url)
{
    struct pg_link *l = pg_world_link(url);

    assert_int_equal(pg_link_up(l), 0);
    return l;
}

static inline void pg_world_run(struct pg_link *l, const char *text)
{
    if (pg_link_run(l, text) != 0)
        fail_msg("%s: %s", text, pg_link_sqlstate(l));
}

/** The world's URL, and what a session begins with. @param set  name%3Dvalue @param out
 * PG_WORLD_URL_SIZE */
static inline void pg_world_url_with(const struct pg_world *w, char *out, const char *set)
{
    char more[160];

    snprintf(more, sizeof(more), "options=-csearch_path%%3D%s%%20-c%s", w->schema, set);
    pg_world_url(out, more);
}

static inline void pg_world_open(struct pg_world *w)
{
    static unsigned n_schemas; // tests run one after the other
    char more[96];
    char text[96];

    snprintf(w->schema, sizeof(w->schema), "t_%d_%u", (int)getpid(), n_schemas++);
    snprintf(more, sizeof(more), "options=-csearch_path%%3D%s", w->schema);
    pg_world_url(w->url, more);
    w->admin = pg_world_connect(w->url);
    snprintf(text, sizeof(text), "CREATE SCHEMA %s", w->schema);
    pg_world_run(w->admin, text);
}

static inline void pg_world_close(struct pg_world *w)
{
    char text[96];

    snprintf(text, sizeof(text), "DROP SCHEMA %s CASCADE", w->schema);
    assert_int_equal(pg_link_up(w->admin), 0);
    pg_world_run(w->admin, text);
    pg_link_free(w->admin);
}

static inline void pg_world_is_absent(void **state)
{
    (void)state;
    skip();
}

/** An array of them, as cmocka_run_group_tests_name(). Those without a setup need no server. */
#define PG_WORLD_RUN(name, tests) pg_world_run_tests((name), (tests), COUNT_OF(tests))

static inline int pg_world_run_tests(const char *name, struct CMUnitTest *tests, size_t n)
{
    for (size_t i = 0; !pg_world_server() && i < n; i++) {
        if (!tests[i].setup_func)
            continue;
        tests[i].test_func = pg_world_is_absent;
        tests[i].setup_func = NULL;
        tests[i].teardown_func = NULL;
    }
    return _cmocka_run_group_tests(name, tests, n, NULL, NULL);
}
