#include "auth/erc1271.h"
#include "base/hex.h"
#include "crypto/keccak.h"
#include "support/exact.h"
#include "support/t.h"

#define SUFFIX "6492649264926492649264926492649264926492649264926492649264926492"

static uint8_t address[AUTH_CONTRACT_ADDRESS_SIZE]; // a0, a1, a2...
static uint8_t digest[AUTH_DIGEST_SIZE];            // 10, 11, 12...

static size_t unhex(char *out, const char *hex)
{
    size_t n = 0;

    for (; hex[2 * n]; n++)
        out[n] = (char)(hex_value(hex[2 * n]) << 4 | hex_value(hex[2 * n + 1]));
    return n;
}

/** 03, 0a, 11, 18...; with `wrapped` the last 32 are the suffix. */
static str make_signature(char out[AUTH_SIGNATURE_MAX], size_t n, bool wrapped)
{
    for (size_t i = 0; i < n; i++)
        out[i] = (char)(i * 7 + 3);
    if (wrapped)
        unhex(out + n - 32, SUFFIX);
    return (str){out, n};
}

static void print(struct buf *out, str signature)
{
    CLEANUP(exact_freep) char *copy = exact_copy(signature);
    const struct auth_contract_proof proof = {
        .chain = 1,
        .address = address,
        .digest = digest,
        .signature = {copy, signature.len},
    };

    buf_init(out, AUTH_ERC1271_DATA_SIZE);
    auth_erc1271_print(out, &proof);
}

static void expect_hex(const char *what, str got, const char *want)
{
    static char bytes[AUTH_ERC1271_DATA_SIZE];
    const size_t n = unhex(bytes, want);

    expect_int(what, got.len, n);
    assert_memory_equal(got.ptr, bytes, n);
}

static void expect_keccak(const char *what, str got, const char *want)
{
    uint8_t hash[CRYPTO_KECCAK_SIZE];

    crypto_keccak256(hash, got);
    expect_hex(what, (str){(const char *)hash, sizeof(hash)}, want);
}

static void the_validator_is_what_viem_has(void **state)
{
    const str code = {(const char *)auth_erc6492_validator, sizeof(auth_erc6492_validator)};

    (void)state;
    assert_int_equal(code.len, 1709);
    expect_keccak("validator", code,
                  "e5a34b3ba859e76b831596ccddcf86ae87fb56523300c4a4eb7b889301f9f9d9");
}

// What viem 2.57.20 makes of these: encodeFunctionData() of isValidSignature, and of what is
// wrapped concat() of the validator and encodeAbiParameters() of address, bytes32, bytes.

static const struct {
    const char *name;
    size_t n; // bytes of the signature
    bool is_wrapped;
    size_t n_data;
    const char *keccak; // of the data
} rows[] = {
    // clang-format off
    {"empty",                     0,    false, 100,   "f1ff29938ee37004efca2e75a7236491a9d20780994a06de11fa8a759be7ad16"},
    {"a byte",                    1,    false, 132,   "0d13d2631a451cbcf149963d8ed027cb270df04f169bc3a79f41fe09e31cc9da"},
    {"a byte less than a word",   31,   false, 132,   "9c975673eb6c2fe47bdcef5860934d68093576d70c9421d39cb8d380b7a564ec"},
    {"a word",                    32,   false, 132,   "48e61b6ad9bc0205bffd6099ecaa46944f21730136533ac43856ececb825c102"},
    {"a byte more",               33,   false, 164,   "7cb9de5f65110dc3bed9f377190b3f412c9eed55c9a0f9f4ce633d9bf8d4de74"},
    {"two words",                 64,   false, 164,   "ea06720757fe0f9cdaa3bc2d1001bb99600ffcb93d54a0c470b52882987037b6"},
    {"one owner's",               65,   false, 196,   "375ba6d77457d8faacd16a95e565b52e8f02e3ff119c7d99b5265e8257f43f99"},
    {"four words",                128,  false, 228,   "ba9922230bf65e9034eb5966e1e02bb10421d0b7311dacbd6c1bd9a211e2e523"},
    {"a byte less than the most", 8191, false, 8292,  "d26c537ab77d30e71427e862b3335ce6a0a51fbcdd307c366a415ff7985ac7f2"},
    {"the most",                  8192, false, 8292,  "acc8e52d3bde5182b5465732762db4bbaaa3a082db6b0f66466b07ef5f9cfcdd"},
    {"wrapped, a byte",           33,   true,  1901,  "0df4071fe19c95df855087c75e1eafca9e6882177e43ef99fdb90f784ca1a90b"},
    {"wrapped, a word",           64,   true,  1901,  "f0b5f3e863306f6ab104d831cd26a3c91c6c0a6df96bb72bc3982039576a5ccb"},
    {"wrapped, a byte more",      65,   true,  1933,  "cbd8d8cbb9c384144b118dfbae9b98e275644905ef13109222a675c308f5de58"},
    {"wrapped, three words",      128,  true,  1965,  "20d0a7b16ca0fc3fff3eee8a016c11bf7b31a8734dde98a5db185b866d717c02"},
    {"wrapped, seven words",      256,  true,  2093,  "68185b7c263607a53a522144f56163cd866832e94073a6973af1813db3fa1771"},
    {"wrapped, nearly the most",  8191, true,  10029, "3016ded6f38c6dc388a19291556a66de6bc0a6e4ea6d9f202d042f93a00e8ea5"},
    {"wrapped, the most",         8192, true,  10029, "e3cc275475d11b7ce8ce2008853413f1499c8aa11c220897edc8f48f4ceb8568"},
    // clang-format on
};

