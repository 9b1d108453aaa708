/** The keys that the server keeps in its data directory. */
#pragma once

#include "base/buf.h"
#include "base/rand.h"

#define KEYS_OWN_FILE "signing-key.pem"

enum keys_refusal {
    KEYS_UNUSABLE = 1, // said on stderr, with what to do
};

/**
 * The key that signs the server's own tokens: DIR/signing-key.pem, in PEM. One is made where
 * there is none, and the directory with it; of several processes that do so at once, all end
 * with the same key. A file that others may read, or that is no such key, is refused.
 *
 * @param pem  has room for AUTH_OWN_KEY_SIZE; secret_buf_fini()
 * @return 0 or KEYS_UNUSABLE
 */
MUST_CHECK int keys_own(struct buf *pem, str dir, struct rand *rand);
