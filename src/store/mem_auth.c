#include "store/mem_auth.h"

#include "base/mem.h"
#include "store/auth_change.h"

struct session {
    struct list node;
    struct auth_session is;
    int64_t refreshed_at_ms; // or began
    char name[AUTH_SESSION_SIZE];
    char signature[]; // of the proof
};

struct nonce {
    struct list node;
    str is;
    int64_t until_ms;
    char bytes[AUTH_NONCE_MAX];
};

struct revocation {
    struct list node;
    struct auth_revocation is;
    char session[AUTH_SESSION_SIZE];
};

struct op {
    struct job job;
    struct mem_auth *m;
    struct auth_change change;
};

struct read {
    struct job job;
    struct mem_auth *m;
    struct auth_store_revocations asked;
    auth_store_revocations_fn *done;
    void *arg;
};

static struct mem_auth *auth_of(struct auth_store *s)
{
    return container_of(s, struct mem_auth, store);
}

// Sessions.

static struct session *session_at(struct list *node)
{
    return container_of(node, struct session, node);
}

static struct session *find_session(struct mem_auth *m, str name)
{
    list_each (node, &m->sessions) {
        if (str_eq(session_at(node)->is.name, name))
            return session_at(node);
    }
    return NULL;
}

static void add_session(struct mem_auth *m, const struct auth_session *is)
{
    struct session *s = mem_alloc(sizeof(*s) + is->proof.signature.len);

    assert(!find_session(m, is->name)); // names are new
    s->is = *is;
    s->is.name = str_copy(s->name, is->name);
    s->is.proof.signature = str_copy(s->signature, is->proof.signature);
    s->refreshed_at_ms = is->began_at_ms;
    list_push(&m->sessions, &s->node);
}

/** @return 1, or 0 if it was over before */
static size_t end_session(struct session *s, int64_t now_ms)
{
    const bool was_live = s->is.expires_at_ms > now_ms;

    list_remove(&s->node);
    free(s);
    return was_live;
}

static size_t end_sessions_of(struct mem_auth *m, const account *a, int64_t now_ms)
{
    size_t n = 0;

    list_each (node, &m->sessions) {
        if (account_eq(&session_at(node)->is.account, a))
            n += end_session(session_at(node), now_ms);
    }
    return n;
}

/** @return the one that was refreshed longest ago, or NULL: the account may have one more */
static struct session *find_surplus(struct mem_auth *m, const account *a, int64_t now_ms)
{
    struct session *oldest = NULL;
    size_t n = 0;

    list_each (node, &m->sessions) {
        struct session *s = session_at(node);
        if (!account_eq(&s->is.account, a) || s->is.expires_at_ms <= now_ms)
            continue;
        n++;
        if (!oldest || s->refreshed_at_ms < oldest->refreshed_at_ms)
            oldest = s;
    }
    return n < AUTH_SESSIONS_MAX ? NULL : oldest;
}

// Revocations.

static bool is_of_same(const struct auth_revocation *x, const struct auth_revocation *y)
{
    return str_eq(x->session, y->session) && account_eq(&x->account, &y->account);
}

static int64_t later_of(int64_t x, int64_t y)
{
    return x > y ? x : y;
}

/** What is remembered of the same one already stays if it says more; the position is new. */
static void revoke(struct mem_auth *m, const struct auth_revocation *is)
{
    struct revocation *now = NEW(struct revocation);

    now->is = *is;
    now->is.session = str_copy(now->session, is->session);
    now->is.position = ++m->position;
    list_each (node, &m->revocations) {
        struct revocation *before = container_of(node, struct revocation, node);
        if (!is_of_same(&before->is, is))
            continue;
        now->is.before_ms = later_of(now->is.before_ms, before->is.before_ms);
        now->is.until_ms = later_of(now->is.until_ms, before->is.until_ms);
        list_remove(node);
        free(before);
    }
    list_push(&m->revocations, &now->node);
}

static void revoke_session(struct mem_auth *m, str name, int64_t until_ms)
{
    revoke(m, &(struct auth_revocation){.session = name, .until_ms = until_ms});
}

// Changes.

/** @return 0 or AUTH_STORE_NONCE_USED */
static int use_nonce(struct mem_auth *m, const struct auth_store_begin *b)
{
    struct nonce *n = NULL;

    list_each (node, &m->nonces) {
        struct nonce *used = container_of(node, struct nonce, node);
        if (str_eq(used->is, b->nonce))
            n = used;
    }
    if (n && n->until_ms > b->now_ms)
        return AUTH_STORE_NONCE_USED;
    if (!n) {
        n = NEW(struct nonce);
        n->is = str_copy(n->bytes, b->nonce);
        list_push(&m->nonces, &n->node);
    }
    n->until_ms = b->nonce_until_ms;
    return 0;
}

static int begin(struct mem_auth *m, struct auth_change *c)
{
    const struct auth_store_begin *asked = &c->begin.asked;

    const int r = use_nonce(m, asked);
    if (r != 0)
        return r;
    struct session *surplus = find_surplus(m, &asked->account, asked->now_ms);
    auth_change_begun(c, surplus ? surplus->is.name : (str){0});
    if (surplus) {
        end_session(surplus, asked->now_ms);
        revoke_session(m, c->begin.answer.ended, asked->revoked_until_ms);
    }
    add_session(m, &c->begin.answer.session);
    c->has_changed = true;
    return 0;
}

