#include <secp256k1_recovery.h>

#include "crypto/digest.h"
#include "crypto/keccak.h"
#include "crypto/secp256k1.h"
#include "support/exact.h"
#include "support/vectors.h"

#define V_AT 64 // behind r and s

#define ORDER      "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141"
#define HALF       "7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0"
#define HALF_PLUS  "7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a1"
#define ORDER_PLUS "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364142"
#define ZERO       "0000000000000000000000000000000000000000000000000000000000000000"
#define ONE        "0000000000000000000000000000000000000000000000000000000000000001"
#define ALL_ONES   "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"

/** What the tests of three libraries expect of personal_sign. */
static const struct sample {
    const char *name;
    str message;
    const char *key;
    const char *address;
    const char *signature;
} samples[] = {
    {"ethers", STR("hello world"),
     "0123456789012345678901234567890123456789012345678901234567890123",
     "14791697260e4c9a71f18484c9f997b308e59325",
     "ddd0a7290af9526056b4e35a077b9a11b513aa0028ec6c9880948544508f3c63"
     "265e99e47ad31bb2cab9646c504576b3abc6939a1710afc08cbf3034d73214b81c"},
    {"web3.js", STR("Some data"),
     "4c0883a69102937d6231471b5dbb6204fe5129617082792ae468d01a3f362318",
     "2c7536e3605d9c16a7a3d7b1898e529396a65c23",
     "b91467e570a6466aa9e9876cbcd013baba02900b8979d43fe208a4a4f339f5fd"
     "6007e74cd82e037b800186422fc2da167c747ef045e5d18a5f5d4300f8e1a0291c"},
    {"viem", STR("hello world"),
     "ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80",
     "f39fd6e51aad88f6f4ce6ab8827279cfffb92266",
     "a461f509887bd19e312c0c58467ce8ff8e300d3c1a90b608a760c5b80318eaf1"
     "5fe57c96f9175d6cd4daad4663763baa7e78836e067d0163e9a2ccf2ff753f5b1b"},
};

static void unhex(uint8_t *out, const char *hex)
{
    for (; *hex != '\0'; hex += 2)
        *out++ = (uint8_t)(hex_value(hex[0]) * 16 + hex_value(hex[1]));
}

/** EIP-191, version 0x45. */
static void digest_of(uint8_t digest[32], str message)
{
    char text[128];
    const int n = snprintf(text, sizeof(text), "\x19%s%zu" STR_FMT,
                           "Ethereum Signed Message:\n", message.len, STR_ARG(message));

    assert_in_range(n, 1, sizeof(text) - 1);
    crypto_keccak256(digest, (str){text, (size_t)n});
}

/** As a wallet signs. */
static void sign(uint8_t out[CRYPTO_RECOVERED_SIZE], const uint8_t digest[32],
                 const uint8_t key[32])
{
    secp256k1_context *context = secp256k1_context_create(SECP256K1_CONTEXT_NONE);
    secp256k1_ecdsa_recoverable_signature signature;
    int parity;

    assert_int_equal(
        secp256k1_ecdsa_sign_recoverable(context, &signature, digest, key, NULL, NULL), 1);
    secp256k1_ecdsa_recoverable_signature_serialize_compact(context, out, &parity, &signature);
    out[V_AT] = (uint8_t)(27 + parity);
    secp256k1_context_destroy(context);
}

/** Of a copy that is as large as it says, and with an address that a refusal leaves alone. */
static int recover(uint8_t address[CRYPTO_ADDRESS_SIZE], const uint8_t digest[32],
                   const uint8_t *signature, size_t n)
{
    CLEANUP(exact_freep) char *copy = exact_copy((str){(const char *)signature, n});
    uint8_t untouched[CRYPTO_ADDRESS_SIZE];

    memset(address, 0xee, CRYPTO_ADDRESS_SIZE);
    memset(untouched, 0xee, sizeof(untouched));
    const int r = crypto_secp256k1_recover(address, digest, (str){copy, n});
    if (r != 0) {
        assert_int_equal(r, CRYPTO_RECOVER_BAD);
        assert_memory_equal(address, untouched, sizeof(untouched));
    }
    return r;
}

