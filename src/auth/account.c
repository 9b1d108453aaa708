#include "auth/account.h"

#include <endian.h>
#include <stdio.h>

#include "base/base58.h"
#include "base/hex.h"

#define EVM_KEY   ((size_t)AUTH_ADDRESS_SIZE)
#define SOL_KEY   ((size_t)ACCOUNT_SOLANA_SIZE - ACCOUNT_KEY_AT)
#define HEX_LEN   (2 * EVM_KEY)
#define CHAIN_MAX ((UINT64_C(1) << 53) - 1) // what a client in JavaScript can hold

#define EVM_PREFIX    STR("0x")
#define EIP155_PREFIX STR("eip155:")
#define SOLANA_PREFIX STR("solana:5eykt4UsFv8P8NJdTREpY1vzqKqZKvdp:")

static_assert(ACCOUNT_EVM_SIZE - ACCOUNT_KEY_AT == AUTH_ADDRESS_SIZE, "an address is the key");

static bool take_prefix(str *text, str prefix)
{
    if (!str_starts(*text, prefix))
        return false;
    str_take(text, prefix.len);
    return true;
}

static void set_chain(account *a, uint64_t chain)
{
    for (size_t i = 0; i < 8; i++)
        a->bytes[1 + i] = (uint8_t)(chain >> (56 - 8 * i));
}

static account account_start(enum account_namespace namespace, uint64_t chain, size_t size)
{
    account a = {.len = (uint8_t)size, .bytes = {(uint8_t) namespace}};

    set_chain(&a, chain);
    return a;
}

static uint64_t chain_of(const account *a)
{
    uint64_t chain = 0;

    for (size_t i = 1; i < ACCOUNT_KEY_AT; i++)
        chain = chain << 8 | a->bytes[i];
    return chain;
}

static bool is_letter(char c)
{
    return c > '9';
}

/** @return 1 in the byte of each digit that is among the lowest of these */
static uint64_t spread(auth_cases_bits bits)
{
    const uint64_t each = HEX_EACH(bits & 0xff) & UINT64_C(0x8040201008040201);

    return (each + HEX_EACH(0x7f)) >> 7 & HEX_EACH(1);
}

static void print_checksummed(char out[HEX_LEN], const uint8_t key[EVM_KEY],
                              struct auth_cases *cases)
{
    auth_cases_bits large = auth_cases_get(cases, key);
    uint32_t word;

    for (size_t i = 0; i < EVM_KEY; i += sizeof(word), large >>= HEX_WORD) {
        memcpy(&word, key + i, sizeof(word));
        out = hex_word(out, be32toh(word), spread(large));
    }
}

/** Letters of one case have no checksum in them. */
static bool is_mixed(str digits)
{
    bool has_lower = false;
    bool has_upper = false;

    for (size_t i = 0; i < digits.len; i++) {
        has_lower |= digits.ptr[i] >= 'a';
        has_upper |= is_letter(digits.ptr[i]) && digits.ptr[i] < 'a';
    }
    return has_lower && has_upper;
}

static int parse_evm_key(uint8_t out[EVM_KEY], str digits, struct auth_cases *cases)
{
    char want[HEX_LEN];

    if (!take_prefix(&digits, EVM_PREFIX) || digits.len != HEX_LEN)
        return AUTH_ACCOUNT_BAD;
    if (hex_decode(out, digits) != 0)
        return AUTH_ACCOUNT_BAD;
    if (!is_mixed(digits))
        return 0;
    print_checksummed(want, out, cases);
    return str_eq(digits, (str){want, HEX_LEN}) ? 0 : AUTH_ACCOUNT_BAD;
}

static int parse_evm(account *out, str text, uint64_t chain, struct auth_cases *cases)
{
    account a = account_start(ACCOUNT_EVM, chain, ACCOUNT_EVM_SIZE);

    if (parse_evm_key(a.bytes + ACCOUNT_KEY_AT, text, cases) != 0)
        return AUTH_ACCOUNT_BAD;
    *out = a;
    return 0;
}

static int parse_eip155(account *out, str text, uint64_t home_chain, struct auth_cases *cases)
{
    const str digits = str_take_until(&text, ':');
    uint64_t chain = 0;

    if (digits.len > 1 && digits.ptr[0] == '0')
        return AUTH_ACCOUNT_BAD;
    if (str_to_u64(digits, CHAIN_MAX, &chain) != 0)
        return AUTH_ACCOUNT_BAD;
    return parse_evm(out, text, chain == home_chain ? 0 : chain, cases);
}

int auth_account_parse_solana(account *out, str key)
{
    account a = account_start(ACCOUNT_SOLANA, 0, ACCOUNT_SOLANA_SIZE);

    if (base58_decode(a.bytes + ACCOUNT_KEY_AT, SOL_KEY, key) != 0)
        return AUTH_ACCOUNT_BAD;
    *out = a;
    return 0;
}

int auth_account_parse_with(account *out, str text, uint64_t home_chain,
                            struct auth_cases *cases)
{
    if (take_prefix(&text, EIP155_PREFIX))
        return parse_eip155(out, text, home_chain, cases);
    if (take_prefix(&text, SOLANA_PREFIX))
        return auth_account_parse_solana(out, text);
    return parse_evm(out, text, 0, cases);
}

int auth_account_parse(account *out, str text, uint64_t home_chain)
{
    return auth_account_parse_with(out, text, home_chain, NULL);
}

static size_t print_evm(char *out, const account *a, struct auth_cases *cases)
{
    const uint64_t chain = chain_of(a);
    char *at = out;

    if (chain != 0) // a store's bytes; a chain of 64 bits has room as well
        at += sprintf(at, "eip155:%llu:", (unsigned long long)chain);
    at += str_copy(at, EVM_PREFIX).len;
    print_checksummed(at, a->bytes + ACCOUNT_KEY_AT, cases);
    return (size_t)(at - out) + HEX_LEN;
}

static size_t print_solana(char *out, const account *a)
{
    const str key = {(const char *)a->bytes + ACCOUNT_KEY_AT, SOL_KEY};
    const size_t n = str_copy(out, SOLANA_PREFIX).len;

    return n + base58_encode(out + n, key).len;
}

str auth_account_text_with(char out[AUTH_ACCOUNT_TEXT_SIZE], const account *a,
                           struct auth_cases *cases)
{
    static_assert(sizeof("eip155:18446744073709551615:0x") + HEX_LEN <= AUTH_ACCOUNT_TEXT_SIZE,
                  "");
    static_assert(sizeof("solana:5eykt4UsFv8P8NJdTREpY1vzqKqZKvdp:") + BASE58_LEN(SOL_KEY) <=
                      AUTH_ACCOUNT_TEXT_SIZE,
                  "");
    assert(a->len > 0);
    const size_t n =
        a->bytes[0] == ACCOUNT_EVM ? print_evm(out, a, cases) : print_solana(out, a);
    out[n] = '\0';
    return (str){out, n};
}

str auth_account_text(char out[AUTH_ACCOUNT_TEXT_SIZE], const account *a)
{
    return auth_account_text_with(out, a, NULL);
}

bool auth_account_is_zero(const account *a)
{
    static const uint8_t zero[EVM_KEY];

    return a->bytes[0] == ACCOUNT_EVM &&
           memcmp(a->bytes + ACCOUNT_KEY_AT, zero, sizeof(zero)) == 0;
}

account auth_account_on(const account *a, uint64_t chain)
{
    account moved = *a;

    assert(a->bytes[0] == ACCOUNT_EVM);
    set_chain(&moved, chain);
    return moved;
}
