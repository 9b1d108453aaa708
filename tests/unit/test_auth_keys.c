#include <stdio.h>

#include "auth/auth.h"
#include "auth/jwks.h"
#include "base/mem.h"
#include "crypto/random.h"
#include "support/aborts.h"
#include "support/auth_keys.h"
#include "support/auth_token.h"
#include "support/exact.h"
#include "support/own_key.h"

#define KEYS(keys) STR(JWKS(keys))
#define RSA        JWK_RSA
#define EC         JWK_P256
#define OKP        JWK_ED25519
#define OCT        JWK_SECRET

#define BAD   AUTH_ISSUER_BAD_KEY
#define SHORT AUTH_ISSUER_SHORT_SECRET

// clang-format off
static const struct row {
    const char *name;
    str key;
    int r;
    const char *token; // of this key; NULL: not tried
    const char *why;   // a part of it
} sets[] = {
    {"RSA",                      KEYS("{" RSA "}"),                         0, TOKEN_RS256, NULL},
    {"RSA for RS256",            KEYS("{" RSA ",\"alg\":\"RS256\"}"),       0, TOKEN_RS256, NULL},
    {"RSA for PS256",            KEYS("{" RSA ",\"alg\":\"PS256\"}"),       0, TOKEN_PS256, NULL},
    {"P-256",                    KEYS("{" EC "}"),                          0, TOKEN_ES256, NULL},
    {"P-256 with its name",      KEYS("{" EC ",\"kid\":\"e\"}"),            0, TOKEN_ES256, NULL},
    {"Ed25519",                  KEYS("{" OKP "}"),                         0, TOKEN_EDDSA, NULL},
    {"Ed25519 for EdDSA",        KEYS("{" OKP ",\"alg\":\"EdDSA\"}"),       0, TOKEN_EDDSA, NULL},
    {"Ed25519 for Ed25519",      KEYS("{" OKP ",\"alg\":\"Ed25519\"}"),     0, TOKEN_EDDSA, NULL},
    {"a secret",                 KEYS("{" OCT "}"),                         0, NULL, NULL},
    {"for signatures",           KEYS("{" EC ",\"use\":\"sig\"}"),          0, TOKEN_ES256, NULL},
    {"for verifying",            KEYS("{" EC ",\"key_ops\":[\"sign\",\"verify\"]}"), 0, TOKEN_ES256, NULL},
    {"more members",             KEYS("{" EC ",\"x5t\":\"a\",\"ext\":true}"), 0, TOKEN_ES256, NULL},
    {"several",                  KEYS("{" RSA "},{" EC "},{" OKP "}"),      0, TOKEN_EDDSA, NULL},
    {"one beside others",        KEYS("{},1,{\"kty\":\"EC\",\"crv\":\"P-521\"},{" RSA ",\"use\":\"enc\"},{" EC "}"), 0, TOKEN_ES256, NULL},
    {"one kid, two algs",        KEYS("{" RSA ",\"kid\":\"d\"},{" OKP ",\"kid\":\"d\"}"), 0, TOKEN_ED25519, NULL},
    {"one kid, one is not ours", KEYS("{" EC ",\"kid\":\"e\",\"use\":\"enc\"},{" EC ",\"kid\":\"e\"}"), 0, TOKEN_ES256, NULL},
    {"white space",              STR(" {\n\t\"keys\" : [ {" EC "} ] }\n"),  0, TOKEN_ES256, NULL},

    {"nothing",                  STR(""),                                   BAD, NULL, "no JSON"},
    {"no JSON",                  STR("{\"keys\":["),                        BAD, NULL, "no JSON"},
    {"two keys members",         STR("{\"keys\":[{" EC "}],\"keys\":[]}"),  BAD, NULL, "two members"},
    {"two members in a key",     KEYS("{" EC ",\"kty\":\"EC\"}"),           BAD, NULL, "two members"},
    {"a PEM",                    STR(P256_PUBLIC),                          BAD, NULL, "no JSON"},
    {"no keys",                  STR("{}"),                                 BAD, NULL, "no JWKS"},
    {"an array",                 STR("[{" EC "}]"),                         BAD, NULL, "no JWKS"},
    {"a key alone",              STR("{" EC "}"),                           BAD, NULL, "no JWKS"},
    {"keys is no array",         STR("{\"keys\":{\"a\":{" EC "}}}"),        BAD, NULL, "no JWKS"},
    {"an empty set",             KEYS(""),                                  BAD, NULL, "no key"},
    {"for encryption",           KEYS("{" EC ",\"use\":\"enc\"}"),          BAD, NULL, "not for signatures"},
    {"use is no text",           KEYS("{" EC ",\"use\":1}"),                BAD, NULL, "not for signatures"},
    {"for signing only",         KEYS("{" EC ",\"key_ops\":[\"sign\"]}"),   BAD, NULL, "not for signatures"},
    {"key_ops is no array",      KEYS("{" EC ",\"key_ops\":\"verify\"}"),   BAD, NULL, "not for signatures"},
    {"no kty",                   KEYS("{\"crv\":\"P-256\"}"),               BAD, NULL, "another kind"},
    {"another kty",              KEYS("{\"kty\":\"AKP\"}"),                 BAD, NULL, "another kind"},
    {"another curve",            KEYS("{\"kty\":\"EC\",\"crv\":\"P-384\"}"), BAD, NULL, "another kind"},
    {"no curve",                 KEYS("{\"kty\":\"OKP\"}"),                 BAD, NULL, "another kind"},
    {"alg of another kty",       KEYS("{" EC ",\"alg\":\"RS256\"}"),        BAD, NULL, "another alg"},
    {"alg that we don't take",   KEYS("{" RSA ",\"alg\":\"RS512\"}"),       BAD, NULL, "another alg"},
    {"alg is no text",           KEYS("{" EC ",\"alg\":null}"),             BAD, NULL, "another alg"},
    {"alg none",                 KEYS("{" EC ",\"alg\":\"none\"}"),         BAD, NULL, "another alg"},
    {"no n",                     KEYS("{\"kty\":\"RSA\",\"e\":\"AQAB\"}"),  BAD, NULL, "broken"},
    {"no e",                     KEYS("{\"kty\":\"RSA\",\"n\":\"" RSA_N "\"}"), BAD, NULL, "broken"},
    {"e is no text",             KEYS("{\"kty\":\"RSA\",\"n\":\"" RSA_N "\",\"e\":65537}"), BAD, NULL, "broken"},
    {"e with padding",           KEYS("{\"kty\":\"RSA\",\"n\":\"" RSA_N "\",\"e\":\"AQAB=\"}"), BAD, NULL, "broken"},
    {"n too long",               KEYS("{\"kty\":\"RSA\",\"n\":\"" RSA_8192_N RSA_8192_N "\",\"e\":\"AQAB\"}"), BAD, NULL, "broken"},
    {"1024 bits",                KEYS("{\"kty\":\"RSA\",\"n\":\"" RSA_WEAK_N "\",\"e\":\"AQAB\"}"), BAD, NULL, "2048"},
    {"no y",                     KEYS("{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" P256_X "\"}"), BAD, NULL, "broken"},
    {"not on the curve",         KEYS("{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" P256_Y "\",\"y\":\"" P256_X "\"}"), BAD, NULL, "broken"},
    {"no x",                     KEYS("{\"kty\":\"OKP\",\"crv\":\"Ed25519\"}"), BAD, NULL, "broken"},
    {"x too short",              KEYS("{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"AAAA\"}"), BAD, NULL, "broken"},
    {"no k",                     KEYS("{\"kty\":\"oct\"}"),                 BAD, NULL, "broken"},
    {"k too short",              KEYS("{\"kty\":\"oct\",\"k\":\"AAAA\"}"),  BAD, NULL, "32 bytes"},
    {"two of one name",          KEYS("{" EC ",\"kid\":\"e\"},{" EC ",\"kid\":\"e\"}"), BAD, NULL, "same kid"},
    {"two, one broken",          KEYS("{" EC ",\"kid\":\"e\"},{\"kty\":\"EC\",\"crv\":\"P-256\",\"kid\":\"e\"}"), BAD, NULL, "same kid"},
    {"a secret among public keys", KEYS("{" EC "},{" OCT "}"),              BAD, NULL, "a secret among"},
    {"public keys among secrets", KEYS("{" OCT "},{" OKP "}"),              BAD, NULL, "a secret among"},
};