static void what_libraries_sign_is_recovered(void **state)
{
    (void)state;
    for (const struct sample *s = samples; s < samples + COUNT_OF(samples); s++) {
        uint8_t digest[32];
        uint8_t want[CRYPTO_ADDRESS_SIZE];
        uint8_t got[CRYPTO_ADDRESS_SIZE];
        uint8_t signature[CRYPTO_RECOVERED_SIZE];

        digest_of(digest, s->message);
        unhex(want, s->address);
        unhex(signature, s->signature);
        expect_int(s->name, recover(got, digest, signature, sizeof(signature)), 0);
        expect_int(s->name, memcmp(got, want, sizeof(want)), 0);
    }
}

static void the_same_key_signs_the_same_here(void **state)
{
    (void)state;
    for (const struct sample *s = samples; s < samples + COUNT_OF(samples); s++) {
        uint8_t digest[32];
        uint8_t key[32];
        uint8_t want[CRYPTO_RECOVERED_SIZE];
        uint8_t got[CRYPTO_RECOVERED_SIZE];

        digest_of(digest, s->message);
        unhex(key, s->key);
        unhex(want, s->signature);
        sign(got, digest, key);
        expect_int(s->name, memcmp(got, want, sizeof(want)), 0);
    }
}

struct signed_by {
    uint8_t digest[32];
    uint8_t signature[CRYPTO_RECOVERED_SIZE];
    uint8_t address[CRYPTO_ADDRESS_SIZE];
};

static struct signed_by first_sample(void)
{
    struct signed_by s;

    digest_of(s.digest, samples[0].message);
    unhex(s.signature, samples[0].signature);
    unhex(s.address, samples[0].address);
    return s;
}

static bool is_recovered(const struct signed_by *s)
{
    uint8_t got[CRYPTO_ADDRESS_SIZE];

    return recover(got, s->digest, s->signature, sizeof(s->signature)) == 0 &&
           memcmp(got, s->address, sizeof(got)) == 0;
}

static void v_is_one_of_four(void **state)
{
    struct signed_by s = first_sample(); // its v is 28

    (void)state;
    for (unsigned v = 0; v <= UINT8_MAX; v++) {
        uint8_t got[CRYPTO_ADDRESS_SIZE];
        const bool is_parity = v == 0 || v == 1 || v == 27 || v == 28;
        char name[16];

        (void)snprintf(name, sizeof(name), "v %u", v);
        s.signature[V_AT] = (uint8_t)v;
        expect_int(name, recover(got, s.digest, s.signature, sizeof(s.signature)),
                   is_parity ? 0 : CRYPTO_RECOVER_BAD);
        expect_int(name, is_recovered(&s), v == 1 || v == 28);
    }
}

static void no_other_length_is_taken(void **state)
{
    const struct signed_by s = first_sample();
    uint8_t longer[CRYPTO_RECOVERED_SIZE + 1] = {0};

    (void)state;
    memcpy(longer, s.signature, sizeof(s.signature));
    for (size_t n = 0; n <= sizeof(longer); n++) {
        uint8_t got[CRYPTO_ADDRESS_SIZE];
        char name[32];

        (void)snprintf(name, sizeof(name), "%zu bytes", n);
        expect_int(name, recover(got, s.digest, longer, n),
                   n == CRYPTO_RECOVERED_SIZE ? 0 : CRYPTO_RECOVER_BAD);
    }
}

