#include <stdlib.h>

#include "chat/cursor.h"

/** What a client sends as its cursor. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const account alice = {.len = 3, .bytes = {1, 2, 3}};
    static const account bob = {.len = 3, .bytes = {1, 2, 4}};
    const str text = {(const char *)data, size};
    char again[CURSOR_SIZE];
    int64_t position = -1;

    if (cursor_parse(text, 7, &alice, &position) != 0) {
        if (position != -1)
            abort(); // a refusal leaves it as it was
        return 0;
    }
    if (position < 0 || cursor_parse(text, 7, &bob, &position) == 0)
        abort();
    // Printed again it is the same, but for the case of its digits.
    if (!str_eq_nocase(cursor_print(again, 7, &alice, position), text))
        abort();
    return 0;
}