static const struct row secrets[] = {
    {"32 bytes",   STR("0123456789abcdef0123456789abcdef"), 0,     NULL, NULL},
    {"31 bytes",   STR("0123456789abcdef0123456789abcde"),  SHORT, NULL, "32 bytes"},
    {"nothing",    STR(""),                                 SHORT, NULL, "32 bytes"},
    {"any bytes",  STR("\0\xff\n3456789abcdef0123456789abcdef"), 0, NULL, NULL},
    {"a PEM",      STR(P256_PUBLIC),   AUTH_ISSUER_PEM_AS_SECRET, NULL, "a PEM"},
    {"a PEM with text before it", STR("key:\n" RSA_CERTIFICATE), AUTH_ISSUER_PEM_AS_SECRET, NULL, "a PEM"},
};

static const struct row pems[] = {
    {"P-256",      STR(P256_PUBLIC),   0,   TOKEN_ES256, NULL},
    {"P-384",      STR(P384_PUBLIC),   BAD, NULL, "another kind"},
    {"1024 bits",  STR(RSA_WEAK),      BAD, NULL, "2048"},
    {"encrypted",  STR(P256_LOCKED),   BAD, NULL, "broken, or none"},
    {"a JWKS",     KEYS("{" EC "}"),   BAD, NULL, "broken, or none"},
    {"nothing",    STR(""),            BAD, NULL, "broken, or none"},
};
// clang-format on

