#include "chat/cursor.h"

#include "base/hash.h"
#include "base/hex.h"

#define WORD_DIGITS 16
#define N_WORDS     3

/** What binds a cursor to the account: clients mix up accounts, they do not attack themselves.
 */
static uint64_t tag_of(uint64_t epoch, const account *a)
{
    uint8_t key[HASH_KEY_SIZE] = {0};

    memcpy(key, &epoch, sizeof(epoch));
    return hash_keyed(key, account_str(a));
}

str cursor_print(char out[CURSOR_SIZE], uint64_t epoch, const account *a, int64_t position)
{
    char *at = hex_u64(out, epoch);

    at = hex_u64(at, tag_of(epoch, a));
    at = hex_u64(at, (uint64_t)position);
    *at = '\0';
    return (str){out, (size_t)(at - out)};
}

/** @return false: not WORD_DIGITS digits */
static bool parse_word(str digits, uint64_t *out)
{
    *out = 0;
    for (size_t i = 0; i < digits.len; i++) {
        const int digit = hex_value(digits.ptr[i]);
        if (digit < 0)
            return false;
        *out = *out << 4 | (unsigned)digit;
    }
    return true;
}

int cursor_parse(str text, uint64_t epoch, const account *a, int64_t *position)
{
    uint64_t words[N_WORDS];

    if (text.len != (size_t)N_WORDS * WORD_DIGITS)
        return CURSOR_BAD;
    for (size_t i = 0; i < N_WORDS; i++) {
        if (!parse_word(str_take(&text, WORD_DIGITS), &words[i]))
            return CURSOR_BAD;
    }
    if (words[0] != epoch || words[1] != tag_of(epoch, a) || words[2] > INT64_MAX)
        return CURSOR_BAD;
    *position = (int64_t)words[2];
    return 0;
}
