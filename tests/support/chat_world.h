/**
 * Wallets that chat in memory: the real domain on the memory store, with time and chance as
 * the test says. settle() runs all there is to run at this moment.
 */
#pragma once

#include <errno.h>
#include <stdio.h>

#include "base/mem.h"
#include "bus/local.h"
#include "chat/chat.h"
#include "store/mem.h"
#include "support/fake_media.h"
#include "support/fake_relations.h"
#include "support/fake_uploads.h"
#include "support/late_store.h"
#include "support/limits.h"
#include "support/t.h"

struct chat_world {
    struct timers timers;
    struct job_queue later;
    struct clock clock;
    struct rand rand;
    uint64_t seed;
    int64_t unix_ms;
    struct store *mem; // to be told what to fail
    struct store *store;
    struct bus *bus;
    struct chat *chat;
    struct chat_config config;
    bool reads_late;
    bool only_accepted_know;
    bool fakes_relations;
    struct fake_relations *relations; // to be told, where it fakes them
    bool takes_files;
    struct fake_uploads_store allowed;
    struct fake_uploads *uploads; // both to be told, where it takes files
    struct fake_media *media;
};

#define AFTER_GAP_MS (CHAT_HINTS_MS / 5 + CHAT_HINTS_LATE_MS + 50) // what was lost is read

#define WORLD_GOT_MAX 20000

struct got {
    conversation_id conversation;
    uint64_t seq;
    enum chat_status status;
    int64_t token;
    char text[24];
    char cursor[CHAT_CURSOR_MAX + 1];
};

/** A change of what the account wants of a peer, as a device was told. */
struct change {
    account peer;
    bool accepted;
    bool blocked;
    uint64_t last_seq;
    char cursor[CHAT_CURSOR_MAX + 1];
};

/** One connection of an account. */
struct device {
    struct chat_world *w;
    struct chat_session *session; // NULL: ended
    account account;
    bool takes_all;
    bool is_stuffed;
    int n_ready;
    bool recovered;
    uint64_t unread;
    int n_synced;
    int n_warnings;
    int n_ends;
    enum chat_end end;
    int64_t next_token;
    size_t n_got;
    struct got *got;
    size_t n_receipts;
    struct chat_receipt *receipts;
    size_t n_changes;
    struct change *changes;
    int n_delays;
    size_t n_typings;
    struct chat_typing *typings;
    size_t n_presences;
    struct chat_presence *presences;
    char (*receipt_cursors)[CHAT_CURSOR_MAX + 1];
    char cursor[CHAT_CURSOR_MAX + 1]; // the latest
};

static inline account wallet(uint8_t n)
{
    account a = {.len = ACCOUNT_EVM_SIZE, .bytes = {ACCOUNT_EVM}};
    a.bytes[ACCOUNT_EVM_SIZE - 1] = n;
    return a;
}

static inline int64_t world_unix_ms(struct clock *c)
{
    return container_of(c, struct chat_world, clock)->unix_ms;
}

static inline void world_rand(struct rand *r, void *out, size_t n)
{
    struct chat_world *w = container_of(r, struct chat_world, rand);
    for (size_t i = 0; i < n; i++) {
        w->seed = w->seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        ((uint8_t *)out)[i] = (uint8_t)(w->seed >> 56);
    }
}

static inline void settle(struct chat_world *w)
{
    while (w->later.head)
        job_run_all(&w->later);
}

/** Let time pass, in steps that no timer of the domain outruns. */
static inline void pass(struct chat_world *w, int64_t ms)
{
    const int64_t until = w->timers.now_ms + ms;

    while (w->timers.now_ms < until) {
        const int64_t left = until - w->timers.now_ms;
        const int64_t step = left < 50 ? left : 50;
        w->unix_ms += step;
        timers_run(&w->timers, w->timers.now_ms + step);
        settle(w);
    }
}

