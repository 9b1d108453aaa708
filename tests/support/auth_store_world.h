/**
 * Sessions in a store under test: operations of auth/store.h that wait for their answer and
 * give it as a text. Times in it are milliseconds behind NOW.
 *
 *   a/laptop g2 0-5000 -phone   a session of a: its name, generation, beginning and end; what
 *                               has ended for it
 *   a/laptop g2 0-5000 10:D:S   with a proof: its chain, digest and signature, as bytes
 *   laptop@1~9000 a@2<0~9000    revocations: whose, position, of what was issued up to, until
 */
#pragma once

#include "support/store_world.h"

/** What an operation was answered with. */
struct auth_answer {
    struct store_world *w;
    unsigned times;
    int r;
    size_t n;         // that have ended; revocations in a page
    int64_t position; // of the last one
    bool has_more;
    struct buf text;
};

static inline struct auth_store *auth_of(const struct store_world *w)
{
    return w->backend == BACKEND_MEM ? store_mem_auth(w->store) : store_front_auth(w->store);
}

static inline void auth_answer_init(struct auth_answer *a, struct store_world *w)
{
    *a = (struct auth_answer){.w = w};
    buf_init(&a->text, SIZE_MAX / 2);
}

static inline void auth_answer_fini(struct auth_answer *a)
{
    buf_fini(&a->text);
}

static inline void auth_answer_await(struct auth_answer *a)
{
    while (a->times == 0)
        loop_run_once(a->w->loop);
    assert_int_equal(a->times, 1);
}

static inline void auth_say_bytes(struct auth_answer *a, str s)
{
    const int r = buf_add(&a->text, s);
    assert_int_equal(r, 0);
}

PRINTF_LIKE(2, 3) static inline void auth_say(struct auth_answer *a, const char *fmt, ...)
{
    char text[512];
    va_list ap;

    va_start(ap, fmt);
    const int n = vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    assert_in_range(n, 0, sizeof(text) - 1);
    auth_say_bytes(a, (str){text, (size_t)n});
}

static inline struct auth_answer *auth_answered(void *arg, int r, bool has_result)
{
    struct auth_answer *a = arg;

    assert_int_equal(has_result, r == 0);
    a->times++;
    a->r = r;
    return a;
}

static inline void say_proof(struct auth_answer *a, const struct auth_session_proof *proof)
{
    static const uint8_t none[AUTH_DIGEST_SIZE];

    if (proof->chain == 0) {
        assert_memory_equal(proof->digest, none, sizeof(none));
        assert_int_equal(proof->signature.len, 0);
        return;
    }
    auth_say(a, " %llu:", (unsigned long long)proof->chain);
    auth_say_bytes(a, (str){(const char *)proof->digest, sizeof(proof->digest)});
    auth_say(a, ":");
    auth_say_bytes(a, proof->signature);
}

static inline void say_session(struct auth_answer *a, const struct auth_session *s)
{
    auth_say(a, "%c/" STR_FMT " g%u %lld-%lld", letter_of(&s->account), STR_ARG(s->name),
             s->generation, (long long)(s->began_at_ms - NOW),
             (long long)(s->expires_at_ms - NOW));
    say_proof(a, &s->proof);
}

static inline void on_begun(void *arg, int r, const struct auth_store_begun *b)
{
    struct auth_answer *a = auth_answered(arg, r, b);

    if (!b)
        return;
    say_session(a, &b->session);
    if (b->ended.len > 0)
        auth_say(a, " -" STR_FMT, STR_ARG(b->ended));
}

static inline void on_refreshed(void *arg, int r, const struct auth_session *s)
{
    struct auth_answer *a = auth_answered(arg, r, r == 0);

    assert_int_equal(s != NULL, r == 0 || r == AUTH_STORE_UNPROVEN);
    if (s)
        say_session(a, s);
}

static inline void on_ended(void *arg, int r, size_t n)
{
    struct auth_answer *a = auth_answered(arg, r, r == 0);

    assert_true(r == 0 || n == 0);
    a->n = n;
    if (r == 0)
        auth_say(a, "%zu", n);
}

static inline void say_revocation(struct auth_answer *a, const struct auth_revocation *x)
{
    assert_true((x->session.len > 0) != (x->account.len > 0));
    assert_true(x->position > a->position);
    a->position = x->position;
    auth_say(a, "%s", a->text.len > 0 ? " " : "");
    if (x->session.len > 0) {
        assert_int_equal(x->before_ms, 0);
        auth_say(a, STR_FMT, STR_ARG(x->session));
    } else {
        auth_say(a, "%c", letter_of(&x->account));
    }
    auth_say(a, "@%lld", (long long)x->position);
    if (x->account.len > 0)
        auth_say(a, "<%lld", (long long)(x->before_ms - NOW));
    auth_say(a, "~%lld", (long long)(x->until_ms - NOW));
}

