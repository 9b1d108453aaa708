#include "api/identify.h"

#include "base/mem.h"
#include "crypto/secret.h"

struct api_waiting {
    struct auth_issuer_keys_waiter waiter;
    struct api *api;
    api_identified_fn *done;
    void *arg;
    struct log_ctx log;
    struct secret *token;
};

static enum api_error error_of(int refusal)
{
    switch (refusal) {
    case AUTH_MISSING: return API_TOKEN_MISSING;
    case AUTH_EXPIRED: return API_TOKEN_EXPIRED;
    default: return API_TOKEN_INVALID;
    }
}

/** By the keys that we have. @return what auth_verify() has, with *why */
static int judge(const struct api *a, str token, struct api_identity *out, const char **why)
{
    const int64_t unix_ms = clock_unix_ms(a->config.clock);
    const int r = auth_verify(a->config.auth, token, unix_ms, &out->who, why);

    if (r != 0) {
        out->error = error_of(r);
    } else if (auth_sessions_is_revoked(a->config.sessions, &out->who)) {
        out->error = API_TOKEN_REVOKED;
    } else {
        out->error = API_OK;
    }
    return r;
}

static void log_wrong(const struct log_ctx *log, enum api_error error, const char *why)
{
    char quoted[LOG_QUOTE_SIZE];

    log_debug(log, "api_token", "reason=%s why=%s", api_error_code(error),
              log_quote(quoted, str_of(why)));
}

// Waiting.

static void waiting_free(struct api_waiting *w)
{
    w->api->n_waiting_tokens--;
    secret_free(w->token);
    free(w);
}

static void on_keys(struct auth_issuer_keys_waiter *waiter, int r)
{
    struct api_waiting *w = container_of(waiter, struct api_waiting, waiter);
    struct api_identity id = {.error = API_LOGIN_UNAVAILABLE};
    const char *why = "the keys of its issuer can't be fetched";

    if (r != 0 || judge(w->api, secret_str(w->token), &id, &why) != 0)
        log_wrong(&w->log, id.error, why);
    w->done(w->arg, &id);
    waiting_free(w);
}

static struct api_waiting *waiting_new(struct api *a, str token, const struct api_asker *asker)
{
    struct api_waiting *w = NEW(struct api_waiting);

    *w = (struct api_waiting){
        .waiter.done = on_keys,
        .api = a,
        .done = asker->done,
        .arg = asker->arg,
        .log = *asker->log,
        .token = secret_new(token),
    };
    a->n_waiting_tokens++;
    return w;
}

/** @return as api_identify() */
static struct api_waiting *wait_for_keys(struct api *a, str token,
                                         const struct api_asker *asker,
                                         struct api_identity *out)
{
    if (a->n_waiting_tokens == API_WAITING_TOKENS_MAX) {
        out->error = API_BUSY;
        return NULL;
    }
    struct api_waiting *w = waiting_new(a, token, asker);
    const int r = auth_issuer_keys_wait(a->config.issuer_keys, out->who.issuer, &w->waiter);
    if (r == 0) {
        log_debug(&w->log, "api_token_waits", "issuer=%zu", out->who.issuer);
        return w;
    }
    if (r == AUTH_ISSUER_KEYS_UNAVAILABLE)
        out->error = API_LOGIN_UNAVAILABLE;
    waiting_free(w);
    return NULL;
}

enum api_error api_identity_now(const struct api *a, const struct auth_identity *who)
{
    if (clock_unix_ms(a->config.clock) - who->skew_ms >= who->expires_at_ms)
        return API_TOKEN_EXPIRED;
    return auth_sessions_is_revoked(a->config.sessions, who) ? API_TOKEN_REVOKED : API_OK;
}

void api_identify_cancel(struct api_waiting *w)
{
    auth_issuer_keys_cancel(&w->waiter);
    waiting_free(w);
}

struct api_waiting *api_identify(struct api *a, str token, const struct api_asker *asker,
                                 struct api_identity *out)
{
    struct api_waiting *w = NULL;
    const char *why = NULL;

    const int r = judge(a, token, out, &why);
    if (r == AUTH_NO_KEY)
        w = wait_for_keys(a, token, asker, out);
    if (r != 0 && !w)
        log_wrong(asker->log, out->error, why);
    return w;
}
