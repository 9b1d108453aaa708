#include "store/auth_change.h"

#include "base/mem.h"

static str copy_session(struct auth_change *c, str name)
{
    assert(name.len < AUTH_SESSION_SIZE);
    return str_copy(c->session, name);
}

struct auth_session_proof auth_change_keep(struct auth_change *c,
                                           const struct auth_session_proof *proof)
{
    struct auth_session_proof copy = *proof;

    if (proof->chain == 0)
        return (struct auth_session_proof){0};
    assert(proof->chain <= INT64_MAX); // what a database can hold
    assert(proof->signature.len <= AUTH_SIGNATURE_MAX && !c->signature);
    c->signature = mem_alloc(proof->signature.len + 1);
    copy.signature = str_copy(c->signature, proof->signature);
    return copy;
}

void auth_change_begin(struct auth_change *c, const struct auth_store_begin *b,
                       auth_store_begin_fn *done, void *arg)
{
    assert(b->account.len > 0 && b->session.len > 0);
    assert(b->nonce.len > 0 && b->nonce.len <= AUTH_NONCE_MAX);
    c->kind = AUTH_CHANGE_BEGIN;
    c->now_ms = b->now_ms;
    c->arg = arg;
    c->begin.done = done;
    c->begin.asked = *b;
    c->begin.asked.session = copy_session(c, b->session);
    c->begin.asked.nonce = str_copy(c->nonce, b->nonce);
    c->begin.asked.proof = auth_change_keep(c, &b->proof);
}

void auth_change_refresh(struct auth_change *c, const struct auth_store_refresh *r,
                         auth_store_refresh_fn *done, void *arg)
{
    c->kind = AUTH_CHANGE_REFRESH;
    c->now_ms = r->now_ms;
    c->arg = arg;
    c->refresh.done = done;
    c->refresh.asked = *r;
    c->refresh.asked.session = copy_session(c, r->session);
}

void auth_change_end(struct auth_change *c, const struct auth_store_end *e,
                     auth_store_end_fn *done, void *arg)
{
    assert(e->session.len > 0 || e->account.len > 0);
    c->kind = AUTH_CHANGE_END;
    c->now_ms = e->now_ms;
    c->arg = arg;
    c->end.done = done;
    c->end.asked = *e;
    c->end.asked.session = copy_session(c, e->session);
}

void auth_change_reset(struct auth_change *c)
{
    c->has_changed = false;
    switch (c->kind) {
    case AUTH_CHANGE_BEGIN: c->begin.answer = (struct auth_store_begun){0}; break;
    case AUTH_CHANGE_REFRESH:
        c->refresh.answer = (struct auth_session){0};
        free(c->signature); // the answer's; that of a beginning is what was asked
        c->signature = NULL;
        break;
    case AUTH_CHANGE_END: c->end.answer = 0; break;
    }
}

void auth_change_begun(struct auth_change *c, str ended)
{
    const struct auth_store_begin *asked = &c->begin.asked;

    assert(ended.len < AUTH_SESSION_SIZE);
    c->begin.answer = (struct auth_store_begun){
        .session = {.account = asked->account,
                    .name = asked->session,
                    .generation = 1,
                    .began_at_ms = asked->now_ms,
                    .expires_at_ms = asked->expires_at_ms,
                    .proof = asked->proof},
        .ended = str_copy(c->ended, ended),
    };
}

/** @return 0 for the current generation, and for the one before within its grace */
static int judge_generation(const struct auth_store_refresh *asked,
                            const struct auth_session *s, int64_t refreshed_at_ms)
{
    if (s->expires_at_ms <= asked->now_ms)
        return AUTH_STORE_NO_SESSION;
    if (asked->generation == 0 || asked->generation > s->generation)
        return AUTH_STORE_NO_SESSION;
    if (asked->generation == s->generation) {
        // The last one is used up: it never begins anew.
        return s->generation == UINT32_MAX ? AUTH_STORE_NO_SESSION : 0;
    }
    if (asked->generation < s->generation - 1)
        return AUTH_STORE_REUSED;
    return asked->now_ms - refreshed_at_ms <= asked->grace_ms ? 0 : AUTH_STORE_LATE;
}

int auth_change_next(const struct auth_store_refresh *asked, const struct auth_session *s,
                     int64_t refreshed_at_ms, uint32_t *next)
{
    *next = s->generation;
    const int r = judge_generation(asked, s, refreshed_at_ms);
    if (r != 0)
        return r;
    if (s->proof.chain != 0 && !asked->is_proven)
        return AUTH_STORE_UNPROVEN;
    *next += asked->generation == s->generation;
    return 0;
}

static void answer_refresh(const struct auth_change *c, int r)
{
    const bool has_session = r == 0 || r == AUTH_STORE_UNPROVEN;
    c->refresh.done(c->arg, r, has_session ? &c->refresh.answer : NULL);
}

void auth_change_answer(struct auth_change *c, int r)
{
    const bool ok = r == 0;

    switch (c->kind) {
    case AUTH_CHANGE_BEGIN: c->begin.done(c->arg, r, ok ? &c->begin.answer : NULL); break;
    case AUTH_CHANGE_REFRESH: answer_refresh(c, r); break;
    case AUTH_CHANGE_END: c->end.done(c->arg, r, ok ? c->end.answer : 0); break;
    }
    free(c->signature);
}
