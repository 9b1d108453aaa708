/**
 * AWS Signature Version 4 in the query of a URL, for S3: what makes a link that says itself
 * what may be done with it, and until when. Pure: text in, text out.
 *
 * The rules are those of "Authenticating Requests: Using Query Parameters" of Amazon S3's
 * reference: the path is encoded once and never normalised, the payload is UNSIGNED-PAYLOAD.
 */
#pragma once

#include "base/buf.h"
#include "base/str.h"

#define SIGV4_EXPIRES_MAX 604800 // seconds
#define SIGV4_ITEMS_MAX   16     // parameters of a query, and headers, each, that are signed
#define SIGV4_SIGNED_MAX  20480  // bytes of one request that are signed, as they came
#define SIGV4_HEX_SIZE    64     // characters of a signature

/** Whose signature. The secret is one. */
struct sigv4_key {
    str access;
    str secret;
    str token; // of a session (STS); empty: none
    str region;
};

struct sigv4_pair {
    str name;
    str value;
};

/** What is signed. Nothing of it is encoded yet. */
struct sigv4_request {
    str method;
    str scheme; // "https"
    str host;   // as the request's Host will be: with the port, unless it is the scheme's own
    str path;   // "/bucket/key"
    const struct sigv4_pair *query; // beside what the signature adds; in any order
    size_t n_query;
    const struct sigv4_pair *headers; // beside host; names in lower case, in any order
    size_t n_headers;
    int64_t unix_ms;    // its milliseconds are cut off: the link expires as much earlier
    unsigned expires_s; // 1 to SIGV4_EXPIRES_MAX
};

/** Add the whole URL, signed. It must fit. */
void sigv4_presign(struct buf *url, const struct sigv4_key *key,
                   const struct sigv4_request *rq);

/** Add s, percent-encoded as SigV4 wants it. */
void sigv4_encode(struct buf *out, str s, bool keeps_slash);

// The other side: a request that came. All of it is still encoded.

struct sigv4_received {
    str method;
    str path;
    str query;
    const struct sigv4_pair *headers; // all that came, host included; names in any case
    size_t n_headers;
    int64_t now_ms; // Unix
};

enum sigv4_refusal {
    SIGV4_MISSING = 1, // it is not signed by its query at all
    SIGV4_MALFORMED,   // the parameters are not as they must be, one of them comes twice, a
                       // bad escape, or more than SIGV4_ITEMS_MAX or SIGV4_SIGNED_MAX
    SIGV4_KEY,         // another access key, token, region or service
    SIGV4_NOT_YET,     // made more than SIGV4_SKEW_MS in the future
    SIGV4_EXPIRED,     // from the very millisecond on
    SIGV4_SIGNATURE, // it is another one: something was changed, or a signed header is missing
};

#define SIGV4_SKEW_MS 900000

/**
 * Is it signed by this key, and good now? Then every header that is signed came with the value
 * that was signed, whatever its white space, and so did the whole path and query. Of these it
 * does not matter what is escaped and what is not, nor in which order parameters come; "+" is a
 * plus. "%2f" in a path is signed as "/": who reads a path must refuse or decode its escapes.
 *
 * @param host  if not empty, taken for the Host that came: a proxy may have changed that
 * @return 0 or an enum sigv4_refusal
 */
MUST_CHECK int sigv4_verify(const struct sigv4_key *key, const struct sigv4_received *rq,
                            str host);

/** Was this header signed? Of a request that sigv4_verify() has let pass. @param name  lower
 * case */
bool sigv4_has_signed(const struct sigv4_received *rq, str name);
