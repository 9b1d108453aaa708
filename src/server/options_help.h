/** The help that a table of options makes. Private to the files of the options. */
#pragma once

#include <stdio.h>

#include "server/options.h"

void options_print_help(FILE *out, const struct option_table *t);
