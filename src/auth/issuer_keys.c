#include "auth/issuer_keys.h"

#include "base/log.h"
#include "base/mem.h"
#include "crypto/digest.h"

#define TOLD_AT_ONCE 16 // each checks a signature or more: then the loop sees to others

/** The keys of one issuer. */
struct issuer {
    struct auth_issuer_keys *all;
    const struct auth_issuer_url *at;
    struct timer due;
    struct list waiting;                // for the fetch under way
    int64_t open_ms;                    // from then on a token may have them fetched
    unsigned n_failed;                  // the last ones
    uint8_t digest[CRYPTO_SHA256_SIZE]; // of the set that there is; zeroes: none
    bool is_fetching;
    bool is_for_token;
    bool is_wanted_again; // the one under way may have begun too early
};

struct auth_issuer_keys {
    struct auth_issuer_keys_config config;
    struct list answered; // who has waited, and was not told yet
    struct job tell;
    size_t n_fetching;
    bool is_stopped;
    struct issuer issuers[];
};

// Who waits.

static void tell(struct job *job)
{
    struct auth_issuer_keys *k = container_of(job, struct auth_issuer_keys, tell);
    struct list *node;

    for (unsigned i = 0; i < TOLD_AT_ONCE && (node = list_shift(&k->answered)); i++) {
        struct auth_issuer_keys_waiter *w =
            container_of(node, struct auth_issuer_keys_waiter, node);
        w->done(w, w->r);
    }
    if (!list_is_empty(&k->answered))
        job_push(k->config.later, &k->tell, tell);
}

static void answer_all(struct issuer *i, int r)
{
    struct auth_issuer_keys *k = i->all;

    list_each (node, &i->waiting)
        container_of(node, struct auth_issuer_keys_waiter, node)->r = r;
    list_move_all(&k->answered, &i->waiting);
    if (!list_is_empty(&k->answered))
        job_push(k->config.later, &k->tell, tell);
}

void auth_issuer_keys_cancel(struct auth_issuer_keys_waiter *w)
{
    list_remove(&w->node);
}

// Fetching.

static void begin(struct issuer *i);

static int64_t now_of(const struct issuer *i)
{
    return i->all->config.timers->now_ms;
}

static void on_due(struct timer *t)
{
    begin(container_of(t, struct issuer, due));
}

static void fetch_after(struct issuer *i, int64_t ms)
{
    timer_set(i->all->config.timers, &i->due, now_of(i) + ms);
}

/** One RSA key takes milliseconds to look at, and mostly they are the same. @return as use() */
static const char *use_new(struct issuer *i, str jwks)
{
    uint8_t digest[CRYPTO_SHA256_SIZE];
    const char *why = NULL;

    crypto_sha256(digest, jwks);
    if (memcmp(digest, i->digest, sizeof(digest)) == 0)
        return NULL;
    if (auth_set_issuer_keys(i->all->config.auth, i->at->issuer, jwks, &why) != 0)
        return why;
    memcpy(i->digest, digest, sizeof(digest));
    return NULL;
}

/** @return NULL, or what is wrong with it */
static const char *use(struct issuer *i, int r, str jwks)
{
    switch (r) {
    case 0: return use_new(i, jwks);
    case AUTH_FETCH_BUSY: return "too much is being fetched";
    default: return "could not be fetched";
    }
}

static void log_outcome(const struct issuer *i, const char *why)
{
    const size_t n = auth_n_issuer_keys(i->all->config.auth, i->at->issuer);
    char quoted[LOG_QUOTE_SIZE];

    if (why) {
        log_warn(NULL, "auth_issuer_keys_kept", "issuer=" STR_FMT " why=%s keys=%zu failed=%u",
                 STR_ARG(i->at->name), log_quote(quoted, str_of(why)), n, i->n_failed);
    } else {
        log_info(NULL, "auth_issuer_keys", "issuer=" STR_FMT " keys=%zu", STR_ARG(i->at->name),
                 n);
    }
}

