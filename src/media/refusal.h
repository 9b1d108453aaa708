/** What the embedded S3 says no with: the codes and the statuses of S3, as XML. */
#pragma once

#include "http/server.h"

enum refusal {
    REFUSAL_NONE,
    REFUSAL_UNSIGNED,
    REFUSAL_KEY,
    REFUSAL_EXPIRED,
    REFUSAL_NOT_YET,
    REFUSAL_QUERY,
    REFUSAL_SIGNATURE,
    REFUSAL_UNSIGNED_HEADERS,
    REFUSAL_SETTLED,
    REFUSAL_NO_BUCKET,
    REFUSAL_NO_KEY,
    REFUSAL_PUT_ONLY,
    REFUSAL_GET_ONLY,
    REFUSAL_NO_LENGTH,
    REFUSAL_TOO_LARGE,
    REFUSAL_TOO_SMALL,
    REFUSAL_TYPE,
    REFUSAL_CONTENT,
    REFUSAL_CHECKSUM,
    REFUSAL_DIGEST,
    REFUSAL_OVERRIDE,
    REFUSAL_BODY,
    REFUSAL_RANGE,
    REFUSAL_PUT_ALREADY,
    REFUSAL_NEWER,
    REFUSAL_SLOW_DOWN,
    REFUSAL_UNAVAILABLE,
    REFUSAL_FULL,
    REFUSAL_BROKEN,
    REFUSAL_N,
};

/** @param headers  whole lines, that go with it */
void refusal_answer(struct http_request *rq, enum refusal why, str headers);
