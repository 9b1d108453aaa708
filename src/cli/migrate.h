/** `parley migrate`: a data directory into PostgreSQL. */
#pragma once

#include "server/options.h"

int migrate_main(int argc, char **argv);

extern const struct option_table migrate_table;
