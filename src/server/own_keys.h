/**
 * The keys of the server's own tokens while it runs: they are read anew when the operator says
 * so, and a retired one is left out when its time is over.
 */
#pragma once

#include "auth/keyring.h"
#include "base/clock.h"
#include "base/timer.h"

#define OWN_KEYS_LOOK_MS 3600000 // a retired key may count so much longer

/** All borrowed, and must outlive the keys. */
struct own_keys_config {
    str dir;
    struct auth *auth;
    struct auth_keyring *keyring; // with whose signer others sign: replaced in its place
    struct timers *timers;
    struct clock *clock;
    struct rand *rand; // NULL: no key is made
};

struct own_keys {
    struct own_keys_config config; // copied
    struct timer look;
};

enum own_keys_refusal {
    OWN_KEYS_KEPT = 1, // said, and logged: the keys are what they were
};

void own_keys_init(struct own_keys *k, const struct own_keys_config *config);
void own_keys_fini(struct own_keys *k);

/** Read them: from then on tokens are made and judged by what there is now. @return 0 or
 * OWN_KEYS_KEPT */
MUST_CHECK int own_keys_load(struct own_keys *k);