static void expect_issuer(enum auth_key_form form, const struct row *row)
{
    struct auth *a = auth_new(1);
    struct auth_identity id;
    const char *why = NULL;
    const struct auth_issuer issuer = {.form = form, .key = row->key};

    expect_int(row->name, auth_add_issuer(a, &issuer, &why), row->r);
    if (row->why && !strstr(why, row->why))
        fail_msg("%s: \"%s\" is not in \"%s\"", row->name, row->why, why);
    if (row->token)
        expect_int(row->name, auth_verify(a, str_of(row->token), 0, &id, &why), 0);
    auth_free(a);
}

static void a_set_has_a_key_that_we_can_use(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(sets); i++)
        expect_issuer(AUTH_KEY_JWKS, &sets[i]);
}

static void a_secret_is_long_and_no_pem(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(secrets); i++)
        expect_issuer(AUTH_KEY_SECRET, &secrets[i]);
}

static void a_pem_has_a_key_that_we_can_use(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(pems); i++)
        expect_issuer(AUTH_KEY_PEM, &pems[i]);
}

static void the_alg_of_an_rsa_key_is_one_of_two(void **state)
{
    static const struct {
        const char *alg;
        int r;
    } cases[] = {{"", 0},        {"RS256", 0},   {"PS256", 0},   {"HS256", BAD},
                 {"RS512", BAD}, {"rs256", BAD}, {"EdDSA", BAD}, {"none", BAD}};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct auth *a = auth_new(1);
        const char *why = NULL;
        const struct auth_issuer issuer = {
            .alg = str_of(cases[i].alg), .form = AUTH_KEY_PEM, .key = STR(RSA_PUBLIC)};
        expect_int(cases[i].alg, auth_add_issuer(a, &issuer, &why), cases[i].r);
        auth_free(a);
    }
}

/** So many keys, each of another name. */
static int add_keys(size_t n)
{
    struct auth *a = auth_new(1);
    struct buf set;
    const char *why = NULL;

    buf_init(&set, AUTH_KEY_BYTES_MAX);
    assert_int_equal(buf_add(&set, STR("{\"keys\":[")), 0);
    for (size_t i = 0; i < n; i++)
        assert_int_equal(buf_addf(&set, "%s{" OKP ",\"kid\":\"%zu\"}", i > 0 ? "," : "", i), 0);
    assert_int_equal(buf_add(&set, STR("]}")), 0);
    const struct auth_issuer issuer = {.form = AUTH_KEY_JWKS, .key = buf_str(&set)};
    const int r = auth_add_issuer(a, &issuer, &why);
    buf_fini(&set);
    auth_free(a);
    return r;
}

static void a_set_that_breaks_off_is_none(void **state)
{
    static const enum auth_key_form forms[] = {AUTH_KEY_JWKS, AUTH_KEY_URL};
    const str whole = KEYS("{" RSA ",\"kid\":\"r\"},{" EC ",\"use\":\"sig\"},{" OKP "}");

    (void)state;
    for (size_t i = 0; i < COUNT_OF(forms); i++) {
        for (size_t n = 0; n <= whole.len; n++) {
            CLEANUP(exact_freep) char *copy = exact_copy((str){whole.ptr, n});
            const struct auth_issuer issuer = {.form = forms[i], .key = {copy, n}};
            struct auth_jwks set;
            const char *why = NULL;
            const int r = auth_jwks_init(&set, &issuer, &why);
            expect_int("cut", r, n < whole.len ? AUTH_ISSUER_BAD_KEY : 0);
            expect_int("keys", set.n, n < whole.len ? 0 : 3);
            auth_jwks_fini(&set);
        }
    }
}

