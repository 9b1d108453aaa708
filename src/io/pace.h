/** How fast a thread may go that does something by the byte, such as writing to a disk. */
#pragma once

#include "base/base.h"

/** Not faster than per_s; what was not used counts up to `burst`. All zeroes but those two. */
struct pace {
    uint64_t bytes_per_s; // at least 1
    uint64_t burst_bytes;
    int64_t paid_ns; // monotonic: when what was taken until now is paid for
};

/** Take n bytes. @return how many ns to wait before it; 0: none */
int64_t pace_take(struct pace *p, uint64_t n, int64_t now_ns);
