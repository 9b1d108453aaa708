#include "store/mem_uploads.h"

#include "base/mem.h"
#include "store/upload_change.h"
#include "store/upload_quota.h"

struct upload {
    struct list node;
    struct chat_upload is;
    int64_t until_ms;
    int64_t cost_ms;
    bool is_kept; // by a message
    char bytes[]; // of its strings
};

struct owner {
    struct list node;
    account is;
    struct upload_quota quota;
};

struct op {
    struct job job;
    struct mem_uploads *m;
    struct upload_change change;
};

struct read {
    struct job job;
    struct mem_uploads *m;
    uploads_find_fn *done;
    void *arg;
    str id;
    char bytes[];
};

static struct mem_uploads *uploads_of(struct uploads *u)
{
    return container_of(u, struct mem_uploads, uploads);
}

static struct upload *upload_at(struct list *node)
{
    return container_of(node, struct upload, node);
}

static struct upload *find(struct mem_uploads *m, str id)
{
    list_each (node, &m->all) {
        if (str_eq(upload_at(node)->is.id, id))
            return upload_at(node);
    }
    return NULL;
}

/** The account's; made where it is new. */
static struct upload_quota *quota_of(struct mem_uploads *m, const account *a)
{
    list_each (node, &m->owners) {
        struct owner *o = container_of(node, struct owner, node);
        if (account_eq(&o->is, a))
            return &o->quota;
    }
    struct owner *new = NEW(struct owner);
    new->is = *a;
    list_push(&m->owners, &new->node);
    return &new->quota;
}

// Changes.

static void add(struct mem_uploads *m, const struct uploads_create *c, int64_t cost_ms)
{
    const struct chat_upload *is = &c->upload;
    struct upload *u = mem_alloc(sizeof(*u) + is->id.len + is->name.len + is->mime.len);

    assert(!find(m, is->id)); // ids are new
    u->is = *is;
    u->is.id = str_copy(u->bytes, is->id);
    u->is.name = str_copy(u->bytes + is->id.len, is->name);
    u->is.mime = str_copy(u->bytes + is->id.len + is->name.len, is->mime);
    u->until_ms = c->until_ms;
    u->cost_ms = cost_ms;
    list_push(&m->all, &u->node);
}

static int create(struct mem_uploads *m, struct upload_change *c)
{
    const struct uploads_create *asked = &c->create.asked;
    int64_t cost_ms = 0;

    const int r = upload_quota_take(quota_of(m, &asked->upload.owner), asked, &cost_ms,
                                    &c->create.retry_after_ms);
    if (r != 0)
        return r;
    c->has_changed = true;
    add(m, asked, cost_ms);
    return 0;
}

static int settle(struct mem_uploads *m, struct upload_change *c)
{
    const struct uploads_settle *asked = &c->settle.asked;
    struct upload *u = find(m, asked->id);

    if (!u || u->is.state == UPLOAD_DELETING)
        return UPLOADS_NOT_FOUND;
    if (u->is.state == UPLOAD_PENDING) {
        c->has_changed = true;
        u->is.state = asked->state;
        u->until_ms = asked->until_ms;
        upload_quota_settle(quota_of(m, &u->is.owner));
    }
    c->settle.answer = u->is.state;
    return 0;
}

/** By their end, then by their id, as bytes. */
static bool is_before(const struct upload *x, const struct upload *y)
{
    const size_t n = x->is.id.len < y->is.id.len ? x->is.id.len : y->is.id.len;

    if (x->until_ms != y->until_ms)
        return x->until_ms < y->until_ms;
    const int order = memcmp(x->is.id.ptr, y->is.id.ptr, n);
    return order != 0 ? order < 0 : x->is.id.len < y->is.id.len;
}

/** @return NULL: there is none whose time is over */
static struct upload *first_over(struct mem_uploads *m, int64_t now_ms)
{
    struct upload *first = NULL;

    list_each (node, &m->all) {
        struct upload *u = upload_at(node);
        if (u->is_kept || u->until_ms > now_ms)
            continue;
        if (!first || is_before(u, first))
            first = u;
    }
    return first;
}

static void claim_one(struct mem_uploads *m, struct upload_change *c, struct upload *u)
{
    struct upload_quota *quota = quota_of(m, &u->is.owner);

    c->has_changed = true;
    upload_change_claimed(c, u->is.id);
    if (u->is.state == UPLOAD_PENDING) {
        upload_quota_settle(quota);
        upload_quota_give_back(quota, u->cost_ms);
    }
    u->is.state = UPLOAD_DELETING;
    u->until_ms = c->claim.asked.again_ms;
}

static int claim(struct mem_uploads *m, struct upload_change *c)
{
    while (upload_change_n_claimed(c) < c->claim.asked.max) {
        struct upload *u = first_over(m, c->claim.asked.now_ms);
        if (!u)
            break;
        claim_one(m, c, u);
    }
    return 0;
}

