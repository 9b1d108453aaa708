#include <stdlib.h>

#include "doctor/checks.h"
#include "doctor/judge.h"
#include "doctor/s3.h"

#define NAME "files of users"

static bool is_everywhere(const struct addr *a)
{
    return strcmp(a->host, "0.0.0.0") == 0 || strcmp(a->host, "::") == 0;
}

static void check_local(struct doctor *d)
{
    const struct addr *at = &d->options->listen;
    char text[ADDR_TEXT_SIZE];
    const str url = d->config.media.public_url;

    addr_text(text, at);
    if (url.len > 0) {
        finding_add(&d->findings, VERDICT_OK, NAME, NULL,
                    "in %s/media; links begin with " STR_FMT, d->data, STR_ARG(url));
    } else if (is_everywhere(at)) {
        finding_add(&d->findings, VERDICT_WARN, NAME,
                    "--public-url=https://… where clients reach this server; or --media=off.",
                    "without --public-url links to them lead to this machine alone");
    } else {
        finding_add(
            &d->findings, VERDICT_OK, NAME, NULL,
            "in %s/media; links begin with %s://%s, until --public-url says how clients "
            "come",
            d->data, d->options->tls_cert.len > 0 ? "https" : "http", text);
    }
}

void check_media(struct doctor *d)
{
    switch (d->config.media.where) {
    case SERVE_MEDIA_OFF:
        finding_add(&d->findings, VERDICT_SKIP, NAME, NULL, "--media off");
        break;
    case SERVE_MEDIA_LOCAL: check_local(d); break;
    case SERVE_MEDIA_S3: s3_check(d); break;
    }
}
