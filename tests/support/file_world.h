/** Wallets that send each other files: support/chat_world.h with the ports of media. */
#pragma once

#include "support/chat_world.h"

static inline int file_world_setup(void **state)
{
    struct chat_world *w = NEW(struct chat_world);

    w->takes_files = true;
    world_start(w, NULL);
    *state = w;
    return 0;
}

static inline const char *announced(struct chat_world *w, uint8_t owner, const char *mime)
{
    const account a = wallet(owner);

    return fake_upload_add(w->uploads, &a, mime, UPLOAD_PENDING);
}

static inline struct chat_send file_to(account to, const char *text, const char *upload,
                                       const char *key)
{
    struct chat_send send = text_to(to, text, key);

    send.upload = str_of(upload);
    send.kind = CHAT_FILE;
    return send;
}

/** Send a file, and do not wait. */
static inline void start_file(struct device *d, account to, const char *text,
                              const char *upload, struct answer *answer)
{
    const struct chat_send send = file_to(to, text, upload, NULL);

    *answer = (struct answer){0};
    assert_int_equal(chat_send(chat_session_actor(d->session), &send, on_sent, answer), 0);
    assert_int_equal(answer->times, 0); // never inside the call
}

static inline void start_text(struct device *d, account to, const char *text,
                              struct answer *answer)
{
    assert_int_equal(start_send(d, to, text, NULL, answer), 0);
}

#define expect_answer(answer, want)                                                            \
    do {                                                                                       \
        assert_int_equal((answer).times, 1);                                                   \
        assert_int_equal((answer).r, (want));                                                  \
    } while (0)

static inline void hold_takes(struct chat_world *w)
{
    w->media->ways[FAKE_TAKE].is_held = true;
}

static inline void end_take(struct chat_world *w, const char *upload, int r)
{
    fake_media_answer(w->media, FAKE_TAKE, upload, r);
    settle(w);
}

/** What came, one after the other: "a b+name". */
static inline void expect_got(const struct device *d, const char *want)
{
    char got[512] = "";
    size_t len = 0;

    for (size_t i = 0; i < d->n_got; i++) {
        len += (size_t)snprintf(got + len, sizeof(got) - len, "%s%s", i > 0 ? " " : "",
                                d->got[i].text);
        assert_true(len < sizeof(got));
    }
    assert_string_equal(got, want);
}

struct pair {
    struct chat_world *w;
    struct device alice;
    struct device bob;
};

/** Wallets 1 and 2, each on one device. @return owned; pair_free() */
static inline struct pair *pair_new(struct chat_world *w)
{
    struct pair *p = NEW(struct pair);

    p->w = w;
    connect_device(w, &p->alice, wallet(1), "");
    connect_device(w, &p->bob, wallet(2), "");
    return p;
}

static inline void pair_free(struct pair *p)
{
    if (p->alice.w) // it may have gone before
        close_device(&p->alice);
    close_device(&p->bob);
    free(p);
}
