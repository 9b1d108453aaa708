/** How the pages of a backend are cut. */
#pragma once

#include "chat/store.h"

/** What a page still has room for. */
struct page_room {
    size_t n;
    size_t bytes;
    bool is_used;
};

static inline struct page_room page_room_of(size_t n, size_t bytes)
{
    return (struct page_room){.n = n, .bytes = bytes};
}

/** Take the room for one more; the first may be larger than the page. @return false: none left
 */
static inline bool page_take(struct page_room *room, size_t bytes)
{
    if (room->n == 0 || (room->is_used && bytes > room->bytes))
        return false;
    room->n--;
    room->bytes -= bytes < room->bytes ? bytes : room->bytes;
    room->is_used = true;
    return true;
}

/**
 * Sort them by position, and cut where the page ends: a move that made two is not parted.
 *
 * @param max   at least 2
 * @param upto  what they have all of
 */
struct store_receipts_page page_of_receipts(struct chat_receipt *receipts, size_t n, size_t max,
                                            int64_t upto);
