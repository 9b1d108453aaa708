#include "auth/jwks.h"

#include <stdlib.h>

#include "auth/why.h"
#include "base/base64.h"
#include "crypto/secret.h"
#include "json/json.h"

static const struct {
    const char *name;
    enum crypto_alg alg;
} algs[] = {
    {"HS256", CRYPTO_HS256}, {"RS256", CRYPTO_RS256}, {"PS256", CRYPTO_PS256},
    {"ES256", CRYPTO_ES256}, {"EdDSA", CRYPTO_EDDSA}, {"Ed25519", CRYPTO_EDDSA}, // RFC 9864
};

bool auth_alg_find(str name, enum crypto_alg *out)
{
    for (size_t i = 0; i < COUNT_OF(algs); i++) {
        if (str_eq(name, str_of(algs[i].name))) {
            *out = algs[i].alg;
            return true;
        }
    }
    return false;
}

static_assert(CRYPTO_RSA_BITS_MIN == 2048 && CRYPTO_RSA_BITS_MAX == 8192, "as said below");

/** What crypto said of a key. */
static int refuse_key(int r, const char **why)
{
    switch (r) {
    case 0: return 0;
    case CRYPTO_KEY_UNSUPPORTED:
        return auth_refuse(AUTH_ISSUER_BAD_KEY,
                           "a key of another kind than RSA, P-256 and Ed25519", why);
    case CRYPTO_KEY_WEAK:
        return auth_refuse(
            AUTH_ISSUER_BAD_KEY,
            "an RSA key of less than 2048 bits, over 8192, or of a broken chip (ROCA)", why);
    default: return auth_refuse(AUTH_ISSUER_BAD_KEY, "a key that is broken, or none", why);
    }
}

#define MEMBER_SIZE BASE64_BYTES(BASE64_URL_LEN(CRYPTO_RSA_BITS_MAX / 8))

/** Bytes of a JWK; those of an oct key are a secret. */
struct member {
    char bytes[MEMBER_SIZE];
    size_t len;
};

static int member_decode(struct member *m, const struct json *jwk, const char *name)
{
    const str text = json_text(json_member(jwk, name));

    m->len = 0;
    if (text.len == 0 || BASE64_BYTES(text.len) > sizeof(m->bytes))
        return CRYPTO_KEY_BAD;
    return base64_url_decode(m->bytes, &m->len, text) == 0 ? 0 : CRYPTO_KEY_BAD;
}

static str member_str(const struct member *m)
{
    return (str){m->bytes, m->len};
}

static int secret_of(struct crypto_key **out, str secret, const char **why)
{
    if (secret.len < AUTH_SECRET_MIN) {
        static_assert(AUTH_SECRET_MIN == 32, "as said");
        return auth_refuse(AUTH_ISSUER_SHORT_SECRET, "a secret of less than 32 bytes", why);
    }
    *out = crypto_key_new_secret(secret);
    return 0;
}

static int oct_of(struct crypto_key **out, const struct json *jwk, enum crypto_alg alg,
                  const char **why)
{
    struct member k;

    (void)alg;
    int r = refuse_key(member_decode(&k, jwk, "k"), why);
    if (r == 0)
        r = secret_of(out, member_str(&k), why);
    crypto_wipe(&k, sizeof(k));
    return r;
}

static int rsa_of(struct crypto_key **out, const struct json *jwk, enum crypto_alg alg,
                  const char **why)
{
    struct member n;
    struct member e;

    if (member_decode(&n, jwk, "n") != 0 || member_decode(&e, jwk, "e") != 0)
        return refuse_key(CRYPTO_KEY_BAD, why);
    return refuse_key(crypto_key_new_rsa(out, member_str(&n), member_str(&e), alg), why);
}

static int ec_of(struct crypto_key **out, const struct json *jwk, enum crypto_alg alg,
                 const char **why)
{
    struct member x;
    struct member y;

    (void)alg;
    if (member_decode(&x, jwk, "x") != 0 || member_decode(&y, jwk, "y") != 0)
        return refuse_key(CRYPTO_KEY_BAD, why);
    return refuse_key(crypto_key_new_p256(out, member_str(&x), member_str(&y)), why);
}

static int okp_of(struct crypto_key **out, const struct json *jwk, enum crypto_alg alg,
                  const char **why)
{
    struct member x;

    (void)alg;
    if (member_decode(&x, jwk, "x") != 0)
        return refuse_key(CRYPTO_KEY_BAD, why);
    return refuse_key(crypto_key_new_ed25519(out, member_str(&x)), why);
}

