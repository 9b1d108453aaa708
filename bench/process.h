/** What a process has used, from /proc (proc(5)). */
#pragma once

#include "base/str.h"

struct process_use {
    int64_t cpu_us; // of all its threads, user and system
    int64_t rss_kib;
};

enum process_refusal {
    PROCESS_GONE = 1, // there is no such process, or /proc does not say
};

/** @param pid  0: this one @return 0 or PROCESS_GONE */
MUST_CHECK int process_use(uint64_t pid, struct process_use *out);

/** From the text of /proc/PID/stat: the command may have any name. @return 0 or PROCESS_GONE */
MUST_CHECK int process_read_stat(str text, int64_t ticks_per_s, int64_t page_kib,
                                 struct process_use *out);
