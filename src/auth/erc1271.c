#include "auth/erc1271.h"

#define WORD_SIZE ((size_t)32) // bytes; the ABI pads everything to whole ones

#define MAGIC "\x16\x26\xba\x7e" // isValidSignature(bytes32,bytes), and its yes
#define SUFFIX_8                                                                               \
    "\x64\x92\x64\x92"                                                                         \
    "\x64\x92\x64\x92"

static const str suffix = {SUFFIX_8 SUFFIX_8 SUFFIX_8 SUFFIX_8, WORD_SIZE};

bool auth_erc1271_is_wrapped(str signature)
{
    if (signature.len <= suffix.len)
        return false;
    str_take(&signature, signature.len - suffix.len);
    return str_eq(signature, suffix);
}

static void add(struct buf *out, str bytes)
{
    const int r = buf_add(out, bytes);
    assert(r == 0);
}

static void add_zeroes(struct buf *out, size_t n)
{
    static const char zeroes[WORD_SIZE];

    assert(n <= sizeof(zeroes));
    add(out, (str){zeroes, n});
}

/** @param n  below 65536 */
static void add_number(struct buf *out, size_t n)
{
    const char bytes[] = {(char)(n >> 8), (char)n};

    add_zeroes(out, WORD_SIZE - sizeof(bytes));
    add(out, (str){bytes, sizeof(bytes)});
}

/** What has no fixed size, behind what has: how long it is, then itself. */
static void add_signature(struct buf *out, str signature)
{
    static_assert(AUTH_SIGNATURE_MAX < 65536, "two bytes say how long it is");
    static_assert(AUTH_SIGNATURE_MAX % WORD_SIZE == 0, "the longest needs no more room");
    add_number(out, signature.len);
    add(out, signature);
    add_zeroes(out, (WORD_SIZE - signature.len % WORD_SIZE) % WORD_SIZE);
}

static void add_digest(struct buf *out, const struct auth_contract_proof *proof)
{
    add(out, (str){(const char *)proof->digest, AUTH_DIGEST_SIZE});
}

void auth_erc1271_print(struct buf *out, const struct auth_contract_proof *proof)
{
    assert(proof->signature.len <= AUTH_SIGNATURE_MAX);
    if (auth_erc1271_is_wrapped(proof->signature)) {
        add(out, (str){(const char *)auth_erc6492_validator, AUTH_ERC6492_VALIDATOR_SIZE});
        add_zeroes(out, WORD_SIZE - AUTH_CONTRACT_ADDRESS_SIZE);
        add(out, (str){(const char *)proof->address, AUTH_CONTRACT_ADDRESS_SIZE});
        add_digest(out, proof);
        add_number(out, 3 * WORD_SIZE); // where the signature is
    } else {
        add(out, STR(MAGIC));
        add_digest(out, proof);
        add_number(out, 2 * WORD_SIZE);
    }
    add_signature(out, proof->signature);
}

/**
 * The magic value, padded. It is the selector as well, with which all begins that echoes what
 * it was asked, as the contract 0x...04 does on every chain: behind it would be the digest.
 */
bool auth_erc1271_is_valid(str result, bool is_wrapped)
{
    static const char yes[WORD_SIZE] = MAGIC;

    return is_wrapped ? str_eq(result, STR("\1")) : str_starts(result, (str){yes, sizeof(yes)});
}
