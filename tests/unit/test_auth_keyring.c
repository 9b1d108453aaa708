#include <stdio.h>

#include "auth/account.h"
#include "auth/keyring.h"
#include "base/base64.h"
#include "crypto/random.h"
#include "crypto/secret.h"
#include "json/json.h"
#include "support/aborts.h"
#include "support/auth_keys.h"
#include "support/t.h"

#define SUB    "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"
#define NOW_MS INT64_C(1999996400000)
#define LATER  (NOW_MS + 1000)
#define N_KEYS (AUTH_RETIRED_MAX + 2)

struct world {
    struct buf pems[N_KEYS];
    struct auth_signer signers[N_KEYS];
    struct auth_keyring ring; // of pems[0]
    struct auth *auth;
};

static int setup(void **state)
{
    static struct world w;

    for (size_t i = 0; i < N_KEYS; i++) {
        buf_init(&w.pems[i], AUTH_OWN_KEY_SIZE);
        auth_own_key_new(&w.pems[i], crypto_random());
        assert_int_equal(auth_signer_init(&w.signers[i], buf_str(&w.pems[i])), 0);
    }
    assert_int_equal(auth_keyring_init(&w.ring, buf_str(&w.pems[0])), 0);
    w.auth = auth_new(1);
    auth_remember(w.auth, crypto_random());
    *state = &w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;

    auth_free(w->auth);
    auth_keyring_fini(&w->ring);
    for (size_t i = 0; i < N_KEYS; i++) {
        auth_signer_fini(&w->signers[i]);
        secret_buf_fini(&w->pems[i]);
    }
    return 0;
}

static int retire(struct world *w, size_t i, int64_t until_ms)
{
    return auth_keyring_retire(&w->ring, buf_str(&w->pems[i]), until_ms);
}

static void mint(struct buf *token, const struct auth_signer *signer)
{
    struct auth_mint m = {.now_ms = NOW_MS, .ttl_ms = 60000, .session = STR("a")};

    assert_int_equal(auth_account_parse(&m.account, STR(SUB), 1), 0);
    buf_init(token, AUTH_TOKEN_MAX);
    auth_mint(token, signer, &m);
}

/** What auth says to a token of this key. */
static int judge_as(struct world *w, const struct auth_signer *signer)
{
    struct auth_identity id;
    const char *why = NULL;
    struct buf token;

    mint(&token, signer);
    const int r = auth_verify(w->auth, buf_str(&token), NOW_MS, &id, &why);
    buf_fini(&token);
    return r;
}

static int judge(struct world *w, size_t i)
{
    return judge_as(w, &w->signers[i]);
}

static void expect_jwks(const struct auth_keyring *k, const char *const *kids, size_t n)
{
    struct buf text;
    struct json *tree = NULL;

    buf_init(&text, SIZE_MAX / 2);
    auth_keyring_print_jwks(&text, k);
    assert_int_equal(json_parse(&tree, buf_ptr(&text), text.len), 0);
    const struct json *keys = json_member(tree, "keys");
    assert_int_equal(json_count(keys), n);
    for (size_t i = 0; i < n; i++) {
        const struct json *key = json_item(keys, i);
        expect_str("kid", json_text(json_member(key, "kid")), str_of(kids[i]));
        expect_str("alg", json_text(json_member(key, "alg")), STR("EdDSA"));
        assert_null(json_member(key, "d"));
    }
    json_free(tree);
    buf_fini(&text);
}

static void tokens_of_every_key_in_it_are_taken(void **state)
{
    struct world *w = *state;

    assert_int_equal(retire(w, 1, LATER), 0);
    assert_int_equal(retire(w, 2, LATER), 0);
    auth_set_own(w->auth, &w->ring);
    for (size_t i = 0; i < 4; i++)
        expect_int("a token", judge(w, i), i < 3 ? 0 : AUTH_INVALID);
}

static void it_is_replaced_as_a_whole(void **state)
{
    struct world *w = *state;
    struct auth_keyring next;

    auth_set_own(w->auth, &w->ring);
    assert_int_equal(judge(w, 0), 0);
    assert_int_equal(auth_keyring_init(&next, buf_str(&w->pems[1])), 0);
    assert_int_equal(auth_keyring_retire(&next, buf_str(&w->pems[2]), LATER), 0);
    auth_keyring_move(&w->ring, &next);
    assert_int_equal(next.n_retired, 0);
    assert_string_equal(next.signer.kid, "");
    auth_set_own(w->auth, &w->ring);
    assert_int_equal(judge(w, 0), AUTH_INVALID);
    assert_int_equal(judge(w, 1), 0);
    assert_int_equal(judge(w, 2), 0);
    assert_string_equal(w->ring.signer.kid, w->signers[1].kid);
}

