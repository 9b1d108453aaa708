/**
 * One backend for several loops of a process. It stays on its own, at home, with its disk, its
 * limits and its counters. Each other loop has a front: takes and drops go home, in their
 * order, and the answers come back; links are made, and found, right where they are asked for.
 *
 * So the backend's links are made by several threads at once: they read nothing that changes
 * once there is a front (media/local.h and s3.h do so).
 */
#pragma once

#include "chat/media.h"
#include "io/loop.h"

struct media_share;

/** @param home  on l; outlives the fronts @param out  owned; media_share_free(), on l
 * @return 0 or a fault */
MUST_CHECK int media_share_new(struct media_share **out, struct media *home, struct loop *l);

/** After its last front, and with nothing under way at home, or after that. NULL is fine. */
void media_share_free(struct media_share *s);

/**
 * A front, for one loop.
 *
 * One that stops needs nobody: what waits for home is answered here, and it may be freed then,
 * whether home's loop still runs or not. Until it stops, what is asked of a home whose loop
 * does not run any more waits.
 *
 * Thread: that of l, or l does not run yet.
 *
 * @param out  owned; media_free(), on the loop @return 0 or a fault
 */
MUST_CHECK int media_share_join(struct media **out, struct media_share *s, struct loop *l);