static inline void keep_cursor(struct device *d, str cursor)
{
    assert_true(cursor.len > 0 && cursor.len <= CHAT_CURSOR_MAX);
    snprintf(d->cursor, sizeof(d->cursor), STR_FMT, STR_ARG(cursor));
}

static inline void device_on_ready(void *arg, bool is_recovered, uint64_t unread)
{
    struct device *d = arg;

    d->n_ready++;
    d->recovered = is_recovered;
    d->unread = unread;
}

static inline int64_t device_on_message(void *arg, const struct chat_message *m, str cursor)
{
    struct device *d = arg;
    const int64_t token = d->next_token++;

    assert_int_equal(d->n_ready, 1);
    assert_true(d->n_got < WORLD_GOT_MAX);
    keep_cursor(d, cursor);
    d->got = (struct got *)mem_resize(d->got, (d->n_got + 1) * sizeof(struct got));
    struct got *got = &d->got[d->n_got++];
    *got = (struct got){
        .conversation = m->conversation, .seq = m->seq, .status = m->status, .token = token};
    snprintf(got->text, sizeof(got->text), STR_FMT, STR_ARG(m->content));
    snprintf(got->cursor, sizeof(got->cursor), "%s", d->cursor);
    return token;
}

static inline void device_on_receipt(void *arg, const struct chat_receipt *r, str cursor)
{
    struct device *d = arg;

    keep_cursor(d, cursor);
    d->receipts = (struct chat_receipt *)mem_resize(
        d->receipts, (d->n_receipts + 1) * sizeof(struct chat_receipt));
    d->receipt_cursors = (char(*)[CHAT_CURSOR_MAX + 1])
        mem_resize(d->receipt_cursors, (d->n_receipts + 1) * sizeof(d->cursor));
    memcpy(d->receipt_cursors[d->n_receipts], d->cursor, sizeof(d->cursor));
    d->receipts[d->n_receipts++] = *r;
}

static inline void device_on_changed(void *arg, const struct chat_conversation *c, str cursor)
{
    struct device *d = arg;

    assert_int_equal(d->n_ready, 1);
    keep_cursor(d, cursor);
    d->changes =
        (struct change *)mem_resize(d->changes, (d->n_changes + 1) * sizeof(struct change));
    struct change *change = &d->changes[d->n_changes++];
    *change = (struct change){.peer = c->peer,
                              .accepted = c->accepted,
                              .blocked = c->blocked,
                              .last_seq = c->last_seq};
    snprintf(change->cursor, sizeof(change->cursor), "%s", d->cursor);
}

static inline void device_on_delay(void *arg)
{
    ((struct device *)arg)->n_delays++;
}

static inline void device_on_typing(void *arg, const struct chat_typing *t)
{
    struct device *d = arg;

    assert_int_equal(d->n_ready, 1);
    assert_false(d->is_stuffed);
    d->typings = (struct chat_typing *)mem_resize(d->typings, (d->n_typings + 1) *
                                                                  sizeof(struct chat_typing));
    d->typings[d->n_typings++] = *t;
}

static inline void device_on_presence(void *arg, const struct chat_presence *p)
{
    struct device *d = arg;

    assert_int_equal(d->n_ready, 1);
    assert_false(d->is_stuffed);
    d->presences = (struct chat_presence *)mem_resize(
        d->presences, (d->n_presences + 1) * sizeof(struct chat_presence));
    d->presences[d->n_presences++] = *p;
}

static inline bool device_is_stuffed(void *arg)
{
    return ((struct device *)arg)->is_stuffed;
}

static inline bool device_has_taken_all(void *arg)
{
    return ((struct device *)arg)->takes_all;
}

static inline void device_on_synced(void *arg, str cursor)
{
    struct device *d = arg;

    keep_cursor(d, cursor);
    d->n_synced++;
}

static inline void device_on_not_acknowledging(void *arg)
{
    ((struct device *)arg)->n_warnings++;
}

