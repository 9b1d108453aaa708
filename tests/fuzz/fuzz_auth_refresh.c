#include "auth/nonce.h"
#include "auth/refresh.h"

// NOLINTNEXTLINE(readability-identifier-naming): the fuzzer names it
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define SITE   STR("shop.example")
#define NOW_MS INT64_C(1700000000000)

// What the texts of the corpus were made with.
static const uint8_t key[AUTH_KEY_SIZE] = "a key that vouches for the tests";

/** What is of us prints back to the text that it came as: there is no other. */
static void check_refresh(str text)
{
    char out[AUTH_REFRESH_TEXT_SIZE];
    struct auth_refresh r;

    if (auth_refresh_parse(&r, text, key) != 0)
        return;
    assert(strlen(r.session) < sizeof(r.session));
    assert(r.account.len == ACCOUNT_EVM_SIZE || r.account.len == ACCOUNT_SOLANA_SIZE);
    const str printed = auth_refresh_text(out, &r, key);
    assert(str_eq(printed, text));
}

/** Later it is the same, or over; of another domain it is nobody's. */
static void check_nonce(str text)
{
    struct auth_nonce n;
    struct auth_nonce later;

    const int r = auth_nonce_check(&n, key, text, SITE, NOW_MS);
    const int r_other = auth_nonce_check(&later, key, text, STR("other.example"), NOW_MS);
    assert(r == AUTH_NONCE_BAD || r_other == AUTH_NONCE_BAD);
    if (r == AUTH_NONCE_BAD)
        return;
    const int64_t life_ms = n.expires_at_ms - n.made_at_ms;
    assert(life_ms == AUTH_NONCE_MS || life_ms == AUTH_NONCE_CONTRACT_MS);
    assert((r == 0) == (NOW_MS < n.expires_at_ms));
    const int r_later = auth_nonce_check(&later, key, text, SITE, n.expires_at_ms);
    assert(r_later == AUTH_NONCE_OVER && later.made_at_ms == n.made_at_ms);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const str text = {(const char *)data, size};

    check_refresh(text);
    check_nonce(text);
    return 0;
}
