/** `parley restore`. */
#pragma once

#include "server/options.h"

extern const struct option_table restore_table;

/** @return the exit code */
int restore_main(int argc, char **argv);