static void a_set_has_32_keys_at_most(void **state)
{
    (void)state;
    assert_int_equal(add_keys(AUTH_KEYS_MAX), 0);
    assert_int_equal(add_keys(AUTH_KEYS_MAX + 1), AUTH_ISSUER_BAD_KEY);
}

static void a_key_has_64_kib_at_most(void **state)
{
    struct auth *a = auth_new(1);
    const char *why = NULL;
    char *bytes = mem_alloc(AUTH_KEY_BYTES_MAX + 1);

    (void)state;
    memset(bytes, 'x', AUTH_KEY_BYTES_MAX + 1);
    struct auth_issuer issuer = {.iss = STR("a"), .key = {bytes, AUTH_KEY_BYTES_MAX}};
    assert_int_equal(auth_add_issuer(a, &issuer, &why), 0);
    issuer = (struct auth_issuer){.iss = STR("b"), .key = {bytes, AUTH_KEY_BYTES_MAX + 1}};
    assert_int_equal(auth_add_issuer(a, &issuer, &why), AUTH_ISSUER_BAD_KEY);
    assert_string_equal(why, "more than 64 KiB");
    free(bytes);
    auth_free(a);
}

// Of an issuer whose keys are at a URL.

/** "host" for "chat", behind another issuer: its keys are these, or none yet if there are none.
 */
static struct auth *auth_at_url(str jwks)
{
    struct auth *a = auth_new(1);
    const struct auth_issuer other = {.iss = STR("other"), .key = TOKEN_SECRET};
    const struct auth_issuer host = {
        .iss = STR("host"), .aud = STR("chat"), .form = AUTH_KEY_URL};
    const char *why = NULL;

    auth_remember(a, crypto_random());
    assert_int_equal(auth_add_issuer(a, &other, &why), 0);
    assert_int_equal(auth_add_issuer(a, &host, &why), 0);
    if (jwks.len > 0)
        expect_int("keys", auth_set_issuer_keys(a, 1, jwks, &why), 0);
    return a;
}

static int verify(const struct auth *a, const char *token, struct auth_identity *id)
{
    const char *why = NULL;
    const int r = auth_verify(a, str_of(token), 0, id, &why);

    expect_int("a reason goes with a refusal", why != NULL, r != 0);
    return r;
}

/** The token of ES256 has the kid "e"; that of EdDSA has none. */
static void a_key_that_is_missing_may_have_been_published_since(void **state)
{
    static const struct {
        const char *name;
        str keys;
        const char *token;
        int r;
    } cases[] = {
        {"no keys yet", STR(""), TOKEN_ES256, AUTH_NO_KEY},
        {"no keys yet, no kid", STR(""), TOKEN_EDDSA, AUTH_NO_KEY},
        {"its key", KEYS("{" EC ",\"kid\":\"e\"}"), TOKEN_ES256, 0},
        {"its key without a kid", KEYS("{" EC "}"), TOKEN_ES256, 0},
        {"no kid, its key", KEYS("{" OKP ",\"kid\":\"d\"}"), TOKEN_EDDSA, 0},
        {"another kid", KEYS("{" EC ",\"kid\":\"f\"}"), TOKEN_ES256, AUTH_NO_KEY},
        {"no kid, no such key", KEYS("{" EC ",\"kid\":\"e\"}"), TOKEN_EDDSA, AUTH_NO_KEY},
        {"another key without a kid", KEYS("{" JWK_P256_OTHER "}"), TOKEN_ES256, AUTH_NO_KEY},
        {"its kid, another key", KEYS("{" JWK_P256_OTHER ",\"kid\":\"e\"}"), TOKEN_ES256,
         AUTH_INVALID},
        {"its kid, another alg", KEYS("{" OKP ",\"kid\":\"e\"}"), TOKEN_ES256, AUTH_INVALID},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct auth *a = auth_at_url(cases[i].keys);
        struct auth_identity id = {.issuer = 7};
        expect_int(cases[i].name, verify(a, cases[i].token, &id), cases[i].r);
        if (cases[i].r == AUTH_NO_KEY)
            expect_int(cases[i].name, id.issuer, 1);
        auth_free(a);
    }
}

