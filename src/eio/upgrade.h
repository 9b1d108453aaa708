/**
 * The upgrade from polling to a WebSocket: "2probe" is answered with "3probe", the client
 * lets its polls run out, and "5" hands the session over. Private to eio/.
 */
#pragma once

#include "eio/session.h"

/**
 * A WebSocket has come for a session.
 *
 * @param ws  moved
 * @return false: it was closed, because the session isn't one that only polls
 */
bool eio_upgrade_probe(struct eio_session *s, struct ws *ws, bool is_b64);

/** Has the probe been answered? From then on no GET may wait. */
bool eio_upgrade_is_near(const struct eio_session *s);

/** A POST is done: if "5" has come while it was under way, it counts now. */
void eio_upgrade_go_on(struct eio_session *s);

/** Close the probing WebSocket, if there is one; the caller sees to the state. */
void eio_upgrade_drop(struct eio_session *s);
