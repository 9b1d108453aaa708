/** What was found, told at once: one line each, its remedy below; or one JSON object each. */
#pragma once

#include <stdio.h>

#include "base/str.h"

#define FINDING_TEXT_SIZE   512  // bytes of what was found, NUL included; a longer one is cut
#define FINDING_REMEDY_SIZE 1024 // likewise

enum verdict {
    VERDICT_OK,
    VERDICT_WARN, // it works, but not as it should, or not for long
    VERDICT_BAD,
    VERDICT_SKIP, // there is nothing to look at, or no way to
};

#define VERDICTS 4

struct findings {
    FILE *out;
    bool is_json;
    bool has_progress; // out is a terminal, and waits for what takes long
    unsigned n[VERDICTS];
};

/** What is going to be looked at, until the next one is found. */
void finding_progress(const struct findings *f, const char *name);

/** Text from outside may be in it: what a terminal would obey is not printed as it is.
 *
 * @param remedy  NULL: there is none
 * @param fmt     what was found
 */
void finding_add(struct findings *f, enum verdict v, const char *name, const char *remedy,
                 const char *fmt, ...) PRINTF_LIKE(5, 6);

#define FINDING_SIZE_SIZE 24

/** Bytes as one reads them: "96 KiB". @return out */
const char *finding_size(char out[FINDING_SIZE_SIZE], uint64_t bytes);

/** How many there were of each. */
void finding_end(const struct findings *f);
