#include "support/t.h"

#include <stdio.h>

#include "auth/account.h"
#include "auth/signer.h"
#include "crypto/random.h"
#include "support/auth_keys.h"
#include "support/auth_token.h"
#include "support/exact.h"
#include "support/own_key.h"

#define NOW_MS   INT64_C(1999996400000) // an hour before the tokens of auth_keys.h expire
#define NOW      "1999996400"
#define SKEW_MS  30000
#define H        "{\"alg\":\"HS256\"}"
#define OF_HOST  "\"iss\":\"host\",\"aud\":\"chat\""
#define SUB      "\"sub\":\"" TOKEN_SUB "\""
#define EXP      "\"exp\":2000000000"
#define C        "{" OF_HOST "," SUB "," EXP "}"
#define WITH(s)  "{" OF_HOST "," SUB "," EXP "," s "}"
#define TIMES(s) "{" OF_HOST "," SUB "," s "}"
#define WHO(s)   "{" OF_HOST "," EXP "," s "}"

static void add(struct auth *a, const struct auth_issuer *issuer)
{
    const char *why = NULL;
    const int r = auth_add_issuer(a, issuer, &why);

    expect_int(why ? why : "issuer", r, 0);
}

/** One issuer, "host", for "chat", whose key is this. */
static struct auth *auth_of_host(enum auth_key_form form, str key)
{
    struct auth *a = auth_new(1);

    auth_remember(a, crypto_random());
    add(a, &(struct auth_issuer){.iss = STR("host"),
                                 .aud = STR("chat"),
                                 .form = form,
                                 .key = key,
                                 .skew_ms = SKEW_MS});
    return a;
}

static int verify(const struct auth *a, str token, struct auth_identity *id)
{
    const char *why = NULL;
    const int r = auth_verify(a, token, NOW_MS, id, &why);

    expect_int("a reason goes with a refusal", why != NULL, r != 0);
    return r;
}

