/** The threads that io/send_file waits for disks on: libuv's own, one pool a process. */
#pragma once

#include "io/loop.h"

/**
 * Make them now, so that where there can be none it is said at the start: libuv makes them
 * when they are first needed, and aborts without a word where it can't.
 *
 * @return 0 or a fault
 */
MUST_CHECK int pool_start(struct loop *l);
