#include <stdio.h>

#include "doctor/judge.h"
#include "io/fetch.h"
#include "support/exact.h"
#include "support/t.h"

static void a_clock_may_be_off_by_two_seconds(void **state)
{
    static const struct {
        const char *name;
        int64_t ahead_ms;
        enum verdict want;
    } rows[] = {
        {"right", 0, VERDICT_OK},
        {"2 s ahead", DOCTOR_CLOCK_WARN_MS, VERDICT_OK},
        {"more", DOCTOR_CLOCK_WARN_MS + 1, VERDICT_WARN},
        {"as much behind", -DOCTOR_CLOCK_WARN_MS - 1, VERDICT_WARN},
        {"30 s", DOCTOR_CLOCK_BAD_MS, VERDICT_WARN},
        {"more than that", DOCTOR_CLOCK_BAD_MS + 1, VERDICT_BAD},
        {"an hour behind", -3600000, VERDICT_BAD},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        expect_int(rows[i].name, judge_clock(rows[i].ahead_ms), rows[i].want);
}

static void a_certificate_that_ends_soon_is_a_warning(void **state)
{
    const int64_t days_s = (int64_t)CERTIFICATE_WARN_DAYS * 86400;

    (void)state;
    assert_int_equal(judge_certificate(days_s), VERDICT_OK);
    assert_int_equal(judge_certificate(days_s - 1), VERDICT_WARN);
    assert_int_equal(judge_certificate(1), VERDICT_WARN);
    assert_int_equal(judge_certificate(0), VERDICT_BAD);
    assert_int_equal(judge_certificate(-days_s), VERDICT_BAD);
}

static void a_file_system_is_known_by_its_number(void **state)
{
    static const struct {
        uint64_t type;
        const char *name;
        bool harms;
    } rows[] = {
        {0xef53, "ext4", false},    {0x58465342, "xfs", false},  {0x9123683e, "btrfs", false},
        {0x6969, "NFS", true},      {0x01021994, "tmpfs", true}, {0x794c7630, "overlay", true},
        {0xff534d42, "CIFS", true}, {0x65735546, "FUSE", true},  {0x12345678, "?", false},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const struct judge_filesystem is = judge_filesystem(rows[i].type);
        expect_str(rows[i].name, str_of(is.name), str_of(rows[i].name));
        expect_int(rows[i].name, is.harm != NULL, rows[i].harms);
    }
}

static void room_is_for_messages_first(void **state)
{
    const uint64_t reserve = 268435456;

    (void)state;
    assert_int_equal(judge_room(DISK_FREE_WARN + reserve, UINT64_MAX, reserve), VERDICT_OK);
    assert_int_equal(judge_room(DISK_FREE_WARN + reserve - 1, UINT64_MAX, reserve),
                     VERDICT_WARN);
    assert_int_equal(judge_room(DISK_FREE_BAD, UINT64_MAX, 0), VERDICT_WARN);
    assert_int_equal(judge_room(DISK_FREE_BAD - 1, UINT64_MAX, 0), VERDICT_BAD);
    assert_int_equal(judge_room(UINT64_MAX / 2, DISK_FILES_MIN, 0), VERDICT_OK);
    assert_int_equal(judge_room(UINT64_MAX / 2, DISK_FILES_MIN - 1, 0), VERDICT_WARN);
    assert_int_equal(judge_room(UINT64_MAX / 2, 0, 0), VERDICT_BAD);
}

static void whose_a_request_is_shows_who_is_between(void **state)
{
    static const struct {
        const char *name;
        struct judge_seen seen;
        enum judge_whose want;
    } rows[] = {
        {"nobody between", {false, false, false}, WHOSE_DIRECT},
        {"one who says it", {true, true, true}, WHOSE_CLIENT},
        {"at the same port", {true, true, false}, WHOSE_CLIENT},
        {"one who is not trusted", {true, false, true}, WHOSE_NOT_TRUSTED},
        {"one who says nothing", {false, false, true}, WHOSE_NOT_SAID},
        {"and is trusted", {false, true, true}, WHOSE_NOT_SAID},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        expect_int(rows[i].name, judge_whose(&rows[i].seen), rows[i].want);
}

static void a_site_is_read_from_a_url(void **state)
{
    static const struct {
        const char *url;
        bool is_https;
        const char *host;
        const char *origin;
        unsigned port;
    } rows[] = {
        {"https://chat.example", true, "chat.example", "https://chat.example", 443},
        {"http://chat.example/a/b", false, "chat.example", "http://chat.example", 80},
        {"https://chat.example:8443/chat", true, "chat.example", "https://chat.example:8443",
         8443},
        {"http://[::1]:8080/", false, "::1", "http://[::1]:8080", 8080},
        {"https://[fd00::1]", true, "fd00::1", "https://[fd00::1]", 443},
    };
    static const char *const none[] = {"",           "https://",      "chat.example",
                                       "ftp://x",    "https:/x",      "http:///",
                                       "http://:80", "http://x:99999"};
    struct judge_site site;

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        expect_int(rows[i].url, judge_site(&site, str_of(rows[i].url)), true);
        expect_int(rows[i].url, site.is_https, rows[i].is_https);
        expect_str(rows[i].url, site.host, str_of(rows[i].host));
        expect_str(rows[i].url, site.origin, str_of(rows[i].origin));
        expect_int(rows[i].url, site.port, rows[i].port);
    }
    for (size_t i = 0; i < COUNT_OF(none); i++)
        expect_int(none[i], judge_site(&site, str_of(none[i])), false);
}

static void hosts_of_this_machine_are_known(void **state)
{
    static const struct {
        const char *host;
        bool want;
    } rows[] = {
        {"localhost", true}, {"127.0.0.1", true},  {"127.9.9.9", true},          {"::1", true},
        {"", false},         {"128.0.0.1", false}, {"localhost.example", false}, {"::2", false},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        expect_int(rows[i].host, judge_is_loopback(str_of(rows[i].host)), rows[i].want);
}

static void a_date_is_read_and_nothing_else(void **state)
{
    static const struct {
        const char *field;
        int64_t want;
    } rows[] = {
        {"Sun, 06 Nov 1994 08:49:37 GMT", 784111777},
        {"Thu, 01 Jan 1970 00:00:00 GMT", 0},
        {"", -1},
        {"yesterday", -1},
        {"Sun, 06 Nov 1994 08:49:37", -1},
        {"Sun, 06 Nov 1994 08:49:37 GMT and more", -1},
        {"1994-11-06T08:49:37Z", -1},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        expect_int(rows[i].field, judge_date(str_of(rows[i].field)), rows[i].want);
}

static const char head[] =
    "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\nX-Empty:\r\nAge:  7 \r\n"
    "Age: 8\r\nno colon\r\n";

static void a_field_of_a_head_is_found_in_any_case(void **state)
{
    (void)state;
    expect_str("age", fetch_field(str_of(head), STR("age")), STR("7"));
    expect_str("date", fetch_field(str_of(head), STR("DATE")),
               STR("Sun, 06 Nov 1994 08:49:37 GMT"));
    const str empty = fetch_field(str_of(head), STR("x-empty"));
    assert_true(empty.ptr != NULL && empty.len == 0);
    assert_null(fetch_field(str_of(head), STR("x-none")).ptr);
    assert_null(fetch_field((str){0}, STR("age")).ptr);
}

/** Each in memory of its own, so that who reads on is seen. */
static void what_is_cut_is_read_to_its_end_and_no_further(void **state)
{
    static const char *const whole[] = {"https://[fd00::1]:8443/chat", "http://a.example:80/",
                                        "Sun, 06 Nov 1994 08:49:37 GMT", head};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(whole); i++) {
        for (size_t n = 0; n <= strlen(whole[i]); n++) {
            char *bytes = exact_copy((str){whole[i], n});
            const str cut = {bytes, n};
            struct judge_site site;
            (void)judge_site(&site, cut);
            (void)judge_date(cut);
            (void)fetch_field(cut, STR("age"));
            free(bytes);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_clock_may_be_off_by_two_seconds),
        cmocka_unit_test(a_certificate_that_ends_soon_is_a_warning),
        cmocka_unit_test(a_file_system_is_known_by_its_number),
        cmocka_unit_test(room_is_for_messages_first),
        cmocka_unit_test(whose_a_request_is_shows_who_is_between),
        cmocka_unit_test(a_site_is_read_from_a_url),
        cmocka_unit_test(hosts_of_this_machine_are_known),
        cmocka_unit_test(a_date_is_read_and_nothing_else),
        cmocka_unit_test(a_field_of_a_head_is_found_in_any_case),
        cmocka_unit_test(what_is_cut_is_read_to_its_end_and_no_further),
    };
    return cmocka_run_group_tests_name("doctor/judge", tests, NULL, NULL);
}
