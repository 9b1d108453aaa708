/**
 * Where an object store has what it has: its address and its bucket's, the keys in there, and
 * the URLs that these make. Pure.
 */
#pragma once

#include "chat/types.h"
#include "media/sigv4.h"

#define S3_ENDPOINT_MAX 255 // bytes of the URL of a store
#define S3_BUCKET_MAX   63  // bytes of a bucket's name

struct s3_bucket {
    str endpoint;    // "https://s3.example", or that with a port and a path
    str name;        // of 3 bytes at least
    bool path_style; // it is in the path, and not in front of the host
};

/** All of it but the key. */
struct s3_url {
    str scheme;
    struct buf host; // as in sigv4_request
    struct buf path; // "/" or "/bucket/", not encoded
    struct buf base; // scheme, host and path as a URL has them
};

enum s3_url_refusal {
    S3_URL_BAD_ENDPOINT = 1, // no http:// or https://, or it has what an endpoint has not
    S3_URL_BAD_BUCKET,
};

/** @return 0, or an enum s3_url_refusal: there is nothing to be freed */
MUST_CHECK int s3_url_init(struct s3_url *out, const struct s3_bucket *b);
void s3_url_fini(struct s3_url *u);

/** What a client puts, and what was taken of it. */
enum s3_folder {
    S3_IN,
    S3_KEPT,
};

#define S3_KEY_SIZE (5 + CHAT_UPLOAD_ID_SIZE) // bytes of "kept/<id>", NUL included

/** @param id  an upload's @return out */
str s3_url_key(char out[S3_KEY_SIZE], enum s3_folder folder, str id);

/**
 * Add the URL of a key, signed.
 *
 * @param rq  scheme, host and path do not matter
 */
void s3_url_presign(struct buf *out, const struct s3_url *u, str key,
                    const struct sigv4_key *signer, struct sigv4_request rq);

/** Is this the URL of an upload, whatever its query? @param id  borrowed from url */
bool s3_url_find(const struct s3_url *u, str url, str *id);
