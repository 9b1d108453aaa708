#include "auth/auth.h"

#include "auth/jws.h"
#include "auth/jwt.h"
#include "auth/keyring.h"
#include "auth/verified.h"
#include "auth/why.h"
#include "base/mem.h"
#include "json/json.h"

struct issuer {
    char *iss; // owned, like the others
    char *aud;
    char *claim;
    int64_t skew_ms;
    bool is_at_url; // there may be other keys by now
    struct auth_jwks keys;
};

struct auth {
    uint64_t home_chain;
    struct issuer *own; // NULL: tokens of ours are no good here
    size_t n_issuers;   // without our own
    struct issuer *issuers[AUTH_ISSUERS_MAX];
    struct auth_verified *verified; // NULL: none is remembered
};

struct auth *auth_new(uint64_t home_chain)
{
    struct auth *a = NEW(struct auth);

    a->home_chain = home_chain;
    return a;
}

static void issuer_free(struct issuer *i)
{
    if (!i)
        return;
    auth_jwks_fini(&i->keys);
    free(i->iss);
    free(i->aud);
    free(i->claim);
    free(i);
}

void auth_free(struct auth *a)
{
    if (!a)
        return;
    for (size_t i = 0; i < a->n_issuers; i++)
        issuer_free(a->issuers[i]);
    issuer_free(a->own);
    auth_verified_free(a->verified);
    free(a);
}

void auth_remember(struct auth *a, struct rand *rand)
{
    assert(!a->verified);
    a->verified = auth_verified_new(rand);
}

static int issuer_new(struct issuer **out, const struct auth_issuer *from, const char **why)
{
    const bool is_at_url = from->form == AUTH_KEY_URL;
    struct auth_jwks keys = {0};

    assert(from->skew_ms >= 0 && from->skew_ms <= AUTH_SKEW_MS_MAX);
    const int r = is_at_url ? 0 : auth_jwks_init(&keys, from, why);
    if (r != 0)
        return r;
    *out = NEW(struct issuer);
    **out = (struct issuer){
        .is_at_url = is_at_url,
        .iss = str_dup(from->iss),
        .aud = str_dup(from->aud),
        .claim = str_dup(from->claim.len > 0 ? from->claim : STR("sub")),
        .skew_ms = from->skew_ms,
        .keys = keys,
    };
    return 0;
}

/** @return the issuer with exactly this iss, or NULL */
static struct issuer *find(const struct auth *a, str iss)
{
    if (a->own && str_eq(iss, str_of(a->own->iss)))
        return a->own;
    for (size_t i = 0; i < a->n_issuers; i++) {
        if (str_eq(iss, str_of(a->issuers[i]->iss)))
            return a->issuers[i];
    }
    return NULL;
}

int auth_add_issuer(struct auth *a, const struct auth_issuer *issuer, const char **why)
{
    static_assert(AUTH_ISSUERS_MAX == 16, "as said");
    if (a->n_issuers == AUTH_ISSUERS_MAX)
        return auth_refuse(AUTH_ISSUER_TOO_MANY, "more than 16 issuers", why);
    if (str_eq(issuer->iss, STR(AUTH_OWN_ISS))) {
        return auth_refuse(AUTH_ISSUER_TWICE, "its iss is that of this server's own tokens",
                           why);
    }
    if (find(a, issuer->iss))
        return auth_refuse(AUTH_ISSUER_TWICE, "another has the same iss, or none as well", why);
    const int r = issuer_new(&a->issuers[a->n_issuers], issuer, why);
    a->n_issuers += r == 0;
    auth_verified_clear(a->verified);
    return r;
}

void auth_set_own(struct auth *a, const struct auth_keyring *keys)
{
    struct auth_issuer issuer = {
        .iss = STR(AUTH_OWN_ISS),
        .aud = STR(AUTH_OWN_ISS),
        .skew_ms = AUTH_SKEW_MS,
        .form = AUTH_KEY_JWKS,
    };
    struct issuer *own = NULL;
    const char *why = NULL;
    struct buf jwks;

    static_assert(AUTH_RETIRED_MAX + 1 <= AUTH_KEYS_MAX, "they are a set that we take");
    buf_init(&jwks, AUTH_KEY_BYTES_MAX);
    auth_keyring_print_jwks(&jwks, keys);
    issuer.key = buf_str(&jwks);
    const int r = issuer_new(&own, &issuer, &why);
    assert(r == 0);
    (void)r;
    buf_fini(&jwks);
    issuer_free(a->own);
    a->own = own;
    auth_verified_clear(a->verified);
}

