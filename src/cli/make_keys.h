/** `parley make-keys`: keys for servers that share them. */
#pragma once

#include "server/options.h"

int make_keys_main(int argc, char **argv);

extern const struct option_table make_keys_table;
