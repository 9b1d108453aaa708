#include "auth/sessions.h"

#include "auth/refresh.h"
#include "auth/revoked.h"
#include "base/mem.h"

#define LOAD_PAGE 1000 // revocations read at once

// An access token may be this much older than its session's end, and is still taken.
#define TOKEN_LEFT_MS (AUTH_ACCESS_MS_MAX + AUTH_SKEW_MS_MAX)

enum bucket {
    BEGINS,
    REFRESHES,
    N_BUCKETS,
};

struct auth_sessions {
    struct auth_sessions_config config;
    struct auth_revoked revoked;
    struct rates rates; // of accounts, by enum bucket
    int64_t retry_after_ms;
    auth_sessions_revoked_fn *on_revoked;
    void *on_revoked_arg;
    auth_sessions_revoked_fn *on_ended;
    void *on_ended_arg;
    size_t n_under_way;
    int64_t loaded;
};

/** An operation of the store that is under way. */
struct operation {
    struct auth_sessions *sessions;
    void *arg;
    int64_t asked_ms;                // Unix
    int64_t token_asked_ms;          // likewise; as auth_revoked_ask_ms() has it
    auth_sessions_grant_fn *granted; // one of these three
    auth_sessions_end_fn *ended;
    auth_sessions_revoke_fn *revoked;
    uint32_t generation;             // of a refresh token
    struct auth_revocation what;     // a refresh, an end: what ends with it, if it does
    char session[AUTH_SESSION_SIZE]; // which what.session points to
};

static int64_t now_ms(const struct auth_sessions *s)
{
    return clock_unix_ms(s->config.clock);
}

struct auth_sessions *auth_sessions_new(const struct auth_sessions_config *config)
{
    struct auth_sessions *s = NEW(struct auth_sessions);
    const struct rate rates[N_BUCKETS] = {
        [BEGINS] = config->begins,
        [REFRESHES] = config->refreshes,
    };

    assert(config->access_ms > 0 && config->access_ms <= AUTH_ACCESS_MS_MAX);
    assert(config->session_ms > 0 && config->session_ms <= AUTH_SESSION_MS_MAX);
    s->config = *config;
    auth_revoked_init(&s->revoked, config->rand);
    rates_init(&s->rates, rates, N_BUCKETS, config->rand);
    return s;
}

void auth_sessions_free(struct auth_sessions *s)
{
    if (!s)
        return;
    assert(auth_sessions_is_idle(s));
    auth_revoked_fini(&s->revoked);
    rates_fini(&s->rates);
    free(s);
}

bool auth_sessions_is_idle(const struct auth_sessions *s)
{
    return s->n_under_way == 0;
}

void auth_sessions_on_revoked(struct auth_sessions *s, auth_sessions_revoked_fn *fn, void *arg)
{
    s->on_revoked = fn;
    s->on_revoked_arg = arg;
}

void auth_sessions_on_ended(struct auth_sessions *s, auth_sessions_revoked_fn *fn, void *arg)
{
    s->on_ended = fn;
    s->on_ended_arg = arg;
}

bool auth_sessions_is_revoked(const struct auth_sessions *s, const struct auth_identity *who)
{
    return auth_revoked_has(&s->revoked, who);
}

static struct operation *operation_new(struct auth_sessions *s, void *arg)
{
    struct operation *op = NEW(struct operation);

    op->sessions = s;
    op->arg = arg;
    op->asked_ms = now_ms(s);
    s->n_under_way++;
    return op;
}

static void operation_free(struct operation *op)
{
    op->sessions->n_under_way--;
    free(op);
}

/** One that grants a token to the account, or ends the session for good. */
static struct operation *operation_new_grant(struct auth_sessions *s, const account *a,
                                             auth_sessions_grant_fn *done, void *arg)
{
    struct operation *op = operation_new(s, arg);

    op->token_asked_ms = auth_revoked_ask_ms(&s->revoked, a, op->asked_ms);
    op->granted = done;
    op->what.account = *a;
    op->what.until_ms = op->asked_ms + TOKEN_LEFT_MS;
    return op;
}

