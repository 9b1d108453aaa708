/** What others say on stderr, to be told as a finding. Thread: while no other one writes there.
 */
#pragma once

#include <stdio.h>

#include "base/base.h"

struct said {
    FILE *before; // stderr, meanwhile
    FILE *stream;
    char *text;
    size_t len;
};

void said_begin(struct said *s);

/** @return without the command that each line begins with, and of one line; owned */
char *said_end(struct said *s);
