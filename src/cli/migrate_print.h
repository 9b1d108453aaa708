/** What `parley migrate` says while it works: a bar where that is looked at, and lines
 * elsewhere. */
#pragma once

#include <stdio.h>

#include "store/migrate.h"

struct migrate_print {
    FILE *out;
    bool is_quiet;
    bool is_terminal;
    bool has_bar;     // on the line that the cursor is in
    const char *what; // that it was told of last
    int64_t began_ms; // monotonic
    int64_t began_n;  // that were there then
    int64_t told_ms;
    int64_t n_differ; // kinds
};

void migrate_print_init(struct migrate_print *p, FILE *out, bool is_quiet, bool is_terminal);

/** @param now_ms  monotonic */
void migrate_print_progress(struct migrate_print *p, const struct migrate_progress *now,
                            int64_t now_ms);

/** The bar is taken away. */
void migrate_print_end(struct migrate_print *p);

/** One kind, to where results go. */
void migrate_print_compared(struct migrate_print *p, FILE *to,
                            const struct migrate_compared *c);
