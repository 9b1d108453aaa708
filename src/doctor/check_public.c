/** What clients reach: the public URL, and all that is between it and the server. */
#include <stdlib.h>

#include "doctor/checks.h"
#include "doctor/judge.h"
#include "doctor/through.h"

#define NAME      "public URL"
#define WHOSE     "addresses"
#define FORGED    "192.0.2.77" // RFC 5737: nobody's
#define TRIES     16           // where others of the same service may answer
#define URL_SIZE  2048
#define FORWARDED "X-Forwarded-For: "

struct reached {
    struct judge_site site;
    struct server_seen seen;
};

// Does it lead here?

static const char *remedy_of_failure(const struct doctor *d, const char *why)
{
    if (strstr(why, "resolve"))
        return "Make a record of that name in the DNS (A, AAAA), or correct --public-url.";
    if (strstr(why, "certificate")) {
        return "Clients do not trust it either: renew it, put the whole chain where the proxy "
               "has it (fullchain.pem), and let it have this name.";
    }
    if (d->config.proxy_protocol && !strstr(why, "timed out") && !strstr(why, "connect")) {
        return "With --proxy-protocol the proxy has to send a header: send-proxy-v2 (HAProxy), "
               "proxy_protocol on (nginx, stream). Else leave out --proxy-protocol.";
    }
    return "Does the proxy run, and listen there? Firewalls, and the security group of a "
           "cloud. "
           "A router at home may not let its own address come back in: then ask from "
           "elsewhere.";
}

static const char *remedy_of_status(unsigned status)
{
    switch (status) {
    case 301:
    case 302:
    case 307:
    case 308: return "Name in --public-url what it leads to: clients do not follow.";
    case 400:
        return "The port takes TLS and got none, or the proxy sends a header of the PROXY "
               "protocol, which takes --proxy-protocol.";
    case 401:
    case 403:
        return "Let the proxy pass on what comes, without asking who it is: the server does.";
    case 404:
        return "Another server answers there, or the proxy does not pass on this path: let it "
               "pass all of it (docs/proxies), and look which server it leads to.";
    case 502:
    case 503:
    case 504:
        return "The proxy does not reach the server: let it lead to where that listens, by "
               "http:// unless it has --tls-cert.";
    default: return "Look into the proxy's log.";
    }
}

static int print_url(char out[URL_SIZE], const struct doctor *d, const char *path,
                     const char *more)
{
    return snprintf(out, URL_SIZE, STR_FMT "%s%s", STR_ARG(d->config.media.public_url), path,
                    more);
}

static void ask_probe(struct doctor *d, const char *name, const char *forwarded,
                      struct answer *out)
{
    char url[URL_SIZE];
    char line[64];
    const int n = snprintf(line, sizeof(line), FORWARDED "%s", forwarded ? forwarded : "");

    print_url(url, d, PROBE_PREFIX, name);
    ask(&d->asker,
        &(struct fetch){.url = str_of(url),
                        .is_plain = true,
                        .headers = {STR("Connection: close"),
                                    forwarded ? (str){line, (size_t)n} : (str){0}}},
        out);
}

/** Of several servers behind one URL each answers now and then. */
static void ask_until_here(struct doctor *d, const char *name, const char *forwarded,
                           struct answer *out)
{
    const int tries = d->config.cluster.bus ? TRIES : 1;

    ask_probe(d, name, forwarded, out);
    for (int i = 1; i < tries && out->status == 404; i++) {
        answer_fini(out);
        ask_probe(d, name, forwarded, out);
    }
}

static void say_not_here(struct doctor *d, const struct answer *a)
{
    const str url = d->config.media.public_url;

    if (a->r != 0) {
        finding_add(&d->findings, VERDICT_BAD, NAME, remedy_of_failure(d, a->why),
                    STR_FMT ": %s", STR_ARG(url), a->why);
        return;
    }
    finding_add(&d->findings, VERDICT_BAD, NAME, remedy_of_status(a->status),
                STR_FMT " does not lead to this server: %u", STR_ARG(url), a->status);
}

/** @return false: said */
static bool leads_here(struct doctor *d, struct reached *out)
{
    char name[PROBE_NAME_SIZE];
    struct answer a;
    bool is_here = false;

    if (!server_probe(&d->server, d->data, name)) {
        finding_add(&d->findings, VERDICT_SKIP, NAME, NULL, "the server does not answer");
        return false;
    }
    ask_until_here(d, name, NULL, &a);
    if (a.status == 204)
        is_here = server_seen(d->data, name, &out->seen);
    if (is_here) {
        finding_add(&d->findings, VERDICT_OK, NAME, NULL, STR_FMT " leads here, in %lld ms",
                    STR_ARG(d->config.media.public_url), (long long)a.took_ms);
    } else {
        say_not_here(d, &a);
    }
    answer_fini(&a);
    return is_here;
}

// As whose?

static void say_not_trusted(struct doctor *d, const char *peer)
{
    char remedy[FINDING_REMEDY_SIZE];
    char list[FINDING_REMEDY_SIZE / 2] = "";
    size_t n = 0;

    for (size_t i = 0; i < d->options->trusted_proxies.n && n < sizeof(list); i++) {
        n += (size_t)snprintf(list + n, sizeof(list) - n, STR_FMT ",",
                              STR_ARG(d->options->trusted_proxies.items[i]));
    }
    snprintf(remedy, sizeof(remedy),
             "If that is your proxy: --trusted-proxies=%s%s. Until then all clients count as "
             "one address, and its limits are theirs together.",
             list, peer);
    finding_add(&d->findings, VERDICT_BAD, WHOSE, remedy,
                "a proxy at %s says for whom it asks, and is not believed", peer);
}

