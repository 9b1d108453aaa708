/**
 * The report of a crash: signal, address, thread, version, and a backtrace, on stderr; then the
 * process ends by the signal, as without it. Nothing of any message or key is in it. Where the
 * end was said already (level=fatal), as that of a process without memory is, there is none.
 *
 * Sanitizers have reports of their own: with them this does nothing.
 */
#pragma once

#include "base/base.h"

/** Before there are threads. @param version  static */
void crash_open(const char *version);

/** For a thread, at its beginning, so that it can report that its stack has run out. Other
 * threads (those of libraries) can report all but that. */
void crash_open_thread(void);
