/**
 * What has come to a session since it was live last. Which messages it has sent itself, of
 * those that it is to get next: these it does not get as events. Positions, as the store gives
 * them; a fill meets them in ascending order. And up to where there is something to be read.
 */
#pragma once

#include "base/base.h"

#define CHAT_OWN_MAX 4096 // messages; what is beyond comes as an event

/** NULL is none, and costs nothing. */
struct own;

enum own_kind {
    OWN_MESSAGES,
    OWN_RECEIPTS,
};

/** Something of this kind has come, whosever. */
void own_hear(struct own **o, enum own_kind kind, int64_t position);

/** The last one's position; 0: none has come. */
int64_t own_heard(const struct own *o, enum own_kind kind);

/** Mostly at the end: commits are announced in their order. One that is there stays. */
void own_add(struct own **o, int64_t position);

/** Is it there? What is below is forgotten: the fill has passed it. */
bool own_take(struct own *o, int64_t position);

void own_clear(struct own **o);
