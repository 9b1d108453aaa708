/**
 * `parley selftest`: the transport with a small echo application instead of the chat,
 * for anybody's Engine.IO, Socket.IO or WebSocket test suite. No store, no auth,
 * loopback only. docs/selftest.md describes what it answers.
 */
#pragma once

#include "server/options.h"

/** @param argv  the arguments behind "selftest" @return the exit code: 0 done, 1 failed, 2
 * usage */
int selftest_main(int argc, char **argv);

extern const struct option_table selftest_table;
