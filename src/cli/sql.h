/** `parley sql`: a look into a store, also while a server has it. */
#pragma once

#include "server/options.h"

/** @param argv  the arguments behind "sql" @return the exit code: 0 done, 1 failed, 2 usage */
int sql_main(int argc, char **argv);

extern const struct option_table sql_table;
