#include "store/upload_change.h"

#include "base/mem.h"

struct upload_claimed {
    size_t n;
    str ids[UPLOADS_CLAIM_MAX];
    char bytes[UPLOADS_CLAIM_MAX][CHAT_UPLOAD_ID_SIZE]; // no NUL is added
};

static str copy_id(struct upload_change *c, str id)
{
    assert(id.len > 0 && id.len < CHAT_UPLOAD_ID_SIZE);
    return str_copy(c->id, id);
}

void upload_change_create(struct upload_change *c, const struct uploads_create *asked,
                          uploads_create_fn *done, void *arg)
{
    const struct chat_upload *u = &asked->upload;
    struct chat_upload *copy = &c->create.asked.upload;

    assert(u->owner.len > 0 && u->state == UPLOAD_PENDING && asked->until_ms > 0);
    assert(u->name.len > 0 && u->name.len <= CHAT_FILE_NAME_MAX);
    assert(u->mime.len > 0 && u->mime.len <= CHAT_MIME_MAX);
    assert(u->size > 0 && u->size <= INT64_MAX); // what a database can hold
    c->kind = UPLOAD_CHANGE_CREATE;
    c->arg = arg;
    c->create.done = done;
    c->create.asked = *asked;
    c->strings = mem_alloc(u->name.len + u->mime.len);
    copy->id = copy_id(c, u->id);
    copy->name = str_copy(c->strings, u->name);
    copy->mime = str_copy(c->strings + u->name.len, u->mime);
}

void upload_change_settle(struct upload_change *c, const struct uploads_settle *asked,
                          uploads_settle_fn *done, void *arg)
{
    assert(asked->state == UPLOAD_ACCEPTED || asked->state == UPLOAD_REJECTED);
    assert(asked->until_ms > 0);
    c->kind = UPLOAD_CHANGE_SETTLE;
    c->arg = arg;
    c->settle.done = done;
    c->settle.asked = *asked;
    c->settle.asked.id = copy_id(c, asked->id);
}

void upload_change_claim(struct upload_change *c, const struct uploads_claim *asked,
                         uploads_claim_fn *done, void *arg)
{
    assert(asked->max > 0 && asked->max <= UPLOADS_CLAIM_MAX);
    assert(asked->again_ms > asked->now_ms && asked->again_ms > 0); // or it would have no end
    c->kind = UPLOAD_CHANGE_CLAIM;
    c->arg = arg;
    c->claim.done = done;
    c->claim.asked = *asked;
}

void upload_change_remove(struct upload_change *c, str id, uploads_remove_fn *done, void *arg)
{
    c->kind = UPLOAD_CHANGE_REMOVE;
    c->arg = arg;
    c->remove.done = done;
    c->remove.id = copy_id(c, id);
}

void upload_change_reset(struct upload_change *c)
{
    c->has_changed = false;
    switch (c->kind) {
    case UPLOAD_CHANGE_CREATE: c->create.retry_after_ms = 0; break;
    case UPLOAD_CHANGE_SETTLE: c->settle.answer = UPLOAD_PENDING; break;
    case UPLOAD_CHANGE_CLAIM:
        free(c->claim.answer);
        c->claim.answer = NULL;
        break;
    case UPLOAD_CHANGE_REMOVE: break;
    }
}

str upload_change_claimed(struct upload_change *c, str id)
{
    struct upload_claimed *all = c->claim.answer;

    if (!all)
        all = c->claim.answer = NEW(struct upload_claimed);
    assert(all->n < c->claim.asked.max && id.len < CHAT_UPLOAD_ID_SIZE);
    const str copy = str_copy(all->bytes[all->n], id);
    all->ids[all->n++] = copy;
    return copy;
}

size_t upload_change_n_claimed(const struct upload_change *c)
{
    return c->claim.answer ? c->claim.answer->n : 0;
}

static void answer_claim(struct upload_change *c, int r)
{
    struct upload_claimed *all = r == 0 ? c->claim.answer : NULL;

    c->claim.done(c->arg, r, all ? all->ids : NULL, all ? all->n : 0);
    free(c->claim.answer);
}

void upload_change_answer(struct upload_change *c, int r)
{
    const bool ok = r == 0;

    switch (c->kind) {
    case UPLOAD_CHANGE_CREATE:
        c->create.done(c->arg, r, r == UPLOADS_QUOTA ? c->create.retry_after_ms : 0);
        break;
    case UPLOAD_CHANGE_SETTLE:
        c->settle.done(c->arg, r, ok ? c->settle.answer : UPLOAD_PENDING);
        break;
    case UPLOAD_CHANGE_CLAIM: answer_claim(c, r); break;
    case UPLOAD_CHANGE_REMOVE: c->remove.done(c->arg, r); break;
    }
    free(c->strings);
}
