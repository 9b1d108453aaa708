/** Tokens of the server's own are taken, of one key. */
#pragma once

#include "auth/keyring.h"

/** @return 0 or AUTH_OWN_BAD_KEY */
static inline int set_own_key(struct auth *a, str pem)
{
    struct auth_keyring keys;
    const int r = auth_keyring_init(&keys, pem);

    if (r == 0)
        auth_set_own(a, &keys);
    auth_keyring_fini(&keys);
    return r;
}
