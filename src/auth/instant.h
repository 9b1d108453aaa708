/** Points in time as text: the date-time of RFC 3339. */
#pragma once

#include "base/str.h"

// More digits of a second's fraction are refused. What is finer than a millisecond is cut off.
#define AUTH_FRACTION_MAX 9

enum auth_instant_refusal {
    AUTH_INSTANT_BAD = 1,
};

/**
 * "2021-09-30T16:25:24.000Z", or with an offset as "-02:00"; t and z may be small. The years
 * are 0 to 9999, the days those of the calendar. A second 60 may only be the last one of a
 * month (UTC), and is the first one of the next.
 *
 * @return 0 or AUTH_INSTANT_BAD
 */
MUST_CHECK int auth_instant_parse(int64_t *unix_ms, str text);
