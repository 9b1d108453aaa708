#include "auth/nonce.h"

#include "auth/message.h"
#include "base/base58.h"
#include "crypto/digest.h"
#include "crypto/secret.h"

#define CHANCE_SIZE 11
#define TAG_SIZE    8 // guessing takes 2^63 requests, in the life of a nonce

/** What is in it; its text is base58, which is letters and digits as EIP-4361 wants them. */
struct content {
    uint8_t made_at_s[4]; // Unix, big endian: until 2106
    uint8_t is_contract;
    uint8_t chance[CHANCE_SIZE];
    uint8_t tag[TAG_SIZE];
};

static_assert(BASE58_LEN(sizeof(struct content)) < AUTH_NONCE_TEXT_SIZE, "");

static void vouch(uint8_t tag[TAG_SIZE], const struct content *c, const uint8_t *key,
                  str domain)
{
    const size_t n = offsetof(struct content, tag);
    char text[offsetof(struct content, tag) + AUTH_DOMAIN_MAX];
    uint8_t mac[CRYPTO_SHA256_SIZE];

    assert(domain.len <= AUTH_DOMAIN_MAX);
    memcpy(text, c, n);
    str_copy(text + n, domain);
    crypto_hmac_sha256(mac, (str){(const char *)key, AUTH_KEY_SIZE},
                       (str){text, n + domain.len});
    memcpy(tag, mac, TAG_SIZE);
}

static struct auth_nonce life_of(const struct content *c)
{
    const int64_t life_ms = c->is_contract ? AUTH_NONCE_CONTRACT_MS : AUTH_NONCE_MS;
    int64_t s = 0;

    for (unsigned i = 0; i < sizeof(c->made_at_s); i++)
        s = s << 8 | c->made_at_s[i];
    return (struct auth_nonce){.made_at_ms = s * 1000, .expires_at_ms = s * 1000 + life_ms};
}

struct auth_nonce auth_nonce_new(char out[AUTH_NONCE_TEXT_SIZE], const uint8_t *key,
                                 struct rand *rand, str domain, int64_t now_ms,
                                 bool is_contract)
{
    const uint64_t s = (uint64_t)now_ms / 1000;
    struct content c = {.is_contract = is_contract};

    for (unsigned i = 0; i < sizeof(c.made_at_s); i++)
        c.made_at_s[i] = (uint8_t)(s >> (24 - 8 * i));
    rand_bytes(rand, c.chance, sizeof(c.chance));
    vouch(c.tag, &c, key, domain);
    const str text = base58_encode(out, (str){(const char *)&c, sizeof(c)});
    out[text.len] = '\0';
    return life_of(&c);
}

int auth_nonce_check(struct auth_nonce *out, const uint8_t *key, str nonce, str domain,
                     int64_t now_ms)
{
    struct content c;
    uint8_t tag[TAG_SIZE];

    if (base58_decode((uint8_t *)&c, sizeof(c), nonce) != 0)
        return AUTH_NONCE_BAD;
    vouch(tag, &c, key, domain);
    if (!crypto_equal(tag, c.tag, TAG_SIZE))
        return AUTH_NONCE_BAD;
    *out = life_of(&c);
    return now_ms < out->expires_at_ms ? 0 : AUTH_NONCE_OVER;
}
