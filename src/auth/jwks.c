#include "auth/jwks.h"

#include "auth/why.h"
#include "base/base64.h"
#include "base/mem.h"
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
        return auth_refuse(AUTH_ISSUER_BAD_KEY,
                           "an RSA key of less than 2048 bits, or over 8192", why);
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

static int alg_of(enum crypto_alg *out, const struct json *jwk, const struct kind *kind)
{
    const struct json *name = json_member(jwk, "alg");

    *out = kind->alg;
    if (name && !auth_alg_find(json_text(name), out))
        return AUTH_ISSUER_BAD_KEY;
    return *out == kind->alg || *out == kind->other ? 0 : AUTH_ISSUER_BAD_KEY;
}

static int key_of(struct crypto_key **out, const struct json *jwk, const char **why)
{
    enum crypto_alg alg;

    if (!is_for_verifying(jwk))
        return auth_refuse(AUTH_ISSUER_BAD_KEY, "a key that is not for signatures", why);
    const struct kind *kind = kind_find(jwk);
    if (!kind)
        return refuse_key(CRYPTO_KEY_UNSUPPORTED, why);
    if (alg_of(&alg, jwk, kind) != 0)
        return auth_refuse(AUTH_ISSUER_BAD_KEY,
                           "a key for another alg than HS256, RS256, PS256, ES256 and EdDSA, "
                           "or for one of another kind of key",
                           why);
    return kind->make(out, jwk, alg, why);
}

static char *kid_dup(str kid)
{
    if (!kid.ptr)
        return NULL;
    char *copy = mem_alloc(kid.len + 1);
    str_copy(copy, kid);
    return copy;
}

static bool has_same_name(const struct auth_jwks_key *a, const struct auth_jwks_key *b)
{
    return a->kid && b->kid && str_eq(str_of(a->kid), str_of(b->kid)) &&
           crypto_key_alg(a->key) == crypto_key_alg(b->key);
}

static bool is_secret(const struct auth_jwks_key *k)
{
    return crypto_key_alg(k->key) == CRYPTO_HS256;
}

/** What no issuer means to publish: it would not be clear which key has to fit. */
static int check_beside(const struct auth_jwks *set, const struct auth_jwks_key *added,
                        const char **why)
{
    for (const struct auth_jwks_key *k = set->keys; k < added; k++) {
        if (has_same_name(k, added))
            return auth_refuse(AUTH_ISSUER_BAD_KEY, "two keys with the same kid", why);
        if (is_secret(k) != is_secret(added))
            return auth_refuse(AUTH_ISSUER_BAD_KEY, "a secret among public keys", why);
    }
    return 0;
}

static int add_jwk(struct auth_jwks *set, const struct json *jwk, const char **why)
{
    struct auth_jwks_key *added = &set->keys[set->n];
    const str kid = json_text(json_member(jwk, "kid"));

    if (key_of(&added->key, jwk, why) != 0)
        return 0;
    added->kid = kid_dup(kid);
    set->n++;
    return check_beside(set, added, why);
}

static int add_jwks(struct auth_jwks *set, const struct json *tree, const char **why)
{
    const struct json *keys = json_member(tree, "keys");

    if (!keys)
        return auth_refuse(AUTH_ISSUER_BAD_KEY, "no JWKS: it has no \"keys\"", why);
    if (json_count(keys) > AUTH_KEYS_MAX) {
        static_assert(AUTH_KEYS_MAX == 32, "as said");
        return auth_refuse(AUTH_ISSUER_BAD_KEY, "more than 32 keys", why);
    }
    *why = "no key in it";
    for (size_t i = 0; i < json_count(keys); i++) {
        const int r = add_jwk(set, json_item(keys, i), why);
        if (r != 0)
            return r;
    }
    return set->n > 0 ? 0 : AUTH_ISSUER_BAD_KEY;
}

static int init_jwks(struct auth_jwks *set, str text, const char **why)
{
    CLEANUP(json_freep) struct json *tree = NULL;
    CLEANUP(secret_freep) struct secret *copy = secret_new(text); // may hold secrets

    if (json_parse_unique(&tree, copy->bytes, copy->len) != 0)
        return auth_refuse(AUTH_ISSUER_BAD_KEY, "no JSON, or two members with the same name",
                           why);
    return add_jwks(set, tree, why);
}

static int init_secret(struct auth_jwks *set, str secret, const char **why)
{
    if (secret.len > 0 && memmem(secret.ptr, secret.len, "-----BEGIN", 10))
        return auth_refuse(
            AUTH_ISSUER_PEM_AS_SECRET,
            "a PEM where a secret should be: its key is for another alg than HS256", why);
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
    case AUTH_KEY_JWKS: break;
    }
    return init_jwks(set, issuer->key, why);
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
