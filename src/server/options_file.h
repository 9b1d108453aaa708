/**
 * A file of options: "key = value", "# comment", "[section NAME]". Private to the files of the
 * options, and to what tests them.
 *
 * A comment begins a line, or stands behind a blank. Values stand as they are, without quotes.
 */
#pragma once

#include <stdio.h>

#include "server/options.h"

enum options_line_kind {
    OPTIONS_ASSIGNMENT,
    OPTIONS_SECTION,
    OPTIONS_NO_LINE, // neither; `wrong` says what is
    OPTIONS_END,
};

struct options_lines {
    str rest;
    size_t line; // of what was taken last, from 1
};

struct options_line {
    str key;   // or the kind of a section
    str value; // or its name
    const char *wrong;
};

/** Take the next line that says something. What out holds points into the text. */
enum options_line_kind options_lines_next(struct options_lines *l, struct options_line *out);

/**
 * Set what the text says.
 *
 * @param path  for what is said on err
 * @return 0, or OPTIONS_BAD: said
 */
MUST_CHECK int options_file_apply(const struct option_table *t, void *into, const char *path,
                                  str text, FILE *err);

/** Read the file into text. @return 0, or OPTIONS_BAD: said */
MUST_CHECK int options_file_read(const struct option_table *t, const char *path,
                                 struct buf *text);