static void note(struct issuer *i, const char *why)
{
    if (why || i->is_for_token) {
        i->open_ms = now_of(i) + AUTH_ISSUER_KEYS_AGAIN_MS;
    } else if (i->n_failed > 0) {
        i->open_ms = now_of(i); // the failure closed it
    }
    i->n_failed = why ? i->n_failed + 1 : 0;
}

static void on_fetched(void *arg, int r, str jwks)
{
    struct issuer *i = arg;
    const char *why = use(i, r, jwks);

    i->is_fetching = false;
    i->all->n_fetching--;
    note(i, why);
    log_outcome(i, why);
    if (i->is_wanted_again && !i->all->is_stopped) {
        begin(i); // who waits, waits for that one
        return;
    }
    answer_all(i, why ? AUTH_ISSUER_KEYS_UNAVAILABLE : 0);
    if (!i->all->is_stopped)
        fetch_after(i, why ? AUTH_ISSUER_KEYS_AGAIN_MS : AUTH_ISSUER_KEYS_MS);
}

static void begin(struct issuer *i)
{
    const struct auth_fetch what = {
        .url = i->at->url,
        .timeout_ms = AUTH_ISSUER_KEYS_FETCH_MS,
        .max_bytes = AUTH_KEY_BYTES_MAX,
    };

    timer_cancel(i->all->config.timers, &i->due);
    i->is_fetching = true;
    i->is_for_token = false;
    i->is_wanted_again = false;
    i->all->n_fetching++;
    auth_fetcher_fetch(i->all->config.fetcher, &what, on_fetched, i);
}

void auth_issuer_keys_fetch(struct auth_issuer_keys *k)
{
    for (size_t n = 0; n < k->config.urls->n && !k->is_stopped; n++) {
        struct issuer *i = &k->issuers[n];
        if (i->is_fetching) {
            i->is_wanted_again = true;
        } else {
            begin(i);
        }
    }
}

// Tokens.

static struct issuer *find(struct auth_issuer_keys *k, size_t issuer)
{
    size_t n = 0;

    while (n < k->config.urls->n && k->config.urls->urls[n].issuer != issuer)
        n++;
    assert(n < k->config.urls->n);
    return &k->issuers[n];
}

int auth_issuer_keys_wait(struct auth_issuer_keys *k, size_t issuer,
                          struct auth_issuer_keys_waiter *w)
{
    struct issuer *i = find(k, issuer);

    if (!i->is_fetching) {
        if (k->is_stopped)
            return AUTH_ISSUER_KEYS_UNAVAILABLE;
        if (now_of(i) < i->open_ms)
            return i->n_failed > 0 ? AUTH_ISSUER_KEYS_UNAVAILABLE : AUTH_ISSUER_KEYS_CURRENT;
        begin(i);
        i->is_for_token = true;
    }
    list_push(&i->waiting, &w->node);
    return 0;
}

// Their life.

struct auth_issuer_keys *auth_issuer_keys_new(const struct auth_issuer_keys_config *config)
{
    struct auth_issuer_keys *k =
        mem_alloc(sizeof(*k) + config->urls->n * sizeof(struct issuer));

    *k = (struct auth_issuer_keys){.config = *config};
    list_init(&k->answered);
    for (size_t n = 0; n < config->urls->n; n++) {
        struct issuer *i = &k->issuers[n];
        *i = (struct issuer){.all = k, .at = &config->urls->urls[n]};
        list_init(&i->waiting);
        timer_init(&i->due, on_due);
        fetch_after(i, 0);
    }
    return k;
}

void auth_issuer_keys_stop(struct auth_issuer_keys *k)
{
    k->is_stopped = true;
    for (size_t n = 0; n < k->config.urls->n; n++)
        timer_cancel(k->config.timers, &k->issuers[n].due);
}

bool auth_issuer_keys_is_idle(const struct auth_issuer_keys *k)
{
    return k->n_fetching == 0 && !job_is_queued(&k->tell);
}

void auth_issuer_keys_free(struct auth_issuer_keys *k)
{
    if (!k)
        return;
    assert(auth_issuer_keys_is_idle(k));
    auth_issuer_keys_stop(k);
    free(k);
}
