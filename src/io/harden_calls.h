/** seccomp: which system calls this process may still make. */
#pragma once

#include "base/base.h"

/** The highest number that was looked at for the list. What is newer does not exist, so that
 * libraries that try it do without. */
#define HARDEN_CALLS_NEWEST 450

struct sock_fprog; // <linux/filter.h>

/**
 * What is not allowed fails with EPERM, and is said (io/harden_refused.h).
 *
 * @return 0 or -errno: nothing is limited
 */
MUST_CHECK int harden_calls(int (*load)(const struct sock_fprog *filter));

int harden_calls_load(const struct sock_fprog *filter);