/** EIP-2098: v is the highest bit of s. */
static void the_compact_form_is_refused(void **state)
{
    struct signed_by s = first_sample();
    uint8_t got[CRYPTO_ADDRESS_SIZE];

    (void)state;
    s.signature[32] |= 0x80;
    assert_int_equal(recover(got, s.digest, s.signature, V_AT), CRYPTO_RECOVER_BAD);
}

/** n - s and the other v: the twin that is as good for who only verifies. */
static void negate_s(uint8_t signature[CRYPTO_RECOVERED_SIZE])
{
    uint8_t order[32];
    int borrow = 0;

    unhex(order, ORDER);
    for (int i = 31; i >= 0; i--) {
        const int d = order[i] - signature[32 + i] - borrow;
        signature[32 + i] = (uint8_t)d;
        borrow = d < 0;
    }
    signature[V_AT] = (uint8_t)(27 + 28 - signature[V_AT]);
}

static void the_twin_with_the_high_s_is_refused(void **state)
{
    (void)state;
    for (const struct sample *s = samples; s < samples + COUNT_OF(samples); s++) {
        uint8_t digest[32];
        uint8_t got[CRYPTO_ADDRESS_SIZE];
        uint8_t signature[CRYPTO_RECOVERED_SIZE];

        digest_of(digest, s->message);
        unhex(signature, s->signature);
        negate_s(signature);
        expect_int(s->name, recover(got, digest, signature, sizeof(signature)),
                   CRYPTO_RECOVER_BAD);
        negate_s(signature);
        expect_int(s->name, recover(got, digest, signature, sizeof(signature)), 0);
    }
}

/** An r that is the x of a point: the generator's. */
#define R "79be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798"

static void r_and_s_are_numbers_of_the_group(void **state)
{
    static const struct {
        const char *name;
        const char *r;
        const char *s;
        int want;
    } rows[] = {
        {"the smallest s", R, ONE, 0},
        {"half the order", R, HALF, 0},
        {"half and one", R, HALF_PLUS, CRYPTO_RECOVER_BAD},
        {"s is 0", R, ZERO, CRYPTO_RECOVER_BAD},
        {"s is the order", R, ORDER, CRYPTO_RECOVER_BAD},
        {"s is one more", R, ORDER_PLUS, CRYPTO_RECOVER_BAD},
        {"s is all ones", R, ALL_ONES, CRYPTO_RECOVER_BAD},
        {"the smallest r", ONE, ONE, 0},
        {"r is 0", ZERO, ONE, CRYPTO_RECOVER_BAD},
        {"r is the order", ORDER, ONE, CRYPTO_RECOVER_BAD},
        {"r is one more", ORDER_PLUS, ONE, CRYPTO_RECOVER_BAD},
        {"r is all ones", ALL_ONES, ONE, CRYPTO_RECOVER_BAD},
        {"no point has this x",
         "0000000000000000000000000000000000000000000000000000000000000005", ONE,
         CRYPTO_RECOVER_BAD},
        {"both are 0", ZERO, ZERO, CRYPTO_RECOVER_BAD},
    };
    const struct signed_by s = first_sample();

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        for (uint8_t v = 27; v <= 28; v++) {
            uint8_t got[CRYPTO_ADDRESS_SIZE];
            uint8_t signature[CRYPTO_RECOVERED_SIZE];

            unhex(signature, rows[i].r);
            unhex(signature + 32, rows[i].s);
            signature[V_AT] = v;
            expect_int(rows[i].name, recover(got, s.digest, signature, sizeof(signature)),
                       rows[i].want);
        }
    }
}

/** The key is (s * R - digest * G) / r: with R = G and s = digest there is none. */
static void a_key_at_infinity_is_nobodys(void **state)
{
    uint8_t digest[32];
    uint8_t got[CRYPTO_ADDRESS_SIZE];
    uint8_t signature[CRYPTO_RECOVERED_SIZE];

    (void)state;
    unhex(digest, ONE);
    unhex(signature, R);
    unhex(signature + 32, ONE);
    signature[V_AT] = 27;
    assert_int_equal(recover(got, digest, signature, sizeof(signature)), CRYPTO_RECOVER_BAD);
    signature[V_AT] = 28;
    assert_int_equal(recover(got, digest, signature, sizeof(signature)), 0);
}