// clang-format off
static const struct row {
    const char *name;
    str header;
    str claims;
    int r;
} rows[] = {
    {"plain",                    STR(H), STR(C), 0},

    // header
    {"typ JWT",                  STR("{\"typ\":\"JWT\",\"alg\":\"HS256\"}"),    STR(C), 0},
    {"typ jwt",                  STR("{\"typ\":\"jwt\",\"alg\":\"HS256\"}"),    STR(C), 0},
    {"typ at+jwt",               STR("{\"typ\":\"AT+JWT\",\"alg\":\"HS256\"}"), STR(C), 0},
    {"another typ",              STR("{\"typ\":\"JWE\",\"alg\":\"HS256\"}"),    STR(C), AUTH_INVALID},
    {"an empty typ",             STR("{\"typ\":\"\",\"alg\":\"HS256\"}"),       STR(C), AUTH_INVALID},
    {"a typ that is no text",    STR("{\"typ\":1,\"alg\":\"HS256\"}"),          STR(C), AUTH_INVALID},
    {"a kid that we have not",   STR("{\"kid\":\"x\",\"alg\":\"HS256\"}"),      STR(C), 0}, // our key has no name
    {"a kid that is no text",    STR("{\"kid\":7,\"alg\":\"HS256\"}"),          STR(C), AUTH_INVALID},
    {"crit",                     STR("{\"crit\":[\"x\"],\"x\":1,\"alg\":\"HS256\"}"), STR(C), AUTH_INVALID},
    {"an empty crit",            STR("{\"crit\":[],\"alg\":\"HS256\"}"),        STR(C), AUTH_INVALID},
    {"keys that it brings along", STR("{\"alg\":\"HS256\",\"jwk\":{\"kty\":\"oct\",\"k\":\"AA\"},\"jku\":\"https://a.example/\",\"x5u\":\"https://a.example/\",\"x5c\":[\"AA==\"]}"), STR(C), 0}, // count for nothing
    {"alg none",                 STR("{\"alg\":\"none\"}"),                     STR(C), AUTH_INVALID},
    {"alg None",                 STR("{\"alg\":\"None\"}"),                     STR(C), AUTH_INVALID},
    {"an empty alg",             STR("{\"alg\":\"\"}"),                         STR(C), AUTH_INVALID},
    {"no alg",                   STR("{\"typ\":\"JWT\"}"),                      STR(C), AUTH_INVALID},
    {"alg that is no text",      STR("{\"alg\":[\"HS256\"]}"),                  STR(C), AUTH_INVALID},
    {"alg in small letters",     STR("{\"alg\":\"hs256\"}"),                    STR(C), AUTH_INVALID},
    {"alg of another key",       STR("{\"alg\":\"RS256\"}"),                    STR(C), AUTH_INVALID},
    {"alg that we don't take",   STR("{\"alg\":\"HS512\"}"),                    STR(C), AUTH_INVALID},
    {"two algs",                 STR("{\"alg\":\"HS256\",\"alg\":\"HS256\"}"),  STR(C), AUTH_INVALID},
    {"two algs, one escaped",    STR("{\"alg\":\"HS256\",\"\\u0061lg\":\"none\"}"), STR(C), AUTH_INVALID},
    {"an empty header",          STR(""),                                       STR(C), AUTH_INVALID},
    {"a header that is an array", STR("[\"HS256\"]"),                           STR(C), AUTH_INVALID},
    {"a header that is no JSON", STR("{\"alg\":\"HS256\""),                     STR(C), AUTH_INVALID},
    {"two headers",              STR(H H),                                      STR(C), AUTH_INVALID},
    {"white space",              STR(" {\n\"alg\" : \"HS256\"}\t"),             STR(C), 0},

    // claims
    {"no claims",                STR(H), STR("{}"),                             AUTH_INVALID},
    {"nothing",                  STR(H), STR(""),                               AUTH_INVALID},
    {"an array",                 STR(H), STR("[" C "]"),                        AUTH_INVALID},
    {"no JSON",                  STR(H), STR("{" SUB "," EXP ","),              AUTH_INVALID},
    {"two subs",                 STR(H), STR(WITH(SUB)),                        AUTH_INVALID},
    {"two of something else",    STR(H), STR(WITH("\"x\":{\"a\":1,\"a\":2}")),  AUTH_INVALID},
    {"others beside them",       STR(H), STR(WITH("\"x\":{\"a\":[1,null]}")),   0},
    {"too deep",                 STR(H), STR(WITH("\"x\":[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]")), AUTH_INVALID},

    // iss
    {"another iss",              STR(H), STR("{\"iss\":\"hosts\",\"aud\":\"chat\"," SUB "," EXP "}"), AUTH_INVALID},
    {"iss in capitals",          STR(H), STR("{\"iss\":\"HOST\",\"aud\":\"chat\"," SUB "," EXP "}"),  AUTH_INVALID},
    {"a NUL behind iss",         STR(H), STR("{\"iss\":\"host\\u0000\",\"aud\":\"chat\"," SUB "," EXP "}"), AUTH_INVALID},
    {"no iss",                   STR(H), STR("{\"aud\":\"chat\"," SUB "," EXP "}"),                   AUTH_INVALID},
    {"an empty iss",             STR(H), STR("{\"iss\":\"\",\"aud\":\"chat\"," SUB "," EXP "}"),      AUTH_INVALID},
    {"an iss that is no text",   STR(H), STR("{\"iss\":[\"host\"],\"aud\":\"chat\"," SUB "," EXP "}"), AUTH_INVALID},

    // aud
    {"aud in an array",          STR(H), STR("{\"iss\":\"host\",\"aud\":[\"x\",\"chat\"]," SUB "," EXP "}"), 0},
    {"an array without it",      STR(H), STR("{\"iss\":\"host\",\"aud\":[\"x\",\"chats\"]," SUB "," EXP "}"), AUTH_INVALID},
    {"an empty array",           STR(H), STR("{\"iss\":\"host\",\"aud\":[]," SUB "," EXP "}"),               AUTH_INVALID},
    {"an array in an array",     STR(H), STR("{\"iss\":\"host\",\"aud\":[[\"chat\"]]," SUB "," EXP "}"),     AUTH_INVALID},
    {"aud as a member",          STR(H), STR("{\"iss\":\"host\",\"aud\":{\"chat\":true}," SUB "," EXP "}"),  AUTH_INVALID},
    {"another aud",              STR(H), STR("{\"iss\":\"host\",\"aud\":\"chat2\"," SUB "," EXP "}"),        AUTH_INVALID},
    {"no aud",                   STR(H), STR("{\"iss\":\"host\"," SUB "," EXP "}"),                          AUTH_INVALID},

    // the address
    {"CAIP-10",                  STR(H), STR(WHO("\"sub\":\"eip155:1:" TOKEN_SUB "\"")),   0},
    {"Solana",                   STR(H), STR(WHO("\"sub\":\"solana:5eykt4UsFv8P8NJdTREpY1vzqKqZKvdp:2S3P4HxJpyyigGzodYwHtCxZyUQe9JiBMHyRWXArAaKv\"")), 0},
    {"a name",                   STR(H), STR(WHO("\"sub\":\"alice\"")),                    AUTH_INVALID},
    {"a wrong checksum",         STR(H), STR(WHO("\"sub\":\"0x5aAeb6053F3E94C9b9A09f33669435E7Ef1Beaed\"")), AUTH_INVALID},
    {"the zero address",         STR(H), STR(WHO("\"sub\":\"0x0000000000000000000000000000000000000000\"")), AUTH_INVALID},
    {"an empty sub",             STR(H), STR(WHO("\"sub\":\"\"")),                         AUTH_INVALID},
    {"a sub that is no text",    STR(H), STR(WHO("\"sub\":[\"" TOKEN_SUB "\"]")),          AUTH_INVALID},
    {"no sub",                   STR(H), STR("{" OF_HOST "," EXP "}"),                     AUTH_INVALID},

    // exp; the skew is 30 s
    {"no exp",                   STR(H), STR("{" OF_HOST "," SUB "}"),      AUTH_INVALID},
    {"exp is a text",            STR(H), STR(TIMES("\"exp\":\"2000000000\"")), AUTH_INVALID},
    {"exp is null",              STR(H), STR(TIMES("\"exp\":null")),        AUTH_INVALID},
    {"exp is true",              STR(H), STR(TIMES("\"exp\":true")),        AUTH_INVALID},
    {"exp now",                  STR(H), STR(TIMES("\"exp\":" NOW)),        0},
    {"exp at the edge",          STR(H), STR(TIMES("\"exp\":1999996371")),  0},
    {"exp a blink inside",       STR(H), STR(TIMES("\"exp\":1999996370.001")), 0},
    {"exp beyond the edge",      STR(H), STR(TIMES("\"exp\":1999996370")),  AUTH_EXPIRED},
    {"exp long ago",             STR(H), STR(TIMES("\"exp\":0")),           AUTH_EXPIRED},
    {"exp before 1970",          STR(H), STR(TIMES("\"exp\":-1")),          AUTH_INVALID},
    {"exp with a fraction",      STR(H), STR(TIMES("\"exp\":2000000000.5")), 0},
    {"exp with an exponent",     STR(H), STR(TIMES("\"exp\":2e9")),         0},
    {"the last second of 9999",  STR(H), STR(TIMES("\"exp\":253402300799")), 0},
    {"exp one more",             STR(H), STR(TIMES("\"exp\":253402300800")), AUTH_INVALID},
    {"exp in milliseconds",      STR(H), STR(TIMES("\"exp\":2000000000000")), AUTH_INVALID},
    {"exp of 64 bits",           STR(H), STR(TIMES("\"exp\":9223372036854775807")), AUTH_INVALID},
    {"exp beyond 64 bits",       STR(H), STR(TIMES("\"exp\":100000000000000000000")), AUTH_INVALID},
    {"exp of 308 digits",        STR(H), STR(TIMES("\"exp\":1e308")),       AUTH_INVALID},
    {"exp beyond a double",      STR(H), STR(TIMES("\"exp\":1e309")),       AUTH_INVALID},
    {"exp far before",           STR(H), STR(TIMES("\"exp\":-1e308")),      AUTH_INVALID},

    // nbf and iat
    {"nbf and iat now",          STR(H), STR(WITH("\"nbf\":" NOW ",\"iat\":" NOW)), 0},
    {"nbf at the edge",          STR(H), STR(WITH("\"nbf\":1999996430")),   0},
    {"nbf beyond the edge",      STR(H), STR(WITH("\"nbf\":1999996430.001")), AUTH_INVALID},
    {"nbf is a text",            STR(H), STR(WITH("\"nbf\":\"0\"")),        AUTH_INVALID},
    {"nbf is huge",              STR(H), STR(WITH("\"nbf\":1e300")),        AUTH_INVALID},
    {"iat at the edge",          STR(H), STR(WITH("\"iat\":1999996430")),   0},
    {"iat beyond the edge",      STR(H), STR(WITH("\"iat\":1999996431")),   AUTH_INVALID},
    {"iat is null",              STR(H), STR(WITH("\"iat\":null")),         AUTH_INVALID},
    {"iat long ago",             STR(H), STR(WITH("\"iat\":0")),            0},
    {"not yet, and no more",     STR(H), STR(TIMES("\"exp\":1,\"nbf\":1999996431")), AUTH_INVALID},
};
// clang-format on

