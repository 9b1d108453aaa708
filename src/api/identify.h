/** Whose token is this, and is it still good? */
#pragma once

#include "api/client.h"

#define API_WAITING_TOKENS_MAX 1024 // each of AUTH_TOKEN_MAX bytes at most

struct api_identity {
    enum api_error error;     // API_OK, API_TOKEN_*, API_LOGIN_UNAVAILABLE or API_BUSY
    struct auth_identity who; // of API_OK and API_TOKEN_REVOKED
};

typedef void api_identified_fn(void *arg, const struct api_identity *id);

/** Who wants to know. */
struct api_asker {
    api_identified_fn *done;
    void *arg;
    const struct log_ctx *log; // copied; what is wrong with the token goes there, at debug
};

/** A token that waits for its issuer's keys to be fetched. */
struct api_waiting;

/**
 * Known at once, unless the token names a key that its issuer may have published since.
 *
 * @return NULL, and *out is filled; or what waits, and done comes once, later, with what *out
 * would have
 */
struct api_waiting *api_identify(struct api *a, str token, const struct api_asker *asker,
                                 struct api_identity *out);

/** What has become of a token that was good. @return API_OK, API_TOKEN_EXPIRED,
 * API_TOKEN_REVOKED */
enum api_error api_identity_now(const struct api *a, const struct auth_identity *who);

/** Nobody wants to know any more, and done does not come. */
void api_identify_cancel(struct api_waiting *w);
