/** Those whom the operator has named: issuers and their keys, RPCs of chains. */
#include <stdlib.h>

#include "auth/rpc.h"
#include "doctor/checks.h"
#include "doctor/said.h"
#include "server/issuers.h"

#define ISSUERS "issuer keys"
#define RPC     "RPC"

static const char out_of_reach[] =
    "Ask from here: curl -v and the URL. A name that is wrong, a firewall, a proxy that the "
    "environment has to name (https_proxy), or --ca-file where an authority is your own.";

/** @return false: said */
static bool has_come(struct doctor *d, const char *name, const char *whose,
                     const struct answer *a)
{
    if (a->r == 0 && a->status == 200)
        return true;
    if (a->r == 0) {
        finding_add(&d->findings, VERDICT_BAD, name,
                    "Correct the URL, or the key in it; whose it is says what it takes.",
                    "%s answers %u", whose, a->status);
    } else {
        finding_add(&d->findings, VERDICT_BAD, name, out_of_reach, "%s does not answer: %s",
                    whose, a->why);
    }
    return false;
}

// Issuers.

static void check_url(struct doctor *d, struct auth *auth, const struct auth_issuer_url *u)
{
    char host[FETCH_HOST_SIZE];
    const char *why = "";
    struct answer a;

    fetch_host(host, u->url);
    ask(&d->asker,
        &(struct fetch){.url = u->url,
                        .timeout_ms = AUTH_ISSUER_KEYS_FETCH_MS,
                        .max_bytes = AUTH_KEY_BYTES_MAX},
        &a);
    doctor_note_clock(d, host, &a);
    if (has_come(d, ISSUERS, host, &a)) {
        if (auth_set_issuer_keys(auth, u->issuer, buf_str(&a.body), &why) != 0) {
            finding_add(&d->findings, VERDICT_BAD, ISSUERS,
                        "jwks-url has to name a set of public keys (RFC 7517): the jwks_uri of "
                        "its /.well-known/openid-configuration.",
                        "[issuer " STR_FMT "]: what %s has can't be used: %s", STR_ARG(u->name),
                        host, why);
        } else {
            finding_add(&d->findings, VERDICT_OK, ISSUERS, NULL,
                        "[issuer " STR_FMT "]: %zu at %s, in %lld ms", STR_ARG(u->name),
                        auth_n_issuer_keys(auth, u->issuer), host, (long long)a.took_ms);
        }
    }
    answer_fini(&a);
}

void check_issuers(struct doctor *d)
{
    const size_t n = d->options->n_issuers;
    struct auth_issuer_urls urls = {0};
    struct said said;

    if (n == 0) {
        finding_add(&d->findings, VERDICT_SKIP, ISSUERS, NULL,
                    "no [issuer] but the server itself");
        return;
    }
    struct auth *auth = auth_new(d->config.home_chain);
    said_begin(&said);
    const int r = issuers_add(auth, &urls, d->options);
    char *words = said_end(&said);
    if (r != 0) {
        finding_add(&d->findings, VERDICT_BAD, ISSUERS,
                    "The server does not start with it. Correct that section of the file.",
                    "%s", words);
    } else if (urls.n < n) {
        finding_add(&d->findings, VERDICT_OK, ISSUERS, NULL, "%zu in files", n - urls.n);
    }
    for (size_t i = 0; r == 0 && i < urls.n; i++)
        check_url(d, auth, &urls.urls[i]);
    free(words);
    auth_free(auth);
}

// RPCs.

static void judge_chain(struct doctor *d, const struct auth_rpc *rpc, const char *host,
                        const struct answer *a)
{
    const char *why = "";
    uint64_t chain = 0;

    if (auth_rpc_parse_chain(&chain, buf_str(&a->body), &why) != 0) {
        finding_add(&d->findings, VERDICT_BAD, RPC,
                    "--rpc has to name the JSON-RPC of a node, with its key if it takes one.",
                    "what %s answers is no JSON-RPC: %s", host, why);
    } else if (chain != rpc->chain) {
        finding_add(&d->findings, VERDICT_BAD, RPC,
                    "Name one of the right chain: no contract wallet of it can sign in.",
                    "%s is of chain %llu, and --rpc says %llu", host, (unsigned long long)chain,
                    (unsigned long long)rpc->chain);
    } else {
        finding_add(&d->findings, VERDICT_OK, RPC, NULL, "chain %llu: %s, in %lld ms",
                    (unsigned long long)chain, host, (long long)a->took_ms);
    }
}

static void check_rpc(struct doctor *d, const struct auth_rpc *rpc)
{
    char host[FETCH_HOST_SIZE];
    struct buf question;
    struct answer a;

    fetch_host(host, rpc->url);
    buf_init(&question, AUTH_RPC_REQUEST_SIZE(0));
    auth_rpc_print_chain(&question);
    ask(&d->asker,
        &(struct fetch){.method = FETCH_POST,
                        .url = rpc->url,
                        .body = buf_str(&question),
                        .type = STR("application/json"),
                        .timeout_ms = AUTH_RPC_MS,
                        .max_bytes = AUTH_RPC_BYTES_MAX},
        &a);
    doctor_note_clock(d, host, &a);
    if (has_come(d, RPC, host, &a))
        judge_chain(d, rpc, host, &a);
    answer_fini(&a);
    buf_fini(&question);
}

void check_rpcs(struct doctor *d)
{
    if (d->config.rpcs.n == 0)
        finding_add(&d->findings, VERDICT_SKIP, RPC, NULL, "no --rpc: no contract wallets");
    for (size_t i = 0; i < d->config.rpcs.n; i++)
        check_rpc(d, &d->config.rpcs.rpcs[i]);
}