static void judges_each_row(void **state)
{
    struct auth *a = auth_of_host(AUTH_KEY_SECRET, TOKEN_SECRET);
    char text[TOKEN_SIZE];

    (void)state;
    for (const struct row *row = rows; row < rows + COUNT_OF(rows); row++) {
        struct auth_identity id = {.skew_ms = 7};
        const str token = token_sign(text, TOKEN_SECRET, row->header, row->claims);
        CLEANUP(exact_freep) char *copy = exact_copy(token);

        expect_int(row->name, verify(a, (str){copy, token.len}, &id), row->r);
        expect_int(row->name, id.skew_ms, row->r == 0 ? SKEW_MS : 7); // else as it was
    }
    auth_free(a);
}

static void says_who_it_is_and_until_when(void **state)
{
    struct auth *a = auth_of_host(AUTH_KEY_SECRET, TOKEN_SECRET);
    struct auth_identity id;
    char token[TOKEN_SIZE];
    char text[AUTH_ACCOUNT_TEXT_SIZE];

    (void)state;
    const str claims = STR("{" OF_HOST "," SUB ",\"exp\":2000000000.25,\"sid\":\"abc\"}");
    assert_int_equal(verify(a, token_sign(token, TOKEN_SECRET, STR(H), claims), &id), 0);
    expect_str("account", auth_account_text(text, &id.account), STR(TOKEN_SUB));
    assert_int_equal(id.expires_at_ms, INT64_C(2000000000250));
    assert_int_equal(id.skew_ms, SKEW_MS);
    assert_string_equal(id.session, "abc");
    auth_free(a);
}

