/**
 * Uploads in a store under test: operations of chat/uploads.h that wait for their answer and
 * give it as a text.
 *
 *   a/u1 pending   an upload of a: its id and state; in full also its type, name, size, sha256
 *   u1 u2          claimed
 *   ~250           over the quota, for so many milliseconds
 */
#pragma once

#include "support/store_world.h"

// Of what is asked in its plainest form: a small one costs a second.
#define QUOTA_BYTES (UINT64_C(1000) * UPLOADS_COST_MIN)
#define QUOTA_MS    (1000 * SECOND)

static inline struct uploads *uploads_of(const struct store_world *w)
{
    return w->backend == BACKEND_MEM ? store_mem_uploads(w->store)
                                     : store_front_uploads(w->store);
}

static inline const char *upload_state_name(enum upload_state state)
{
    static const char *const names[] = {"pending", "accepted", "rejected", "deleting"};
    return names[state];
}

static inline void on_created(void *arg, int r, int64_t retry_after_ms)
{
    struct store_answer *a = answer_begin(arg, r);

    if (r == UPLOADS_QUOTA) {
        say(a, "~%lld", (long long)retry_after_ms);
    } else {
        assert_int_equal(retry_after_ms, 0);
    }
}

static inline void say_sha256(struct store_answer *a, const struct chat_upload *u)
{
    static const uint8_t none[CHAT_SHA256_SIZE];

    if (u->has_sha256) {
        say_bytes(a, (str){(const char *)u->sha256, CHAT_SHA256_SIZE});
    } else {
        assert_memory_equal(u->sha256, none, sizeof(none));
    }
}

static inline void on_found(void *arg, int r, const struct chat_upload *u)
{
    struct store_answer *a = answer_begin(arg, r);

    assert_int_equal(u != NULL, r == 0);
    if (!u)
        return;
    say(a, "%c/", letter_of(&u->owner));
    say_bytes(a, u->id);
    say(a, " %s", upload_state_name(u->state));
    if (!a->w->in_full)
        return;
    say(a, " ");
    say_bytes(a, u->mime);
    say(a, " ");
    say_bytes(a, u->name);
    say(a, " %llu ", (unsigned long long)u->size);
    say_sha256(a, u);
}

static inline void on_settled(void *arg, int r, enum upload_state state)
{
    struct store_answer *a = answer_begin(arg, r);

    if (r == 0) {
        say(a, "%s", upload_state_name(state));
    } else {
        assert_int_equal(state, 0);
    }
}

static inline void on_claimed(void *arg, int r, const str *ids, size_t n)
{
    struct store_answer *a = answer_begin(arg, r);

    assert_true(r == 0 || n == 0);
    a->n = n;
    for (size_t i = 0; i < n; i++)
        say(a, "%s" STR_FMT, i > 0 ? " " : "", STR_ARG(ids[i]));
}

static inline void on_removed(void *arg, int r)
{
    answer_begin(arg, r);
}

// What is asked, in its plainest form: at NOW, for an hour. The strings are borrowed.

static inline struct uploads_create create_of(char letter, const char *id)
{
    return (struct uploads_create){.upload = {.id = str_of(id),
                                              .owner = who(letter),
                                              .name = STR("cat.png"),
                                              .mime = STR("image/png"),
                                              .size = UPLOADS_COST_MIN},
                                   .now_ms = NOW,
                                   .until_ms = NOW + HOUR,
                                   .quota_bytes = QUOTA_BYTES,
                                   .quota_ms = QUOTA_MS,
                                   .max_pending = PLENTY};
}

static inline struct uploads_settle settle_of(const char *id, enum upload_state state)
{
    return (struct uploads_settle){.id = str_of(id), .state = state, .until_ms = NOW + HOUR};
}

static inline struct uploads_claim claim_at(int64_t after_ms)
{
    return (struct uploads_claim){.now_ms = NOW + after_ms,
                                  .again_ms = NOW + after_ms + MINUTE,
                                  .max = UPLOADS_CLAIM_MAX};
}

static inline struct store_append message_with(char from, char to, const char *key,
                                               const char *upload)
{
    struct store_append a = message(from, to, key, key);

    a.upload = str_of(upload);
    return a;
}

// Operations that wait for their answer: it must be r, and the text what was answered with it.

#define DEFINE_UPLOADS_ASK(op, type, callback)                                                 \
    static inline void ask_upload_##op(struct store_world *w, type what, int r,                \
                                       const char *want)                                       \
    {                                                                                          \
        struct store_answer a;                                                                 \
                                                                                               \
        answer_init(&a, w);                                                                    \
        uploads_##op(uploads_of(w), what, callback, &a);                                       \
        assert_int_equal(a.times, 0);                                                          \
        answer_await(&a);                                                                      \
        expect_int(#op, a.r, r);                                                               \
        expect_str(#op, buf_str(&a.text), str_of(want));                                       \
        answer_fini(&a);                                                                       \
    }

DEFINE_UPLOADS_ASK(create, const struct uploads_create *, on_created)
DEFINE_UPLOADS_ASK(find, str, on_found)
DEFINE_UPLOADS_ASK(settle, const struct uploads_settle *, on_settled)
DEFINE_UPLOADS_ASK(claim, const struct uploads_claim *, on_claimed)
DEFINE_UPLOADS_ASK(remove, str, on_removed)

static inline void announce(struct store_world *w, char letter, const char *id)
{
    const struct uploads_create c = create_of(letter, id);
    ask_upload_create(w, &c, 0, "");
}

/** It was pending. */
static inline void settle(struct store_world *w, const char *id, enum upload_state state)
{
    const struct uploads_settle s = settle_of(id, state);
    ask_upload_settle(w, &s, 0, upload_state_name(state));
}

/** Announce one that is accepted at once. */
static inline void upload(struct store_world *w, char letter, const char *id)
{
    announce(w, letter, id);
    settle(w, id, UPLOAD_ACCEPTED);
}

static inline void is_found(struct store_world *w, const char *id, const char *want)
{
    ask_upload_find(w, str_of(id), 0, want);
}

static inline void is_not_found(struct store_world *w, const char *id)
{
    ask_upload_find(w, str_of(id), UPLOADS_NOT_FOUND, "");
}

/** So long behind NOW these, and no others, are over. */
static inline void claim(struct store_world *w, int64_t after_ms, const char *want)
{
    const struct uploads_claim c = claim_at(after_ms);
    ask_upload_claim(w, &c, 0, want);
}

static inline void remove_upload(struct store_world *w, const char *id)
{
    ask_upload_remove(w, str_of(id), 0, "");
}

/** A message with this upload; it must be answered with r. */
static inline struct store_answer send_upload(struct store_world *w, char from, const char *key,
                                              const char *upload_id, int r)
{
    const struct store_append what = message_with(from, 'z', key, upload_id);
    const struct store_answer a = append(w, &what);

    expect_int(upload_id, a.r, r);
    return a;
}