static void a_bit_that_changes_is_another_signer_or_none(void **state)
{
    (void)state;
    for (size_t bit = 0; bit < (size_t)8 * CRYPTO_RECOVERED_SIZE; bit++) {
        struct signed_by s = first_sample();
        char name[32];

        s.signature[bit / 8] ^= (uint8_t)(1U << bit % 8);
        (void)snprintf(name, sizeof(name), "bit %zu of the signature", bit);
        expect_int(name, is_recovered(&s), false);
    }
    for (size_t bit = 0; bit < (size_t)8 * CRYPTO_KECCAK_SIZE; bit++) {
        struct signed_by s = first_sample();
        char name[32];

        s.digest[bit / 8] ^= (uint8_t)(1U << bit % 8);
        (void)snprintf(name, sizeof(name), "bit %zu of the digest", bit);
        expect_int(name, is_recovered(&s), false);
    }
}

/** What a vector claims: that a key has signed this. */
struct claim {
    uint8_t digest[CRYPTO_SHA256_SIZE];
    uint8_t address[CRYPTO_ADDRESS_SIZE];
};

static struct claim claim_of(const struct json *group, const struct json *test)
{
    struct claim c;
    uint8_t hash[CRYPTO_KECCAK_SIZE];
    size_t n_point;
    size_t n_msg;
    char *point = vector_bytes(json_member(group, "publicKey"), "uncompressed", &n_point);
    char *msg = vector_bytes(test, "msg", &n_msg);

    assert_int_equal(n_point, 65);
    crypto_keccak256(hash, (str){point + 1, 64});
    memcpy(c.address, hash + 12, sizeof(c.address));
    crypto_sha256(c.digest, (str){msg, n_msg});
    free(point);
    free(msg);
    return c;
}

static bool is_of_claimed(const struct claim *c, str r_and_s)
{
    uint8_t signature[512] = {0};
    uint8_t got[CRYPTO_ADDRESS_SIZE];
    bool is_right = false;

    assert_in_range(r_and_s.len, 0, sizeof(signature) - 1);
    str_copy((char *)signature, r_and_s);
    for (unsigned v = 0; v <= UINT8_MAX; v++) {
        signature[r_and_s.len] = (uint8_t)v;
        is_right |= recover(got, c->digest, signature, r_and_s.len + 1) == 0 &&
                    memcmp(got, c->address, sizeof(got)) == 0;
    }
    return is_right;
}

/** Their s may be the higher one: not in the file of Bitcoin's. */
static bool has_high_s(str r_and_s)
{
    secp256k1_ecdsa_signature signature;

    return r_and_s.len == 64 &&
           secp256k1_ecdsa_signature_parse_compact(secp256k1_context_static, &signature,
                                                   (const uint8_t *)r_and_s.ptr) == 1 &&
           secp256k1_ecdsa_signature_normalize(secp256k1_context_static, NULL, &signature) == 1;
}

static bool is_valid(const struct json *test)
{
    return str_eq(vector_text(test, "result"), STR("valid"));
}

static void check_p1363(const struct json *group, const struct json *test, const char *name)
{
    const struct claim c = claim_of(group, test);
    size_t n;
    char *sig = vector_bytes(test, "sig", &n);
    const str r_and_s = {sig, n};

    expect_int(name, is_of_claimed(&c, r_and_s), is_valid(test) && !has_high_s(r_and_s));
    free(sig);
}

// Its point lies beyond the order, for which v would have to be 2 or 3.
#define LARGE_X 346

