/**
 * What a session was sent and has not acknowledged, in the order of sending; and how much of
 * that there may be. Empty and unused, it holds no memory.
 */
#pragma once

#include "chat/types.h"

struct thread;

struct window_item {
    int64_t token;
    conversation_id conversation;
    struct thread *thread; // the session's of it, which stays while an item is the peer's
    uint64_t seq;
    uint32_t bytes; // of the content
    bool from_peer;
};

struct window {
    struct window_item *items; // a ring
    uint32_t start;
    uint32_t n;
    uint32_t cap;
    size_t bytes;
};

/** Forget all items; back to zeroes. */
void window_clear(struct window *w);

/** May another message be sent? */
bool window_is_open(const struct window *w);

/** Is there so much room that reading more from the store pays? */
bool window_is_roomy(const struct window *w);

/** Messages and bytes that may still be sent; at least one message, when it is open. */
size_t window_room(const struct window *w, size_t *bytes);

void window_add(struct window *w, const struct window_item *item);

/** Take out the item with that token. @return false: there is none */
bool window_take(struct window *w, int64_t token, struct window_item *out);

/** The first message from the peer in that conversation with a seq above that one, or NULL. */
const struct window_item *window_first(const struct window *w, conversation_id conversation,
                                       uint64_t above);

/** The i-th item; i < w->n. */
const struct window_item *window_at(const struct window *w, uint32_t i);
