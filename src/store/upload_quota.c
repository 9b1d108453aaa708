#include "store/upload_quota.h"

// Bytes times milliseconds: 2^53 of those for a year are more than 64 bits hold.
typedef unsigned __int128 product;

/** Rounded up: whoever announces many small ones gets nothing for free. 0: more than there ever
 * is. */
static int64_t cost_of(const struct uploads_create *c)
{
    const uint64_t size = c->upload.size > UPLOADS_COST_MIN ? c->upload.size : UPLOADS_COST_MIN;
    assert(c->quota_bytes > 0 && c->quota_ms > 0);
    const product all = (product)size * (uint64_t)c->quota_ms;
    const product cost = all / c->quota_bytes + (all % c->quota_bytes > 0);

    return cost > (uint64_t)c->quota_ms ? 0 : (int64_t)cost;
}

/** From where on the next is taken. What is further ahead than any quota was taken by a clock
 * that was wrong, and nobody shall wait until it is then. */
static int64_t from_ms_of(const struct upload_quota *q, int64_t now_ms)
{
    const bool is_ahead =
        q->full_at_ms > now_ms && q->full_at_ms - now_ms <= UPLOADS_QUOTA_MS_MAX;

    return is_ahead ? q->full_at_ms : now_ms;
}

int upload_quota_take(struct upload_quota *q, const struct uploads_create *c, int64_t *cost_ms,
                      int64_t *retry_after_ms)
{
    const int64_t from_ms = from_ms_of(q, c->now_ms);
    const int64_t cost = cost_of(c);

    *cost_ms = 0;
    *retry_after_ms = 0;
    if (q->n_pending >= c->max_pending)
        return UPLOADS_TOO_MANY;
    if (cost == 0)
        return UPLOADS_QUOTA;
    const int64_t over_ms = from_ms + cost - (c->now_ms + c->quota_ms);
    if (over_ms > 0) {
        *retry_after_ms = over_ms;
        return UPLOADS_QUOTA;
    }
    q->full_at_ms = from_ms + cost;
    q->n_pending++;
    *cost_ms = cost;
    return 0;
}

void upload_quota_settle(struct upload_quota *q)
{
    q->n_pending -= q->n_pending > 0; // an operator may have changed its row
}

void upload_quota_give_back(struct upload_quota *q, int64_t cost_ms)
{
    q->full_at_ms -= cost_ms < q->full_at_ms ? cost_ms : q->full_at_ms;
}
