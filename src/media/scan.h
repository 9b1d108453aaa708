/**
 * The operator's check of a file, before a message has it: a command, run without a shell as
 * "COMMAND PLACE", where PLACE is the file's path, or of an object store a URL to get it by. In
 * its environment are PARLEY_MIME and PARLEY_SIZE, and PATH. It ends with 0: it may pass; 1: it
 * is rejected (as clamdscan does); anything else, or nothing within MEDIA_SCAN_MS: nobody
 * knows, and it is asked for again.
 */
#pragma once

#include "chat/media.h"
#include "io/loop.h"

#define MEDIA_SCAN_MS          50000
#define MEDIA_SCANS_MAX        4   // at once
#define MEDIA_SCAN_WAITING_MAX 256 // more are MEDIA_UNAVAILABLE

struct media_scan;

/** @param command  the path of a program; copied */
struct media_scan *media_scan_new(struct loop *l, const char *command);

/** Nothing may be under way. NULL is fine. */
void media_scan_free(struct media_scan *s);

/** done gets 0, MEDIA_REJECTED, or MEDIA_UNAVAILABLE. */
void media_scan_run(struct media_scan *s, str place, const struct chat_upload *u,
                    media_done_fn *done, void *arg);

/** What is under way is killed: MEDIA_UNAVAILABLE. */
void media_scan_stop(struct media_scan *s);
bool media_scan_is_idle(const struct media_scan *s);
