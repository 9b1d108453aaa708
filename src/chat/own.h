/**
 * Which messages a session has sent itself, of those that it is to get next: these it does not
 * get as events. Positions, as the store gives them; a fill meets them in ascending order.
 */
#pragma once

#include "base/base.h"

#define CHAT_OWN_MAX 4096 // messages; what is beyond comes as an event

/** NULL is none, and costs nothing. */
struct own;

/** Mostly at the end: commits are announced in their order. One that is there stays. */
void own_add(struct own **o, int64_t position);

/** Is it there? What is below is forgotten: the fill has passed it. */
bool own_take(struct own *o, int64_t position);

void own_clear(struct own **o);
