/**
 * A limit of time for a library that waits for a server and knows none: once it is late, all
 * connections of this process to that server are cut, so that the library sees an end.
 */
#pragma once

#include "base/base.h"

struct overdue;

/**
 * Thread: any.
 *
 * @param host  a name or an address; borrowed until overdue_end()
 * @param out   owned; overdue_end() @return 0 or a fault
 */
MUST_CHECK int overdue_begin(struct overdue **out, const char *host, uint16_t port,
                             int64_t after_ms);

/** It has come to its end. @return whether it was late */
bool overdue_end(struct overdue *o);
