/**
 * An event as bytes, for processes of other versions as well: one that says an unknown version
 * or kind is of a later one, and is left out.
 *
 *   1 byte   version
 *   1 byte   kind
 *   the rest in the order of struct bus_event: numbers in sevens of bits, the low ones first,
 *   each byte but the last with its top bit set, in as few bytes as it takes; accounts and text
 *   behind their length
 */
#pragma once

#include "chat/bus.h"

// Room that takes what an event has beside the text of its message.
#define NATS_EVENT_SIZE 320 // bytes

enum nats_event_refusal {
    NATS_EVENT_UNKNOWN = 1, // of a later version
    NATS_EVENT_BAD,
};

/** @return room enough for it, in bytes */
size_t nats_event_room(const struct bus_event *e);

/** Numbers of it that are negative are for nobody: nobody could read them.
 * @param out  nats_event_room() bytes @return how many it has taken */
size_t nats_event_encode(char *out, const struct bus_event *e);

/** @param out  its text is borrowed from bytes @return 0 or an enum nats_event_refusal: what is
 * there then is any */
MUST_CHECK int nats_event_decode(struct bus_event *out, str bytes);
