/**
 * Sends that can't be stored yet: those with a file, until the file was looked for and checked,
 * and what their session sends to the same recipient after them. They go on in the order of the
 * calls; one that is refused, or has waited for CHAT_UPLOAD_WAIT_MS, holds up nobody any more.
 */
#pragma once

#include "chat/core.h"

/**
 * @param r  0: it is its turn, and must be handed to the store now, inside this call; or an
 * enum chat_refusal: it must not
 */
typedef void attach_fn(void *arg, int r);

struct attach_options {
    struct chat_actor *actor;
    const struct store_append *append; // of the send; stays until done
    enum chat_kind kind;               // of its file, if it has one
    struct buf *content; // gets what is stored of a send with a file; stays until done. Zeroes
                         // stay where the file is over: then it can only be a duplicate
    attach_fn *done;
    void *arg;
};

/** Does what the actor sends to this recipient have to wait for what it has sent before? */
bool attach_is_behind(const struct chat_actor *a, const account *to);

/** Is there room for one more that waits? @param content  bytes */
bool attach_has_room(const struct chat *c, size_t content);

/** One that has a file, or is behind; there must be room. Done comes once, later. */
void attach_wait(const struct attach_options *options);
