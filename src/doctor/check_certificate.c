#include <stdlib.h>

#include "base/mem.h"
#include "crypto/certificate.h"
#include "doctor/checks.h"
#include "doctor/judge.h"
#include "doctor/said.h"
#include "server/certificate.h"

#define NAME  "certificate"
#define DAY_S 86400

/** As the server loads it. @return false: said */
static bool loads(struct doctor *d)
{
    struct tls_context *tls = NULL;
    struct said said;

    said_begin(&said);
    const int code = certificate_open(&tls, d->options->tls_cert, d->options->tls_key);
    char *words = said_end(&said);
    tls_context_free(tls);
    if (code != 0) {
        finding_add(&d->findings, VERDICT_BAD, NAME,
                    "The server does not start with it, or goes on with the one before. Name "
                    "files that belong together, and that its user may read.",
                    "%s", words);
    }
    free(words);
    return code == 0;
}

static const char renew[] =
    "Renew it, then let the server read it: systemctl reload parley, or SIGHUP. What renews by "
    "itself (certbot, lego) has to do both.";

/** @return whether it is good now */
static bool check_time(struct doctor *d, const struct crypto_certificate *c)
{
    const int64_t now_s = clock_unix_ms(loop_wall_clock()) / 1000;
    const enum verdict v = judge_certificate(c->ends_s - now_s);

    if (c->begins_s > now_s) {
        finding_add(&d->findings, VERDICT_BAD, NAME, "Wait, or set this machine's clock right.",
                    "it is not good yet: it begins in %lld hours",
                    (long long)(c->begins_s - now_s) / 3600 + 1);
        return false;
    }
    if (v == VERDICT_BAD) {
        finding_add(&d->findings, v, NAME, renew,
                    "it has ended %lld days ago: no client takes it",
                    (long long)(now_s - c->ends_s) / DAY_S);
    } else if (v == VERDICT_WARN) {
        finding_add(&d->findings, v, NAME, renew, "it ends in %lld days",
                    (long long)(c->ends_s - now_s) / DAY_S);
    }
    return v == VERDICT_OK;
}

static bool check_chain(struct doctor *d, const struct crypto_certificate *c)
{
    if (c->is_own) {
        finding_add(&d->findings, VERDICT_WARN, NAME,
                    "Get one that clients trust (Let's Encrypt, or your own authority's), "
                    "unless yours are told to trust this one.",
                    "it is signed by itself: clients do not trust it");
        return false;
    }
    if (!c->is_in_order) {
        finding_add(&d->findings, VERDICT_BAD, NAME,
                    "Put them into --tls-cert in this order: the server's own, then each time "
                    "the one that has signed the one before (fullchain.pem of certbot).",
                    "the certificates in the file are not in order: some clients do not trust "
                    "them");
        return false;
    }
    return true;
}

static bool check_name(struct doctor *d, const struct crypto_certificate *c, str host)
{
    if (c->has_name)
        return true;
    finding_add(&d->findings, VERDICT_BAD, NAME,
                "Get one that has this name, or correct --public-url.",
                "it is not for '" STR_FMT "', the host of --public-url", STR_ARG(host));
    return false;
}

void check_certificate(struct doctor *d)
{
    struct judge_site site = {0};
    struct crypto_certificate c;

    if (d->options->tls_cert.len == 0) {
        finding_add(&d->findings, VERDICT_SKIP, NAME, NULL, "no --tls-cert");
        return;
    }
    if (!loads(d))
        return;
    if (!judge_site(&site, d->config.media.public_url))
        site.host = (str){0};
    char *file = str_dup(d->options->tls_cert);
    const int r = crypto_certificate_look(&c, file, site.host);
    free(file);
    if (r != 0)
        return; // it was there just now
    bool is_good = check_time(d, &c);
    is_good &= check_chain(d, &c);
    is_good &= check_name(d, &c, site.host);
    if (!is_good)
        return;
    finding_add(&d->findings, VERDICT_OK, NAME, NULL, "it ends in %lld days%s",
                (long long)(c.ends_s - clock_unix_ms(loop_wall_clock()) / 1000) / DAY_S,
                c.n > 1 ? ""
                        : "; there is but one in the file, which is enough where a root has "
                          "signed it");
}
