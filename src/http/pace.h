/**
 * Is somebody as fast as must be? What is ahead of the rate may be rested on, up to
 * HTTP_STALL_MS: who was fast for an hour does not stand still for another.
 */
#pragma once

#include "base/base.h"

#define HTTP_STALL_MS 60000 // the longest standstill of a body or an answer

struct http_pace {
    int64_t bytes_per_s;
    int64_t at_ms;  // judged until then; in the future during the grace
    int64_t credit; // thousandths of a byte
};

static inline void http_pace_start(struct http_pace *p, int64_t bytes_per_s, int64_t at_ms)
{
    *p = (struct http_pace){.bytes_per_s = bytes_per_s, .at_ms = at_ms};
}

static inline void http_pace_moved(struct http_pace *p, uint64_t bytes)
{
    const int64_t most = HTTP_STALL_MS * p->bytes_per_s;

    p->credit += bytes > (uint64_t)most ? most : (int64_t)bytes * 1000;
    if (p->credit > most)
        p->credit = most;
}

static inline bool http_pace_is_too_slow(struct http_pace *p, int64_t now_ms)
{
    if (now_ms > p->at_ms) {
        p->credit -= (now_ms - p->at_ms) * p->bytes_per_s;
        p->at_ms = now_ms;
    }
    return p->credit < 0;
}

/** The time between these two does not count. */
static inline void http_pace_pause(struct http_pace *p, int64_t now_ms)
{
    p->at_ms -= now_ms;
}

static inline void http_pace_resume(struct http_pace *p, int64_t now_ms)
{
    p->at_ms += now_ms;
}
