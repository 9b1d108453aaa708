/**
 * Port: where files are. Clients put and get them there themselves, by URLs that are made here;
 * no byte of a file goes through the chat. The chat owns this interface; src/media/ holds the
 * backends, and tests/conformance/media.c is what every one of them must pass.
 *
 * Calls and callbacks are on the loop's thread; a callback comes once, after the call has
 * returned. Arguments are borrowed until the call returns. Links are made at once, and cost
 * microseconds.
 *
 * A file has two names. A client puts it under the first; media_take() copies it to the second,
 * which no link to put ever named: so what was taken can't be changed by anybody.
 */
#pragma once

#include "base/buf.h"
#include "chat/types.h"

#define MEDIA_TAKE_MS 60000 // for a take or a drop, tries included
#define MEDIA_URL_MAX 8192  // bytes of a link

struct media;

enum media_refusal {
    MEDIA_MISSING = 1, // take: nobody has put it
    MEDIA_MISMATCH,    // take: its size or type is another one than was announced
    MEDIA_REJECTED,    // take: the operator's check does not let it through
    MEDIA_UNAVAILABLE, // any: out of reach, or not in time. Asking again may help
};

/** What a link to get says of a file. */
struct media_file {
    str id;
    str mime;
    str name;
};

/** @param r  0 or an enum media_refusal */
typedef void media_done_fn(void *arg, int r);

struct media_ops {
    const char *name;
    int64_t (*put_link)(struct media *m, const struct chat_upload *u, int64_t now_ms,
                        struct buf *url);
    int64_t (*get_link)(struct media *m, const struct media_file *f, int64_t now_ms,
                        struct buf *url);
    bool (*find)(struct media *m, str url, str *id);
    void (*take)(struct media *m, const struct chat_upload *u, media_done_fn *done, void *arg);
    void (*drop)(struct media *m, str id, media_done_fn *done, void *arg);
    void (*stop)(struct media *m);
    bool (*is_idle)(const struct media *m);
    void (*free)(struct media *m);
};

/** A backend embeds this as its first member. */
struct media {
    const struct media_ops *ops;
};

/**
 * A link to put the file, once or more, until it is taken. Whoever uses it must send
 * "Content-Type: <mime>" and size bytes, and, with a sha256, "x-amz-checksum-sha256: <base64>":
 * these are signed.
 *
 * @param now_ms  Unix
 * @param url     the link is added; it must take MEDIA_URL_MAX bytes
 * @return when it expires, Unix
 */
static inline int64_t media_put_link(struct media *m, const struct chat_upload *u,
                                     int64_t now_ms, struct buf *url)
{
    return m->ops->put_link(m, u, now_ms, url);
}

/** A link to get a file that was taken, likewise. Browsers show only what is safe to show, and
 * save all else under its name. */
static inline int64_t media_get_link(struct media *m, const struct media_file *f,
                                     int64_t now_ms, struct buf *url)
{
    return m->ops->get_link(m, f, now_ms, url);
}

/** Is this a link that was made here, of whatever kind and age? @param id  borrowed from url */
static inline bool media_find(struct media *m, str url, str *id)
{
    return m->ops->find(m, url, id);
}

/** Check a file and keep it as it is now. Idempotent: 0 again for one that was taken. */
static inline void media_take(struct media *m, const struct chat_upload *u, media_done_fn *done,
                              void *arg)
{
    m->ops->take(m, u, done, arg);
}

/** Delete it, under both names. Idempotent. */
static inline void media_drop(struct media *m, str id, media_done_fn *done, void *arg)
{
    m->ops->drop(m, id, done, arg);
}

/** What is under way ends soon, with MEDIA_UNAVAILABLE, and so does what is asked from now on.
 */
static inline void media_stop(struct media *m)
{
    m->ops->stop(m);
}

static inline bool media_is_idle(const struct media *m)
{
    return m->ops->is_idle(m);
}

/** Nothing may be under way. NULL is fine. */
static inline void media_free(struct media *m)
{
    if (m)
        m->ops->free(m);
}
