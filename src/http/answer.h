/** The head of an answer: its status line, and the fields that every answer has. */
#pragma once

#include "base/str.h"

#define HTTP_ANSWER_HEAD_SIZE 512 // bytes

/** The Date field's value, made once a second (RFC 9110, sections 5.6.7 and 6.6.1). */
struct http_date {
    int64_t s; // Unix, of the text; -1: none yet
    char text[40];
};

/** @return borrowed from d */
const char *http_date_text(struct http_date *d, int64_t unix_ms);

struct http_answer {
    unsigned status;
    const char *date;
    str type;               // Content-Type; empty for none
    uint64_t length;        // Content-Length; of 304 none is said
    const char *connection; // the Connection field's value; NULL for none
};

/** What comes before further fields and the empty line. @return bytes; a type is a constant, or
 * short */
size_t http_answer_head(char out[HTTP_ANSWER_HEAD_SIZE], const struct http_answer *a);
