/** What the process is allowed. */
#pragma once

#include "base/base.h"

/**
 * Raise the soft limit of open files to the hard one: each connection is a file, and the
 * usual 1024 are few.
 *
 * @return how many files may be open now
 */
uint64_t process_raise_file_limit(void);

/** Bytes of memory in use (resident set size); 0 where the system does not say. */
uint64_t process_memory(void);
