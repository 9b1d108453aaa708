#include "support/t.h"

#include <stdio.h>

#include "crypto/digest.h"
#include "crypto/keccak.h"
#include "crypto/random.h"
#include "crypto/roca.h"
#include "crypto/secret.h"
#include "support/exact.h"

#define HEX_SIZE 65

static str hex(char out[HEX_SIZE], const uint8_t *bytes, size_t n)
{
    for (size_t i = 0; i < n; i++)
        (void)snprintf(out + 2 * i, 3, "%02x", bytes[i]);
    return (str){out, 2 * n};
}

#define TIMES_10(x) x x x x x x x x x x

// Those of FIPS 180, and those that every implementation of Keccak has.
static const struct {
    str bytes;
    str sha1;
    str sha256;
    str keccak;
} vectors[] = {
    {STR(""), STR("da39a3ee5e6b4b0d3255bfef95601890afd80709"),
     STR("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
     STR("c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470")},
    {STR("abc"), STR("a9993e364706816aba3e25717850c26c9cd0d89d"),
     STR("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
     STR("4e03657aea45a94fc7d47ba826c8d667c0d1e6e33a64a036ec44f58fa12d6c45")},
    {STR("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
     STR("84983e441c3bd26ebaae4aa1f95129e5e54670f1"),
     STR("248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"),
     STR("45d3b367a6904e6e8d502ee04999a7c27647f91fa845d456525fd352ae3d7371")},
};

static void agree_with_the_vectors(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(vectors); i++) {
        char text[HEX_SIZE];
        uint8_t digest[CRYPTO_SHA256_SIZE];
        const str bytes = vectors[i].bytes;

        crypto_sha1(digest, bytes);
        expect_str(bytes.ptr, hex(text, digest, CRYPTO_SHA1_SIZE), vectors[i].sha1);
        crypto_sha256(digest, bytes);
        expect_str(bytes.ptr, hex(text, digest, CRYPTO_SHA256_SIZE), vectors[i].sha256);
        crypto_keccak256(digest, bytes);
        expect_str(bytes.ptr, hex(text, digest, CRYPTO_KECCAK_SIZE), vectors[i].keccak);
    }
}

// Around a block of 136 bytes, of the bytes 0, 1, 2 and so on.
static const struct {
    size_t len;
    str digest;
} lengths[] = {
    {1, STR("bc36789e7a1e281436464229828f817d6612f7b477d66591ff96a9e064bcc98a")},
    {8, STR("59e7c99f6be4fd053d7c99f54e371304a33213473dc41f1825b7f3ceb33841a6")},
    {134, STR("861e165162f806cd361c4421a48f205820ddf4deb02db9f041f48e179ddada97")},
    {135, STR("cbdfd9dee5faad3818d6b06f95a219fd290b0e1706f6a82e5a595b9ce9faca62")},
    {136, STR("7ce759f1ab7f9ce437719970c26b0a66ff11fe3e38e17df89cf5d29c7d7f807e")},
    {137, STR("ac73d4fae68b8453f764007c1a20ce95994187861f0c3227a3a8e99a73a3b1db")},
    {271, STR("7c974895b2a88303ff2dc6b58f438ceb0b298cac91099ac0539cc0f477506191")},
    {272, STR("fdf2ec49e749960d3c8521a0219af8d03e30e2b3bf19bd16150ee0eaf133d66e")},
    {273, STR("4f707289a9c3ccd0c4a51f2f17339f5dd171d371c04ff7783b735b5b22682eaf")},
    {512, STR("f55ba327291604f0e5be6651752398b7be2331aad65f5763ce067df95cc13be1")},
};

static void pieces_make_the_digest_of_the_whole(void **state)
{
    char bytes[300];
    uint8_t want[CRYPTO_SHA256_SIZE];
    uint8_t got[CRYPTO_SHA256_SIZE];

    (void)state;
    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (char)i;
    crypto_sha256(want, (str){bytes, sizeof(bytes)});
    struct crypto_sha256 *h = crypto_sha256_new(); // for one after the other
    for (size_t cut = 0; cut <= sizeof(bytes); cut++) {
        crypto_sha256_add(h, (str){bytes, cut});
        crypto_sha256_add(h, (str){bytes + cut, sizeof(bytes) - cut});
        crypto_sha256_end(h, got);
        assert_memory_equal(got, want, sizeof(want));
    }
    crypto_sha256_free(h);
    crypto_sha256_free(NULL);
}

static void keccak_pads_at_each_end_of_a_block(void **state)
{
    char bytes[512];

    (void)state;
    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (char)i;
    for (size_t i = 0; i < COUNT_OF(lengths); i++) {
        char text[HEX_SIZE];
        char name[32];
        uint8_t digest[CRYPTO_KECCAK_SIZE];
        char *copy = exact_copy((str){bytes, lengths[i].len});

        (void)snprintf(name, sizeof(name), "%zu bytes", lengths[i].len);
        crypto_keccak256(digest, (str){copy, lengths[i].len});
        expect_str(name, hex(text, digest, sizeof(digest)), lengths[i].digest);
        free(copy);
    }
}

/** RFC 4231, cases 1, 2 and 6: a short key, a shorter one, one that is longer than a block. */
static void hmac_agrees_with_the_rfc(void **state)
{
    static const struct {
        str key;
        str bytes;
        str mac;
    } rows[] = {
        {STR(TIMES_10("\x0b") TIMES_10("\x0b")), STR("Hi There"),
         STR("b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7")},
        {STR("Jefe"), STR("what do ya want for nothing?"),
         STR("5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843")},
        {STR(TIMES_10(TIMES_10("\xaa")) TIMES_10("\xaa") TIMES_10("\xaa")
                 TIMES_10("\xaa") "\xaa"),
         STR("Test Using Larger Than Block-Size Key - Hash Key First"),
         STR("60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54")},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char text[HEX_SIZE];
        uint8_t mac[CRYPTO_SHA256_SIZE];

        crypto_hmac_sha256(mac, rows[i].key, rows[i].bytes);
        expect_str(rows[i].bytes.ptr, hex(text, mac, sizeof(mac)), rows[i].mac);
    }
}

static void a_comparison_finds_a_difference_anywhere(void **state)
{
    const char a[16] = "0123456789abcde";

    (void)state;
    assert_true(crypto_equal(a, "0123456789abcde", sizeof(a)));
    assert_true(crypto_equal(a, "x", 0));
    for (size_t i = 0; i < sizeof(a); i++) {
        char b[sizeof(a)];
        memcpy(b, a, sizeof(a));
        b[i] ^= 1;
        assert_false(crypto_equal(a, b, sizeof(a)));
    }
}

static void what_is_wiped_is_zero(void **state)
{
    char bytes[] = "secret";
    const char zero[sizeof(bytes)] = {0};
    struct buf b;

    (void)state;
    crypto_wipe(NULL, 0);
    crypto_wipe(bytes, sizeof(bytes));
    assert_memory_equal(bytes, zero, sizeof(bytes));

    struct secret *s = secret_new(STR("a\0b"));
    expect_str("secret", secret_str(s), STR("a\0b"));
    secret_free(s);
    secret_free(NULL);

    buf_init(&b, 16);
    secret_buf_fini(&b); // one that never held anything
    assert_int_equal(buf_add(&b, STR("secret")), 0);
    secret_buf_fini(&b);
    assert_int_equal(b.len, 0);
}

static void chance_does_not_repeat(void **state)
{
    char a[32] = {0};
    char b[32] = {0};

    (void)state;
    rand_bytes(crypto_random(), a, sizeof(a));
    rand_bytes(crypto_random(), b, sizeof(b));
    assert_memory_not_equal(a, b, sizeof(a));
}

static void a_power_of_65537_is_a_broken_modulus(void **state)
{
    (void)state;
    assert_true(roca_is_broken(STR("\x01\x00\x01")));
    assert_true(roca_is_broken(STR("\x01\x00\x02\x00\x01")));
    assert_false(roca_is_broken(STR("\x01\x00\x03")));
    assert_false(roca_is_broken(STR("\xa7"))); // no remainder at all is no power
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(agree_with_the_vectors),
        cmocka_unit_test(pieces_make_the_digest_of_the_whole),
        cmocka_unit_test(keccak_pads_at_each_end_of_a_block),
        cmocka_unit_test(hmac_agrees_with_the_rfc),
        cmocka_unit_test(a_comparison_finds_a_difference_anywhere),
        cmocka_unit_test(what_is_wiped_is_zero),
        cmocka_unit_test(chance_does_not_repeat),
        cmocka_unit_test(a_power_of_65537_is_a_broken_modulus),
    };
    return cmocka_run_group_tests_name("crypto/digest", tests, NULL, NULL);
}
