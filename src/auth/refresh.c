#include "auth/refresh.h"

#include "base/base64.h"
#include "crypto/digest.h"
#include "crypto/secret.h"

#define NAME_SIZE    (RAND_NAME_SIZE - 1)
#define CONTENT_SIZE (4 + NAME_SIZE + ACCOUNT_SIZE + CRYPTO_SHA256_SIZE) // the longest

static_assert(BASE64_URL_LEN(CONTENT_SIZE) < AUTH_REFRESH_TEXT_SIZE, "");

static void vouch(uint8_t tag[CRYPTO_SHA256_SIZE], str content, const uint8_t *key)
{
    crypto_hmac_sha256(tag, (str){(const char *)key, AUTH_KEY_SIZE}, content);
}

str auth_refresh_text(char out[AUTH_REFRESH_TEXT_SIZE], const struct auth_refresh *r,
                      const uint8_t *key)
{
    char content[CONTENT_SIZE];
    size_t n = 0;

    for (unsigned i = 0; i < 4; i++)
        content[n++] = (char)(r->generation >> (24 - 8 * i));
    n += str_copy(content + n, (str){r->session, NAME_SIZE}).len;
    n += str_copy(content + n, account_str(&r->account)).len;
    vouch((uint8_t *)content + n, (str){content, n}, key);
    n += CRYPTO_SHA256_SIZE;
    base64_url_encode(out, (str){content, n});
    crypto_wipe(content, sizeof(content));
    out[BASE64_URL_LEN(n)] = '\0';
    return (str){out, BASE64_URL_LEN(n)};
}

static int parse(struct auth_refresh *out, str content, const uint8_t *key)
{
    uint8_t tag[CRYPTO_SHA256_SIZE];
    const size_t n_account = content.len - 4 - NAME_SIZE - CRYPTO_SHA256_SIZE;

    if (n_account != ACCOUNT_EVM_SIZE && n_account != ACCOUNT_SOLANA_SIZE)
        return AUTH_REFRESH_BAD;
    vouch(tag, (str){content.ptr, content.len - sizeof(tag)}, key);
    if (!crypto_equal(tag, content.ptr + content.len - sizeof(tag), sizeof(tag)))
        return AUTH_REFRESH_BAD;
    out->generation = 0;
    for (unsigned i = 0; i < 4; i++)
        out->generation = out->generation << 8 | (uint8_t)content.ptr[i];
    str_take(&content, 4);
    str_copy(out->session, str_take(&content, NAME_SIZE));
    out->session[NAME_SIZE] = '\0';
    out->account = account_of(str_take(&content, n_account));
    return 0;
}

int auth_refresh_parse(struct auth_refresh *out, str text, const uint8_t *key)
{
    char content[BASE64_BYTES(BASE64_URL_LEN(CONTENT_SIZE))];
    size_t n = 0;

    if (text.len > BASE64_URL_LEN(CONTENT_SIZE) || base64_url_decode(content, &n, text) != 0)
        return AUTH_REFRESH_BAD;
    const int r = n < 4 + NAME_SIZE + CRYPTO_SHA256_SIZE ? AUTH_REFRESH_BAD
                                                         : parse(out, (str){content, n}, key);
    crypto_wipe(content, sizeof(content));
    return r;
}