struct kind {
    const char *kty;
    const char *crv;       // NULL: the kind has no curves
    enum crypto_alg alg;   // what it is for if the key does not say
    enum crypto_alg other; // what it may be for as well
    int (*make)(struct crypto_key **out, const struct json *jwk, enum crypto_alg alg,
                const char **why);
};

static const struct kind kinds[] = {
    {"oct", NULL, CRYPTO_HS256, CRYPTO_HS256, oct_of},
    {"RSA", NULL, CRYPTO_RS256, CRYPTO_PS256, rsa_of},
    {"EC", "P-256", CRYPTO_ES256, CRYPTO_ES256, ec_of},
    {"OKP", "Ed25519", CRYPTO_EDDSA, CRYPTO_EDDSA, okp_of},
};

static const struct kind *kind_find(const struct json *jwk)
{
    const str kty = json_text(json_member(jwk, "kty"));
    const str crv = json_text(json_member(jwk, "crv"));

    for (size_t i = 0; i < COUNT_OF(kinds); i++) {
        if (str_eq(kty, str_of(kinds[i].kty)) &&
            (!kinds[i].crv || str_eq(crv, str_of(kinds[i].crv))))
            return &kinds[i];
    }
    return NULL;
}

static bool is_for_verifying(const struct json *jwk)
{
    const struct json *use = json_member(jwk, "use");
    const struct json *ops = json_member(jwk, "key_ops");

    return (!use || str_eq(json_text(use), STR("sig"))) &&
           (!ops || json_holds(ops, STR("verify")));
}

static bool find_alg(enum crypto_alg *out, const struct json *jwk, const struct kind *kind)
{
    const struct json *name = json_member(jwk, "alg");

    *out = kind->alg;
    if (name && !auth_alg_find(json_text(name), out))
        return false;
    return *out == kind->alg || *out == kind->other;
}

/** What a key is for, whether or not it is a good one. @return NULL: nothing of ours */
static const struct kind *purpose_of(enum crypto_alg *alg, const struct json *jwk,
                                     const char **why)
{
    const struct kind *kind = kind_find(jwk);

    *why = "a key of another kind than oct, RSA, P-256 and Ed25519";
    if (!kind)
        return NULL;
    *why = "a key that is not for signatures";
    if (!is_for_verifying(jwk))
        return NULL;
    *why =
        "a key for another alg than HS256, RS256, PS256, ES256 and EdDSA, or for one of "
        "another kind of key";
    return find_alg(alg, jwk, kind) ? kind : NULL;
}

static str kid_of(const struct json *jwk)
{
    return json_text(json_member(jwk, "kid"));
}

/** It would not be clear which of the two has to fit, be one of them broken or not. */
static bool are_twins(const struct json *a, const struct json *b)
{
    enum crypto_alg alg_a;
    enum crypto_alg alg_b;
    const char *why;

    return kid_of(a).ptr && kid_of(b).ptr && str_eq(kid_of(a), kid_of(b)) &&
           purpose_of(&alg_a, a, &why) && purpose_of(&alg_b, b, &why) && alg_a == alg_b;
}

static bool has_twins(const struct json *keys)
{
    for (size_t i = 0; i < json_count(keys); i++) {
        for (size_t k = 0; k < i; k++) {
            if (are_twins(json_item(keys, i), json_item(keys, k)))
                return true;
        }
    }
    return false;
}

/** Nobody means to publish a secret; which of the two sorts signs is then anybody's guess. */
static bool is_mixed(const struct auth_jwks *set)
{
    size_t n_secret = 0;

    for (size_t i = 0; i < set->n; i++)
        n_secret += crypto_key_alg(set->keys[i].key) == CRYPTO_HS256;
    return n_secret > 0 && n_secret < set->n;
}

/** Usable or not: what is not to be known is known. */
static bool is_secret(const struct json *jwk)
{
    return json_member(jwk, "k") || json_member(jwk, "d") ||
           str_eq(json_text(json_member(jwk, "kty")), STR("oct"));
}

static bool has_secret(const struct json *keys)
{
    for (size_t i = 0; i < json_count(keys); i++) {
        if (is_secret(json_item(keys, i)))
            return true;
    }
    return false;
}

static void add_jwk(struct auth_jwks *set, const struct json *jwk, const char **why)
{
    struct auth_jwks_key *added = &set->keys[set->n];
    enum crypto_alg alg;
    const struct kind *kind = purpose_of(&alg, jwk, why);

    if (!kind || kind->make(&added->key, jwk, alg, why) != 0)
        return;
    const str kid = kid_of(jwk);
    added->kid = kid.ptr ? str_dup(kid) : NULL;
    set->n++;
}