static void encodes_as_viem_does(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char bytes[AUTH_SIGNATURE_MAX];
        const str signature = make_signature(bytes, rows[i].n, rows[i].is_wrapped);
        struct buf data;

        expect_int(rows[i].name, auth_erc1271_is_wrapped(signature), rows[i].is_wrapped);
        print(&data, signature);
        expect_int(rows[i].name, data.len, rows[i].n_data);
        expect_keccak(rows[i].name, buf_str(&data), rows[i].keccak);
        buf_fini(&data);
    }
}

static void asks_the_wallet_by_selector_digest_and_signature(void **state)
{
    char bytes[AUTH_SIGNATURE_MAX];
    struct buf data;

    (void)state;
    print(&data, (str){0});
    expect_hex("empty", buf_str(&data),
               "1626ba7e"
               "101112131415161718191a1b1c1d1e1f202122232425262728292a2b2c2d2e2f"
               "0000000000000000000000000000000000000000000000000000000000000040"
               "0000000000000000000000000000000000000000000000000000000000000000");
    buf_fini(&data);

    print(&data, make_signature(bytes, 65, false));
    expect_hex("one owner's", buf_str(&data),
               "1626ba7e"
               "101112131415161718191a1b1c1d1e1f202122232425262728292a2b2c2d2e2f"
               "0000000000000000000000000000000000000000000000000000000000000040"
               "0000000000000000000000000000000000000000000000000000000000000041"
               "030a11181f262d343b424950575e656c737a81888f969da4abb2b9c0c7ced5dc"
               "e3eaf1f8ff060d141b222930373e454c535a61686f767d848b9299a0a7aeb5bc"
               "c300000000000000000000000000000000000000000000000000000000000000");
    buf_fini(&data);
}

static void runs_the_validator_on_what_is_wrapped(void **state)
{
    char bytes[AUTH_SIGNATURE_MAX];
    struct buf data;

    (void)state;
    print(&data, make_signature(bytes, 65, true));
    str args = buf_str(&data);
    const str code = str_take(&args, AUTH_ERC6492_VALIDATOR_SIZE);
    assert_memory_equal(code.ptr, auth_erc6492_validator, code.len);
    expect_hex("arguments", args,
               "000000000000000000000000a0a1a2a3a4a5a6a7a8a9aaabacadaeafb0b1b2b3"
               "101112131415161718191a1b1c1d1e1f202122232425262728292a2b2c2d2e2f"
               "0000000000000000000000000000000000000000000000000000000000000060"
               "0000000000000000000000000000000000000000000000000000000000000041"
               "030a11181f262d343b424950575e656c737a81888f969da4abb2b9c0c7ced5dc"
               "e364926492649264926492649264926492649264926492649264926492649264"
               "9200000000000000000000000000000000000000000000000000000000000000");
    buf_fini(&data);
}

static void a_suffix_around_nothing_is_a_signature_like_any(void **state)
{
    char bytes[AUTH_SIGNATURE_MAX];
    const str signature = make_signature(bytes, 32, true);
    struct buf data;

    (void)state;
    assert_false(auth_erc1271_is_wrapped(signature));
    print(&data, signature);
    expect_keccak("suffix", buf_str(&data),
                  "7cf6cce4e60ae183ace169da48a6f58022f5575e401f313200ca51cf5b418fd3");
    buf_fini(&data);
}