/** DER, which no wallet sends: what is no DER has no r and s to be tried. */
static void check_bitcoin(const struct json *group, const struct json *test, const char *name)
{
    const secp256k1_context *context = secp256k1_context_static;
    const struct claim c = claim_of(group, test);
    secp256k1_ecdsa_signature parsed;
    uint8_t compact[64];
    size_t n;
    char *sig = vector_bytes(test, "sig", &n);

    if (secp256k1_ecdsa_signature_parse_der(context, &parsed, (const uint8_t *)sig, n) == 1) {
        secp256k1_ecdsa_signature_serialize_compact(context, compact, &parsed);
        expect_int(name, is_of_claimed(&c, (str){(const char *)compact, sizeof(compact)}),
                   is_valid(test) && vector_number(test, "tcId") != LARGE_X);
    } else {
        expect_int(name, is_valid(test), false);
    }
    free(sig);
}

static void p1363(void **state)
{
    (void)state;
    vectors_run("wycheproof/ecdsa_secp256k1_sha256_p1363_test.json", check_p1363);
}

static void bitcoin(void **state)
{
    (void)state;
    vectors_run("wycheproof/ecdsa_secp256k1_sha256_bitcoin_test.json", check_bitcoin);
}

// Whose a key is.

static void a_key_has_the_address_that_libraries_give_it(void **state)
{
    const struct {
        const char *name;
        const char *key;
        const char *address;
    } rows[] = {
        {"1", ONE, "7e5f4552091a69125d5dfcb7b8c2659029395bdf"},
        {"2", "0000000000000000000000000000000000000000000000000000000000000002",
         "2b5ad5c4795c026514f8317c7a215e218dccd6cf"},
        {"the largest", "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364140",
         "80c0dbf239224071c59dd8970ab9d542e3414ab2"},
        {samples[0].name, samples[0].key, samples[0].address},
        {samples[1].name, samples[1].key, samples[1].address},
        {samples[2].name, samples[2].key, samples[2].address},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        uint8_t key[CRYPTO_WALLET_KEY_SIZE];
        uint8_t want[CRYPTO_ADDRESS_SIZE];
        uint8_t got[CRYPTO_ADDRESS_SIZE];

        unhex(key, rows[i].key);
        unhex(want, rows[i].address);
        expect_int(rows[i].name, crypto_secp256k1_address(got, key), 0);
        expect_int(rows[i].name, memcmp(got, want, sizeof(want)), 0);
    }
}

static void what_is_no_key_has_no_address(void **state)
{
    static const char *const rows[] = {ZERO, ORDER, ORDER_PLUS, ALL_ONES};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        uint8_t key[CRYPTO_WALLET_KEY_SIZE];
        uint8_t got[CRYPTO_ADDRESS_SIZE] = {0xee};
        const uint8_t untouched[CRYPTO_ADDRESS_SIZE] = {0xee};

        unhex(key, rows[i]);
        expect_int(rows[i], crypto_secp256k1_address(got, key), CRYPTO_WALLET_KEY_BAD);
        assert_memory_equal(got, untouched, sizeof(untouched));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_libraries_sign_is_recovered),
        cmocka_unit_test(the_same_key_signs_the_same_here),
        cmocka_unit_test(v_is_one_of_four),
        cmocka_unit_test(no_other_length_is_taken),
        cmocka_unit_test(the_compact_form_is_refused),
        cmocka_unit_test(the_twin_with_the_high_s_is_refused),
        cmocka_unit_test(r_and_s_are_numbers_of_the_group),
        cmocka_unit_test(a_key_at_infinity_is_nobodys),
        cmocka_unit_test(a_bit_that_changes_is_another_signer_or_none),
        cmocka_unit_test(a_key_has_the_address_that_libraries_give_it),
        cmocka_unit_test(what_is_no_key_has_no_address),
        VECTORS_TEST(p1363),
        VECTORS_TEST(bitcoin),
    };
    return cmocka_run_group_tests_name("crypto/secp256k1", tests, NULL, NULL);
}
