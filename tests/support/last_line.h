/** The last line of the log, and how many there were: last_line_keep() is the log's sink. */
#pragma once

#include "base/str.h"

struct last_line {
    unsigned n;
    char text[512]; // its beginning
};

static inline void last_line_keep(void *arg, str line)
{
    struct last_line *l = arg;
    const size_t n = line.len < sizeof(l->text) ? line.len : sizeof(l->text) - 1;

    l->n++;
    l->text[str_copy(l->text, (str){line.ptr, n}).len] = '\0';
}
