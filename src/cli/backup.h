/** `parley backup`. */
#pragma once

#include "server/options.h"

extern const struct option_table backup_table;

/** @return the exit code */
int backup_main(int argc, char **argv);
