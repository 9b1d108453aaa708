/**
 * The log: one logfmt line an event, on stderr or wherever the sink goes.
 *
 *   ts=2026-11-23T04:20:38.123Z level=info layer=ws event=ws_open conn=42 peer=127.0.0.1
 *
 * The layer is what stands before the first '_' of the event. Message bodies,
 * tokens, signatures and session ids are never logged, at any level; text that came
 * from outside goes through log_quote(), so that it can forge neither a field nor a
 * line.
 */
#pragma once

#include <time.h>

#include "base/str.h"

enum log_level {
    LOG_FATAL, // the process ends; a spec can't name it, for it is always on
    LOG_ERROR, // something broke; an operator should look
    LOG_WARN,  // works, but not as it should
    LOG_INFO,  // the life of the server
    LOG_DEBUG, // the life of a connection
    LOG_TRACE, // every packet, by kind and size
};

/**
 * Who the event is about: a chain, from the connection up to the node. Each link
 * adds one field to the line.
 */
struct log_ctx {
    const struct log_ctx *up; // NULL at the end
    const char *key;
    uint64_t id;
};

/** Called with one whole line, newline included. Thread: any, one at a time. */
typedef void log_sink_fn(void *arg, str line);

/** NULL puts stderr back. */
void log_set_sink(log_sink_fn *sink, void *arg);

enum log_spec_refusal {
    LOG_SPEC_BAD_LEVEL = 1, // not one of error, warn, info, debug, trace
    LOG_SPEC_TOO_MANY,      // more than LOG_LAYERS_MAX layers
};

#define LOG_LAYERS_MAX 16

/**
 * "info" or "info,ws=trace,eio=debug": the level, then the layers that differ.
 * Before any thread starts. @return 0, or an enum log_spec_refusal: nothing changed
 */
MUST_CHECK int log_set_levels(str spec);

/** As it stands in a line. */
const char *log_level_name(enum log_level level);

/** What a line begins with, of the wall clock. Thread: any, and in a signal handler. */
struct timespec log_time(void);

/**
 * Does stderr lead to systemd's journal? Each line then begins with its priority
 * (sd-daemon(3)), which the journal takes off. Before any thread starts.
 *
 * @param stream  $JOURNAL_STREAM; NULL: there is none
 */
void log_find_journal(const char *stream);

/** "<3>" for the journal, or "". Thread: any, and in a signal handler. */
const char *log_prefix(enum log_level level);

bool log_is_on(enum log_level level, const char *event);

void log_line(const struct log_ctx *ctx, enum log_level level, const char *event,
              const char *fmt, ...) PRINTF_LIKE(4, 5);

/** ctx may be NULL. fmt makes the fields ("peer=%s n=%d"); "" for none. Thread: any. */
#define log_fatal(ctx, event, ...) log_at((ctx), LOG_FATAL, (event), __VA_ARGS__)
#define log_error(ctx, event, ...) log_at((ctx), LOG_ERROR, (event), __VA_ARGS__)
#define log_warn(ctx, event, ...)  log_at((ctx), LOG_WARN, (event), __VA_ARGS__)
#define log_info(ctx, event, ...)  log_at((ctx), LOG_INFO, (event), __VA_ARGS__)
#define log_debug(ctx, event, ...) log_at((ctx), LOG_DEBUG, (event), __VA_ARGS__)
#define log_trace(ctx, event, ...) log_at((ctx), LOG_TRACE, (event), __VA_ARGS__)

#define log_at(ctx, level, event, ...)                                                         \
    do {                                                                                       \
        if (log_is_on((level), (event)))                                                       \
            log_line((ctx), (level), (event), __VA_ARGS__);                                    \
    } while (0)

#define LOG_QUOTE_SIZE 128 // bytes; longer text is cut, and ends in "..."

/** Why this process ends was said. Thread: any, and in a signal handler. */
bool log_has_said_fatal(void);

/** text as a quoted logfmt value, safe whatever is in it. @return out */
const char *log_quote(char out[LOG_QUOTE_SIZE], str text);
