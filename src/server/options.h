/**
 * Options of the command line, from a table: the parser, the defaults and the help are
 * made of the same rows.
 */
#pragma once

#include "io/addr.h"

#define OPTIONS_LIST_MAX 32 // values in a list

enum option_kind {
    OPTION_TEXT,     // str
    OPTION_LIST,     // struct option_list; "a,b"
    OPTION_ADDR,     // struct addr; "127.0.0.1:8080"
    OPTION_DURATION, // int64_t, milliseconds; "500ms", "30s", "15m", "12h", "30d"
    OPTION_SIZE,     // uint64_t, bytes; "1000000", "64KiB", "8MiB", "1GiB"
    OPTION_COUNT,    // uint64_t
    OPTION_SWITCH,   // bool; "on", "off"
    OPTION_IGNORED,  // nothing; taken, so that another server's command line works
};

struct option_list {
    size_t n;
    str items[OPTIONS_LIST_MAX];
};

struct option {
    const char *name; // without the dashes
    enum option_kind kind;
    size_t offset;        // of the field in the caller's struct
    const char *fallback; // the default, as it would be written; NULL for none
    const char *value;    // what the help calls the value
    const char *help;
    uint64_t min; // of a number; in its unit
    uint64_t max; // 0: no limit
};

struct option_table {
    const char *command; // "parley selftest"
    const char *operand; // what the help calls a word without dashes; NULL: there is none
    const char *summary; // what the command does, a line or more
    const struct option *options;
    size_t n_options;
};

enum options_refusal {
    OPTIONS_BAD = 1, // said on stderr, with what to do
    OPTIONS_HELP,    // help was asked for, and printed on stdout
};

/**
 * Fill the caller's struct: the defaults, then argv. "--name value" and "--name=value".
 *
 * @param into  what its texts point to is argv and the table
 * @return 0, or an enum options_refusal
 */
MUST_CHECK int options_parse(const struct option_table *table, void *into, int argc,
                             char **argv);

/** The first word that is neither an option nor the value of one, taken out; empty if there is
 * none. Before options_parse(), for a command that has one. */
str options_take_operand(int *argc, char **argv);

/** Was this option on the command line? */
bool options_has(const char *name, int argc, char **argv);

/** The values alone, for tests and for other sources than the command line. */
MUST_CHECK int options_duration(str text, int64_t *ms);
MUST_CHECK int options_size(str text, uint64_t *bytes);
