/** The Range of a request for a file (RFC 9110, section 14), one range of bytes. */
#pragma once

#include "base/str.h"

enum range_refusal {
    RANGE_NONE = 1,      // no range, several, or nothing that we know: the whole file is sent
    RANGE_UNSATISFIABLE, // 416: it begins behind the end
};

/**
 * @param field   the value of Range; may be empty
 * @param size    of the file, at least 1
 * @param offset  with 0 the first byte, and how many, at least 1
 * @return 0 or an enum range_refusal
 */
MUST_CHECK int range_parse(uint64_t *offset, uint64_t *n, str field, uint64_t size);