static int remove_claimed(struct mem_uploads *m, struct upload_change *c)
{
    struct upload *u = find(m, c->remove.id);

    if (!u || u->is.state != UPLOAD_DELETING)
        return 0;
    c->has_changed = true;
    list_remove(&u->node);
    free(u);
    return 0;
}

static int change(struct mem_uploads *m, struct upload_change *c)
{
    switch (c->kind) {
    case UPLOAD_CHANGE_CREATE: return create(m, c);
    case UPLOAD_CHANGE_SETTLE: return settle(m, c);
    case UPLOAD_CHANGE_CLAIM: return claim(m, c);
    case UPLOAD_CHANGE_REMOVE: break;
    }
    return remove_claimed(m, c);
}

static void run_change(struct job *job)
{
    struct op *op = container_of(job, struct op, job);
    struct mem_uploads *m = op->m;

    m->n_waiting--;
    m->counters->queued--;
    int r = mem_faults_before(m->faults, m->counters);
    if (r == 0)
        r = mem_faults_after(m->faults, change(m, &op->change));
    m->counters->commits += op->change.has_changed;
    upload_change_answer(&op->change, r);
    free(op);
}

static void refuse_change(struct job *job)
{
    struct op *op = container_of(job, struct op, job);

    op->m->counters->queued--;
    upload_change_answer(&op->change, UPLOADS_UNAVAILABLE);
    free(op);
}

/** Submitted already: it runs in the next turn. */
static struct upload_change *new_change(struct uploads *base)
{
    struct mem_uploads *m = uploads_of(base);
    struct op *op = NEW(struct op);
    const bool is_full = m->n_waiting == UPLOADS_QUEUE_MAX;

    op->m = m;
    m->n_waiting += !is_full;
    m->counters->queued++;
    job_push(m->later, &op->job, is_full ? refuse_change : run_change);
    return &op->change;
}

static void mem_upload_create(struct uploads *base, const struct uploads_create *c,
                              uploads_create_fn *done, void *arg)
{
    upload_change_create(new_change(base), c, done, arg);
}

static void mem_upload_settle(struct uploads *base, const struct uploads_settle *s,
                              uploads_settle_fn *done, void *arg)
{
    upload_change_settle(new_change(base), s, done, arg);
}

static void mem_upload_claim(struct uploads *base, const struct uploads_claim *c,
                             uploads_claim_fn *done, void *arg)
{
    upload_change_claim(new_change(base), c, done, arg);
}

static void mem_upload_remove(struct uploads *base, str id, uploads_remove_fn *done, void *arg)
{
    upload_change_remove(new_change(base), id, done, arg);
}

// The question.

static void run_find(struct job *job)
{
    struct read *read = container_of(job, struct read, job);
    struct mem_uploads *m = read->m;
    const struct upload *u = find(m, read->id);

    m->counters->queued--;
    m->counters->reads++;
    int r = mem_faults_of_read(m->faults, m->counters);
    if (r == 0 && (!u || u->is.state == UPLOAD_DELETING))
        r = UPLOADS_NOT_FOUND;
    read->done(read->arg, r, r == 0 ? &u->is : NULL);
    free(read);
}

static void mem_upload_find(struct uploads *base, str id, uploads_find_fn *done, void *arg)
{
    struct mem_uploads *m = uploads_of(base);
    struct read *read = mem_alloc(sizeof(*read) + id.len);

    read->m = m;
    read->done = done;
    read->arg = arg;
    read->id = str_copy(read->bytes, id);
    m->counters->queued++;
    job_push(m->later, &read->job, run_find);
}

// Messages that have one.

int mem_uploads_check(struct mem_uploads *m, const struct store_append *a)
{
    if (a->upload.len == 0)
        return 0;
    const struct upload *u = find(m, a->upload);
    if (!u || u->is.state != UPLOAD_ACCEPTED || !account_eq(&u->is.owner, &a->from))
        return STORE_NO_UPLOAD;
    return 0;
}

void mem_uploads_keep(struct mem_uploads *m, const struct store_append *a)
{
    struct upload *u = a->upload.len > 0 ? find(m, a->upload) : NULL;

    if (u)
        u->is_kept = true;
}

// Life.

static const struct uploads_ops mem_uploads_ops = {
    .create = mem_upload_create,
    .find = mem_upload_find,
    .settle = mem_upload_settle,
    .claim = mem_upload_claim,
    .remove = mem_upload_remove,
};

void mem_uploads_init(struct mem_uploads *m, struct job_queue *later,
                      struct store_counters *counters, struct mem_faults *faults)
{
    *m = (struct mem_uploads){.uploads.ops = &mem_uploads_ops,
                              .later = later,
                              .counters = counters,
                              .faults = faults};
    list_init(&m->all);
    list_init(&m->owners);
}

void mem_uploads_fini(struct mem_uploads *m)
{
    list_each (node, &m->all)
        free(upload_at(node));
    list_each (node, &m->owners)
        free(container_of(node, struct owner, node));
}
