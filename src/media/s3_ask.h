/**
 * Requests of ours to an object store: each signed anew for every try, and tried again where it
 * has failed for no reason that lasts. What goes wrong in the end is said in the log here.
 */
#pragma once

#include "base/rand.h"
#include "io/fetch.h"
#include "media/s3.h"
#include "media/s3_url.h"

#define MEDIA_S3_TRY_MS     15000 // for the answer to one try, but for a copy, which gets it all
#define MEDIA_S3_AGAIN_MS   200   // to the second try; twice as long to each further, or less
#define MEDIA_S3_ANSWER_MAX 65536 // bytes of an answer's body

struct s3_asker_config {
    struct loop *loop;
    struct rand *rand;
    const struct s3_url *at;        // of what is in the bucket
    str bucket;                     // its name
    const struct sigv4_key *signer; // like the two above borrowed, for the asker's life
    const char *ca_file;            // NULL: the system's
};

struct s3_asker;

/** @param out  owned; s3_asker_free() @return 0 or a fault */
MUST_CHECK int s3_asker_new(struct s3_asker **out, const struct s3_asker_config *config);

/** What is under way ends soon, without an answer, and so does what is asked from now on. */
void s3_asker_stop(struct s3_asker *a);

bool s3_asker_is_idle(const struct s3_asker *a);

/** Nothing may be under way. NULL is fine. */
void s3_asker_free(struct s3_asker *a);

const struct media_s3_counters *s3_asker_counters(const struct s3_asker *a);

struct s3_ask {
    enum fetch_method method; // HEAD, PUT or DELETE
    str key;
    str source;      // of a PUT: the key of what is copied
    str source_etag; // and what it must have still; empty: no matter
    int64_t deadline_ms;
    unsigned max_tries; // at least 1
};

/** @param answer  a 2xx, 404 (there is the bucket) or 412. NULL: none that says anything */
typedef void s3_ask_fn(void *arg, const struct fetch_answer *answer);

/** done comes once, after this has returned. */
void s3_ask(struct s3_asker *a, const struct s3_ask *what, s3_ask_fn *done, void *arg);
