/**
 * Requests to others over HTTP, on a thread of its own (libcurl): who is slow to answer costs a
 * place there, and never the loop anything.
 *
 * HTTP/1.1; https:// by the system's certificates or by those of a file, and http:// to this
 * machine alone, unless a request says otherwise. No redirect is followed, no cookie kept, and
 * no request repeated but for one that a kept connection did not take: it had ended, and not a
 * byte came back. A proxy of the environment (https_proxy, http_proxy, no_proxy) is used, but
 * never to this machine. Nothing is logged here.
 */
#pragma once

#include "base/str.h"
#include "io/loop.h"

#define FETCH_WAITING_MAX 256  // requests that wait for a place; one more is FETCH_BUSY
#define FETCH_URL_MAX     8192 // bytes of a URL; one that is signed may have a session's token

struct fetcher;

struct fetcher_config {
    const char *name;    // of the thread; at most 15 bytes
    const char *ca_file; // PEM; NULL: the system's
    size_t max_running;  // requests at once, at least 1
};

/** @param config  copied, with its texts @param out  owned; fetcher_free() @return 0 or a fault
 */
MUST_CHECK int fetcher_new(struct fetcher **out, struct loop *l,
                           const struct fetcher_config *config);

/** What is under way ends soon, with FETCH_STOPPED, and so does what is asked from now on. */
void fetcher_stop(struct fetcher *f);

bool fetcher_is_idle(const struct fetcher *f);

/** Nothing may be under way. NULL is fine. */
void fetcher_free(struct fetcher *f);

enum fetch_method {
    FETCH_GET,
    FETCH_HEAD,
    FETCH_POST,
    FETCH_PUT,
    FETCH_DELETE,
    FETCH_OPTIONS,
};

#define FETCH_HEADERS_MAX 4     // of a request, beside those that every one has
#define FETCH_FIELD_MAX   255   // bytes of a field of an answer's head
#define FETCH_HEAD_MAX    16384 // bytes of that head, where all of it is wanted

enum fetch_url_refusal {
    FETCH_URL_BAD = 1, // no URL, too long, of another scheme, with a user, a zone or a fragment
    FETCH_URL_PLAIN,   // http:// to another machine
};

/**
 * Can this be asked for? This machine is "localhost", 127.0.0.0/8 or ::1, literally: no name is
 * looked up. Thread: any.
 *
 * @return 0 or an enum fetch_url_refusal
 */
MUST_CHECK int fetch_check_url(str url);

#define FETCH_HOST_SIZE 300 // bytes, NUL included

/**
 * The host and the port of a URL, without the rest, which may be a secret; for the log, by
 * log_quote(). "?" of what is no URL. Thread: any.
 */
void fetch_host(char out[FETCH_HOST_SIZE], str url);

/** One request. */
struct fetch {
    enum fetch_method method;
    str url;       // one that fetch_check_url() takes, or FETCH_URL_PLAIN and is_plain
    bool is_plain; // http:// to another machine is meant: the operator has said so
    str body;      // of POST and PUT, which may be empty
    str type;      // of the body; empty: none is said
    str headers[FETCH_HEADERS_MAX]; // "Name: value", without a line's end; empty: none
    int64_t timeout_ms; // from the call on, the time in which it waits for a place included
    size_t max_bytes;   // of the answer's body
    bool wants_head;    // all of the answer's
};

enum fetch_refusal {
    FETCH_FAILED = 1, // no answer, or none in time
    FETCH_TOO_LONG,   // over max_bytes
    FETCH_BUSY,       // over FETCH_WAITING_MAX: nobody was asked
    FETCH_STOPPED,
};

struct fetch_answer {
    unsigned status;
    bool has_length; // it has a Content-Length, of what a GET would have if this is a HEAD's
    uint64_t length;
    str type; // Content-Type; empty: none, or one over FETCH_FIELD_MAX
    str etag; // likewise
    str head; // where it is wanted: its lines, each with its end; those that fit
    str body; // whole, unless nothing but the connection's end says where it ends
};

/** @return the value of the first such field of a head; ptr is NULL without one */
str fetch_field(str head, str name);

/**
 * On the loop.
 *
 * @param r       0 or an enum fetch_refusal
 * @param why     of a refusal, for the log: static, and nothing of the URL is in it
 * @param answer  NULL unless r is 0, or FETCH_TOO_LONG: then without the body
 */
typedef void fetch_fn(void *arg, int r, const char *why, const struct fetch_answer *answer);

/** done comes once, after this has returned. @param what  borrowed until this returns */
void fetcher_ask(struct fetcher *f, const struct fetch *what, fetch_fn *done, void *arg);