/** A kid is what a token says of itself, and it may be wrong. */
static void a_kid_picks_the_key_and_makes_none_good(void **state)
{
    struct world *w = *state;
    struct auth_signer s;

    assert_int_equal(retire(w, 1, LATER), 0);
    auth_set_own(w->auth, &w->ring);
    const struct {
        const char *name;
        size_t key;
        const char *kid;
        int r;
    } rows[] = {
        {"its own", 0, w->signers[0].kid, 0},
        {"its own, of the retired one", 1, w->signers[1].kid, 0},
        {"the retired one's", 0, w->signers[1].kid, AUTH_INVALID},
        {"that of the retired one's successor", 1, w->signers[0].kid, AUTH_INVALID},
        {"a stranger's, with ours", 2, w->signers[0].kid, AUTH_INVALID},
        {"nobody's", 0, "nobody", AUTH_INVALID},
        {"an empty one", 0, "", AUTH_INVALID},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        s = w->signers[rows[i].key];
        snprintf(s.kid, sizeof(s.kid), "%s", rows[i].kid);
        expect_int(rows[i].name, judge_as(w, &s), rows[i].r);
    }
}

static str without_kid(char out[AUTH_TOKEN_MAX], const struct auth_signer *s)
{
    uint8_t signature[CRYPTO_ED25519_SIGNATURE_SIZE];
    struct buf token;

    mint(&token, s);
    str rest = buf_str(&token);
    str_take_until(&rest, '.');
    const str claims = str_take_until(&rest, '.');
    const str header = STR("eyJhbGciOiJFZERTQSJ9"); // {"alg":"EdDSA"}
    int n =
        snprintf(out, AUTH_TOKEN_MAX, STR_FMT "." STR_FMT, STR_ARG(header), STR_ARG(claims));
    crypto_ed25519_sign(signature, &s->key, (str){out, (size_t)n});
    out[n++] = '.';
    base64_url_encode(out + n, (str){(const char *)signature, sizeof(signature)});
    buf_fini(&token);
    return (str){out, (size_t)n + BASE64_URL_LEN(sizeof(signature))};
}

static void without_a_kid_any_of_them_may_fit(void **state)
{
    struct world *w = *state;
    char token[AUTH_TOKEN_MAX];
    struct auth_identity id;
    const char *why = NULL;

    assert_int_equal(retire(w, 1, LATER), 0);
    auth_set_own(w->auth, &w->ring);
    for (size_t i = 0; i < 3; i++) {
        const str text = without_kid(token, &w->signers[i]);
        expect_int("a token", auth_verify(w->auth, text, NOW_MS, &id, &why),
                   i < 2 ? 0 : AUTH_INVALID);
    }
}

static void publishes_all_the_one_that_signs_first(void **state)
{
    struct world *w = *state;
    const char *kids[] = {w->signers[0].kid, w->signers[2].kid, w->signers[1].kid};

    expect_jwks(&w->ring, kids, 1);
    assert_int_equal(retire(w, 2, LATER), 0);
    assert_int_equal(retire(w, 1, LATER), 0);
    expect_jwks(&w->ring, kids, 3);
}

static void a_key_is_in_it_once(void **state)
{
    struct world *w = *state;

    assert_int_equal(retire(w, 0, LATER), 0);
    assert_int_equal(w->ring.n_retired, 0);
    assert_int_equal(retire(w, 1, LATER), 0);
    assert_int_equal(retire(w, 1, NOW_MS), 0);
    assert_int_equal(w->ring.n_retired, 1);
    assert_int_equal(w->ring.retired[0].until_ms, LATER);
}