static void name_session(struct operation *op, str session)
{
    op->what.session = str_copy(op->session, session);
}

// Loading.

struct load {
    struct auth_sessions *sessions;
    auth_sessions_load_fn *done;
    void *arg;
    int64_t after;
};

static void load_page(struct load *l);

static void on_page(void *arg, int r, const struct auth_store_revocations_page *page)
{
    struct load *l = arg;
    struct auth_sessions *s = l->sessions;

    for (size_t i = 0; r == 0 && i < page->n_revocations; i++) {
        auth_revoked_add(&s->revoked, &page->revocations[i], now_ms(s));
        l->after = page->revocations[i].position;
    }
    if (r == 0 && page->has_more) {
        load_page(l);
        return;
    }
    s->loaded = l->after;
    s->n_under_way--;
    l->done(l->arg, r == 0 ? 0 : AUTH_SESSIONS_UNAVAILABLE);
    free(l);
}

static void load_page(struct load *l)
{
    const struct auth_store_revocations page = {
        .after = l->after, .now_ms = now_ms(l->sessions), .max_revocations = LOAD_PAGE};
    auth_store_revocations(l->sessions->config.store, &page, on_page, l);
}

void auth_sessions_load(struct auth_sessions *s, auth_sessions_load_fn *done, void *arg)
{
    struct load *l = NEW(struct load);

    *l = (struct load){.sessions = s, .done = done, .arg = arg};
    s->n_under_way++;
    load_page(l);
}

int64_t auth_sessions_loaded(const struct auth_sessions *s)
{
    return s->loaded;
}

// Revoking.

void auth_sessions_hear(struct auth_sessions *s, const struct auth_revocation *what)
{
    auth_revoked_add(&s->revoked, what, now_ms(s));
    if (s->on_revoked)
        s->on_revoked(s->on_revoked_arg, what);
}

/** The store has it. */
static void revoke(struct auth_sessions *s, const struct auth_revocation *what)
{
    auth_sessions_hear(s, what);
    if (s->on_ended)
        s->on_ended(s->on_ended_arg, what);
}

static bool is_known(const struct auth_sessions *s, const struct auth_revocation *what)
{
    if (what->session.len > 0)
        return auth_revoked_has_session(&s->revoked, what->session);
    return auth_revoked_before_ms(&s->revoked, &what->account) >= what->before_ms;
}

void auth_sessions_learn(struct auth_sessions *s, const struct auth_revocation *what)
{
    if (is_known(s, what)) {
        auth_revoked_add(&s->revoked, what, now_ms(s)); // for longer, perhaps
    } else {
        revoke(s, what);
    }
}

// Granting.

/** @return when it expires */
static int64_t print_access(struct buf *token, const struct operation *op,
                            const struct auth_session *session)
{
    const struct auth_sessions_config *config = &op->sessions->config;
    const int64_t issued_at_ms =
        auth_revoked_issue_ms(&op->sessions->revoked, &session->account, op->token_asked_ms);
    const int64_t left_ms = session->expires_at_ms - issued_at_ms;
    const struct auth_mint m = {
        .account = session->account,
        .now_ms = issued_at_ms,
        .ttl_ms = left_ms < config->access_ms ? left_ms : config->access_ms,
        .session = session->name,
    };

    auth_mint(token, config->signer, &m);
    return (issued_at_ms + m.ttl_ms) / 1000 * 1000;
}