static void no_secret_is_ever_published(void **state)
{
    struct auth *a = auth_at_url(STR(""));
    struct auth_identity id;
    char token[TOKEN_SIZE];
    const str made = token_sign(token, TOKEN_SECRET, STR("{\"alg\":\"HS256\",\"kid\":\"e\"}"),
                                STR("{\"iss\":\"host\"}"));

    (void)state;
    token[made.len] = '\0';
    assert_int_equal(verify(a, token, &id), AUTH_INVALID); // and not AUTH_NO_KEY
    auth_free(a);
}

static void keys_in_a_file_are_all_there_are(void **state)
{
    struct auth *a = auth_new(1);
    struct auth_identity id;
    const char *why = NULL;
    const struct auth_issuer host = {.iss = STR("host"),
                                     .aud = STR("chat"),
                                     .form = AUTH_KEY_JWKS,
                                     .key = KEYS("{" EC ",\"kid\":\"f\"}")};

    (void)state;
    assert_int_equal(auth_add_issuer(a, &host, &why), 0);
    assert_int_equal(verify(a, TOKEN_ES256, &id), AUTH_INVALID);
    auth_free(a);
}

static void what_is_no_longer_published_no_longer_counts(void **state)
{
    struct auth *a = auth_at_url(KEYS("{" EC ",\"kid\":\"e\"},{" OKP ",\"kid\":\"d\"}"));
    struct auth_identity id;
    const char *why = NULL;

    (void)state;
    assert_int_equal(auth_n_issuer_keys(a, 1), 2);
    assert_int_equal(verify(a, TOKEN_ES256, &id), 0);
    assert_int_equal(verify(a, TOKEN_ED25519, &id), 0);
    assert_int_equal(auth_set_issuer_keys(a, 1, KEYS("{" OKP ",\"kid\":\"d\"}"), &why), 0);
    assert_int_equal(auth_n_issuer_keys(a, 1), 1);
    assert_int_equal(verify(a, TOKEN_ES256, &id), AUTH_NO_KEY);
    assert_int_equal(verify(a, TOKEN_ED25519, &id), 0);
    auth_free(a);
}

static void what_can_not_be_used_leaves_the_keys_as_they_were(void **state)
{
    static const struct {
        const char *name;
        str keys;
        const char *why;
    } cases[] = {
        {"nothing", STR(""), "no JSON"},
        {"a page", STR("<!DOCTYPE html>"), "no JSON"},
        {"no JWKS", STR("{}"), "no JWKS"},
        {"no key of ours", KEYS("{\"kty\":\"AKP\"}"), "another kind"},
        {"a secret", KEYS("{" OCT "}"), "published"},
        {"a secret among others", KEYS("{" EC "},{" OCT "}"), "published"},
        {"a secret too short", KEYS("{" EC "},{\"kty\":\"oct\",\"k\":\"AA\"}"), "published"},
        {"a secret without itself", KEYS("{" EC "},{\"kty\":\"oct\"}"), "published"},
        {"a private key", KEYS("{" OKP "},{" EC ",\"d\":\"AA\"}"), "published"},
        {"a private key for encryption",
         KEYS("{" OKP "},{" EC ",\"use\":\"enc\",\"d\":\"AA\"}"), "published"},
    };
    struct auth *a = auth_at_url(KEYS("{" EC ",\"kid\":\"e\"}"));
    struct auth_identity id;

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        const char *why = NULL;
        expect_int(cases[i].name, auth_set_issuer_keys(a, 1, cases[i].keys, &why), BAD);
        if (!strstr(why, cases[i].why))
            fail_msg("%s: \"%s\" is not in \"%s\"", cases[i].name, cases[i].why, why);
        expect_int(cases[i].name, verify(a, TOKEN_ES256, &id), 0);
    }
    auth_free(a);
}

// All of them.

static int add_named(struct auth *a, str iss)
{
    const struct auth_issuer issuer = {.iss = iss, .key = TOKEN_SECRET};
    const char *why = NULL;

    return auth_add_issuer(a, &issuer, &why);
}

