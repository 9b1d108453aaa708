#include "auth/signer.h"

#include <stdio.h>

#include "auth/account.h"
#include "base/base64.h"
#include "crypto/digest.h"
#include "json/json.h"

#define CLAIMS_MAX 1024 // bytes; all in them is ours and short
#define JTI_SIZE   16   // bytes of the digest that names a token
#define X_LEN      BASE64_URL_LEN(CRYPTO_ED25519_SIZE)
#define JTI_LEN    BASE64_URL_LEN(JTI_SIZE)

static_assert(AUTH_OWN_KEY_SIZE == CRYPTO_ED25519_PEM_SIZE, "");
static_assert(AUTH_KID_SIZE == BASE64_URL_LEN(CRYPTO_SHA256_SIZE) + 1, "");

void auth_own_key_new(struct buf *pem, struct rand *rand)
{
    struct crypto_ed25519 key;

    crypto_ed25519_init(&key, rand);
    crypto_ed25519_print(pem, &key);
    crypto_ed25519_fini(&key);
}

static void encode(struct buf *out, str bytes)
{
    char *room = buf_room(out, BASE64_URL_LEN(bytes.len));

    assert(room);
    base64_url_encode(room, bytes);
    buf_added(out, BASE64_URL_LEN(bytes.len));
}

/** The thumbprint of the key as a JWK (RFC 7638): the same on every node that has the key. */
static void name_key(char kid[AUTH_KID_SIZE], const char *x)
{
    char jwk[64 + X_LEN];
    uint8_t digest[CRYPTO_SHA256_SIZE];

    const int n =
        snprintf(jwk, sizeof(jwk), "{\"crv\":\"Ed25519\",\"kty\":\"OKP\",\"x\":\"%s\"}", x);
    crypto_sha256(digest, (str){jwk, (size_t)n});
    base64_url_encode(kid, (str){(const char *)digest, sizeof(digest)});
    kid[AUTH_KID_SIZE - 1] = '\0';
}

static void print_x(char out[AUTH_KID_SIZE], const uint8_t x[CRYPTO_ED25519_SIZE])
{
    base64_url_encode(out, (str){(const char *)x, CRYPTO_ED25519_SIZE});
    out[X_LEN] = '\0';
}

static void print_jwk(struct buf *out, const char *x, const char *kid)
{
    const int r = buf_addf(out,
                           "{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"%s\",\"kid\":\"%s\","
                           "\"alg\":\"EdDSA\",\"use\":\"sig\"}",
                           x, kid);
    assert(r == 0);
    (void)r;
}

int auth_public_init(struct auth_public *p, str pem)
{
    uint8_t x[CRYPTO_ED25519_SIZE];

    if (crypto_ed25519_parse_public(x, pem) != 0)
        return AUTH_OWN_BAD_KEY;
    print_x(p->x, x);
    name_key(p->kid, p->x);
    return 0;
}

void auth_public_print_jwk(struct buf *out, const struct auth_public *p)
{
    print_jwk(out, p->x, p->kid);
}

int auth_signer_init(struct auth_signer *s, str pem)
{
    *s = (struct auth_signer){0};
    if (crypto_ed25519_parse(&s->key, pem) != 0)
        return AUTH_OWN_BAD_KEY;
    print_x(s->x, s->key.x);
    name_key(s->kid, s->x);
    return 0;
}

void auth_signer_fini(struct auth_signer *s)
{
    crypto_ed25519_fini(&s->key);
}

void auth_signer_print_jwk(struct buf *out, const struct auth_signer *s)
{
    print_jwk(out, s->x, s->kid);
}

void auth_session_name_new(char out[RAND_NAME_SIZE], struct rand *rand)
{
    rand_name(rand, out);
    if (out[0] == '-')
        out[0] = '_';
}

static void print_header(struct buf *out, const struct auth_signer *s)
{
    const int r =
        buf_addf(out, "{\"alg\":\"EdDSA\",\"typ\":\"at+jwt\",\"kid\":\"%s\"}", s->kid);
    assert(r == 0);
}

/** Of what else the token says: two of the same name would be the same token. */
static void name_token(char jti[JTI_LEN], str claims)
{
    uint8_t digest[CRYPTO_SHA256_SIZE];

    crypto_sha256(digest, claims);
    base64_url_encode(jti, (str){(const char *)digest, JTI_SIZE});
}

static void print_claims(struct buf *out, const struct auth_mint *m)
{
    char sub[AUTH_ACCOUNT_TEXT_SIZE];
    char jti[JTI_LEN];

    auth_account_text(sub, &m->account);
    int r = buf_addf(out,
                     "{\"iss\":\"" AUTH_OWN_ISS "\",\"aud\":\"" AUTH_OWN_ISS
                     "\",\"sub\":\"%s\",\"iat\":%lld,\"exp\":%lld,\"sid\":",
                     sub, (long long)(m->now_ms / 1000),
                     (long long)((m->now_ms + m->ttl_ms) / 1000));
    assert(r == 0);
    r = json_print_str(out, m->session);
    assert(r == 0);
    name_token(jti, buf_str(out));
    r = buf_addf(out, ",\"jti\":\"%.*s\"}", (int)sizeof(jti), jti);
    assert(r == 0);
}

void auth_mint(struct buf *token, const struct auth_signer *signer, const struct auth_mint *m)
{
    uint8_t signature[CRYPTO_ED25519_SIGNATURE_SIZE];
    const size_t start = buf_str(token).len;
    struct buf part;

    assert(m->ttl_ms <= AUTH_MINT_MS_MAX);
    assert(m->session.len > 0 && m->session.len < AUTH_SESSION_SIZE);
    buf_init(&part, CLAIMS_MAX);
    print_header(&part, signer);
    encode(token, buf_str(&part));
    const int r = buf_add(token, STR("."));
    assert(r == 0);
    buf_clear(&part);
    print_claims(&part, m);
    encode(token, buf_str(&part));
    buf_fini(&part);

    str input = buf_str(token);
    str_take(&input, start);
    crypto_ed25519_sign(signature, &signer->key, input);
    const int r_dot = buf_add(token, STR("."));
    assert(r_dot == 0);
    encode(token, (str){(const char *)signature, sizeof(signature)});
}