#define CHARS_64 "0123456789abcdef0123456789ABCDEF0123456789abcdef0123456789ABCDE~"

static void a_session_has_the_name_that_the_token_gives_it(void **state)
{
    static const struct {
        const char *name;
        str claims;
        const char *session; // NULL: a digest
    } cases[] = {
        {"sid", STR(WITH("\"jti\":\"j\",\"sid\":\"s\"")), "s"},
        {"jti", STR(WITH("\"jti\":\"j\"")), "j"},
        {"an empty sid", STR(WITH("\"jti\":\"j\",\"sid\":\"\"")), "j"},
        {"a sid that is no text", STR(WITH("\"jti\":\"j\",\"sid\":1")), "j"},
        {"64 characters", STR(WITH("\"sid\":\"" CHARS_64 "\"")), CHARS_64},
        {"65 characters", STR(WITH("\"sid\":\"" CHARS_64 "x\"")), NULL},
        {"a space", STR(WITH("\"sid\":\"a b\"")), NULL},
        {"a control character", STR(WITH("\"sid\":\"a\\u007f\"")), NULL},
        {"a NUL", STR(WITH("\"sid\":\"a\\u0000\"")), NULL},
        {"not ASCII", STR(WITH("\"sid\":\"\xc3\xa9\"")), NULL},
        {"neither", STR(C), NULL},
    };
    struct auth *a = auth_of_host(AUTH_KEY_SECRET, TOKEN_SECRET);
    char seen[COUNT_OF(cases)][AUTH_SESSION_SIZE];

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct auth_identity id;
        char text[TOKEN_SIZE];
        const str token = token_sign(text, TOKEN_SECRET, STR(H), cases[i].claims);

        expect_int(cases[i].name, verify(a, token, &id), 0);
        memcpy(seen[i], id.session, sizeof(seen[i]));
        if (cases[i].session) {
            expect_str(cases[i].name, str_of(id.session), str_of(cases[i].session));
            continue;
        }
        expect_int(cases[i].name, strspn(id.session, "0123456789abcdef"), 64);
        for (size_t k = 0; k < i; k++)
            expect_int(cases[i].name, strcmp(seen[k], id.session) != 0, true);
    }
    auth_free(a);
}

/** Which a host gives as it likes: it may call the first session of each wallet 1. */
static void a_name_is_of_one_account(void **state)
{
    static const str claims[] = {
        STR("{" OF_HOST "," SUB ",\"exp\":2000000000,\"sid\":\"1\"}"),
        STR("{" OF_HOST "," SUB ",\"exp\":2000000001,\"sid\":\"1\"}"),
        STR("{" OF_HOST "," SUB ",\"exp\":2000000000,\"sid\":\"2\"}"),
        STR("{" OF_HOST ",\"sub\":\"0x00000000000000000000000000000000000000aa\","
            "\"exp\":2000000000,\"sid\":\"1\"}"),
    };
    struct auth *a = auth_of_host(AUTH_KEY_SECRET, TOKEN_SECRET);
    struct auth_identity ids[COUNT_OF(claims)];
    char token[TOKEN_SIZE];

    (void)state;
    for (size_t i = 0; i < COUNT_OF(claims); i++) {
        const str text = token_sign(token, TOKEN_SECRET, STR(H), claims[i]);
        assert_int_equal(verify(a, text, &ids[i]), 0);
    }
    assert_string_equal(ids[0].key, ids[1].key);
    assert_string_not_equal(ids[0].key, ids[2].key);
    assert_string_not_equal(ids[0].key, ids[3].key);
    auth_free(a);
}

