/**
 * buf: bytes that grow at the end and are consumed at the front, never past a
 * maximum that its owner names. An empty buf holds no memory once buf_fini() or
 * buf_release() was called, and none before the first byte.
 */
#pragma once

#include "base/str.h"

struct buf {
    char *ptr;
    size_t start; // bytes consumed at the front
    size_t len;   // bytes held
    size_t cap;
    size_t max; // bytes; what is held never gets longer
};

enum buf_refusal {
    BUF_FULL = 1, // it would pass max; nothing was added
};

void buf_init(struct buf *b, size_t max);

/** Back to what buf_init() left; the memory is freed. */
void buf_release(struct buf *b);
void buf_fini(struct buf *b);

static inline str buf_str(const struct buf *b)
{
    assert(b->ptr || b->len == 0);
    return (str){b->ptr ? b->ptr + b->start : NULL, b->len};
}

/** The held bytes, to be changed in place; NULL before the first. */
static inline char *buf_ptr(struct buf *b)
{
    return b->ptr ? b->ptr + b->start : NULL;
}

/** buf_room() where there is none yet. */
char *buf_make_room(struct buf *b, size_t n);

/**
 * Room for n more bytes at the end, which the caller fills and then counts with
 * buf_added(). @return NULL where max would be passed
 */
static inline char *buf_room(struct buf *b, size_t n)
{
    if (b->ptr && n <= b->cap - b->start - b->len && b->len + n <= b->max)
        return b->ptr + b->start + b->len;
    return buf_make_room(b, n);
}

static inline void buf_added(struct buf *b, size_t n)
{
    assert(n <= b->cap - b->start - b->len);
    b->len += n;
}

/** @return 0 or BUF_FULL */
MUST_CHECK static inline int buf_add(struct buf *b, str s)
{
    if (s.len == 0)
        return 0;
    char *room = buf_room(b, s.len);
    if (!room)
        return BUF_FULL;
    str_copy(room, s);
    buf_added(b, s.len);
    return 0;
}

/** printf at the end. @return 0 or BUF_FULL */
MUST_CHECK int buf_addf(struct buf *b, const char *fmt, ...) PRINTF_LIKE(2, 3);

/** Drop n bytes at the front; n must not pass what is held. */
void buf_consume(struct buf *b, size_t n);

/** Forget what is held, keep the memory. */
static inline void buf_clear(struct buf *b)
{
    b->start = 0;
    b->len = 0;
}
