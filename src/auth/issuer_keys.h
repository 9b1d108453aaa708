/**
 * The keys of issuers that publish them at a URL (docs/decisions/0013-keys-by-url.md): when
 * they are fetched, and who waits for that.
 *
 * What comes replaces what there was; what can't be had or used leaves it. One fetch at a time
 * of an issuer's: at the start, when the keys are old, when a token names a key that is not
 * among them, and when the operator says so.
 */
#pragma once

#include "auth/auth.h"
#include "auth/fetch.h"
#include "base/job.h"
#include "base/list.h"
#include "base/timer.h"

#define AUTH_ISSUER_KEYS_MS       600000 // then they are fetched anew
#define AUTH_ISSUER_KEYS_AGAIN_MS 30000  // after a failure; and between two fetches for tokens
#define AUTH_ISSUER_KEYS_FETCH_MS 5000   // for an answer

/** Issuers of the form AUTH_KEY_URL. */
struct auth_issuer_urls {
    size_t n;
    struct auth_issuer_url {
        size_t issuer; // as for auth_set_issuer_keys()
        str name;      // for the log
        str url;
    } urls[AUTH_ISSUERS_MAX];
};

/** All borrowed, and must outlive the keys. */
struct auth_issuer_keys_config {
    struct auth *auth;
    struct auth_fetcher *fetcher; // may be NULL where there is no URL
    struct timers *timers;
    struct job_queue *later;
    const struct auth_issuer_urls *urls;
};

struct auth_issuer_keys;

/** The first fetch begins with the next timers that are run. */
struct auth_issuer_keys *auth_issuer_keys_new(const struct auth_issuer_keys_config *config);

/** Nothing may be under way. NULL is fine. */
void auth_issuer_keys_free(struct auth_issuer_keys *k);

/** Fetch all of them; those that are being fetched once more after that, for it may have begun
 * too early to see what there is now. */
void auth_issuer_keys_fetch(struct auth_issuer_keys *k);

/** From now on nothing is fetched. */
void auth_issuer_keys_stop(struct auth_issuer_keys *k);

/** Is nothing being fetched, and nobody waiting? */
bool auth_issuer_keys_is_idle(const struct auth_issuer_keys *k);

enum auth_issuer_keys_refusal {
    AUTH_ISSUER_KEYS_CURRENT = 1, // fetched for a token just now: what is missing is not there
    AUTH_ISSUER_KEYS_UNAVAILABLE, // they can't be had at the moment
};

/** Who waits embeds this. */
struct auth_issuer_keys_waiter {
    struct list node;
    int r;
    void (*done)(struct auth_issuer_keys_waiter *w, int r);
};

/**
 * A token has got AUTH_NO_KEY: wait for its issuer's keys. done comes once, after this has
 * returned, with 0 (verify it again; what is AUTH_NO_KEY then is so) or with
 * AUTH_ISSUER_KEYS_UNAVAILABLE. How many wait, the caller bounds.
 *
 * @return 0; or an enum auth_issuer_keys_refusal, and done does not come
 */
MUST_CHECK int auth_issuer_keys_wait(struct auth_issuer_keys *k, size_t issuer,
                                     struct auth_issuer_keys_waiter *w);

/** It waits no more, and done does not come. */
void auth_issuer_keys_cancel(struct auth_issuer_keys_waiter *w);