static void there_are_16_issuers_at_most(void **state)
{
    struct auth *a = auth_new(1);

    (void)state;
    for (size_t i = 0; i < AUTH_ISSUERS_MAX; i++) {
        char iss[32];
        (void)snprintf(iss, sizeof(iss), "issuer %zu", i);
        assert_int_equal(add_named(a, str_of(iss)), 0);
    }
    assert_int_equal(add_named(a, STR("one more")), AUTH_ISSUER_TOO_MANY);
    assert_int_equal(set_own_key(a, STR(ED25519_PRIVATE)), 0); // is none of them
    auth_free(a);
}

static void each_issuer_has_an_iss_of_its_own(void **state)
{
    struct auth *a = auth_new(1);

    (void)state;
    assert_int_equal(add_named(a, STR("one")), 0);
    assert_int_equal(add_named(a, STR("one")), AUTH_ISSUER_TWICE);
    assert_int_equal(add_named(a, STR("")), 0);
    assert_int_equal(add_named(a, STR("")), AUTH_ISSUER_TWICE);
    assert_int_equal(add_named(a, STR("One")), 0);
    assert_int_equal(add_named(a, STR(AUTH_OWN_ISS)), AUTH_ISSUER_TWICE); // own key or not
    auth_free(a);
}

static void what_it_was_given_is_copied(void **state)
{
    struct auth *a = auth_new(1);
    struct auth_identity id;
    const char *why = NULL;
    char iss[] = "host";
    char aud[] = "chat";
    char claim[] = "sub";
    char pem[] = P256_PUBLIC;
    const struct auth_issuer issuer = {.iss = str_of(iss),
                                       .aud = str_of(aud),
                                       .claim = str_of(claim),
                                       .form = AUTH_KEY_PEM,
                                       .key = str_of(pem)};

    (void)state;
    assert_int_equal(auth_add_issuer(a, &issuer, &why), 0);
    memset(iss, 'x', sizeof(iss));
    memset(aud, 'x', sizeof(aud));
    memset(claim, 'x', sizeof(claim));
    memset(pem, 'x', sizeof(pem));
    assert_int_equal(auth_verify(a, STR(TOKEN_ES256), 0, &id, &why), 0);
    auth_free(a);
}

static void add_with_skew(void *skew_ms)
{
    struct auth *a = auth_new(1);
    const struct auth_issuer issuer = {.key = TOKEN_SECRET, .skew_ms = *(int64_t *)skew_ms};
    const char *why;

    if (auth_add_issuer(a, &issuer, &why) != 0)
        _exit(1);
    auth_free(a);
}

/** What an option may say is the options' business: here it is a bug. */
static void a_skew_is_two_minutes_at_most(void **state)
{
    int64_t skew_ms = AUTH_SKEW_MS_MAX;
    char said[512];

    (void)state;
    assert_false(aborts(add_with_skew, &skew_ms, said, sizeof(said)));
    skew_ms++;
    assert_true(aborts(add_with_skew, &skew_ms, said, sizeof(said)));
    skew_ms = -1;
    assert_true(aborts(add_with_skew, &skew_ms, said, sizeof(said)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_set_has_a_key_that_we_can_use),
        cmocka_unit_test(a_secret_is_long_and_no_pem),
        cmocka_unit_test(a_pem_has_a_key_that_we_can_use),
        cmocka_unit_test(the_alg_of_an_rsa_key_is_one_of_two),
        cmocka_unit_test(a_set_that_breaks_off_is_none),
        cmocka_unit_test(a_set_has_32_keys_at_most),
        cmocka_unit_test(a_key_has_64_kib_at_most),
        cmocka_unit_test(a_key_that_is_missing_may_have_been_published_since),
        cmocka_unit_test(no_secret_is_ever_published),
        cmocka_unit_test(keys_in_a_file_are_all_there_are),
        cmocka_unit_test(what_is_no_longer_published_no_longer_counts),
        cmocka_unit_test(what_can_not_be_used_leaves_the_keys_as_they_were),
        cmocka_unit_test(there_are_16_issuers_at_most),
        cmocka_unit_test(each_issuer_has_an_iss_of_its_own),
        cmocka_unit_test(what_it_was_given_is_copied),
        cmocka_unit_test(a_skew_is_two_minutes_at_most),
    };
    return cmocka_run_group_tests_name("auth/keys", tests, NULL, NULL);
}
