/** How many calls each wallet has under way, until their answers are taken, up to a number that
 * none may pass. */
#pragma once

#include "base/account.h"
#include "base/hash.h"
#include "base/map.h"
#include "base/rand.h"

#define API_CALLS_MAX 16 // of one wallet under way

struct api_wallet;

struct api_wallets {
    struct map map;
    uint8_t key[HASH_KEY_SIZE];
};

void api_wallets_init(struct api_wallets *w, struct rand *rand);

/** Every call must have been given back. */
void api_wallets_fini(struct api_wallets *w);

/** Count one more call. @return what to give back, or NULL: it would be too many */
struct api_wallet *api_wallets_take(struct api_wallets *w, const account *a);
void api_wallets_give(struct api_wallet *taken);
