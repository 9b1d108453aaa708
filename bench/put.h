/** Appending to output that has no limit but memory. */
#pragma once

#include "base/buf.h"

static inline char *put_room(struct buf *b, size_t n)
{
    char *room = buf_room(b, n);

    assert(room);
    return room;
}

static inline void put(struct buf *b, str s)
{
    if (s.len == 0)
        return;
    str_copy(put_room(b, s.len), s);
    buf_added(b, s.len);
}