/** Every cut, and every character another one. */
static void a_token_that_is_not_whole_is_none(void **state)
{
    struct auth *a = auth_of_host(AUTH_KEY_SECRET, TOKEN_SECRET);
    struct auth_identity id;
    char text[TOKEN_SIZE];
    const str token = token_sign(text, TOKEN_SECRET, STR(H), STR(C));

    (void)state;
    for (size_t n = 0; n < token.len; n++) {
        CLEANUP(exact_freep) char *cut = exact_copy((str){token.ptr, n});
        expect_int("cut", verify(a, (str){cut, n}, &id), n == 0 ? AUTH_MISSING : AUTH_INVALID);
        for (const char *c = "Az09-_.+/= \n"; *c; c++) {
            const char was = text[n];
            text[n] = *c;
            expect_int("changed", verify(a, token, &id), *c == was ? 0 : AUTH_INVALID);
            text[n] = was;
        }
    }
    assert_int_equal(verify(a, token, &id), 0);
    auth_free(a);
}

static void a_token_is_three_parts_of_base64url(void **state)
{
    static const struct {
        const char *name;
        const char *front;
        const char *behind;
    } cases[] = {
        {"padding", "", "="},         {"a space before", " ", ""}, {"a line break", "", "\n"},
        {"a fourth part", "", ".AA"}, {"a dot behind", "", "."},   {"a dot before", ".", ""},
        {"a scheme", "Bearer ", ""},
    };
    struct auth *a = auth_of_host(AUTH_KEY_SECRET, TOKEN_SECRET);
    struct auth_identity id;
    char token[TOKEN_SIZE];

    (void)state;
    const str good = token_sign(token, TOKEN_SECRET, STR(H), STR(C));
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char text[TOKEN_SIZE];
        const int n = snprintf(text, sizeof(text), "%s" STR_FMT "%s", cases[i].front,
                               STR_ARG(good), cases[i].behind);
        expect_int(cases[i].name, verify(a, (str){text, (size_t)n}, &id), AUTH_INVALID);
    }
    assert_int_equal(verify(a, STR("."), &id), AUTH_INVALID);
    assert_int_equal(verify(a, STR(".."), &id), AUTH_INVALID);
    assert_int_equal(verify(a, STR("..."), &id), AUTH_INVALID);
    assert_int_equal(verify(a, STR("\0\0\0"), &id), AUTH_INVALID);
    auth_free(a);
}

static void a_token_has_8192_bytes_at_most(void **state)
{
    struct auth *a = auth_of_host(AUTH_KEY_SECRET, TOKEN_SECRET);
    struct auth_identity id;
    char claims[TOKEN_SIZE];
    char text[TOKEN_SIZE];

    (void)state;
    // Behind the header, two dots and the signature, that much is left for the claims.
    const size_t room =
        AUTH_TOKEN_MAX - BASE64_URL_LEN(sizeof(H) - 1) - 2 - BASE64_URL_LEN(CRYPTO_SHA256_SIZE);
    const size_t n = room / 4 * 3 + (room % 4 > 0 ? room % 4 - 1 : 0);
    (void)snprintf(claims, sizeof(claims), "%s%*s", C, (int)(n - (sizeof(C) - 1)), "");
    const str longest = token_sign(text, TOKEN_SECRET, STR(H), (str){claims, n});
    assert_int_equal(longest.len, AUTH_TOKEN_MAX);
    assert_int_equal(verify(a, longest, &id), 0);
    claims[n] = ' ';
    const str longer = token_sign(text, TOKEN_SECRET, STR(H), (str){claims, n + 1});
    assert_in_range(longer.len, AUTH_TOKEN_MAX + 1, AUTH_TOKEN_MAX + 2);
    assert_int_equal(verify(a, longer, &id), AUTH_INVALID);
    auth_free(a);
}

static void each_algorithm_is_good_with_its_own_key(void **state)
{
    static const struct {
        const char *name;
        str pem;
        const char *alg;
        const char *token;
    } cases[] = {
        {"RS256", STR(RSA_PUBLIC), "", TOKEN_RS256},
        {"RS256, said", STR(RSA_PUBLIC), "RS256", TOKEN_RS256},
        {"PS256", STR(RSA_CERTIFICATE), "PS256", TOKEN_PS256},
        {"ES256", STR(P256_PUBLIC), "", TOKEN_ES256},
        {"EdDSA", STR(ED25519_PUBLIC), "", TOKEN_EDDSA},
        {"Ed25519", STR(ED25519_PRIVATE), "", TOKEN_ED25519},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct auth *a = auth_new(1);
        add(a, &(struct auth_issuer){.iss = STR("host"),
                                     .alg = str_of(cases[i].alg),
                                     .form = AUTH_KEY_PEM,
                                     .key = cases[i].pem});
        for (size_t k = 0; k < COUNT_OF(cases); k++) {
            const bool is_same_key = strncmp(cases[k].name, cases[i].name, 2) == 0;
            struct auth_identity id;
            expect_int(cases[i].name, verify(a, str_of(cases[k].token), &id),
                       is_same_key ? 0 : AUTH_INVALID);
        }
        auth_free(a);
    }
}

