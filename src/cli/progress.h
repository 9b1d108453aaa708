/** What a command says while it works: a bar where that is looked at, and lines elsewhere. */
#pragma once

#include <stdio.h>

#include "base/progress.h"

#define PROGRESS_TOLD_SIZE 128 // bytes, NUL included

struct progress_print {
    const char *command; // with which lines begin, as "parley migrate"
    FILE *out;
    bool is_quiet;
    bool is_terminal;
    bool has_bar;                  // on the line that the cursor is in
    char told[PROGRESS_TOLD_SIZE]; // what it was told of last; "": nothing
    int64_t began_ms;              // monotonic
    int64_t began_n;               // that were there then
    int64_t told_ms;
};

/** To stderr. @param command  borrowed */
void progress_print_init(struct progress_print *p, const char *command, bool is_quiet);

/** @param now_ms  monotonic */
void progress_print_at(struct progress_print *p, const struct progress *now, int64_t now_ms);

/** The same, for a struct progress_to. @param arg  a struct progress_print */
void progress_print(void *arg, const struct progress *now);

/** The bar is taken away. */
void progress_print_end(struct progress_print *p);
