/** What `parley help` tells: the commands, their options, and the errors that clients can get.
 */
#pragma once

#include <stdio.h>

#include "server/options.h"

struct command {
    const char *name;
    int (*run)(int argc, char **argv);
    const struct option_table *table;
    const char *help;
};

/** The commands, a line each. */
void help_print(FILE *out, const struct command *all, size_t n);

/** @param argv  the arguments behind "help" @return the exit code */
int help_main(const struct command *all, size_t n, int argc, char **argv);
