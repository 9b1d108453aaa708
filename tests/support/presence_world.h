/** Devices that watch accounts, and what they were told, in the worlds of chat_world.h. */
#pragma once

#include "support/chat_world.h"

#define SECOND_MS INT64_C(1000)
#define LONG_MS   (INT64_C(2) * CHAT_OFFLINE_MS)

// What is asked, and answered.

#define ANSWERED_MAX CHAT_WATCHES_MAX

struct watched_answer {
    int times;
    int r;
    size_t n;
    struct chat_presence p[ANSWERED_MAX];
};

static inline void on_watched(void *arg, int r, const struct chat_presence *p, size_t n)
{
    struct watched_answer *answer = arg;

    answer->times++;
    answer->r = r;
    answer->n = n;
    assert_true((r == 0) == (p != NULL) && (r == 0) == (n > 0));
    for (size_t i = 0; p && i < n; i++)
        answer->p[i] = p[i];
}

/** Do not wait for the answer. */
static inline int start_watch(struct device *d, const account *accounts, size_t n,
                              struct watched_answer *answer)
{
    *answer = (struct watched_answer){0};
    const int r = chat_watch(d->session, accounts, n, on_watched, answer);
    assert_int_equal(answer->times, 0); // never inside the call
    return r;
}

static inline struct chat_presence watch(struct device *d, account a)
{
    struct watched_answer answer;

    assert_int_equal(start_watch(d, &a, 1, &answer), 0);
    settle(d->w);
    if (answer.times == 0)
        pass(d->w, CHAT_ASKED_MS);
    assert_int_equal(answer.times, 1);
    assert_int_equal(answer.r, 0);
    assert_int_equal(answer.n, 1);
    assert_true(account_eq(&answer.p[0].account, &a));
    return answer.p[0];
}

static inline void on_done(void *arg, int r)
{
    assert_int_equal(r, 0);
    ++*(int *)arg;
}

static inline void unwatch(struct device *d, account a)
{
    int times = 0;

    assert_int_equal(chat_unwatch(d->session, &a, 1, on_done, &times), 0);
    assert_int_equal(times, 0);
    settle(d->w);
    assert_int_equal(times, 1);
}

/** @param want  '+' for online and '-' for offline, all that it was told */
static inline void expect_presences(const struct device *d, const char *want)
{
    char got[32] = "";

    assert_true(d->n_presences < sizeof(got));
    for (size_t i = 0; i < d->n_presences; i++)
        got[i] = d->presences[i].is_online ? '+' : '-';
    assert_string_equal(got, want);
}

static inline const struct chat_presence *last(const struct device *d)
{
    assert_true(d->n_presences > 0);
    return &d->presences[d->n_presences - 1];
}

static inline void relate(struct chat_world *w, account a, account b, bool is_mutual)
{
    const struct bus_event asks[] = {{.kind = BUS_ASK, .to = a, .asker = b},
                                     {.kind = BUS_ASK, .to = b, .asker = a}};

    // What presence_on_relation() publishes once the store has it.
    fake_relate(w->relations, a, b, is_mutual);
    bus_publish(w->bus, &asks[0]);
    bus_publish(w->bus, &asks[1]);
    settle(w);
}

/** One of many wallets. */
static inline account numbered(unsigned n)
{
    account a = wallet((uint8_t)n);

    a.bytes[ACCOUNT_KEY_AT] = (uint8_t)(1 + n / 256);
    return a;
}
