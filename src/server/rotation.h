/**
 * Rotation of the key that signs the server's own tokens. DIR/signing-key.pem is the one that
 * signs; DIR/signing-key.SECONDS.pem, each with the Unix time at which it was retired, are the
 * public keys of those before it, which count until no token of theirs can be good any more.
 */
#pragma once

#include "auth/keyring.h"
#include "base/str.h"

/** How long a retired key counts: as long as its longest token, with the skew. */
#define ROTATION_RETIRED_MS (AUTH_MINT_MS_MAX + AUTH_SKEW_MS)

enum rotation_refusal {
    ROTATION_REFUSED = 1, // said on stderr, with what to do
};

/**
 * The keys of a directory. One to sign with is made where there is none, as keys_own() says.
 *
 * @param out  auth_keyring_fini(); after a refusal it is empty
 * @return 0 or ROTATION_REFUSED
 */
MUST_CHECK int rotation_load(struct auth_keyring *out, str dir, int64_t unix_ms,
                             struct rand *rand);

struct rotation {
    str dir;        // which has a key
    bool drops_old; // no old key counts any more
    int64_t unix_ms;
    struct rand *rand;
};

/**
 * A new key in the place of the one that signs. Whenever it is cut short, there is a key to
 * sign with, and none is lost: what is retired is on the disk before the new key has its name.
 * Of several at once each is done as a whole.
 *
 * @param kid  of the new key
 * @return 0 or ROTATION_REFUSED: the key is what it was
 */
MUST_CHECK int rotation_make(char kid[AUTH_KID_SIZE], const struct rotation *how);
