/** What the options say of other servers. */
#include <stdio.h>
#include <unistd.h>

#include "server/serve_cluster.h"
#include "support/t.h"

#define NATS "nats://127.0.0.1:4222"

static struct serve_options options(void)
{
    return (struct serve_options){
        .listen = {.host = "127.0.0.1", .port = 8080},
        .store = STR("postgresql://db/parley"),
        .bus = STR(NATS),
        .keys = STR("keys"),
        .media.where = STR("s3"),
    };
}

static struct serve_cluster good(const struct serve_options *o)
{
    struct serve_cluster c;
    const char *option = NULL;
    str item;
    const char *wrong = serve_cluster_of(o, &c, &option, &item);

    if (wrong)
        fail_msg("%s: %s", option, wrong);
    return c;
}

static void expect_wrong(const struct serve_options *o, const char *option, const char *item)
{
    struct serve_cluster c;
    const char *got = NULL;
    str of = {0};

    assert_non_null(serve_cluster_of(o, &c, &got, &of));
    assert_string_equal(got, option);
    assert_true(str_eq(of, str_of(item)));
    assert_null(c.bus);
}

static void one_that_is_alone_needs_nothing(void **state)
{
    const struct serve_options o = {.bus = STR("local"), .store = STR("sqlite")};
    struct serve_cluster c = good(&o);

    (void)state;
    assert_null(c.bus);
    serve_cluster_fini(&c);
}

static void has_a_name_and_a_place(void **state)
{
    char host[NODE_HOST_SIZE] = "";
    char name[NODE_HOST_SIZE + 8];
    struct serve_options o = options();
    struct serve_cluster c = good(&o);

    (void)state;
    assert_int_equal(gethostname(host, sizeof(host)), 0);
    snprintf(name, sizeof(name), "%s:8080", host);
    assert_string_equal(c.bus, NATS);
    assert_string_equal(c.name, name);
    assert_string_equal(c.url.host, "127.0.0.1");
    assert_int_equal(c.url.port, 8080);
    serve_cluster_fini(&c);
    str_copy(o.listen.host, (str){"0.0.0.0", 8});
    c = good(&o);
    assert_string_equal(c.url.host, host);
    serve_cluster_fini(&c);
    str_copy(o.listen.host, (str){"::", 3});
    c = good(&o);
    assert_string_equal(c.url.host, host);
    serve_cluster_fini(&c);
}

static void may_be_told_both(void **state)
{
    struct serve_options o = options();

    (void)state;
    o.node = STR("chat-1");
    o.advertise = STR("http://10.0.0.1:9000");
    o.listen.port = 0;
    struct serve_cluster c = good(&o);
    assert_string_equal(c.name, "chat-1");
    assert_string_equal(c.url.host, "10.0.0.1");
    assert_int_equal(c.url.port, 9000);
    serve_cluster_fini(&c);
    o.advertise = (str){0};
    c = good(&o);
    assert_int_equal(c.url.port, 0); // as it will listen
    serve_cluster_fini(&c);
}

static void what_does_not_go_with_others_is_refused(void **state)
{
    struct serve_options o = options();

    (void)state;
    o.store = STR("sqlite");
    expect_wrong(&o, "bus", "");
    o = options();
    o.media.where = STR("local");
    expect_wrong(&o, "bus", "");
    o = options();
    o.keys = (str){0};
    expect_wrong(&o, "keys", "");
    o = options();
    o.listen.port = 0;
    expect_wrong(&o, "node", "");
}

static void what_is_none_is_refused(void **state)
{
    static const char *const buses[] = {"", "redis://127.0.0.1", "nats://", "nats://10.0.0.1"};
    static const char *const names[] = {"a b", "a\"", "a=b", "a\\", "\xc3\xa4"};
    char long_name[STORE_NODE_NAME_MAX + 2];
    struct serve_options o = options();

    (void)state;
    for (size_t i = 0; i < COUNT_OF(buses); i++) {
        o.bus = str_of(buses[i]);
        expect_wrong(&o, "bus", ""); // never what was given, which may have a password
    }
    o = options();
    o.advertise = STR("https://10.0.0.1");
    expect_wrong(&o, "advertise", "https://10.0.0.1");
    o = options();
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        o.node = str_of(names[i]);
        expect_wrong(&o, "node", names[i]);
    }
    memset(long_name, 'n', sizeof(long_name) - 1);
    long_name[sizeof(long_name) - 1] = '\0';
    o.node = str_of(long_name);
    expect_wrong(&o, "node", long_name);
    o.node.len--;
    struct serve_cluster c = good(&o);
    assert_int_equal(strlen(c.name), STORE_NODE_NAME_MAX);
    serve_cluster_fini(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_that_is_alone_needs_nothing),
        cmocka_unit_test(has_a_name_and_a_place),
        cmocka_unit_test(may_be_told_both),
        cmocka_unit_test(what_does_not_go_with_others_is_refused),
        cmocka_unit_test(what_is_none_is_refused),
    };

    return cmocka_run_group_tests_name("server/serve_cluster", tests, NULL, NULL);
}