static void holds_8_retired_keys(void **state)
{
    struct world *w = *state;

    for (size_t i = 1; i <= AUTH_RETIRED_MAX; i++)
        expect_int("one", retire(w, i, LATER), 0);
    assert_int_equal(retire(w, N_KEYS - 1, LATER), AUTH_OWN_TOO_MANY);
    assert_int_equal(retire(w, 1, LATER), 0); // which is there
    auth_set_own(w->auth, &w->ring);
    for (size_t i = 0; i < N_KEYS; i++)
        expect_int("a token", judge(w, i), i <= AUTH_RETIRED_MAX ? 0 : AUTH_INVALID);
}

static void forgets_those_whose_time_is_over(void **state)
{
    struct world *w = *state;
    const char *kids[] = {w->signers[0].kid, w->signers[2].kid};

    assert_int_equal(retire(w, 1, NOW_MS), 0);
    assert_int_equal(retire(w, 2, NOW_MS + 1), 0);
    assert_int_equal(retire(w, 3, NOW_MS - 1), 0);
    assert_false(auth_keyring_forget(&w->ring, NOW_MS - 2));
    assert_true(auth_keyring_forget(&w->ring, NOW_MS));
    assert_false(auth_keyring_forget(&w->ring, NOW_MS));
    expect_jwks(&w->ring, kids, 2);
}

static void takes_a_public_key_and_no_other(void **state)
{
    static const str bad[] = {STR(""), STR("x"), STR(P256_PUBLIC), STR(P256_PRIVATE)};
    struct world *w = *state;
    const char *kids[] = {w->signers[0].kid, ED25519_KID};
    struct auth_keyring none;

    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        expect_int(bad[i].ptr, auth_keyring_retire(&w->ring, bad[i], LATER), AUTH_OWN_BAD_KEY);
        expect_int(bad[i].ptr, auth_keyring_init(&none, bad[i]), AUTH_OWN_BAD_KEY);
    }
    assert_int_equal(auth_keyring_init(&none, STR(ED25519_PUBLIC)), AUTH_OWN_BAD_KEY);
    assert_int_equal(w->ring.n_retired, 0);
    assert_int_equal(auth_keyring_retire(&w->ring, STR(ED25519_PUBLIC), LATER), 0);
    expect_jwks(&w->ring, kids, 2);
}

static void a_public_key_is_printed_as_it_is_read(void **state)
{
    struct world *w = *state;
    struct auth_public p;
    struct buf pem;

    buf_init(&pem, AUTH_OWN_KEY_SIZE);
    crypto_ed25519_print_public(&pem, &w->signers[1].key);
    assert_true(str_starts(buf_str(&pem), STR("-----BEGIN PUBLIC KEY-----\n")));
    assert_int_equal(auth_public_init(&p, buf_str(&pem)), 0);
    assert_string_equal(p.kid, w->signers[1].kid);
    assert_string_equal(p.x, w->signers[1].x);
    buf_fini(&pem);
}

static void mint_for(const struct auth_signer *s, int64_t ttl_ms)
{
    struct auth_mint m = {.now_ms = NOW_MS, .ttl_ms = ttl_ms, .session = STR("a")};
    struct buf token;

    assert_int_equal(auth_account_parse(&m.account, STR(SUB), 1), 0);
    buf_init(&token, AUTH_TOKEN_MAX);
    auth_mint(&token, s, &m);
    buf_fini(&token);
}

static void mint_for_too_long(void *arg)
{
    const struct auth_signer *s = arg;

    mint_for(s, AUTH_MINT_MS_MAX + 1);
}

/** A retired key would be gone before its tokens are over. */
static void no_token_is_good_for_more_than_30_days(void **state)
{
    struct world *w = *state;
    char said[256];

    mint_for(&w->signers[0], AUTH_MINT_MS_MAX);
    assert_true(aborts(mint_for_too_long, &w->signers[0], said, sizeof(said)));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(tokens_of_every_key_in_it_are_taken),
        TEST(it_is_replaced_as_a_whole),
        TEST(a_kid_picks_the_key_and_makes_none_good),
        TEST(without_a_kid_any_of_them_may_fit),
        TEST(publishes_all_the_one_that_signs_first),
        TEST(a_key_is_in_it_once),
        TEST(holds_8_retired_keys),
        TEST(forgets_those_whose_time_is_over),
        TEST(takes_a_public_key_and_no_other),
        TEST(a_public_key_is_printed_as_it_is_read),
        TEST(no_token_is_good_for_more_than_30_days),
    };
    return cmocka_run_group_tests_name("auth/keyring", tests, NULL, NULL);
}
