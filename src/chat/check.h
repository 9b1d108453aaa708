/**
 * Checks of files that were announced: the media port takes the file, and what comes of it is
 * settled with the upload. All who wait for the same upload share one check; it goes on when
 * nobody waits for it any more, so that a later send finds it done.
 */
#pragma once

#include "chat/core.h"

struct check_waiter;

/** @param r  0: accepted; CHAT_UPLOAD_MISSING, _MISMATCH or _REJECTED, CHAT_MEDIA_UNAVAILABLE
 * or CHAT_UNAVAILABLE */
typedef void check_fn(struct check_waiter *w, int r);

/** Embedded in who waits. */
struct check_waiter {
    struct list node; // of the check's; in none: it does not wait
    check_fn *done;
};

/** @param u  a pending one @param w  stays until done, or until it is taken out of its list */
void check_wait(struct chat *c, const struct chat_upload *u, struct check_waiter *w);

bool check_is_under_way(const struct chat *c, str id);
