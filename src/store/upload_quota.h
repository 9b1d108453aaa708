/**
 * What an account may announce (chat/uploads.h), as every backend counts it: a number for the
 * bucket, and one for the uploads that are pending.
 *
 * The bucket is the time when it will be full again, as if nothing more were taken from it:
 * what is taken makes that later by the time in which as much comes back. It is empty when
 * that is quota_ms ahead.
 */
#pragma once

#include "chat/uploads.h"

/** Of one account. Zeroes are a new one. */
struct upload_quota {
    int64_t full_at_ms; // Unix; in the past: it is full
    uint64_t n_pending;
};

/**
 * Take one more, if it may be. Too many pending ones come before the quota.
 *
 * @param cost_ms         what it has taken, to be kept with it; unless 0 is returned it is 0
 * @param retry_after_ms  of UPLOADS_QUOTA, as in uploads_create_fn; else 0
 * @return 0, UPLOADS_TOO_MANY, or UPLOADS_QUOTA; these change nothing
 */
MUST_CHECK int upload_quota_take(struct upload_quota *q, const struct uploads_create *c,
                                 int64_t *cost_ms, int64_t *retry_after_ms);

/** One that was pending is not any more. */
void upload_quota_settle(struct upload_quota *q);

/** And what it has taken is given back. */
void upload_quota_give_back(struct upload_quota *q, int64_t cost_ms);
