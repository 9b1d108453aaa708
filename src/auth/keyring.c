#include "auth/keyring.h"

#include "crypto/secret.h"

int auth_keyring_init(struct auth_keyring *k, str pem)
{
    *k = (struct auth_keyring){0};
    return auth_signer_init(&k->signer, pem);
}

/** Under one kid there is one key (RFC 7517, section 4.5). */
static bool holds(const struct auth_keyring *k, const struct auth_public *key)
{
    if (strcmp(k->signer.kid, key->kid) == 0)
        return true;
    for (size_t i = 0; i < k->n_retired; i++) {
        if (strcmp(k->retired[i].key.kid, key->kid) == 0)
            return true;
    }
    return false;
}

int auth_keyring_retire(struct auth_keyring *k, str pem, int64_t until_ms)
{
    struct auth_retired retired = {.until_ms = until_ms};

    if (auth_public_init(&retired.key, pem) != 0)
        return AUTH_OWN_BAD_KEY;
    if (holds(k, &retired.key))
        return 0;
    if (k->n_retired == AUTH_RETIRED_MAX)
        return AUTH_OWN_TOO_MANY;
    k->retired[k->n_retired++] = retired;
    return 0;
}

bool auth_keyring_forget(struct auth_keyring *k, int64_t unix_ms)
{
    const size_t n_before = k->n_retired;

    k->n_retired = 0;
    for (size_t i = 0; i < n_before; i++) {
        if (k->retired[i].until_ms > unix_ms)
            k->retired[k->n_retired++] = k->retired[i];
    }
    return k->n_retired < n_before;
}

void auth_keyring_move(struct auth_keyring *to, struct auth_keyring *from)
{
    auth_keyring_fini(to);
    *to = *from;
    auth_keyring_fini(from);
}

void auth_keyring_fini(struct auth_keyring *k)
{
    crypto_wipe(k, sizeof(*k));
}

void auth_keyring_print_jwks(struct buf *out, const struct auth_keyring *k)
{
    int r = buf_add(out, STR("{\"keys\":["));

    auth_signer_print_jwk(out, &k->signer);
    for (size_t i = 0; i < k->n_retired; i++) {
        r |= buf_add(out, STR(","));
        auth_public_print_jwk(out, &k->retired[i].key);
    }
    r |= buf_add(out, STR("]}"));
    assert(r == 0);
    (void)r;
}