int auth_set_issuer_keys(struct auth *a, size_t issuer, str jwks, const char **why)
{
    const struct auth_issuer from = {.form = AUTH_KEY_URL, .key = jwks};
    struct auth_jwks keys;

    assert(issuer < a->n_issuers && a->issuers[issuer]->is_at_url);
    const int r = auth_jwks_init(&keys, &from, why);
    if (r != 0)
        return r;
    auth_jwks_fini(&a->issuers[issuer]->keys);
    a->issuers[issuer]->keys = keys;
    auth_verified_clear(a->verified);
    return 0;
}

size_t auth_n_issuer_keys(const struct auth *a, size_t issuer)
{
    assert(issuer < a->n_issuers);
    return a->issuers[issuer]->keys.n;
}

/** Whose a token says it is; its signature shows whether that is true. */
static const struct issuer *issuer_of(const struct auth *a, const struct json *claims)
{
    const struct json *iss = json_member(claims, "iss");
    const str name = json_text(iss);

    if (iss && !name.ptr)
        return NULL; // a number or the like is nobody's
    const struct issuer *i = find(a, name);
    return i ? i : find(a, STR(""));
}

static size_t index_of(const struct auth *a, const struct issuer *issuer)
{
    size_t i = 0;

    while (a->issuers[i] != issuer)
        i++;
    return i;
}

/** None of the issuer's keys has signed it; but there may be others by now. */
static int refuse_signature(const struct auth *a, const struct issuer *issuer,
                            const struct auth_jws *jws, struct auth_identity *out,
                            const char **why)
{
    if (!issuer->is_at_url || jws->alg == CRYPTO_HS256 ||
        auth_jwks_has(&issuer->keys, jws->kid)) {
        return auth_refuse(AUTH_INVALID,
                           "no key of its issuer, with its alg and kid, has signed it", why);
    }
    out->issuer = index_of(a, issuer);
    return auth_refuse(AUTH_NO_KEY,
                       "its kid is of no key that its issuer had when it was asked", why);
}

static int check(const struct auth *a, struct auth_jws *jws, int64_t unix_ms,
                 struct auth_identity *out, const char **why)
{
    CLEANUP(json_freep) struct json *claims = NULL;

    if (!auth_jwt_is_typ(jws->typ))
        return auth_refuse(AUTH_INVALID, "its typ is neither JWT nor at+jwt", why);
    if (json_parse_unique(&claims, jws->payload, jws->n_payload) != 0 ||
        json_kind(claims) != JSON_KIND_OBJECT) {
        return auth_refuse(AUTH_INVALID,
                           "its claims are no JSON object, or two have the same name", why);
    }
    const struct issuer *issuer = issuer_of(a, claims);
    if (!issuer)
        return auth_refuse(AUTH_INVALID, "its iss is of nobody we know", why);
    if (!auth_verified_is_of(a->verified, jws, &issuer->keys))
        return refuse_signature(a, issuer, jws, out, why);

    const struct auth_jwt_rules rules = {
        .home_chain = a->home_chain,
        .aud = str_of(issuer->aud),
        .claim = issuer->claim,
        .skew_ms = issuer->skew_ms,
        .unix_ms = unix_ms,
    };
    const int r = auth_jwt_check(out, claims, &rules, why);
    if (r == 0)
        auth_jwt_name_session(out, claims, issuer == a->own, jws->input);
    return r;
}

int auth_verify(const struct auth *a, str token, int64_t unix_ms, struct auth_identity *out,
                const char **why)
{
    struct auth_jws jws;

    if (token.len == 0)
        return auth_refuse(AUTH_MISSING, "there is none", why);
    if (token.len > AUTH_TOKEN_MAX)
        return auth_refuse(AUTH_INVALID, "it is too long", why);
    if (auth_jws_init(&jws, token, why) != 0)
        return AUTH_INVALID;
    const int r = check(a, &jws, unix_ms, out, why);
    auth_jws_fini(&jws);
    return r;
}