static inline void device_on_end(void *arg, enum chat_end why)
{
    struct device *d = arg;

    d->n_ends++;
    d->end = why;
    d->session = NULL;
}

static inline void open_device(struct chat_world *w, struct device *d, account a,
                               const char *cursor)
{
    static const struct chat_session_events events = {
        .on_ready = device_on_ready,
        .on_delay = device_on_delay,
        .on_message = device_on_message,
        .on_receipt = device_on_receipt,
        .on_changed = device_on_changed,
        .on_typing = device_on_typing,
        .on_presence = device_on_presence,
        .is_stuffed = device_is_stuffed,
        .has_taken_all = device_has_taken_all,
        .on_synced = device_on_synced,
        .on_not_acknowledging = device_on_not_acknowledging,
        .on_end = device_on_end,
    };

    *d = (struct device){.w = w, .account = a, .takes_all = true};
    d->session = chat_session_open(w->chat, &a, str_of(cursor), NULL, &events, d);
}

static inline void connect_device(struct chat_world *w, struct device *d, account a,
                                  const char *cursor)
{
    open_device(w, d, a, cursor);
    settle(w);
    assert_int_equal(d->n_ready, 1);
}

static inline void close_device(struct device *d)
{
    if (d->session)
        chat_session_close(d->session);
    settle(d->w);
    free(d->got);
    free(d->receipts);
    free(d->changes);
    free(d->typings);
    free(d->presences);
    free(d->receipt_cursors);
    *d = (struct device){0};
}

/** Acknowledge what it has got, from the i-th on. */
static inline void ack_from(struct device *d, size_t i)
{
    for (; i < d->n_got; i++)
        chat_session_ack(d->session, d->got[i].token);
    settle(d->w);
}

static inline void ack_one(struct device *d, size_t i)
{
    chat_session_ack(d->session, d->got[i].token);
    settle(d->w);
}

/** What a request was answered. */
struct answer {
    int times;
    int r;
    bool duplicate;
    uint64_t seq;
    conversation_id conversation;
    bool accepted;
    bool blocked;
};

static inline void on_sent(void *arg, int r, const struct store_appended *a)
{
    struct answer *answer = arg;

    answer->times++;
    answer->r = r;
    if (r != 0)
        return;
    answer->duplicate = a->is_duplicate;
    answer->seq = a->message.seq;
    answer->conversation = a->message.conversation;
}

static inline struct chat_send text_to(account to, const char *text, const char *key)
{
    struct chat_send send = {
        .to = to, .type = STR("text"), .content = str_of(text), .key = str_of(key)};

    for (size_t i = 0; text[i]; i++)
        send.digest[i % sizeof(send.digest)] ^= (uint8_t)(text[i] + (char)i);
    return send;
}

/** Send, and do not wait. @return what chat_send() did */
static inline int start_send(struct device *d, account to, const char *text, const char *key,
                             struct answer *answer)
{
    const struct chat_send send = text_to(to, text, key);

    *answer = (struct answer){0};
    const int r = chat_send(chat_session_actor(d->session), &send, on_sent, answer);
    assert_int_equal(answer->times, 0); // never inside the call
    return r;
}

/** Send. @return the seq */
static inline uint64_t say(struct device *d, account to, const char *text)
{
    struct answer answer;

    assert_int_equal(start_send(d, to, text, NULL, &answer), 0);
    settle(d->w);
    assert_int_equal(answer.times, 1);
    assert_int_equal(answer.r, 0);
    return answer.seq;
}

static inline void on_marked(void *arg, int r, uint64_t seq)
{
    struct answer *answer = arg;

    answer->times++;
    answer->r = r;
    answer->seq = seq;
}

/** Move a mark. @return the answer */
static inline struct answer mark(struct device *d, account peer, enum chat_mark mark,
                                 uint64_t seq)
{
    struct answer answer = {0};
    const struct chat_place place = {.peer = peer};

    answer.r = chat_mark(chat_session_actor(d->session), &place, mark, seq, on_marked, &answer);
    assert_int_equal(answer.r, 0);
    settle(d->w);
    assert_int_equal(answer.times, 1);
    return answer;
}

