#include "cli/migrate_print.h"

#include <inttypes.h>

#include "base/hex.h"

#define DIGEST 16 // bytes that are shown

static const char *or_none(const char *row)
{
    return row && row[0] != '\0' ? row : "nothing more";
}

void migrate_print_compared(FILE *to, const struct migrate_compared *c)
{
    char digests[2][2 * DIGEST + 1];

    for (unsigned i = 0; i < 2; i++)
        *hex_encode(digests[i], c->digests[i], DIGEST) = '\0';
    if (c->is_same) {
        fprintf(to, "%-14s %10" PRId64 "  %s  same\n", c->name, c->n[0], digests[0]);
    } else {
        fprintf(to,
                "%-14s %10" PRId64 "  %s  DIFFERENT from the database's\n%-14s %10" PRId64
                "  %s\n  first in the directory: %s\n  and in the database:    %s\n",
                c->name, c->n[0], digests[0], "", c->n[1], digests[1], or_none(c->here),
                or_none(c->there));
    }
    if (c->n_changed > 0) {
        fprintf(to,
                "  %" PRId64
                " of them are not what their senders have sent, the first at "
                "position %" PRId64 ": somebody, or a disk, has changed parley.db\n",
                c->n_changed, c->changed_at);
    }
    fflush(to);
}
