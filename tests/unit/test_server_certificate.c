/** What is said of a certificate, and when. */
#include "base/log.h"
#include "server/certificate.h"
#include "support/tls_client.h"

#define TWO_WEEKS_S (14 * TLS_DAY_S)

static char last[512]; // line of the log

static void keep_line(void *arg, str line)
{
    (void)arg;
    (void)snprintf(last, sizeof(last), STR_FMT, STR_ARG(line));
}

static int open_pair(struct tls_context **out, const struct folder *f)
{
    char cert[512];
    char key[512];

    return certificate_open(out, str_of(folder_path(cert, f, "cert.pem")),
                            str_of(folder_path(key, f, "key.pem")));
}

static void one_that_ends_soon_is_warned_of(void **state)
{
    static const struct {
        const char *what;
        long until_s;
        const char *said;   // at the start
        const char *reload; // and at SIGHUP
    } rows[] = {
        {"a month", 30 * TLS_DAY_S, "event=tls_certificate ", "event=tls_certificate_new "},
        {"two weeks and a minute", TWO_WEEKS_S + 60, "event=tls_certificate ",
         "event=tls_certificate_new "},
        {"two weeks less one", TWO_WEEKS_S - 60, "event=tls_certificate_ends in_days=13 ",
         "event=tls_certificate_ends in_days=13 "},
        {"a minute", 60, "event=tls_certificate_ends in_days=0 ",
         "event=tls_certificate_ends in_days=0 "},
        {"over", -60, "event=tls_certificate_over days=0 ",
         "event=tls_certificate_over days=0 "},
        {"long over", -TLS_DAY_S / 2 - TLS_DAY_S, "event=tls_certificate_over days=1 ",
         "event=tls_certificate_over days=1 "},
    };

    (void)state;
    log_set_sink(keep_line, NULL);
    for (unsigned i = 0; i < COUNT_OF(rows); i++) {
        struct tls_context *c = NULL;
        struct folder folder;
        folder_make(&folder);
        tls_write_pair(&folder, "x", rows[i].until_s);
        assert_int_equal(open_pair(&c, &folder), 0);
        if (!strstr(last, rows[i].said))
            fail_msg("%s: \"%s\"", rows[i].what, last);
        certificate_reload(c);
        if (!strstr(last, rows[i].reload))
            fail_msg("%s, again: \"%s\"", rows[i].what, last);
        tls_context_free(c);
        folder_remove(&folder);
    }
    log_set_sink(NULL, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(one_that_ends_soon_is_warned_of)};
    return cmocka_run_group_tests_name("server_certificate", tests, NULL, NULL);
}
