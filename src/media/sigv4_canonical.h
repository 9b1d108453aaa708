/**
 * What Signature Version 4 signs, as text, and how. Private to sigv4.c and its tests: nothing
 * here knows which service is asked, so AWS's own suite, which is not of S3, runs on it.
 */
#pragma once

#include "media/sigv4.h"

#define SIGV4_ALGORITHM "AWS4-HMAC-SHA256"
#define SIGV4_UNSIGNED  "UNSIGNED-PAYLOAD" // the hash of a body that is not signed

#define SIGV4_DATE_SIZE 17 // bytes of "20150830T123600Z", NUL included
#define SIGV4_DAY_SIZE  8  // characters of it that are the day

// Percent-encoding makes three bytes of one, and the names of headers stand there twice.
#define SIGV4_CANONICAL_SIZE ((size_t)4 * SIGV4_SIGNED_MAX + 1024)

/**
 * Nothing of it is encoded. The query and the headers are in the order in which they are
 * signed; of a header that is there several times, the values are in theirs. All of it together
 * is at most SIGV4_SIGNED_MAX bytes.
 */
struct sigv4_canonical {
    str method;
    str path; // with the dots and slashes that are to be signed
    size_t n_query;
    size_t n_headers;
    struct sigv4_pair query[SIGV4_ITEMS_MAX];
    struct sigv4_pair headers[SIGV4_ITEMS_MAX]; // names in lower case; host among them
    str payload_hash;                           // in hex, or SIGV4_UNSIGNED
};

/** There must be room. */
void sigv4_canonical_add_query(struct sigv4_canonical *c, str name, str value);
void sigv4_canonical_add_header(struct sigv4_canonical *c, str name, str value);

/** As memcmp(): in which order names of headers are signed. */
int sigv4_canonical_compare(str a, str b);

// What is added to a buf must fit, here and below.

/** Add "a=1&b=2". */
void sigv4_canonical_query(struct buf *out, const struct sigv4_canonical *c);

/** Add "content-type;host". */
void sigv4_canonical_names(struct buf *out, const struct sigv4_canonical *c);

void sigv4_canonical_request(struct buf *out, const struct sigv4_canonical *c);

/** Where and when a signature is good. */
struct sigv4_scope {
    char date[SIGV4_DATE_SIZE];
    str region;
    str service;
};

// The years are 1970 to 9999.

/** @param out  with a NUL @param unix_ms  its milliseconds are cut off */
void sigv4_date_format(char out[SIGV4_DATE_SIZE], int64_t unix_ms);

enum sigv4_date_refusal {
    SIGV4_DATE_BAD = 1, // another form, or no second of the calendar
};

/** @return 0 or SIGV4_DATE_BAD */
MUST_CHECK int sigv4_date_parse(int64_t *unix_ms, str date);

/** Add "20150830/us-east-1/s3/aws4_request". */
void sigv4_scope_add(struct buf *out, const struct sigv4_scope *scope);

/** @param request  what sigv4_canonical_request() has added */
void sigv4_string_to_sign(struct buf *out, const struct sigv4_scope *scope, str request);

/** @param secret  of the access key @param out  in hex, without a NUL */
void sigv4_sign(char out[SIGV4_HEX_SIZE], str secret, const struct sigv4_scope *scope,
                str string_to_sign);

/** What a query says of its signature. The first three members are the caller's. */
struct sigv4_terms {
    const struct sigv4_key *key; // but its region, which is the scope's
    struct sigv4_scope scope;
    unsigned expires_s;
    char expires[8]; // the texts
    struct buf credential;
    struct buf names;
};

/** Add the parameters to c, to which no header is added any more. They are borrowed from t.
 * Once; then sigv4_terms_fini(). */
void sigv4_terms_add(struct sigv4_terms *t, struct sigv4_canonical *c);
void sigv4_terms_fini(struct sigv4_terms *t);
