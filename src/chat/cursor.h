/**
 * Cursors: where an account's client stands in a store, as text. Opaque to clients, bound to
 * the account and to the store's epoch; no secret, and no proof of anything.
 */
#pragma once

#include "chat/types.h"

#define CURSOR_SIZE 49 // bytes, NUL included

/** @return the text, in out */
str cursor_print(char out[CURSOR_SIZE], uint64_t epoch, const account *a, int64_t position);

enum cursor_refusal {
    CURSOR_BAD = 1, // not a cursor, or another account's, or another store's
};

/** @return 0 or CURSOR_BAD */
MUST_CHECK int cursor_parse(str text, uint64_t epoch, const account *a, int64_t *position);
