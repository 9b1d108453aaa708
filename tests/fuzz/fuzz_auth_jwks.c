#include "auth/jwks.h"
#include "support/auth_keys.h"
#include "support/exact.h"

// NOLINTNEXTLINE(readability-identifier-naming): the fuzzer names it
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/** @return what auth_jwks_init() does */
static int parse(struct auth_jwks *set, enum auth_key_form form, str text)
{
    const struct auth_issuer issuer = {.form = form, .key = text};
    const char *why = NULL;
    const int r = auth_jwks_init(set, &issuer, &why);

    assert(r == 0 || r == AUTH_ISSUER_BAD_KEY || r == AUTH_ISSUER_SHORT_SECRET);
    assert(r == 0 || why);
    assert((set->n > 0) == (r == 0));
    assert(set->n <= AUTH_KEYS_MAX);
    return r;
}

static size_t count_secrets(const struct auth_jwks *set)
{
    size_t n = 0;

    for (size_t i = 0; i < set->n; i++)
        n += crypto_key_alg(set->keys[i].key) == CRYPTO_HS256;
    return n;
}

/** Whether what is no RSA modulus is taken for one OpenSSL finds out with random numbers: twice
 * the same text may give two answers. */
static bool is_by_chance(const struct auth_jwks *set)
{
    for (size_t i = 0; i < set->n; i++) {
        const enum crypto_alg alg = crypto_key_alg(set->keys[i].key);
        if (alg == CRYPTO_RS256 || alg == CRYPTO_PS256)
            return true;
    }
    return false;
}

static void check_same(const struct auth_jwks *in_file, const struct auth_jwks *at_url)
{
    if (at_url->n > 0 && !is_by_chance(in_file) && !is_by_chance(at_url))
        assert(at_url->n == in_file->n);
}

static void check_names(const struct auth_jwks *set)
{
    for (size_t i = 0; i < set->n; i++)
        assert(!set->keys[i].kid || auth_jwks_has(set, str_of(set->keys[i].kid)));
    assert(!auth_jwks_has(set, (str){0}));
}

/** What an issuer at a URL has then: these, or what it had. */
static void replace(str text)
{
    struct auth *a = auth_new(1);
    const struct auth_issuer issuer = {.form = AUTH_KEY_URL};
    const char *why = NULL;

    int other = auth_add_issuer(a, &issuer, &why);
    assert(other == 0 && auth_n_issuer_keys(a, 0) == 0);
    other = auth_set_issuer_keys(a, 0, STR(JWKS("{" JWK_ED25519 "}")), &why);
    assert(other == 0 && auth_n_issuer_keys(a, 0) == 1);
    other = auth_set_issuer_keys(a, 0, text, &why);
    assert(other == 0 || other == AUTH_ISSUER_BAD_KEY);
    assert(other == 0 ? auth_n_issuer_keys(a, 0) > 0 : auth_n_issuer_keys(a, 0) == 1);
    auth_free(a);
}

/** A set of keys, in a file and at a URL: there it is the same but for secrets, of which it has
 * none. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const str given = {(const char *)data, size};
    CLEANUP(exact_freep) char *copy = exact_copy(given);
    const str text = {copy, size};
    struct auth_jwks in_file;
    struct auth_jwks at_url;

    (void)parse(&in_file, AUTH_KEY_JWKS, text);
    const int of_url = parse(&at_url, AUTH_KEY_URL, text);
    const size_t n_secrets = count_secrets(&in_file);
    assert(n_secrets == 0 || n_secrets == in_file.n);
    assert(count_secrets(&at_url) == 0);
    assert(of_url == 0 || of_url == AUTH_ISSUER_BAD_KEY);
    check_same(&in_file, &at_url);
    assert(n_secrets == 0 || of_url != 0);
    check_names(&in_file);
    check_names(&at_url);
    replace(text);
    auth_jwks_fini(&in_file);
    auth_jwks_fini(&at_url);
    return 0;
}