/** The old trick: the public key, which everybody knows, as the secret of an HMAC. */
static void a_public_key_is_no_secret(void **state)
{
    static const str pems[] = {STR(RSA_PUBLIC), STR(P256_PUBLIC), STR(ED25519_PUBLIC)};
    char text[TOKEN_SIZE];

    (void)state;
    for (size_t i = 0; i < COUNT_OF(pems); i++) {
        struct auth *a = auth_of_host(AUTH_KEY_PEM, pems[i]);
        struct auth_identity id;
        const str token = token_sign(text, pems[i], STR(H), STR(C));
        expect_int(pems[i].ptr, verify(a, token, &id), AUTH_INVALID);
        auth_free(a);
    }
}

static void a_token_without_a_signature_is_none(void **state)
{
    static const char *const headers[] = {"{\"alg\":\"none\"}", H, "{\"alg\":\"EdDSA\"}",
                                          "{\"alg\":\"ES256\"}", "{\"alg\":\"RS256\"}"};
    static const str pems[] = {STR(RSA_PUBLIC), STR(P256_PUBLIC), STR(ED25519_PUBLIC)};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(pems) * COUNT_OF(headers); i++) {
        struct auth *a = auth_of_host(AUTH_KEY_PEM, pems[i % COUNT_OF(pems)]);
        struct auth_identity id;
        char text[TOKEN_SIZE];
        char *at = token_encode(text, str_of(headers[i / COUNT_OF(pems)]));

        *at++ = '.';
        at = token_encode(at, STR(C));
        assert_int_equal(verify(a, (str){text, (size_t)(at - text)}, &id), AUTH_INVALID);
        *at++ = '.';
        assert_int_equal(verify(a, (str){text, (size_t)(at - text)}, &id), AUTH_INVALID);
        auth_free(a);
    }
}

#define OTHER_SECRET STR("another secret, of 33 characters.")
#define K1           "YSBzZWNyZXQgb2YgMzIgYnl0ZXMsIGZvciB0ZXN0cy4"  // TOKEN_SECRET
#define K2           "YW5vdGhlciBzZWNyZXQsIG9mIDMzIGNoYXJhY3RlcnMu" // OTHER_SECRET

static void kid_picks_among_the_keys_of_a_set(void **state)
{
    static const struct {
        const char *name;
        str set;
        str header;
        str secret;
        int r;
    } cases[] = {
#define SET                                                                                    \
    STR("{\"keys\":[{\"kty\":\"oct\",\"kid\":\"1\",\"k\":\"" K1                                \
        "\"},"                                                                                 \
        "{\"kty\":\"oct\",\"kid\":\"2\",\"k\":\"" K2 "\"}]}")
#define NAMELESS                                                                               \
    STR("{\"keys\":[{\"kty\":\"oct\",\"k\":\"" K1                                              \
        "\"},"                                                                                 \
        "{\"kty\":\"oct\",\"k\":\"" K2 "\"}]}")
#define KID(kid) STR("{\"alg\":\"HS256\",\"kid\":\"" kid "\"}")
        {"the first", SET, KID("1"), TOKEN_SECRET, 0},
        {"the second", SET, KID("2"), OTHER_SECRET, 0},
        {"the other one's name", SET, KID("2"), TOKEN_SECRET, AUTH_INVALID},
        {"a name that is in no key", SET, KID("3"), TOKEN_SECRET, AUTH_INVALID},
        {"an empty name", SET, KID(""), TOKEN_SECRET, AUTH_INVALID},
        {"a longer name", SET, KID("1\\u0000"), TOKEN_SECRET, AUTH_INVALID},
        {"a path", SET, KID("../../dev/null"), TOKEN_SECRET, AUTH_INVALID},
        {"no name, the first", SET, STR(H), TOKEN_SECRET, 0},
        {"no name, the second", SET, STR(H), OTHER_SECRET, 0},
        {"no name, another key", SET, STR(H), STR("a third one"), AUTH_INVALID},
        {"keys without names", NAMELESS, KID("1"), OTHER_SECRET, 0},
        {"no name anywhere", NAMELESS, STR(H), OTHER_SECRET, 0},
#undef SET
#undef NAMELESS
#undef KID
    };
    char text[TOKEN_SIZE];

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct auth *a = auth_of_host(AUTH_KEY_JWKS, cases[i].set);
        struct auth_identity id;
        const str token = token_sign(text, cases[i].secret, cases[i].header, STR(C));
        expect_int(cases[i].name, verify(a, token, &id), cases[i].r);
        auth_free(a);
    }
}