static void the_suffix_is_all_of_it_and_at_the_end(void **state)
{
    char bytes[AUTH_SIGNATURE_MAX];

    (void)state;
    for (size_t i = 1; i < 65; i++) {
        const str signature = make_signature(bytes, 65, true);
        bytes[i] ^= 1;
        expect_int("a bit", auth_erc1271_is_wrapped(signature), i < 33);
    }
    make_signature(bytes, 65, true);
    bytes[65] = 0;
    assert_false(auth_erc1271_is_wrapped((str){bytes, 66}));
    assert_false(auth_erc1271_is_wrapped((str){bytes, 64}));
    assert_false(auth_erc1271_is_wrapped((str){0}));
}

static const struct {
    const char *name;
    const char *result;
    bool is_wrapped;
    bool is_valid;
} results[] = {
    // clang-format off
    {"magic",                "1626ba7e00000000000000000000000000000000000000000000000000000000", false, true},
    {"magic, more behind",   "1626ba7e00000000000000000000000000000000000000000000000000000000ff", false, true},
    {"no code there",        "", false, false},
    {"the identity contract", "1626ba7e101112131415161718191a1b1c1d1e1f202122232425262728292a2b2c2d2e2f"
                             "0000000000000000000000000000000000000000000000000000000000000040"
                             "0000000000000000000000000000000000000000000000000000000000000000", false, false},
    {"magic, the last bit",  "1626ba7e00000000000000000000000000000000000000000000000000000001", false, false},
    {"magic, the first bit", "1626ba7e80000000000000000000000000000000000000000000000000000000", false, false},
    {"magic, not padded",    "1626ba7e", false, false},
    {"magic, a byte less",   "1626ba7e000000000000000000000000000000000000000000000000000000", false, false},
    {"magic, as a number",   "000000000000000000000000000000000000000000000000000000001626ba7e", false, false},
    {"no",                   "ffffffff00000000000000000000000000000000000000000000000000000000", false, false},
    {"zero",                 "0000000000000000000000000000000000000000000000000000000000000000", false, false},
    {"true",                 "0000000000000000000000000000000000000000000000000000000000000001", false, false},
    {"the old magic",        "20c13b0b00000000000000000000000000000000000000000000000000000000", false, false},
    {"the validator's yes",  "01", false, false},
    {"wrapped, yes",         "01", true,  true},
    {"wrapped, no",          "00", true,  false},
    {"wrapped, neither",     "02", true,  false},
    {"wrapped, nothing",     "",   true,  false},
    {"wrapped, two bytes",   "0100", true, false},
    {"wrapped, a word",      "0000000000000000000000000000000000000000000000000000000000000001", true, false},
    {"wrapped, magic",       "1626ba7e00000000000000000000000000000000000000000000000000000000", true, false},
    // clang-format on
};

static void judges_each_result(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(results); i++) {
        char bytes[256];
        const size_t n = unhex(bytes, results[i].result);
        CLEANUP(exact_freep) char *copy = exact_copy((str){bytes, n});

        expect_int(results[i].name,
                   auth_erc1271_is_valid((str){copy, n}, results[i].is_wrapped),
                   results[i].is_valid);
    }
}

/** What echoes the call, as the contract 0x...04 does, says no yes by it. */
static void an_echo_is_not_valid(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char bytes[AUTH_SIGNATURE_MAX];
        struct buf data;

        print(&data, make_signature(bytes, rows[i].n, rows[i].is_wrapped));
        expect_int(rows[i].name, auth_erc1271_is_valid(buf_str(&data), rows[i].is_wrapped),
                   false);
        buf_fini(&data);
    }
}

static int start(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(address); i++)
        address[i] = (uint8_t)(0xa0 + i);
    for (size_t i = 0; i < sizeof(digest); i++)
        digest[i] = (uint8_t)(0x10 + i);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_validator_is_what_viem_has),
        cmocka_unit_test(encodes_as_viem_does),
        cmocka_unit_test(asks_the_wallet_by_selector_digest_and_signature),
        cmocka_unit_test(runs_the_validator_on_what_is_wrapped),
        cmocka_unit_test(a_suffix_around_nothing_is_a_signature_like_any),
        cmocka_unit_test(the_suffix_is_all_of_it_and_at_the_end),
        cmocka_unit_test(judges_each_result),
        cmocka_unit_test(an_echo_is_not_valid),
    };
    return cmocka_run_group_tests_name("auth/erc1271", tests, start, NULL);
}