static void say_not_said(struct doctor *d, const char *peer, bool is_sure)
{
    char remedy[FINDING_REMEDY_SIZE];

    snprintf(remedy, sizeof(remedy),
             "Let it: proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for (nginx), "
             "option forwardfor (HAProxy); and --trusted-proxies=%s. Or the PROXY protocol "
             "(docs/proxies).",
             peer);
    finding_add(&d->findings, is_sure ? VERDICT_BAD : VERDICT_WARN, WHOSE, remedy,
                "who is between, at %s, sends no X-Forwarded-For: all clients count as one "
                "address",
                peer);
}

static enum judge_whose judge(const struct doctor *d, const struct reached *r)
{
    const struct judge_seen seen = {
        .has_forwarded = r->seen.has_forwarded,
        .is_trusted = http_proxies_trust(&d->config.proxies, &r->seen.peer),
        .is_proxied = !d->config.proxy_protocol && (r->site.is_https != d->server.is_tls ||
                                                    r->site.port != d->server.at.port),
    };

    return judge_whose(&seen);
}

static void check_whose(struct doctor *d, const struct reached *r)
{
    char peer[ADDR_HOST_SIZE];
    char client[ADDR_HOST_SIZE];

    ip_text(peer, &r->seen.peer);
    ip_text(client, &r->seen.client);
    switch (judge(d, r)) {
    case WHOSE_DIRECT:
        finding_add(&d->findings, VERDICT_OK, WHOSE, NULL, "this machine is seen as %s",
                    client);
        break;
    case WHOSE_CLIENT:
        finding_add(&d->findings, VERDICT_OK, WHOSE, NULL,
                    "this machine is seen as %s, by the proxy at %s", client, peer);
        break;
    case WHOSE_NOT_TRUSTED: say_not_trusted(d, peer); break;
    case WHOSE_NOT_SAID: say_not_said(d, peer, r->site.is_https != d->server.is_tls); break;
    }
}

/** Whoever asks can say that, too, and shall not be believed. Who asks from where a trusted
 * proxy is can't find out. */
static void check_forged(struct doctor *d, const struct reached *r)
{
    char name[PROBE_NAME_SIZE];
    char client[ADDR_HOST_SIZE];
    struct server_seen seen;
    struct answer a;

    const enum judge_whose whose = judge(d, r);
    const bool is_proxys = http_proxies_trust(&d->config.proxies, &r->seen.client);

    if (whose == WHOSE_DIRECT || (whose == WHOSE_CLIENT && is_proxys) ||
        !server_probe(&d->server, d->data, name))
        return;
    ask_until_here(d, name, FORGED, &a);
    if (a.status == 204 && server_seen(d->data, name, &seen) &&
        strcmp(ip_text(client, &seen.client), FORGED) == 0) {
        finding_add(
            &d->findings, VERDICT_BAD, WHOSE,
            "Let the first proxy put in who it is that asks, behind or in the place of "
            "what came ($proxy_add_x_forwarded_for of nginx); and let --trusted-proxies "
            "name proxies alone.",
            "a client can claim to be at any address: the proxy passes on its "
            "X-Forwarded-For as it came");
    }
    answer_fini(&a);
}

/** With the port, unless it is the scheme's own. */
static bool is_host_kept(const struct reached *r)
{
    str want = r->site.origin;

    (void)str_take(&want, r->site.is_https ? 8 : 7);
    return str_eq_nocase(want, str_of(r->seen.host));
}

static void check_host(struct doctor *d, const struct reached *r)
{
    if (is_host_kept(r))
        return;
    finding_add(&d->findings, VERDICT_WARN, NAME,
                "Let the proxy keep it: proxy_set_header Host $http_host (nginx). The server's "
                "own pages are let in by it, and links to files are signed for it.",
                "the proxy changes Host: the server sees '%s'", r->seen.host);
}

static void check_metrics(struct doctor *d)
{
    char url[URL_SIZE];
    struct answer a;

    print_url(url, d, "/metrics", "");
    ask(&d->asker, &(struct fetch){.url = str_of(url), .is_plain = true}, &a);
    if (a.status == 200) {
        finding_add(&d->findings, VERDICT_WARN, "metrics",
                    "Let the proxy keep it: location = /metrics { deny all; } (nginx; "
                    "docs/proxies).",
                    "everybody can read /metrics by the public URL");
    }
    answer_fini(&a);
}

void check_public(struct doctor *d)
{
    struct reached r = {0};

    if (d->config.media.public_url.len == 0) {
        finding_add(&d->findings, VERDICT_SKIP, NAME, NULL,
                    "no --public-url: where clients come from outside is not known");
        return;
    }
    if (d->server.is_unseen || d->server.is_old) {
        finding_add(&d->findings, VERDICT_SKIP, NAME, NULL,
                    "what comes by it can't be seen: see what is said of the server");
        return;
    }
    if (d->server.pid == 0 || d->server.why) {
        finding_add(&d->findings, VERDICT_SKIP, NAME, NULL,
                    "start the server, then look again: what is between is asked through it");
        return;
    }
    if (!judge_site(&r.site, d->config.media.public_url) || !leads_here(d, &r))
        return;
    check_whose(d, &r);
    check_forged(d, &r);
    check_host(d, &r);
    through_check(d);
    if (judge(d, &r) != WHOSE_DIRECT || !judge_is_loopback(r.site.host))
        check_metrics(d);
}
