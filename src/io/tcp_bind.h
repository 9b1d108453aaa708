/** Sockets of one address and port that several listeners have (SO_REUSEPORT): libuv knows
 * none. */
#pragma once

#include <sys/socket.h>

#include "base/base.h"

/**
 * A socket bound to what others of this process are bound to, or are going to be. The first
 * must be alone there at this moment: the kernel would let any program of the same user share
 * it.
 *
 * @return a descriptor, owned; or -errno, which the caller logs
 */
MUST_CHECK int tcp_bind_shared(const struct sockaddr *at, socklen_t size, bool is_first);
