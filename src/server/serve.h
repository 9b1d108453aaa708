/** `parley serve`: the chat. Checks what it is told, and refuses to start on what can't work.
 */
#pragma once

#include "base/base.h"

/** @param argv  the arguments behind "serve" @return the exit code: 0 done, 1 failed, 2
 * usage */
int serve_main(int argc, char **argv);