static void grant(struct operation *op, const struct auth_session *session)
{
    const uint8_t *key = op->sessions->config.refresh_key;
    struct auth_refresh refresh = {.account = session->account,
                                   .generation = session->generation};
    char text[AUTH_REFRESH_TEXT_SIZE];
    struct buf access;

    assert(session->name.len == RAND_NAME_SIZE - 1);
    str_copy(refresh.session, session->name);
    buf_init(&access, AUTH_TOKEN_MAX);
    const int64_t expires_at_ms = print_access(&access, op, session);
    op->granted(op->arg, 0,
                &(struct auth_grant){
                    .account = session->account,
                    .session = session->name,
                    .access_token = buf_str(&access),
                    .expires_at_ms = expires_at_ms,
                    .refresh_token = auth_refresh_text(text, &refresh, key),
                });
    buf_fini(&access);
}

static void on_begun(void *arg, int r, const struct auth_store_begun *b)
{
    struct operation *op = arg;

    if (r == 0 && b->ended.len > 0) {
        name_session(op, b->ended);
        revoke(op->sessions, &op->what);
    }
    if (r == 0) {
        grant(op, &b->session);
    } else {
        op->granted(op->arg,
                    r == AUTH_STORE_NONCE_USED ? AUTH_SESSIONS_NONCE_USED
                                               : AUTH_SESSIONS_UNAVAILABLE,
                    NULL);
    }
    operation_free(op);
}

/** @return 0 or AUTH_SESSIONS_LIMITED */
static int take_rate(struct auth_sessions *s, const account *a, enum bucket bucket)
{
    if (!s->config.rate_limits)
        return 0;
    s->retry_after_ms = rates_take(&s->rates, account_str(a), bucket, s->config.timers->now_ms);
    return s->retry_after_ms == 0 ? 0 : AUTH_SESSIONS_LIMITED;
}

int64_t auth_sessions_retry_after_ms(const struct auth_sessions *s)
{
    return s->retry_after_ms;
}

static int64_t life_of(const struct auth_sessions *s, const struct auth_session_proof *proof)
{
    const int64_t ms = s->config.session_ms;

    return proof->chain > 0 && ms > AUTH_CONTRACT_SESSION_MS ? AUTH_CONTRACT_SESSION_MS : ms;
}

int auth_sessions_begin(struct auth_sessions *s, const struct auth_sessions_begin *b,
                        auth_sessions_grant_fn *done, void *arg)
{
    if (take_rate(s, &b->account, BEGINS) != 0)
        return AUTH_SESSIONS_LIMITED;
    struct operation *op = operation_new_grant(s, &b->account, done, arg);
    char session[RAND_NAME_SIZE];
    auth_session_name_new(session, s->config.rand);
    struct auth_store_begin begin = {
        .account = b->account,
        .session = str_of(session),
        .nonce = b->nonce,
        .nonce_until_ms = b->nonce_until_ms,
        .now_ms = op->asked_ms,
        .expires_at_ms = op->asked_ms + life_of(s, &b->proof),
        .revoked_until_ms = op->what.until_ms,
        .proof = b->proof,
    };
    if (begin.expires_at_ms > b->expires_at_ms)
        begin.expires_at_ms = b->expires_at_ms;
    auth_store_begin(s->config.store, &begin, on_begun, op);
    return 0;
}

/**
 * By itself or with all of its account's. Of the latter nobody knows it for certain, but while
 * one that was going on then would still do so it is more likely than that it is over.
 */
static bool was_ended(const struct operation *op)
{
    const struct auth_sessions *s = op->sessions;
    const int64_t before_ms = auth_revoked_before_ms(&s->revoked, &op->what.account);

    return auth_revoked_has_session(&s->revoked, op->what.session) ||
           before_ms > op->asked_ms - s->config.session_ms;
}

static int refusal_of_refresh(const struct operation *op, int r)
{
    switch (r) {
    case AUTH_STORE_NO_SESSION:
        return was_ended(op) ? AUTH_SESSIONS_REVOKED : AUTH_SESSIONS_EXPIRED;
    case AUTH_STORE_LATE: return AUTH_SESSIONS_EXPIRED;
    case AUTH_STORE_REUSED: return AUTH_SESSIONS_REVOKED;
    default: return AUTH_SESSIONS_UNAVAILABLE;
    }
}

