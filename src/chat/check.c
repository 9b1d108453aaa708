#include "chat/check.h"

#include "base/err.h"
#include "base/mem.h"
#include "chat/requests.h"

struct check {
    struct map_node by_id;
    struct chat *chat;
    struct list waiters;
    struct chat_upload upload; // its strings point into bytes[]
    char bytes[];
};

static bool is_id(struct map_node *node, const void *key)
{
    return str_eq(container_of(node, struct check, by_id)->upload.id, *(const str *)key);
}

static struct check *find(const struct chat *c, str id)
{
    struct map_node *node = map_find(&c->checks, str_hash(id), is_id, &id);

    return node ? container_of(node, struct check, by_id) : NULL;
}

static void count(struct chat *c, int r)
{
    if (r == 0) {
        c->counters.uploads_taken++;
    } else if (r != CHAT_MEDIA_UNAVAILABLE && r != CHAT_UNAVAILABLE) {
        c->counters.uploads_refused++;
    }
}

/** From now on another check of it may begin. */
static void answer(struct check *k, int r)
{
    struct list waiters;
    struct list *node;

    map_remove(&k->chat->checks, &k->by_id);
    count(k->chat, r);
    list_init(&waiters);
    list_move_all(&waiters, &k->waiters);
    while ((node = list_shift(&waiters))) {
        struct check_waiter *w = container_of(node, struct check_waiter, node);
        w->done(w, r);
    }
}

static void check_free(struct check *k)
{
    k->chat->n_under_way--;
    free(k);
}

static void finish(struct check *k, int r)
{
    answer(k, r);
    check_free(k);
}

static void on_dropped(void *arg, int r)
{
    if (r != 0)
        log_warn(NULL, "chat_drop_failed", "r=%d", r);
    check_free(arg);
}

/** Its time was over meanwhile, and it was swept: the file that was taken after that would stay
 * for ever. */
static void drop(struct check *k)
{
    answer(k, CHAT_UPLOAD_MISSING);
    media_drop(k->chat->ports.media, k->upload.id, on_dropped, k);
}

/** Whoever has settled it: what the store says counts. */
static void on_settled(void *arg, int r, enum upload_state state)
{
    struct check *k = arg;

    if (r != 0 && r != UPLOADS_NOT_FOUND) {
        finish(k, requests_unavailable(r));
        return;
    }
    if (r == 0 && state == UPLOAD_ACCEPTED) {
        finish(k, 0);
    } else if (r == 0 && state == UPLOAD_REJECTED) {
        finish(k, CHAT_UPLOAD_REJECTED);
    } else {
        drop(k);
    }
}

static void settle(struct check *k, enum upload_state state)
{
    const struct chat *c = k->chat;
    const struct uploads_settle s = {
        .id = k->upload.id,
        .state = state,
        .until_ms = clock_unix_ms(c->ports.clock) + c->config.uploads.kept_ms,
    };

    uploads_settle(c->ports.uploads, &s, on_settled, k);
}

static void on_taken(void *arg, int r)
{
    struct check *k = arg;

    switch (r) {
    case 0: settle(k, UPLOAD_ACCEPTED); break;
    case MEDIA_REJECTED: settle(k, UPLOAD_REJECTED); break;
    case MEDIA_MISSING: finish(k, CHAT_UPLOAD_MISSING); break; // it may still come
    case MEDIA_MISMATCH: finish(k, CHAT_UPLOAD_MISMATCH); break;
    case MEDIA_UNAVAILABLE: finish(k, CHAT_MEDIA_UNAVAILABLE); break;
    default:
        err_up(r);
        finish(k, CHAT_MEDIA_UNAVAILABLE);
        break;
    }
}

static struct check *begin(struct chat *c, const struct chat_upload *u)
{
    struct check *k = mem_alloc(sizeof(*k) + upload_bytes(u));

    k->chat = c;
    list_init(&k->waiters);
    k->upload = upload_copy(k->bytes, u);
    map_add(&c->checks, &k->by_id, str_hash(u->id));
    c->n_under_way++;
    media_take(c->ports.media, &k->upload, on_taken, k);
    return k;
}

void check_wait(struct chat *c, const struct chat_upload *u, struct check_waiter *w)
{
    struct check *k = find(c, u->id);

    if (!k)
        k = begin(c, u);
    list_push(&k->waiters, &w->node);
}

bool check_is_under_way(const struct chat *c, str id)
{
    return find(c, id) != NULL;
}