static inline void on_contacted(void *arg, int r, const struct chat_conversation *c)
{
    struct answer *answer = arg;

    answer->times++;
    answer->r = r;
    if (r != 0)
        return;
    answer->conversation = c->id;
    answer->accepted = c->accepted;
    answer->blocked = c->blocked;
}

/** Accept, block, unblock. @return the answer */
static inline struct answer want(struct device *d, account peer, enum chat_contact what)
{
    struct answer answer = {0};
    const struct chat_place place = {.peer = peer};

    answer.r =
        chat_contact(chat_session_actor(d->session), &place, what, on_contacted, &answer);
    assert_int_equal(answer.times, 0);
    if (answer.r != 0)
        return answer;
    settle(d->w);
    assert_int_equal(answer.times, 1);
    return answer;
}

/** "content+name" */
static inline void world_describe(struct buf *out, str content, const struct chat_upload *u)
{
    assert_int_equal(buf_addf(out, STR_FMT "+" STR_FMT, STR_ARG(content), STR_ARG(u->name)), 0);
}

static inline void world_take_files(struct chat_world *w)
{
    struct chat_uploads_config *config = &w->config.uploads;

    w->uploads = fake_uploads_new(&w->later);
    fake_uploads_allow(&w->allowed, w->mem, w->uploads);
    w->media = fake_media_new(&w->later);
    config->describe = world_describe;
    for (size_t i = 0; i < CHAT_N_KINDS; i++)
        config->max_bytes[i] = 1000 * (i + 1);
    config->quota_bytes = 100000;
    config->quota_ms = 86400000;
    config->max_pending = 20;
    if (config->kept_ms == 0)
        config->kept_ms = 86400000;
}

/** @param bus  NULL: the local one */
static inline void world_start(struct chat_world *w, struct bus *bus)
{
    struct store_limits limits = limits_of(10000, 1000);

    limits.only_accepted_know = w->only_accepted_know;
    w->later = JOB_QUEUE_INIT(w->later);
    w->clock.unix_ms = world_unix_ms;
    w->rand.bytes = world_rand;
    w->unix_ms = 1700000000000;
    w->timers.now_ms = 1000;
    w->mem = store_mem_new(&w->later, &w->rand, &limits);
    w->store = w->reads_late ? late_new(w->mem, &w->later) : w->mem;
    if (w->fakes_relations) {
        w->relations = fake_relations_new(w->store, &w->later);
        w->store = &w->relations->store;
    }
    w->bus = bus ? bus : bus_local_new(&w->later, &w->rand);
    if (w->takes_files)
        world_take_files(w);
    const struct chat_ports ports = {
        .store = w->store,
        .uploads = w->takes_files ? &w->uploads->uploads : NULL,
        .media = w->takes_files ? &w->media->media : NULL,
        .bus = w->bus,
        .timers = &w->timers,
        .later = &w->later,
        .clock = &w->clock,
        .rand = &w->rand,
    };
    w->chat = chat_new(&ports, &w->config);
}

static inline void world_stop(struct chat_world *w)
{
    settle(w);
    if (chat_counters(w->chat)->sessions > 0)
        return; // the test has failed, and will say why; what it left can't be freed
    assert_true(chat_is_idle(w->chat));
    chat_free(w->chat);
    settle(w);
    bus_free(w->bus);
    settle(w);
    if (w->takes_files)
        media_free(&w->media->media);
    free(w->uploads);
    store_free(w->store);
}

// As fixtures.

static inline int world_setup(void **state)
{
    struct chat_world *w = NEW(struct chat_world);

    world_start(w, NULL);
    *state = w;
    return 0;
}

static inline int world_teardown(void **state)
{
    world_stop(*state);
    free(*state);
    return 0;
}
