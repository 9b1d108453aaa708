#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bus/nats.h"
#include "doctor/checks.h"
#include "doctor/judge.h"
#include "doctor/said.h"
#include "server/serve_config.h"
#include "store/pg.h"

#define NAME "configuration"

static const char *media_of(const struct doctor *d)
{
    switch (d->config.media.where) {
    case SERVE_MEDIA_OFF: return "no files";
    case SERVE_MEDIA_LOCAL: return "files there";
    case SERVE_MEDIA_S3: return "files in S3";
    }
    return "";
}

/** Those who have a wallet, and no token. */
static bool can_sign_in(const struct serve_options *o)
{
    return o->dev || o->n_issuers > 0 || o->domains.n > 0 || o->origins.n > 0;
}

static void say_it(struct doctor *d)
{
    const struct serve_options *o = d->options;
    char at[ADDR_TEXT_SIZE];

    finding_add(&d->findings, VERDICT_OK, NAME, NULL, "--listen %s, data in %s, %s, %s%s%s%s",
                addr_text(at, &o->listen), d->data,
                serve_config_is_sqlite(o) ? "SQLite" : "PostgreSQL", media_of(d),
                d->config.cluster.bus ? ", NATS" : "", o->dev ? ", --dev" : "",
                can_sign_in(o) ? ""
                               : "; who has no token of 'parley token' can't sign in: that "
                                 "takes --origins, --domains or an [issuer]");
}

static bool is_everybody(const struct http_proxy_range *r)
{
    return r->bits == 0 || (r->bits == 96 && ip_is_v4(&r->first));
}

static void check_proxies(struct doctor *d)
{
    const struct http_proxies *p = &d->config.proxies;

    for (size_t i = 0; i < p->n; i++) {
        if (!is_everybody(&p->ranges[i]))
            continue;
        finding_add(&d->findings, VERDICT_WARN, NAME,
                    "Name the addresses of the proxies alone, such as 10.0.0.7 or 10.1.0.0/16.",
                    "--trusted-proxies has everybody: anyone can claim to be at any address, "
                    "and no limit of addresses holds");
        return;
    }
}

static void check_public_scheme(struct doctor *d)
{
    struct judge_site site;

    if (!judge_site(&site, d->config.media.public_url) || site.is_https ||
        judge_is_loopback(site.host))
        return;
    finding_add(&d->findings, VERDICT_WARN, NAME,
                "Give it a certificate (--tls-cert, or a proxy: docs/proxies), and name it as "
                "https:// in --public-url.",
                "--public-url is http://: whoever is on the way reads along, and browsers take "
                "nothing of it into pages that came by https://");
}

static void check_switches(struct doctor *d)
{
    const struct serve_options *o = d->options;

    if (d->config.origins.any) {
        finding_add(&d->findings, VERDICT_WARN, NAME,
                    "Name the pages that are yours: --origins=https://shop.example.",
                    "--origins is *: any page may connect");
    }
    if (!o->rate_limits) {
        finding_add(&d->findings, VERDICT_WARN, NAME,
                    "Leave out --rate-limits=off where strangers can connect.",
                    "--rate-limits is off: one client may take all there is");
    }
}

/** Where a page is that wallets sign in on, the text that they sign names it. */
static void check_domains(struct doctor *d)
{
    const struct serve_options *o = d->options;
    char name[AUTH_DOMAIN_SIZE];
    struct judge_site site;

    for (size_t i = 0; i < o->origins.n && o->domains.n > 0 && o->n_issuers == 0; i++) {
        str domain = o->origins.items[i];
        if (!judge_site(&site, domain))
            continue;
        (void)str_take(&domain, site.is_https ? 8 : 7);
        if (auth_domains_find(&d->config.domains, domain,
                              site.is_https ? STR("https") : STR("http"), name) == 0)
            continue;
        finding_add(&d->findings, VERDICT_WARN, NAME,
                    "Add it to --domains, or leave that out: then it is those of --origins.",
                    "wallets can't sign in on pages of " STR_FMT
                    ": --origins names it, and --domains does not",
                    STR_ARG(o->origins.items[i]));
    }
}

static bool has_secret(const struct serve_options *o)
{
    char *store = str_dup(o->store);
    char *bus = str_dup(o->bus);
    const bool has = o->media.s3_secret_key.len > 0 || o->media.s3_session_token.len > 0 ||
                     o->rpc.n > 0 || store_pg_has_password(store) || bus_nats_has_password(bus);

    free(store);
    free(bus);
    return has;
}

/** By the file alone, and no credentials either. */
static bool file_has_secret(str config)
{
    static char no_credentials[] = "CREDENTIALS_DIRECTORY=";
    static char *const env[] = {no_credentials, NULL};
    struct serve_options o;
    struct said said;
    struct buf file;

    buf_init(&file, OPTIONS_FILE_MAX + 1);
    said_begin(&said);
    const bool has = serve_options_read(&o, config, env, &file) == 0 && has_secret(&o);
    free(said_end(&said));
    buf_fini(&file);
    return has;
}

static void check_file_mode(struct doctor *d)
{
    char *config = str_dup(d->options->config);
    char remedy[FINDING_REMEDY_SIZE];
    struct stat st;

    if (stat(config, &st) == 0 && (st.st_mode & S_IROTH) &&
        file_has_secret(d->options->config)) {
        snprintf(
            remedy, sizeof(remedy),
            "chmod o-r %s (it has to be the server's user's, or its group's). Who may have "
            "read it knows the secrets: make new ones.",
            config);
        finding_add(&d->findings, VERDICT_BAD, NAME, remedy,
                    "everybody on this machine may read %s, which has secrets in it", config);
    }
    free(config);
}

/** What is named has to be there. */
static void check_named(struct doctor *d)
{
    struct said said;

    said_begin(&said);
    const int code = serve_config_check_ca_file(d->ca_file) | serve_config_check_scan(d->scan);
    char *words = said_end(&said);
    if (code != 0) {
        finding_add(&d->findings, VERDICT_BAD, NAME,
                    "The server does not start without it: correct the path, or let its user "
                    "have the file.",
                    "%s", words);
    }
    free(words);
}

void check_options(struct doctor *d)
{
    say_it(d);
    check_named(d);
    check_proxies(d);
    check_public_scheme(d);
    check_switches(d);
    check_domains(d);
    if (d->options->config.len > 0)
        check_file_mode(d);
}
