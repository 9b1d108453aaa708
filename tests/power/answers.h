/** Many questions to a store at once, whose answers are awaited together. */
#pragma once

#include "support/auth_store_world.h"
#include "support/store_contacts.h"
#include "support/uploads_world.h"

struct power_waiter {
    struct loop *loop;
    size_t n_left;
};

/** Of one question. */
struct power_answer {
    struct power_waiter *waiter;
    struct store_answer store; // of chat/store.h and chat/uploads.h
    struct auth_answer auth;
};

/** n are about to be asked. */
static inline void power_answers_init(struct power_answer *answers, size_t n,
                                      struct power_waiter *waiter, struct store_world *w)
{
    waiter->n_left += n;
    for (size_t i = 0; i < n; i++) {
        answers[i].waiter = waiter;
        answer_init(&answers[i].store, w);
        auth_answer_init(&answers[i].auth, w);
    }
}

static inline void power_answers_fini(struct power_answer *answers, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        answer_fini(&answers[i].store);
        auth_answer_fini(&answers[i].auth);
    }
}

static inline void power_await(const struct power_waiter *waiter)
{
    while (waiter->n_left > 0)
        loop_run(waiter->loop);
}

static inline int power_answer_result(const struct power_answer *a)
{
    return a->store.times > 0 ? a->store.r : a->auth.r;
}

/** What it was answered, as a line. */
static inline void power_answer_say(const struct power_answer *a, struct buf *out)
{
    int full = buf_addf(out, "%d ", power_answer_result(a));

    full = full ? full : buf_add(out, buf_str(&a->store.text));
    full = full ? full : buf_add(out, buf_str(&a->auth.text));
    full = full ? full : buf_add(out, STR("\n"));
    assert_int_equal(full, 0);
}

static inline void power_answered(struct power_answer *a)
{
    if (--a->waiter->n_left == 0)
        loop_stop(a->waiter->loop);
}

// The callbacks of support/, and then one is left less.

#define DEFINE_DONE(on, member, ...)                                                           \
    static inline void done_##on(void *arg, int r, __VA_ARGS__ x)                              \
    {                                                                                          \
        on_##on(arg, r, x);                                                                    \
        power_answered(container_of(arg, struct power_answer, member));                        \
    }

DEFINE_DONE(append, store, const struct store_appended *)
DEFINE_DONE(receipt, store, const struct store_receipted *)
DEFINE_DONE(contact, store, const struct store_contacted *)
DEFINE_DONE(read, store, const struct store_page *)
DEFINE_DONE(receipts, store, const struct store_receipts_page *)
DEFINE_DONE(list, store, const struct store_list_page *)
DEFINE_DONE(changes, store, const struct store_changes_page *)
DEFINE_DONE(history, store, const struct store_history_page *)
DEFINE_DONE(relations, store, const struct chat_relation *)
DEFINE_DONE(unread, store, uint64_t)
DEFINE_DONE(created, store, int64_t)
DEFINE_DONE(found, store, const struct chat_upload *)
DEFINE_DONE(settled, store, enum upload_state)
DEFINE_DONE(begun, auth, const struct auth_store_begun *)
DEFINE_DONE(refreshed, auth, const struct auth_session *)
DEFINE_DONE(ended, auth, size_t)
DEFINE_DONE(revocations, auth, const struct auth_store_revocations_page *)

static inline void done_seen(void *arg, int r)
{
    on_seen(arg, r);
    power_answered(container_of(arg, struct power_answer, store));
}

static inline void done_removed(void *arg, int r)
{
    on_removed(arg, r);
    power_answered(container_of(arg, struct power_answer, store));
}

static inline void done_claimed(void *arg, int r, const str *ids, size_t n)
{
    on_claimed(arg, r, ids, n);
    power_answered(container_of(arg, struct power_answer, store));
}
