/**
 * Files in an object store that speaks S3: AWS, R2, MinIO, Ceph, Garage, B2, swift. Clients
 * talk to it by pre-signed URLs; HEAD, copy and DELETE go there from here, by such URLs as
 * well.
 *
 * The key must be allowed to get, put and delete what is in the bucket, and to list it: without
 * that, AWS says 403 and not 404 of what is not there.
 */
#pragma once

#include "chat/media.h"
#include "io/loop.h"

#define MEDIA_S3_RUNNING_MAX 16   // requests to it at once
#define MEDIA_S3_WORKS_MAX   1024 // takes and drops at once; more are MEDIA_UNAVAILABLE
#define MEDIA_S3_TRIES       4 // of one request, where it has failed for no reason that lasts
#define MEDIA_S3_TIDY_MS     2000 // for what need not succeed: a sweep does it as well
#define MEDIA_S3_KEY_MAX     256  // bytes of an access key, and of its secret
#define MEDIA_S3_TOKEN_MAX   4096 // bytes of a session's token
#define MEDIA_S3_REGION_MAX  64   // bytes of a region's name

struct media_s3_config {
    struct loop *loop;
    struct rand *rand;
    str endpoint;        // "https://s3.eu-central-1.amazonaws.com": where the server reaches it
    str public_endpoint; // where clients do; empty: at the same
    str region;
    str bucket;
    bool path_style; // the bucket is in the path, and not in the host's name
    str access_key;
    str secret_key;
    str session_token;   // empty: none
    const char *ca_file; // NULL: the system's
    int64_t put_ms;      // how long a link is good; of whole seconds, 7 days at most
    int64_t get_ms;
    const char *scan; // a command, see media/scan.h; NULL: none
};

struct media_s3;

/** @param config  copied with its texts; what it points to is borrowed @param out  owned, by
 * media_free() of its port @return 0 or a fault: something of it is missing, or can't be so */
MUST_CHECK int media_s3_new(struct media_s3 **out, const struct media_s3_config *config);

/** Nothing that its links read ever changes: media/share.h. */
struct media *media_s3_port(struct media_s3 *s);

struct media_s3_counters {
    uint64_t requests; // retries included
    uint64_t retries;
    uint64_t failures; // after all tries
};

const struct media_s3_counters *media_s3_counters(const struct media_s3 *s);
