/**
 * Options, from a table: the parser, the defaults and the help are made of the same rows.
 *
 * One row is the flag --max-payload, the environment's PARLEY_MAX_PAYLOAD and the file's
 * key max-payload; or it is a credential (server/options_credentials.h). The flag wins over the
 * environment, that over credentials, they over the file, and that over the default.
 */
#pragma once

#include "base/buf.h"
#include "io/addr.h"

#define OPTIONS_LIST_MAX  32     // values in a list
#define OPTIONS_ROWS_SIZE 96     // rows that a table, or a section of the file, has at most
#define OPTIONS_FILE_MAX  65536  // bytes
#define OPTIONS_TEXTS_MAX 196608 // bytes of that and of credentials

enum option_kind {
    OPTION_TEXT,     // str
    OPTION_FILE,     // str, the path of one
    OPTION_LIST,     // struct option_list; "a,b"
    OPTION_EACH,     // struct option_list; one of it each time that the flag is given; in a
                     // table without a file, and without a default
    OPTION_ADDR,     // struct addr; "127.0.0.1:8080"
    OPTION_DURATION, // int64_t, milliseconds; "500ms", "30s", "15m", "12h", "30d"
    OPTION_SIZE,     // uint64_t, bytes; "1000000", "64KiB", "8MiB", "1GiB"
    OPTION_COUNT,    // uint64_t
    OPTION_SWITCH,   // bool; "on", "off"
    OPTION_FLAG,     // bool; a switch that is on where it stands alone on the command line
    OPTION_HEADING,  // nothing: `help` is what stands above the rows that follow
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

/** The row of a heading. */
#define OPTIONS_HEADING(text)                                                                  \
    {                                                                                          \
        NULL, OPTION_HEADING, 0, NULL, "", text, 0, 0                                          \
    }

/** A kind of section that the file may hold any number of: "[issuer NAME]". */
struct option_section {
    const char *kind; // "issuer"
    const char *help; // what one is, a line or more
    const struct option *options;
    size_t n_options;
    size_t count; // offset of a size_t in the caller's struct: how many there are
    size_t items; // offset of an array there; each item begins with its name, a str
    size_t item_size;
    size_t max; // items that the array holds
};

struct option_table {
    const char *command; // "parley selftest"
    const char *operand; // what the help calls a word without dashes; NULL: there is none
    const char *summary; // what the command does, a line or more
    const struct option *options;
    size_t n_options;
    const char *env_prefix;  // "PARLEY_"; NULL: the environment does not matter
    const char *file_option; // the OPTION_FILE that names one of options; NULL: there is none.
                             // Its default need not be there
    const struct option_section *sections;
    size_t n_sections;
};

enum options_refusal {
    OPTIONS_BAD = 1, // said on stderr, with what to do
    OPTIONS_HELP,    // help was asked for, and printed on stdout
};

/** Where values come from. */
struct options_from {
    int argc;
    char **argv;
    char *const *env; // up to NULL; used with an env_prefix alone
    struct buf *file; // takes the text of the file and of credentials; used with a file_option
                      // alone. NULL: neither is read
};

/**
 * Fill the caller's struct, which is all zeroes. "--name value" and "--name=value".
 *
 * @param into  what its texts point to is the table and what `from` points to
 * @return 0, or an enum options_refusal
 */
MUST_CHECK int options_parse(const struct option_table *table, void *into,
                             const struct options_from *from);

/** The first word that is neither an option nor the value of one, or that stands behind "--",
 * taken out; empty if there is none. Before options_parse(), for a command that has one. */
str options_take_operand(const struct option_table *table, int *argc, char **argv);

/** Was this option on the command line? */
bool options_has(const struct option_table *table, const char *name, int argc, char **argv);

/** The values alone, for tests and for other sources than the command line. */
MUST_CHECK int options_duration(str text, int64_t *ms);
MUST_CHECK int options_size(str text, uint64_t *bytes);
