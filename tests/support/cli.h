/** A subcommand, called with words. */
#pragma once

#include <stdlib.h>
#include <string.h>

#include "base/base.h"

#define CLI_WORDS_MAX 8

#define ARGS(...) ((const char *const[]){__VA_ARGS__, NULL})

/** @param args  up to NULL @return the exit code */
static inline int cli_run(int (*main_of)(int argc, char **argv), const char *const *args)
{
    char *argv[CLI_WORDS_MAX];
    char *given[CLI_WORDS_MAX];
    int argc = 0;

    for (; args[argc]; argc++) {
        assert(argc < CLI_WORDS_MAX);
        argv[argc] = given[argc] = strdup(args[argc]);
    }
    const int code = main_of(argc, argv); // which may move them
    while (argc > 0)
        free(given[--argc]);
    return code;
}
