/**
 * A system call that was refused: said once for each, in the log, by its number and what it was
 * given first, and failed with EPERM. Without this the process would end by SIGSYS.
 */
#pragma once

#include "base/base.h"

#if defined(__x86_64__) || defined(__aarch64__)
    #define HARDEN_SAYS_REFUSED 1
#else
    #define HARDEN_SAYS_REFUSED 0
#endif

/** For all threads. @return 0 or -errno */
MUST_CHECK int harden_refused_say(void);