static int refresh(struct mem_auth *m, struct auth_change *c)
{
    const struct auth_store_refresh *asked = &c->refresh.asked;
    struct session *s = find_session(m, asked->session);
    uint32_t next = 0;

    if (!s)
        return AUTH_STORE_NO_SESSION;
    const int r = auth_change_next(asked, &s->is, s->refreshed_at_ms, &next);
    if (r == AUTH_STORE_REUSED) {
        c->has_changed = true;
        end_session(s, asked->now_ms);
        revoke_session(m, asked->session, asked->revoked_until_ms);
        return r;
    }
    if (next != s->is.generation) {
        c->has_changed = true;
        s->is.generation = next;
        s->refreshed_at_ms = asked->now_ms;
    }
    c->refresh.answer = s->is;
    return r;
}

static int end(struct mem_auth *m, struct auth_change *c)
{
    const struct auth_store_end *asked = &c->end.asked;

    c->has_changed = true;
    if (asked->session.len > 0) {
        struct session *s = find_session(m, asked->session);
        c->end.answer = s ? end_session(s, asked->now_ms) : 0;
        revoke_session(m, asked->session, asked->until_ms);
        return 0;
    }
    c->end.answer = end_sessions_of(m, &asked->account, asked->now_ms);
    revoke(m, &(struct auth_revocation){.account = asked->account,
                                        .before_ms = asked->now_ms,
                                        .until_ms = asked->until_ms});
    return 0;
}

static int change(struct mem_auth *m, struct auth_change *c)
{
    switch (c->kind) {
    case AUTH_CHANGE_BEGIN: return begin(m, c);
    case AUTH_CHANGE_REFRESH: return refresh(m, c);
    case AUTH_CHANGE_END: break;
    }
    return end(m, c);
}

static void run_change(struct job *job)
{
    struct op *op = container_of(job, struct op, job);
    struct mem_auth *m = op->m;

    m->n_waiting--;
    m->counters->queued--;
    int r = mem_faults_before(&m->faults, m->counters);
    if (r == 0)
        r = mem_faults_after(&m->faults, change(m, &op->change));
    m->counters->commits += op->change.has_changed;
    auth_change_answer(&op->change, r);
    free(op);
}

static void refuse_change(struct job *job)
{
    struct op *op = container_of(job, struct op, job);

    op->m->counters->queued--;
    auth_change_answer(&op->change, AUTH_STORE_UNAVAILABLE);
    free(op);
}

/** Submitted already: it runs in the next turn. */
static struct auth_change *new_change(struct auth_store *base)
{
    struct mem_auth *m = auth_of(base);
    struct op *op = NEW(struct op);
    const bool is_full = m->n_waiting == AUTH_STORE_QUEUE_MAX;

    op->m = m;
    m->n_waiting += !is_full;
    m->counters->queued++;
    job_push(m->later, &op->job, is_full ? refuse_change : run_change);
    return &op->change;
}

static void mem_begin(struct auth_store *base, const struct auth_store_begin *b,
                      auth_store_begin_fn *done, void *arg)
{
    auth_change_begin(new_change(base), b, done, arg);
}

static void mem_refresh(struct auth_store *base, const struct auth_store_refresh *r,
                        auth_store_refresh_fn *done, void *arg)
{
    auth_change_refresh(new_change(base), r, done, arg);
}

static void mem_end(struct auth_store *base, const struct auth_store_end *e,
                    auth_store_end_fn *done, void *arg)
{
    auth_change_end(new_change(base), e, done, arg);
}

// The page.

static void run_revocations(struct job *job)
{
    struct read *read = container_of(job, struct read, job);
    struct mem_auth *m = read->m;
    const struct auth_store_revocations *asked = &read->asked;
    struct auth_revocation *found = NULL;
    struct auth_store_revocations_page page = {0};

    m->counters->queued--;
    m->counters->reads++;
    const int refusal = mem_faults_of_read(&m->faults, m->counters);
    list_each (node, &m->revocations) {
        const struct revocation *x = container_of(node, struct revocation, node);
        if (x->is.position <= asked->after || x->is.until_ms <= asked->now_ms)
            continue;
        page.has_more = page.n_revocations == asked->max_revocations;
        if (page.has_more)
            break;
        found = mem_resize(found, (page.n_revocations + 1) * sizeof(*found));
        found[page.n_revocations++] = x->is;
    }
    page.revocations = found;
    read->done(read->arg, refusal, refusal == 0 ? &page : NULL);
    free(found);
    free(read);
}

static void mem_revocations(struct auth_store *base, const struct auth_store_revocations *r,
                            auth_store_revocations_fn *done, void *arg)
{
    struct mem_auth *m = auth_of(base);
    struct read *read = NEW(struct read);

    assert(r->max_revocations >= 1);
    *read = (struct read){.m = m, .asked = *r, .done = done, .arg = arg};
    m->counters->queued++;
    job_push(m->later, &read->job, run_revocations);
}

// Life.

static const struct auth_store_ops mem_auth_ops = {
    .begin = mem_begin,
    .refresh = mem_refresh,
    .end = mem_end,
    .revocations = mem_revocations,
};

void mem_auth_init(struct mem_auth *m, struct job_queue *later, struct store_counters *counters)
{
    *m = (struct mem_auth){.store.ops = &mem_auth_ops, .later = later, .counters = counters};
    list_init(&m->sessions);
    list_init(&m->nonces);
    list_init(&m->revocations);
}

void mem_auth_fini(struct mem_auth *m)
{
    list_each (node, &m->sessions)
        free(session_at(node));
    list_each (node, &m->nonces)
        free(container_of(node, struct nonce, node));
    list_each (node, &m->revocations)
        free(container_of(node, struct revocation, node));
}
