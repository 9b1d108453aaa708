/**
 * What an account may, in all chats of a process together: how often it may ask, and how many
 * sessions it may have. Where it opens one too many, the one that has been silent longest must
 * go, in whichever chat it is, and never the one that has just come.
 *
 * Which one goes is decided here, at once, and it counts no more. Its own chat ends it: that is
 * told over the bus (BUS_CROWDED), and asks here which of its sessions are meant. So no number
 * of newcomers at once ends one too many, and none is left over. If the bus loses the event,
 * an account has that session still, until the bus says that it has lost some, or the account
 * opens its next one.
 */
#pragma once

#include <stdatomic.h>

#include "base/list.h"
#include "chat/chat.h"

enum chat_bucket {
    CHAT_BUCKET_SENDS,
    CHAT_BUCKET_REQUESTS,
    CHAT_N_BUCKETS,
};

struct chat_limits;

/** What a session has of its account's number. Embedded in it; zero has none. */
struct chat_seat {
    struct list node;         // of the account's that count; in none: it must go
    struct chat_seats *of;    // the account's; NULL: none was taken
    _Atomic int64_t heard_ms; // monotonic: the session's last sign of life
};

/** @param config  of which the rates and the number of sessions are read, and copied */
struct chat_limits *chat_limits_new(const struct chat_config *config, struct rand *rand);

/** Every seat must have been given back. NULL is fine. */
void chat_limits_free(struct chat_limits *l);

/** As rates_take(). Thread: any. */
MUST_CHECK int64_t chat_limits_take(struct chat_limits *l, const account *a,
                                    enum chat_bucket bucket, int64_t now_ms);

/**
 * The account has one more session. Thread: any, with the seat's own.
 *
 * @param seat  with its heard_ms; stays where it is until it is given back
 * @return how many of the account's must go, and are there still
 */
MUST_CHECK size_t chat_limits_sit(struct chat_limits *l, struct chat_seat *seat,
                                  const account *a);

/** Must its session go? Thread: any, with the seat's own. */
bool chat_limits_must_go(struct chat_limits *l, const struct chat_seat *seat);

/** Its session is over. Thread: any, with the seat's own. */
void chat_limits_stand(struct chat_limits *l, struct chat_seat *seat);
