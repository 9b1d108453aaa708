/** A table of options for programs: what makes pages, completions and checks of it. */
#pragma once

#include "server/options.h"

/**
 * Append an object of the command, its options and the kinds of section that its file may hold;
 * what is only taken, and does nothing, is left out.
 *
 * @param name  of the command, as one writes it behind "parley"
 * @param help  what it does, in a line
 * @return 0 or BUF_FULL
 */
MUST_CHECK int options_print_json(struct buf *out, const struct option_table *t,
                                  const char *name, const char *help);