static inline void on_revocations(void *arg, int r,
                                  const struct auth_store_revocations_page *page)
{
    struct auth_answer *a = auth_answered(arg, r, page);

    if (!page)
        return;
    for (size_t i = 0; i < page->n_revocations; i++)
        say_revocation(a, &page->revocations[i]);
    a->n = page->n_revocations;
    a->has_more = page->has_more;
    if (page->has_more)
        auth_say(a, " more");
}

// What is asked, in its plainest form: at NOW, for an hour. The strings are borrowed.

static inline struct auth_store_begin begin_of(char letter, const char *session,
                                               const char *nonce)
{
    return (struct auth_store_begin){.account = who(letter),
                                     .session = str_of(session),
                                     .nonce = str_of(nonce),
                                     .nonce_until_ms = NOW + HOUR,
                                     .now_ms = NOW,
                                     .expires_at_ms = NOW + HOUR,
                                     .revoked_until_ms = NOW + HOUR};
}

static inline struct auth_store_refresh refresh_of(const char *session, uint32_t generation,
                                                   int64_t after_ms)
{
    return (struct auth_store_refresh){.session = str_of(session),
                                       .generation = generation,
                                       .now_ms = NOW + after_ms,
                                       .grace_ms = MINUTE,
                                       .revoked_until_ms = NOW + HOUR};
}

static inline struct auth_store_end end_of(const char *session)
{
    return (struct auth_store_end){
        .session = str_of(session), .now_ms = NOW, .until_ms = NOW + HOUR};
}

static inline struct auth_store_end end_all_of(char letter)
{
    return (struct auth_store_end){
        .account = who(letter), .now_ms = NOW, .until_ms = NOW + HOUR};
}

/** Its digest is the letter, over and over. */
static inline struct auth_session_proof proof_of(uint64_t chain, char letter, str signature)
{
    struct auth_session_proof proof = {.chain = chain, .signature = signature};

    memset(proof.digest, letter, sizeof(proof.digest));
    return proof;
}

// Operations that wait for their answer: it must be r, and the text what was answered with it.

#define DEFINE_AUTH_ASK(op, callback)                                                          \
    static inline struct auth_answer ask_##op(                                                 \
        struct store_world *w, const struct auth_store_##op *what, int r, const char *want)    \
    {                                                                                          \
        struct auth_answer a;                                                                  \
                                                                                               \
        auth_answer_init(&a, w);                                                               \
        auth_store_##op(auth_of(w), what, callback, &a);                                       \
        assert_int_equal(a.times, 0);                                                          \
        auth_answer_await(&a);                                                                 \
        expect_int(#op, a.r, r);                                                               \
        if (want)                                                                              \
            expect_str(#op, buf_str(&a.text), str_of(want));                                   \
        auth_answer_fini(&a);                                                                  \
        return a;                                                                              \
    }

DEFINE_AUTH_ASK(begin, on_begun)
DEFINE_AUTH_ASK(refresh, on_refreshed)
DEFINE_AUTH_ASK(end, on_ended)
DEFINE_AUTH_ASK(revocations, on_revocations)

/** All that is revoked so long behind NOW. */
static inline void expect_revoked(struct store_world *w, int64_t after_ms, const char *want)
{
    const struct auth_store_revocations r = {.now_ms = NOW + after_ms,
                                             .max_revocations = PLENTY};
    ask_revocations(w, &r, 0, want);
}

/** A session that must begin, for an hour, at NOW. */
static inline void sign_in(struct store_world *w, char letter, const char *session)
{
    const struct auth_store_begin b = begin_of(letter, session, session);
    char want[128];

    snprintf(want, sizeof(want), "%c/%s g1 0-3600000", letter, session);
    ask_begin(w, &b, 0, want);
}

/** A refresh so long behind NOW that must be answered with r, and if 0, this generation. */
static inline void turn(struct store_world *w, const char *session, uint32_t generation,
                        int64_t after_ms, int r, uint32_t next)
{
    const struct auth_store_refresh asked = refresh_of(session, generation, after_ms);
    char want[128] = "";
    struct auth_answer a;

    auth_answer_init(&a, w);
    auth_store_refresh(auth_of(w), &asked, on_refreshed, &a);
    auth_answer_await(&a);
    expect_int(session, a.r, r);
    str got = buf_str(&a.text);
    if (r == 0) {
        str_take(&got, 1); // whose it is
        snprintf(want, sizeof(want), "/%s g%u 0-3600000", session, next);
    }
    expect_str("refreshed", got, str_of(want));
    auth_answer_fini(&a);
}
