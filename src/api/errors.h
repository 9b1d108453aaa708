/**
 * Every error that a client can meet: code, when, and since which part of the protocol it is
 * sent. One table; the docs and `parley help errors` are made of it.
 */
#pragma once

#include "base/str.h"

enum api_error {
    API_OK,
    API_BAD_REQUEST,
    API_UNAUTHORIZED,
    API_TOKEN_MISSING,
    API_TOKEN_INVALID,
    API_TOKEN_EXPIRED,
    API_TOKEN_REVOKED,
    API_ORIGIN_DENIED,
    API_FORBIDDEN,
    API_RECIPIENT_INVALID,
    API_NOT_FOUND,
    API_CONFLICT,
    API_TOO_LARGE,
    API_RATE_LIMITED,
    API_TOO_MANY_SOCKETS,
    API_MAILBOX_FULL,
    API_UNSUPPORTED_TYPE,
    API_UPLOAD_MISSING,
    API_UPLOAD_MISMATCH,
    API_QUOTA_EXCEEDED,
    API_STORAGE_UNAVAILABLE,
    API_UNKNOWN_EVENT,
    API_SLOW_CONSUMER,
    API_KICKED,
    API_UPLOAD_REJECTED,
    API_BUSY,
    API_INTERNAL,
    API_LOGIN_MALFORMED,
    API_LOGIN_DOMAIN,
    API_LOGIN_URI,
    API_LOGIN_CHAIN,
    API_LOGIN_NONCE,
    API_LOGIN_EXPIRED,
    API_LOGIN_NOT_YET,
    API_LOGIN_ADDRESS,
    API_LOGIN_SIGNATURE,
    API_LOGIN_UNAVAILABLE,
    API_N_ERRORS,
};

/** The code on the wire; static. */
const char *api_error_code(enum api_error e);

/** A sentence for a person, for where nothing more exact is known; static. */
const char *api_error_message(enum api_error e);

/** Does this server send it? Some are reserved for what is still to come. */
bool api_error_is_sent(enum api_error e);

/** The status of an HTTP answer that says it; 200 for API_OK. */
unsigned api_error_status(enum api_error e);

/** Why a request is answered with an error. */
struct api_problem {
    enum api_error error;
    const char *field;      // static; NULL: no one in particular
    const char *message;    // lives until it is answered; NULL: the error's own
    int64_t retry_after_ms; // 0: nothing to say
};