/** Two issuers by name, and one that takes what names no other. */
static void iss_picks_the_issuer_and_its_rules(void **state)
{
    static const struct {
        const char *name;
        str claims;
        str secret;
        int r;
    } cases[] = {
        {"the first", STR("{\"iss\":\"one\"," SUB "," EXP "}"), TOKEN_SECRET, 0},
        {"the first, another key", STR("{\"iss\":\"one\"," SUB "," EXP "}"), OTHER_SECRET,
         AUTH_INVALID},
        {"the second", STR("{\"iss\":\"two\",\"wallet\":\"" TOKEN_SUB "\"," EXP "}"),
         OTHER_SECRET, 0},
        {"its claim is another", STR("{\"iss\":\"two\"," SUB "," EXP "}"), OTHER_SECRET,
         AUTH_INVALID},
        {"its skew is none",
         STR("{\"iss\":\"two\",\"wallet\":\"" TOKEN_SUB "\",\"exp\":" NOW "}"), OTHER_SECRET,
         AUTH_EXPIRED},
        {"any", STR("{\"iss\":\"three\"," SUB "," EXP "}"), OTHER_SECRET, 0},
        {"none", STR("{" SUB "," EXP "}"), OTHER_SECRET, 0},
        {"the empty one", STR("{\"iss\":\"\"," SUB "," EXP "}"), OTHER_SECRET, 0},
        {"none, another key", STR("{" SUB "," EXP "}"), TOKEN_SECRET, AUTH_INVALID},
        {"no text", STR("{\"iss\":1," SUB "," EXP "}"), OTHER_SECRET, AUTH_INVALID},
        {"ours", STR("{\"iss\":\"parley\",\"aud\":\"parley\"," SUB "," EXP "}"), OTHER_SECRET,
         AUTH_INVALID},
    };
    struct auth *a = auth_new(1);
    struct buf pem;
    char text[TOKEN_SIZE];

    (void)state;
    add(a, &(struct auth_issuer){.iss = STR("one"), .key = TOKEN_SECRET, .skew_ms = SKEW_MS});
    add(a, &(struct auth_issuer){
               .iss = STR("two"), .key = OTHER_SECRET, .claim = STR("wallet"), .skew_ms = 0});
    add(a, &(struct auth_issuer){.key = OTHER_SECRET});
    buf_init(&pem, AUTH_OWN_KEY_SIZE);
    auth_own_key_new(&pem, crypto_random());
    assert_int_equal(set_own_key(a, buf_str(&pem)), 0);
    buf_fini(&pem);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct auth_identity id;
        const str token = token_sign(text, cases[i].secret, STR(H), cases[i].claims);
        expect_int(cases[i].name, verify(a, token, &id), cases[i].r);
    }
    auth_free(a);
}

static void nobody_is_known_without_issuers(void **state)
{
    struct auth *a = auth_new(1);
    struct auth_identity id;

    (void)state;
    assert_int_equal(verify(a, STR(""), &id), AUTH_MISSING);
    assert_int_equal(verify(a, (str){0}, &id), AUTH_MISSING);
    assert_int_equal(verify(a, STR(TOKEN_ES256), &id), AUTH_INVALID);
    auth_free(a);
    auth_free(NULL);
}

static account account_of_text(const char *text)
{
    account a;

    assert_int_equal(auth_account_parse(&a, str_of(text), 1), 0);
    return a;
}

/** A token of our own. @return it, in out */
static str mint(struct buf *out, str pem, const char *address)
{
    const struct auth_mint m = {
        .account = account_of_text(address),
        .now_ms = NOW_MS + 999, // within a second: iat is its start
        .ttl_ms = 60000,
        .session = STR("a\"session"),
    };

    struct auth_signer signer;

    assert_int_equal(auth_signer_init(&signer, pem), 0);
    buf_init(out, AUTH_TOKEN_MAX);
    auth_mint(out, &signer, &m);
    auth_signer_fini(&signer);
    return buf_str(out);
}

