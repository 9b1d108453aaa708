/**
 * How many connections there may be, in all and of one address. Listeners share it, of one loop
 * or of several: a connection has a place from when it is accepted until it is gone, and takes
 * it along to another loop. Thread: any.
 */
#pragma once

#include <stdatomic.h>

#include "base/ips.h"

struct tcp_limit {
    size_t max;         // connections; 0: any number
    struct ips *per_ip; // and of one address. NULL: any number. Borrowed
    atomic_size_t n;    // connections that there are
};

/** What a connection has of a limit. All zeroes: nothing. */
struct tcp_place {
    struct tcp_limit *limit;
    struct ips_count *of_ip; // NULL: its address does not count
};

/** @param l  must outlive the place @return false: there are as many as there may be */
bool tcp_limit_take(struct tcp_limit *l, struct tcp_place *out);

/** Count its address as well, where there is per_ip. @return false: that has its number */
bool tcp_limit_take_ip(struct tcp_place *p, const ip *address);

/** Give all of it back, if there is any. */
void tcp_limit_give(struct tcp_place *p);
