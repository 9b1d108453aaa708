/** `parley token ADDRESS`: a token for an account, made with the server's own key. */
#pragma once

#include "server/options.h"

/** @param argv  the arguments behind "token" @return the exit code: 0 done, 1 failed, 2 usage
 */
int token_main(int argc, char **argv);

extern const struct option_table token_table;
