/** `parley rotate-key`: a new key for the server's own tokens, which a running server takes. */
#pragma once

#include "server/options.h"

/** @param argv  the arguments behind "rotate-key" @return the exit code: 0 done, 1 failed, 2
 * usage */
int rotate_main(int argc, char **argv);

extern const struct option_table rotate_table;
