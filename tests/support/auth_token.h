/** Tokens for tests: any header and claims, signed with a secret. */
#pragma once

#include "base/base64.h"
#include "base/buf.h"
#include "crypto/digest.h"

#define TOKEN_SECRET STR("a secret of 32 bytes, for tests.")
#define TOKEN_SIZE   16384 // bytes; more than a token may have

static inline char *token_encode(char *at, str bytes)
{
    base64_url_encode(at, bytes);
    return at + BASE64_URL_LEN(bytes.len);
}

/** @return header.claims.signature, in out */
static inline str token_sign(char out[TOKEN_SIZE], str secret, str header, str claims)
{
    uint8_t mac[CRYPTO_SHA256_SIZE];

    assert(BASE64_URL_LEN(header.len) + BASE64_URL_LEN(claims.len) + 64 < TOKEN_SIZE);
    char *at = token_encode(out, header);
    *at++ = '.';
    at = token_encode(at, claims);
    crypto_hmac_sha256(mac, secret, (str){out, (size_t)(at - out)});
    *at++ = '.';
    at = token_encode(at, (str){(const char *)mac, sizeof(mac)});
    return (str){out, (size_t)(at - out)};
}
