/**
 * The keys that the server keeps in its data directory, or in one that several nodes have a
 * copy of: there none is made, for each would make its own.
 */
#pragma once

#include "auth/nonce.h"
#include "crypto/secp256k1.h"
#include "server/key_file.h"

#define KEYS_OWN_FILE     "signing-key.pem"
#define KEYS_SIGN_IN_FILE "sign-in.key"
#define KEYS_MEDIA_FILE   "media.key"
#define KEYS_DEMO_FILE    "demo-wallets.key"

enum keys_refusal {
    KEYS_UNUSABLE = 1, // said on stderr, with what to do
};

/** Of DIR/signing-key.pem. */
extern const struct key_kind keys_own_kind;

/**
 * The key that signs the server's own tokens: DIR/signing-key.pem, in PEM. One is made where
 * there is none, and the directory with it; of several processes that do so at once, all end
 * with the same key. A file that others may read, or that is no such key, is refused.
 *
 * @param pem   has room for AUTH_OWN_KEY_SIZE; secret_buf_fini()
 * @param rand  NULL, here and in the next ones: none is made
 * @return 0 or KEYS_UNUSABLE
 */
MUST_CHECK int keys_own(struct buf *pem, str dir, struct rand *rand);

#define KEYS_NODES_SIZE (2 * AUTH_KEY_SIZE + 1) // bytes, NUL included

/** What vouches for nonces and refresh tokens, and by what nodes know each other: to be wiped.
 */
struct keys_sign_in {
    uint8_t nonce[AUTH_KEY_SIZE];
    uint8_t refresh[AUTH_KEY_SIZE];
    char nodes[KEYS_NODES_SIZE]; // hex; no other of them can be found from it
};

/** Of DIR/sign-in.key, 32 bytes in hex; all else is as above. @return 0 or KEYS_UNUSABLE */
MUST_CHECK int keys_sign_in(struct keys_sign_in *out, str dir, struct rand *rand);

#define KEYS_MEDIA_SIZE (2 * AUTH_KEY_SIZE + 1) // bytes, NUL included

/** What signs the links to the server's own files: DIR/media.key, 32 bytes in hex, which is how
 * it is used; all else is as above. To be wiped. @return 0 or KEYS_UNUSABLE */
MUST_CHECK int keys_media(char out[KEYS_MEDIA_SIZE], str dir, struct rand *rand);

#define KEYS_DEMO_WALLETS 2

/** Secret keys of wallets that are nobody's: to be wiped. */
struct keys_demo {
    uint8_t keys[KEYS_DEMO_WALLETS][CRYPTO_WALLET_KEY_SIZE];
};

/** Of DIR/demo-wallets.key, each 32 bytes in hex, one a line; all else is as above.
 * @return 0 or KEYS_UNUSABLE */
MUST_CHECK int keys_demo(struct keys_demo *out, str dir, struct rand *rand);