static void what_we_make_we_take(void **state)
{
    static const char *const addresses[] = {
        TOKEN_SUB,
        ("eip155:9007199254740991:" TOKEN_SUB),
        "solana:5eykt4UsFv8P8NJdTREpY1vzqKqZKvdp:2S3P4HxJpyyigGzodYwHtCxZyUQe9JiBMHyRWXArAaKv",
    };
    struct auth *a = auth_new(1);

    (void)state;
    assert_int_equal(set_own_key(a, STR(ED25519_PRIVATE)), 0);
    for (size_t i = 0; i < COUNT_OF(addresses); i++) {
        struct buf token;
        struct buf again;
        struct auth_identity id;
        char text[AUTH_ACCOUNT_TEXT_SIZE];
        const str made = mint(&token, STR(ED25519_PRIVATE), addresses[i]);

        expect_int(addresses[i], verify(a, made, &id), 0);
        expect_str(addresses[i], auth_account_text(text, &id.account), str_of(addresses[i]));
        assert_int_equal(id.expires_at_ms, NOW_MS + 60000);
        assert_int_equal(id.skew_ms, AUTH_SKEW_MS);
        assert_string_equal(id.session, "a\"session");
        assert_string_equal(id.key, id.session);
        expect_str("again", mint(&again, STR(ED25519_PRIVATE), addresses[i]), made);
        buf_fini(&token);
        buf_fini(&again);
    }
    auth_free(a);
}

static void says_of_itself_what_it_should(void **state)
{
    // kid: of {"crv":"Ed25519","kty":"OKP","x":"..."} (RFC 7638)
    static const char header[] =
        "{\"alg\":\"EdDSA\",\"typ\":\"at+jwt\",\"kid\":\"" ED25519_KID "\"}";
    static const char claims[] =
        "{\"iss\":\"parley\",\"aud\":\"parley\",\"sub\":\"" TOKEN_SUB "\",\"iat\":" NOW
        ",\"exp\":1999996460,\"sid\":\"a\\\"session\",\"jti\":\"";
    struct buf token;
    char bytes[1024];
    size_t n = 0;

    (void)state;
    str rest = mint(&token, STR(ED25519_PRIVATE), TOKEN_SUB);
    assert_int_equal(base64_url_decode(bytes, &n, str_take_until(&rest, '.')), 0);
    expect_str("header", ((str){bytes, n}), str_of(header));
    assert_int_equal(base64_url_decode(bytes, &n, str_take_until(&rest, '.')), 0);
    assert_int_equal(n, sizeof(claims) - 1 + 22 + 2); // a jti of 16 bytes
    expect_str("claims", ((str){bytes, sizeof(claims) - 1}), str_of(claims));
    buf_fini(&token);
}

static void a_token_of_another_server_is_none(void **state)
{
    struct auth *a = auth_new(1);
    struct auth_identity id;
    struct buf pem;
    struct buf token;

    (void)state;
    buf_init(&pem, AUTH_OWN_KEY_SIZE);
    auth_own_key_new(&pem, crypto_random());
    assert_int_equal(set_own_key(a, buf_str(&pem)), 0);
    assert_int_equal(verify(a, mint(&token, STR(ED25519_PRIVATE), TOKEN_SUB), &id),
                     AUTH_INVALID);
    buf_fini(&token);
    assert_int_equal(verify(a, mint(&token, buf_str(&pem), TOKEN_SUB), &id), 0);
    buf_fini(&token);
    buf_fini(&pem);
    auth_free(a);
}

static void only_a_private_ed25519_key_makes_tokens(void **state)
{
    static const str pems[] = {STR(""), STR("x"), STR(ED25519_PUBLIC), STR(P256_PRIVATE)};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(pems); i++) {
        struct auth *a = auth_new(1);
        struct auth_signer signer;

        expect_int(pems[i].ptr, set_own_key(a, pems[i]), AUTH_OWN_BAD_KEY);
        expect_int(pems[i].ptr, auth_signer_init(&signer, pems[i]), AUTH_OWN_BAD_KEY);
        auth_free(a);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(judges_each_row),
        cmocka_unit_test(says_who_it_is_and_until_when),
        cmocka_unit_test(a_session_has_the_name_that_the_token_gives_it),
        cmocka_unit_test(a_name_is_of_one_account),
        cmocka_unit_test(a_token_that_is_not_whole_is_none),
        cmocka_unit_test(a_token_is_three_parts_of_base64url),
        cmocka_unit_test(a_token_has_8192_bytes_at_most),
        cmocka_unit_test(each_algorithm_is_good_with_its_own_key),
        cmocka_unit_test(a_public_key_is_no_secret),
        cmocka_unit_test(a_token_without_a_signature_is_none),
        cmocka_unit_test(kid_picks_among_the_keys_of_a_set),
        cmocka_unit_test(iss_picks_the_issuer_and_its_rules),
        cmocka_unit_test(nobody_is_known_without_issuers),
        cmocka_unit_test(what_we_make_we_take),
        cmocka_unit_test(says_of_itself_what_it_should),
        cmocka_unit_test(a_token_of_another_server_is_none),
        cmocka_unit_test(only_a_private_ed25519_key_makes_tokens),
    };
    return cmocka_run_group_tests_name("auth/jwt", tests, NULL, NULL);
}
