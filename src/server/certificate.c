#include "server/certificate.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "io/loop.h"

#define DAY_S     86400
#define SOON_DAYS 14 // who renews by a program does so a month before

static void say_end(const char *event, struct tls_context *c)
{
    const int64_t now_s = clock_unix_ms(loop_wall_clock()) / 1000;
    const int64_t left_s = tls_context_ends_s(c) - now_s;

    if (left_s <= 0) {
        log_error(NULL, "tls_certificate_over", "days=%lld fix=\"renew it, then send SIGHUP\"",
                  (long long)(-left_s / DAY_S));
    } else if (left_s < (int64_t)SOON_DAYS * DAY_S) {
        log_warn(NULL, "tls_certificate_ends",
                 "in_days=%lld fix=\"renew it, then send SIGHUP\"",
                 (long long)(left_s / DAY_S));
    } else {
        log_info(NULL, event, "ends_in_days=%lld", (long long)(left_s / DAY_S));
    }
}

int certificate_open(struct tls_context **out, str cert_file, str key_file)
{
    char *cert = str_dup(cert_file); // in a file of options no NUL stands behind it
    char *key = str_dup(key_file);

    const int r = tls_context_new(out, &(struct tls_files){cert, key});
    if (r > 0) {
        const bool is_of_key = r == TLS_NO_KEY;
        fprintf(stderr, "parley serve: --tls-%s: '%s': %s\n", is_of_key ? "key" : "cert",
                is_of_key ? key : cert, tls_remedy((enum tls_refusal)r));
    }
    free(cert);
    free(key);
    if (r != 0)
        return r < 0 ? 1 : 2;
    say_end("tls_certificate", *out);
    return 0;
}

void certificate_reload(struct tls_context *c)
{
    const int r = tls_context_reload(c);

    if (r != 0) {
        log_error(NULL, "tls_certificate_kept", "why=\"%s\"",
                  r < 0 ? "see what was said before" : tls_remedy((enum tls_refusal)r));
        return;
    }
    say_end("tls_certificate_new", c);
}
