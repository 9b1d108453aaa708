#include "auth/account.h"
#include "auth/auth.h"
#include "base/mem.h"
#include "support/auth_keys.h"
#include "support/auth_token.h"
#include "support/own_key.h"

#define NOW_MS INT64_C(1999996400000)
#define MAX    4096 // bytes of a header and of claims

// NOLINTNEXTLINE(readability-identifier-naming): the fuzzer names it
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void add(struct auth *a, const struct auth_issuer *issuer)
{
    const char *why = NULL;
    const int r = auth_add_issuer(a, issuer, &why);

    assert(r == 0);
}

/** One of each sort, and one that takes what has no iss. */
static struct auth *everybody(void)
{
    struct auth *a = auth_new(1);

    add(a, &(struct auth_issuer){.iss = STR("host"),
                                 .aud = STR("chat"),
                                 .form = AUTH_KEY_PEM,
                                 .key = STR(P256_PUBLIC),
                                 .skew_ms = AUTH_SKEW_MS});
    add(a, &(struct auth_issuer){.key = TOKEN_SECRET, .skew_ms = AUTH_SKEW_MS});
    const int r = set_own_key(a, STR(ED25519_PRIVATE));
    assert(r == 0);
    return a;
}

static int verify(const struct auth *a, str token, struct auth_identity *id)
{
    const char *why = NULL;
    const int r = auth_verify(a, token, NOW_MS, id, &why);

    assert(r == 0 || r == AUTH_MISSING || r == AUTH_INVALID || r == AUTH_EXPIRED);
    assert((r == AUTH_MISSING) == (token.len == 0));
    assert((why == NULL) == (r == 0));
    if (r != 0)
        return r;
    assert(token.len <= AUTH_TOKEN_MAX);
    assert(id->account.len > 0 && !auth_account_is_zero(&id->account));
    assert(id->expires_at_ms > NOW_MS - id->skew_ms);
    assert(id->session[0] != '\0' &&
           strnlen(id->session, AUTH_SESSION_SIZE) < AUTH_SESSION_SIZE);
    return 0;
}

/** A token as it comes: but for those of the corpus, it can't have a good signature. */
static void check_token(const struct auth *a, str token)
{
    struct auth_identity id;

    if (verify(a, token, &id) != 0)
        return;
    char *longer = mem_alloc(token.len + 1); // what is behind it makes it another one
    str_copy(longer, token);
    longer[token.len] = 'A';
    const int r = verify(a, (str){longer, token.len + 1}, &id);
    assert(r == AUTH_INVALID);
    free(longer);
}

/** A header and claims, with a signature that is right. */
static void check_claims(const struct auth *a, str header, str claims)
{
    static char token[TOKEN_SIZE];
    struct auth_identity id;
    struct auth_identity again;

    if (header.len > MAX || claims.len > MAX)
        return;
    const str good = token_sign(token, TOKEN_SECRET, header, claims);
    if (verify(a, good, &id) != 0)
        return;
    int r = verify(a, good, &again);
    assert(r == 0 && account_eq(&id.account, &again.account));
    assert(strcmp(id.session, again.session) == 0);
    r = verify(a, token_sign(token, STR("another secret"), header, claims), &again);
    assert(r == AUTH_INVALID);
}

/** Whatever is given for a key: it is taken or refused, with a reason. */
static void check_key(enum auth_key_form form, str key)
{
    struct auth *a = auth_new(1);
    const struct auth_issuer issuer = {.form = form, .key = key};
    struct auth_identity id;
    const char *why = NULL;

    const int r = auth_add_issuer(a, &issuer, &why);
    assert(r == 0 || why);
    assert(r == 0 || r == AUTH_ISSUER_BAD_KEY || r == AUTH_ISSUER_SHORT_SECRET ||
           r == AUTH_ISSUER_PEM_AS_SECRET);
    (void)verify(a, STR(TOKEN_ES256), &id);
    auth_free(a);
}

/** A letter that says what it is, then a token, a header and claims with a line feed between
 * them, a JWKS, a PEM or a secret. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct auth *a; // its keys take long to parse
    str text = {(const char *)data, size};

    if (size == 0)
        return 0;
    if (!a)
        a = everybody();
    switch (*str_take(&text, 1).ptr) {
    case 't': check_token(a, text); break;
    case 'c': {
        const str header = str_take_until(&text, '\n');
        check_claims(a, header, text);
        break;
    }
    case 'j': check_key(AUTH_KEY_JWKS, text); break;
    case 'p': check_key(AUTH_KEY_PEM, text); break;
    case 's': check_key(AUTH_KEY_SECRET, text); break;
    default: break;
    }
    return 0;
}
