/**
 * Port: what somebody whom the operator has named answers over HTTP: the RPC of a chain, an
 * issuer that publishes its keys. The auth layer owns this interface; src/server/fetcher.c is
 * what answers it, and tests/conformance/fetch.c what every one must pass.
 *
 * Called on the loop's thread and answered there, once, after the call has returned; the
 * arguments are borrowed until the call returns, the body until the callback does. No redirect
 * is followed; a request that met the end of a kept connection may come to the other side more
 * than once, so it must do no harm there. Why an answer did not come is in the log: never with
 * more of a URL than its host, for the rest may be a secret.
 */
#pragma once

#include "base/str.h"

struct auth_fetch {
    str url;  // https://, or http:// to this machine alone
    str body; // JSON to POST; ptr is NULL: a GET
    int64_t timeout_ms;
    size_t max_bytes; // of the answer's body
};

enum auth_fetch_refusal {
    AUTH_FETCH_FAILED = 1, // out of reach, too late, too long, or with another status than 200
    AUTH_FETCH_BUSY,       // too many wait: nobody was asked
};

/** @param r  0 or an enum auth_fetch_refusal @param body  empty unless r is 0 */
typedef void auth_fetch_fn(void *arg, int r, str body);

struct auth_fetcher;

struct auth_fetcher_ops {
    void (*fetch)(struct auth_fetcher *f, const struct auth_fetch *what, auth_fetch_fn *done,
                  void *arg);
};

/** A backend embeds this. */
struct auth_fetcher {
    const struct auth_fetcher_ops *ops;
};

static inline void auth_fetcher_fetch(struct auth_fetcher *f, const struct auth_fetch *what,
                                      auth_fetch_fn *done, void *arg)
{
    f->ops->fetch(f, what, done, arg);
}
