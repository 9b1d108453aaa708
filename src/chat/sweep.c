/**
 * Uploads whose time is over: claimed from the store a page at a time, then their files are
 * deleted, then they are forgotten. What can't be deleted now is claimed again later.
 */
#include <inttypes.h>

#include "base/err.h"
#include "base/mem.h"
#include "chat/check.h"

#define DROPS_AT_ONCE 8
#define SHORTEST_MS   100 // between two sweeps

struct swept {
    struct sweep *sweep;
    char id[CHAT_UPLOAD_ID_SIZE];
};

struct sweep {
    struct chat *chat;
    struct timer timer;
    size_t n; // uploads of the page
    size_t n_begun;
    size_t n_under_way;
    size_t n_left;       // of the page: those that could not be deleted
    uint64_t n_left_all; // of all pages of this sweep
    struct swept uploads[UPLOADS_CLAIM_MAX];
};

static int64_t period_ms(const struct chat *c)
{
    const int64_t half_ms = c->config.uploads.kept_ms / 2;

    if (half_ms > CHAT_SWEEP_MS)
        return CHAT_SWEEP_MS;
    return half_ms < SHORTEST_MS ? SHORTEST_MS : half_ms;
}

static void rest(struct sweep *s)
{
    timer_set(s->chat->ports.timers, &s->timer, chat_now_ms(s->chat) + period_ms(s->chat));
}

static void finish(struct sweep *s)
{
    if (s->n_left_all > 0)
        log_warn(NULL, "chat_unswept", "files=%" PRIu64, s->n_left_all);
    s->chat->n_under_way--;
    if (!s->chat->is_shut_down)
        rest(s);
}

static void claim(struct sweep *s);

static void on_page(struct sweep *s)
{
    // Where nothing of a page could be deleted, the next one had better wait.
    const bool has_more = s->n == UPLOADS_CLAIM_MAX && s->n_left < s->n;

    s->n_left_all += s->n_left;
    if (has_more && !s->chat->is_shut_down) {
        claim(s);
    } else {
        finish(s);
    }
}

static void go_on(struct sweep *s);

static void on_end(struct swept *u, bool is_gone)
{
    struct sweep *s = u->sweep;

    if (is_gone) {
        s->chat->counters.uploads_swept++;
    } else {
        s->chat->counters.uploads_unswept++;
        s->n_left++;
    }
    s->n_under_way--;
    go_on(s);
}

static void on_removed(void *arg, int r)
{
    on_end(arg, r == 0);
}

static void on_dropped(void *arg, int r)
{
    struct swept *u = arg;

    if (r != 0) {
        on_end(u, false);
    } else {
        uploads_remove(u->sweep->chat->ports.uploads, str_of(u->id), on_removed, u);
    }
}

/** What is being taken could be copied after it was deleted: it is left for the next time. */
static void drop(struct sweep *s, struct swept *u)
{
    const str id = str_of(u->id);

    if (check_is_under_way(s->chat, id))
        return;
    s->n_under_way++;
    media_drop(s->chat->ports.media, id, on_dropped, u);
}

static void go_on(struct sweep *s)
{
    while (s->n_begun < s->n && s->n_under_way < DROPS_AT_ONCE && !s->chat->is_shut_down)
        drop(s, &s->uploads[s->n_begun++]);
    if (s->n_under_way == 0)
        on_page(s);
}

static void on_claimed(void *arg, int r, const str *ids, size_t n)
{
    struct sweep *s = arg;

    if (r != 0 && r != UPLOADS_UNCERTAIN && r != UPLOADS_UNAVAILABLE)
        err_up(r);
    s->n = n;
    s->n_begun = 0;
    s->n_left = 0;
    for (size_t i = 0; i < n; i++) {
        assert(ids[i].len < sizeof(s->uploads[i].id));
        s->uploads[i] = (struct swept){.sweep = s};
        str_copy(s->uploads[i].id, ids[i]);
    }
    go_on(s);
}

static void claim(struct sweep *s)
{
    const int64_t now_ms = clock_unix_ms(s->chat->ports.clock);
    const struct uploads_claim claim = {
        .now_ms = now_ms,
        .again_ms = now_ms + CHAT_SWEEP_AGAIN_MS,
        .max = UPLOADS_CLAIM_MAX,
    };

    uploads_claim(s->chat->ports.uploads, &claim, on_claimed, s);
}

static void on_time(struct timer *t)
{
    struct sweep *s = container_of(t, struct sweep, timer);

    s->chat->n_under_way++;
    s->n_left_all = 0;
    claim(s);
}

void sweep_init(struct chat *c)
{
    if (!c->ports.media)
        return;
    c->sweep = NEW(struct sweep);
    c->sweep->chat = c;
    timer_init(&c->sweep->timer, on_time);
    rest(c->sweep);
}

void sweep_stop(struct chat *c)
{
    if (c->sweep)
        timer_cancel(c->ports.timers, &c->sweep->timer);
}

void sweep_fini(struct chat *c)
{
    sweep_stop(c);
    free(c->sweep);
}