static int add_jwks(struct auth_jwks *set, const struct json *keys, bool is_public,
                    const char **why)
{
    if (!keys || json_kind(keys) != JSON_KIND_ARRAY)
        return auth_refuse(AUTH_ISSUER_BAD_KEY, "no JWKS: it has no array \"keys\"", why);
    static_assert(AUTH_KEYS_MAX == 32, "as said");
    if (json_count(keys) > AUTH_KEYS_MAX)
        return auth_refuse(AUTH_ISSUER_BAD_KEY, "more than 32 keys", why);
    if (is_public && has_secret(keys))
        return auth_refuse(AUTH_ISSUER_BAD_KEY, "a secret or a private key, published", why);
    if (has_twins(keys))
        return auth_refuse(AUTH_ISSUER_BAD_KEY, "two keys with the same kid and alg", why);
    *why = "no key in it";
    for (size_t i = 0; i < json_count(keys); i++)
        add_jwk(set, json_item(keys, i), why);
    if (set->n == 0)
        return AUTH_ISSUER_BAD_KEY;
    if (is_mixed(set))
        return auth_refuse(AUTH_ISSUER_BAD_KEY, "a secret among public keys", why);
    return 0;
}

static int init_jwks(struct auth_jwks *set, str text, bool is_public, const char **why)
{
    CLEANUP(json_freep) struct json *tree = NULL;
    CLEANUP(secret_freep) struct secret *copy = secret_new(text); // may hold secrets

    if (json_parse_unique(&tree, copy->bytes, copy->len) != 0) {
        return auth_refuse(AUTH_ISSUER_BAD_KEY, "no JSON, or two members with the same name",
                           why);
    }
    return add_jwks(set, json_member(tree, "keys"), is_public, why);
}

static int init_secret(struct auth_jwks *set, str secret, const char **why)
{
    if (secret.len > 0 && memmem(secret.ptr, secret.len, "-----BEGIN", 10)) {
        return auth_refuse(
            AUTH_ISSUER_PEM_AS_SECRET,
            "a PEM where a secret should be: its key is for another alg than HS256", why);
    }
    const int r = secret_of(&set->keys[0].key, secret, why);
    set->n = r == 0;
    return r;
}

static int init_pem(struct auth_jwks *set, const struct auth_issuer *issuer, const char **why)
{
    enum crypto_alg alg = CRYPTO_RS256;

    if (issuer->alg.len > 0 &&
        (!auth_alg_find(issuer->alg, &alg) || (alg != CRYPTO_RS256 && alg != CRYPTO_PS256)))
        return auth_refuse(AUTH_ISSUER_BAD_KEY, "the alg of an RSA key is RS256 or PS256", why);
    const int r = crypto_key_new_pem(&set->keys[0].key, issuer->key, alg);
    set->n = r == 0;
    return refuse_key(r, why);
}

static int init_any(struct auth_jwks *set, const struct auth_issuer *issuer, const char **why)
{
    if (issuer->key.len > AUTH_KEY_BYTES_MAX) {
        static_assert(AUTH_KEY_BYTES_MAX == 65536, "as said");
        return auth_refuse(AUTH_ISSUER_BAD_KEY, "more than 64 KiB", why);
    }
    switch (issuer->form) {
    case AUTH_KEY_SECRET: return init_secret(set, issuer->key, why);
    case AUTH_KEY_PEM: return init_pem(set, issuer, why);
    case AUTH_KEY_JWKS:
    case AUTH_KEY_URL: break;
    }
    return init_jwks(set, issuer->key, issuer->form == AUTH_KEY_URL, why);
}

int auth_jwks_init(struct auth_jwks *set, const struct auth_issuer *issuer, const char **why)
{
    *set = (struct auth_jwks){0};
    const int r = init_any(set, issuer, why);
    if (r != 0)
        auth_jwks_fini(set);
    return r;
}

void auth_jwks_fini(struct auth_jwks *set)
{
    for (size_t i = 0; i < set->n; i++) {
        crypto_key_free(set->keys[i].key);
        free(set->keys[i].kid);
    }
    set->n = 0;
}

bool auth_jwks_has(const struct auth_jwks *set, str kid)
{
    for (size_t i = 0; kid.ptr && i < set->n; i++) {
        if (set->keys[i].kid && str_eq(kid, str_of(set->keys[i].kid)))
            return true;
    }
    return false;
}