static void refuse_grant(struct operation *op, int refusal)
{
    op->granted(op->arg, refusal, NULL);
    operation_free(op);
}

static void ask_contract(struct operation *op, const struct auth_session *session);

static void on_refreshed(void *arg, int r, const struct auth_session *session)
{
    struct operation *op = arg;

    if (r == AUTH_STORE_UNPROVEN) {
        ask_contract(op, session);
        return;
    }
    if (r == AUTH_STORE_REUSED)
        revoke(op->sessions, &op->what);
    if (r == 0) {
        grant(op, session);
        operation_free(op);
    } else {
        refuse_grant(op, refusal_of_refresh(op, r));
    }
}

static void refresh(struct operation *op, bool is_proven)
{
    const struct auth_store_refresh asked = {
        .session = op->what.session,
        .generation = op->generation,
        .is_proven = is_proven,
        .now_ms = op->asked_ms,
        .grace_ms = AUTH_REFRESH_GRACE_MS,
        .revoked_until_ms = op->what.until_ms,
    };

    auth_store_refresh(op->sessions->config.store, &asked, on_refreshed, op);
}

// A contract wallet's.

static void on_disowned(void *arg, int r, size_t n)
{
    struct operation *op = arg;

    (void)n;
    if (r == 0)
        revoke(op->sessions, &op->what);
    refuse_grant(op, r == 0 ? AUTH_SESSIONS_REVOKED : AUTH_SESSIONS_UNAVAILABLE);
}

/** Its contract no longer stands by it. */
static void end_disowned(struct operation *op)
{
    const struct auth_store_end end = {
        .session = op->what.session, .now_ms = op->asked_ms, .until_ms = op->what.until_ms};

    auth_store_end(op->sessions->config.store, &end, on_disowned, op);
}

static void on_contract(void *arg, int r)
{
    struct operation *op = arg;

    switch (r) {
    case 0: refresh(op, true); break;
    case AUTH_CONTRACT_WRONG: end_disowned(op); break;
    case AUTH_CONTRACT_BUSY: refuse_grant(op, AUTH_SESSIONS_BUSY); break;
    default: refuse_grant(op, AUTH_SESSIONS_UNCHECKED); break;
    }
}

static void ask_contract(struct operation *op, const struct auth_session *session)
{
    struct auth_contracts *contracts = op->sessions->config.contracts;
    const str key = account_key(&session->account);
    const struct auth_contract_proof proof = {
        .chain = session->proof.chain,
        .address = (const uint8_t *)key.ptr,
        .digest = session->proof.digest,
        .signature = session->proof.signature,
        .is_again = true,
    };

    if (contracts) {
        auth_contracts_check(contracts, &proof, on_contract, op);
    } else {
        refuse_grant(op, AUTH_SESSIONS_UNCHECKED);
    }
}

int auth_sessions_refresh(struct auth_sessions *s, str refresh_token,
                          auth_sessions_grant_fn *done, void *arg)
{
    struct auth_refresh token;

    if (auth_refresh_parse(&token, refresh_token, s->config.refresh_key) != 0)
        return AUTH_SESSIONS_INVALID;
    if (take_rate(s, &token.account, REFRESHES) != 0)
        return AUTH_SESSIONS_LIMITED;
    struct operation *op = operation_new_grant(s, &token.account, done, arg);
    name_session(op, str_of(token.session));
    op->generation = token.generation;
    refresh(op, false);
    return 0;
}

// Ending.

/** Up to when what was issued ends, if all of an account's does. */
static int64_t end_time(const struct operation *op)
{
    return op->what.session.len > 0
               ? op->asked_ms
               : auth_revoked_end_ms(&op->sessions->revoked, &op->what.account, op->asked_ms);
}

/** It has ended in the store, with what was asked for meanwhile. */
static void revoke_ended(struct operation *op)
{
    op->what.before_ms = end_time(op);
    revoke(op->sessions, &op->what);
}

