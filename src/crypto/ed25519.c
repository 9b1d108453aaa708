#include "crypto/ed25519.h"

#include <stdlib.h>

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <sodium.h>

#include "crypto/pem.h"
#include "crypto/secret.h"
#include "crypto/vault.h"

static_assert(CRYPTO_ED25519_SIGNATURE_SIZE == crypto_sign_BYTES, "");
static_assert(2 * CRYPTO_ED25519_SIZE == crypto_sign_SECRETKEYBYTES, "");

void crypto_ed25519_init(struct crypto_ed25519 *k, struct rand *rand)
{
    uint8_t seed[CRYPTO_ED25519_SIZE];

    rand_bytes(rand, seed, sizeof(seed));
    crypto_sign_seed_keypair(k->x, k->secret, seed);
    crypto_wipe(seed, sizeof(seed));
}

int crypto_ed25519_parse(struct crypto_ed25519 *k, str pem)
{
    uint8_t seed[CRYPTO_ED25519_SIZE];
    size_t n = sizeof(seed);

    *k = (struct crypto_ed25519){0};
    vault_enter(); // what it is asked for leaves copies as well
    EVP_PKEY *pkey = pem_private(pem);
    const bool is_ours = pkey && EVP_PKEY_get_base_id(pkey) == EVP_PKEY_ED25519 &&
                         EVP_PKEY_get_raw_private_key(pkey, seed, &n) == 1;
    EVP_PKEY_free(pkey);
    vault_leave();
    if (!is_ours)
        return CRYPTO_KEY_BAD;
    crypto_sign_seed_keypair(k->x, k->secret, seed);
    crypto_wipe(seed, sizeof(seed));
    return 0;
}

int crypto_ed25519_parse_public(uint8_t x[CRYPTO_ED25519_SIZE], str pem)
{
    size_t n = CRYPTO_ED25519_SIZE;
    EVP_PKEY *pkey = pem_public(pem);
    const bool is_ours = pkey && EVP_PKEY_get_base_id(pkey) == EVP_PKEY_ED25519 &&
                         EVP_PKEY_get_raw_public_key(pkey, x, &n) == 1;

    EVP_PKEY_free(pkey);
    return is_ours ? 0 : CRYPTO_KEY_BAD;
}

void crypto_ed25519_fini(struct crypto_ed25519 *k)
{
    crypto_wipe(k, sizeof(*k));
}

/** What was written to bio, which is over then. */
static void take_pem(struct buf *pem, BIO *bio)
{
    char *room = buf_room(pem, CRYPTO_ED25519_PEM_SIZE);

    assert(room);
    const int n = BIO_read(bio, room, CRYPTO_ED25519_PEM_SIZE);
    assert(n > 0 && n < CRYPTO_ED25519_PEM_SIZE);
    buf_added(pem, (size_t)n);
    BIO_free(bio);
}

void crypto_ed25519_print(struct buf *pem, const struct crypto_ed25519 *k)
{
    vault_enter();
    EVP_PKEY *pkey =
        EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, k->secret, CRYPTO_ED25519_SIZE);
    BIO *bio = BIO_new(BIO_s_secmem());

    if (!pkey || !bio ||
        PEM_write_bio_PKCS8PrivateKey(bio, pkey, NULL, NULL, 0, NULL, NULL) != 1)
        abort();
    take_pem(pem, bio);
    EVP_PKEY_free(pkey);
    vault_leave();
}

void crypto_ed25519_print_public(struct buf *pem, const struct crypto_ed25519 *k)
{
    EVP_PKEY *pkey =
        EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, k->x, CRYPTO_ED25519_SIZE);
    BIO *bio = BIO_new(BIO_s_mem());

    if (!pkey || !bio || PEM_write_bio_PUBKEY(bio, pkey) != 1)
        abort();
    take_pem(pem, bio);
    EVP_PKEY_free(pkey);
}

void crypto_ed25519_sign(uint8_t out[CRYPTO_ED25519_SIGNATURE_SIZE],
                         const struct crypto_ed25519 *k, str bytes)
{
    crypto_sign_detached(out, NULL, (const unsigned char *)bytes.ptr, bytes.len, k->secret);
}
