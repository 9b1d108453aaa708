/**
 * A line of the log that a signal handler may write: nothing here allocates, locks, or asks
 * what does (signal-safety(7)). It goes to stderr, past the sink; what is too long is cut.
 */
#pragma once

#include "base/log.h"

#define SIGNAL_LINE_SIZE 512 // bytes

struct signal_line {
    size_t n;
    char bytes[SIGNAL_LINE_SIZE];
};

/** "ts=… level=… layer=… event=…" */
void signal_line_begin(struct signal_line *l, enum log_level level, const char *event);

/** "2026-11-23T04:20:38.123Z" @param s, ns  since 1970 */
void signal_line_time(struct signal_line *l, uint64_t s, uint64_t ns);

/** As it stands: what comes from outside has no business here. */
void signal_line_add(struct signal_line *l, const char *text);

/** " key=value" */
void signal_line_text(struct signal_line *l, const char *key, const char *value);
void signal_line_number(struct signal_line *l, const char *key, uint64_t n);
void signal_line_hex(struct signal_line *l, const char *key, uint64_t n);

/** With its newline, and errno as it was. */
void signal_line_end(struct signal_line *l);
