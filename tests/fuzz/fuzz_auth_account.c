#include "auth/account.h"
#include "base/base58.h"
#include "base/base64.h"
#include "base/mem.h"

// NOLINTNEXTLINE(readability-identifier-naming): the fuzzer names it
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/** What is printed reads back the same, whatever the home chain is by then. */
static void check_account(str text, uint64_t home_chain)
{
    char out[AUTH_ACCOUNT_TEXT_SIZE];
    account a;
    account again;

    if (auth_account_parse(&a, text, home_chain) != 0)
        return;
    assert(a.len == ACCOUNT_EVM_SIZE || a.len == ACCOUNT_SOLANA_SIZE);
    const str printed = auth_account_text(out, &a);
    assert(printed.len == strlen(out) && printed.len < AUTH_ACCOUNT_TEXT_SIZE);
    const int r = auth_account_parse(&again, printed, home_chain);
    assert(r == 0 && account_eq(&a, &again));
    // One account, one text: what came is longer only for the home chain's number.
    assert(str_eq_nocase(printed, text) || printed.len < text.len);
}

/** Text that decodes is the only one of its bytes. */
static void check_base58(str text)
{
    uint8_t bytes[BASE58_BYTES_SIZE];
    char out[BASE58_LEN(BASE58_BYTES_SIZE)];

    for (size_t n = 0; n <= BASE58_BYTES_SIZE; n++) {
        if (base58_decode(bytes, n, text) == 0) {
            const str again = base58_encode(out, (str){(const char *)bytes, n});
            assert(str_eq(again, text));
        }
    }
}

static void check_base64url(str text)
{
    char *bytes = mem_alloc(text.len + 1);
    char *again = mem_alloc(text.len + 1);
    size_t n = 0;

    if (base64_url_decode(bytes, &n, text) == 0) {
        assert(BASE64_URL_LEN(n) == text.len);
        base64_url_encode(again, (str){bytes, n});
        assert(str_eq((str){again, text.len}, text));
    }
    free(again);
    free(bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const str text = {(const char *)data, size};

    check_account(text, 1);
    check_account(text, 137);
    check_base58(text);
    check_base64url(text);
    return 0;
}
