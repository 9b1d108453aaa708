/**
 * One row of a table of options: found, set, and named in what is said of it. Private to the
 * files of the options.
 */
#pragma once

#include <stdio.h>

#include "server/options.h"

enum option_origin {
    OPTION_FROM_ARGV,
    OPTION_FROM_ENV,
    OPTION_FROM_FILE,
    OPTION_FROM_CREDENTIAL, // whose value is never said
};

/** Where a value stands: what is said of it begins with that. */
struct option_source {
    const struct option_table *table;
    enum option_origin origin;
    FILE *err;
    const char *path; // of a file, or of the directory of credentials
    size_t line;
};

/** A character of an option's name as its variable of the environment has it. */
char option_env_char(char c);

/** What a value of this kind looks like. */
const char *option_form(enum option_kind kind);

/** @return NULL if there is none */
const struct option *option_find(const struct option *options, size_t n, str name);

/** The option whose environment variable this is; NULL if there is none. */
const struct option *option_find_env(const struct option_table *t, str variable);

/** Set the field that o has in `into`. @return 0, or OPTIONS_BAD: said */
MUST_CHECK int option_set(const struct option_source *from, const struct option *o, void *into,
                          str text);

/** @return 0, or OPTIONS_BAD: said */
MUST_CHECK int option_set_defaults(const struct option_table *t, const struct option *options,
                                   size_t n, void *into);

/** Begin a message: "parley serve: " or "FILE:12: ". */
void option_say_where(const struct option_source *from);

/** The option as one writes it there. */
void option_say_name(const struct option_source *from, str name);

/** "; did you mean …?" or where to look, and the end of the line. */
void option_say_nearest(const struct option_source *from, const struct option *options,
                        size_t n, str name);

/** Of these words the one that name was meant to be; n if it is like none. */
size_t option_nearest(const char *const *words, size_t n, str name);
