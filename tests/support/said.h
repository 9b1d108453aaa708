/** What a call writes to stdout and stderr. */
#pragma once

#include <stdio.h>
#include <stdlib.h>

#include "support/t.h"

struct said {
    char *out; // between said_stop() and said_free()
    char *err;
    size_t n_out;
    size_t n_err;
    FILE *real_out;
    FILE *real_err;
};

static inline void said_start(struct said *s)
{
    *s = (struct said){.real_out = stdout, .real_err = stderr};
    stdout = open_memstream(&s->out, &s->n_out);
    stderr = open_memstream(&s->err, &s->n_err);
}

static inline void said_stop(struct said *s)
{
    (void)fclose(stdout);
    (void)fclose(stderr);
    stdout = s->real_out;
    stderr = s->real_err;
}

static inline void said_free(struct said *s)
{
    free(s->out);
    free(s->err);
}

#define expect_in(what, text, part)                                                            \
    do {                                                                                       \
        if (!strstr((text), (part)))                                                           \
            fail_msg("%s: \"%s\" is not in \"%s\"", (what), (part), (text));                   \
    } while (0)