static void on_ended(void *arg, int r, size_t n)
{
    struct operation *op = arg;

    (void)n;
    if (r == 0)
        revoke_ended(op);
    op->ended(op->arg, r == 0 ? 0 : AUTH_SESSIONS_UNAVAILABLE);
    operation_free(op);
}

/** Of an operation, which knows who waits for it. */
static void start_end(struct operation *op, const struct auth_revocation *what,
                      auth_store_end_fn *on_stored)
{
    op->what = *what;
    name_session(op, what->session);
    op->what.before_ms = end_time(op);
    const struct auth_store_end end = {
        .session = op->what.session,
        .account = what->account,
        .now_ms = op->what.before_ms,
        .until_ms = what->until_ms,
    };
    auth_store_end(op->sessions->config.store, &end, on_stored, op);
}

static void end(struct auth_sessions *s, const struct auth_revocation *what,
                auth_store_end_fn *on_stored, auth_sessions_end_fn *done, void *arg)
{
    struct operation *op = operation_new(s, arg);

    op->ended = done;
    start_end(op, what, on_stored);
}

/** What ends: a session, or with `all` whatever the account has. */
static struct auth_revocation what_ends(const struct auth_sessions *s, const account *a,
                                        str session, bool all)
{
    const int64_t left_ms = all ? AUTH_REVOKED_MS : TOKEN_LEFT_MS;

    return (struct auth_revocation){
        .account = *a, .session = all ? (str){0} : session, .until_ms = now_ms(s) + left_ms};
}

void auth_sessions_end(struct auth_sessions *s, const struct auth_identity *who, bool all,
                       auth_sessions_end_fn *done, void *arg)
{
    struct auth_revocation what = what_ends(s, &who->account, str_of(who->key), all);

    // Another issuer's token may be good for longer than ours ever are.
    if (what.until_ms < who->expires_at_ms + who->skew_ms)
        what.until_ms = who->expires_at_ms + who->skew_ms;
    end(s, &what, on_ended, done, arg);
}

/** Its own session, of a refresh token that is to end all: was it still there? */
static void on_own_ended(void *arg, int r, size_t n)
{
    struct operation *op = arg;
    const struct auth_revocation all =
        what_ends(op->sessions, &op->what.account, (str){0}, true);

    if (r != 0) {
        op->ended(op->arg, AUTH_SESSIONS_UNAVAILABLE);
    } else if (n == 0) {
        op->ended(op->arg, refusal_of_refresh(op, AUTH_STORE_NO_SESSION));
    } else {
        revoke(op->sessions, &op->what);
        end(op->sessions, &all, on_ended, op->ended, op->arg);
    }
    operation_free(op);
}

int auth_sessions_end_by(struct auth_sessions *s, str refresh_token, bool all,
                         auth_sessions_end_fn *done, void *arg)
{
    struct auth_refresh refresh;

    if (auth_refresh_parse(&refresh, refresh_token, s->config.refresh_key) != 0)
        return AUTH_SESSIONS_INVALID;
    const struct auth_revocation what =
        what_ends(s, &refresh.account, str_of(refresh.session), false);
    end(s, &what, all ? on_own_ended : on_ended, done, arg);
    return 0;
}

static void on_revoked(void *arg, int r, size_t n)
{
    struct operation *op = arg;

    if (r == 0)
        revoke_ended(op);
    op->revoked(op->arg, r == 0 ? 0 : AUTH_SESSIONS_UNAVAILABLE, n);
    operation_free(op);
}

void auth_sessions_revoke(struct auth_sessions *s, const struct auth_revocation *what,
                          auth_sessions_revoke_fn *done, void *arg)
{
    struct operation *op = operation_new(s, arg);
    struct auth_revocation all = {.session = what->session,
                                  .until_ms = op->asked_ms + AUTH_REVOKED_MS};

    if (what->session.len == 0)
        all.account = what->account;
    op->revoked = done;
    start_end(op, &all, on_revoked);
}
