/** `parley revoke ACCOUNT|SESSION`: end sessions before their time, of a server that runs or
 * not.
 */
#pragma once

#include "server/options.h"

/** @param argv  the arguments behind "revoke" @return the exit code: 0 done, 1 failed, 2 usage
 */
int revoke_main(int argc, char **argv);

extern const struct option_table revoke_table;
