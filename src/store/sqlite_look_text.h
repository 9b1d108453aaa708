/**
 * What SQL can't say, as functions for it: accounts and conversations, which the log has as
 * bytes and numbers and the protocol as text, and what the index has packed.
 *
 *   address(BYTES or TEXT), account_bytes(TEXT), conversation_text(ID), conversation_id(TEXT)
 *   kept_positions(PLACES): a JSON array, ascending; kept_last(PLACES, UPTO): one, or NULL
 */
#pragma once

#include <sqlite3.h>

#include "base/account.h"

/** The functions of a connection. */
struct sqlite_look_text {
    uint64_t home_chain;
    struct auth_cases *cases; // owned
};

/** @param t  outlives db; sqlite_look_text_fini() behind that */
void sqlite_look_text_init(struct sqlite_look_text *t, sqlite3 *db, uint64_t home_chain);
void sqlite_look_text_fini(struct sqlite_look_text *t);

/** @return false: it is no address */
bool sqlite_look_account(const struct sqlite_look_text *t, str text, account *out);

/** @return false: it is none as the protocol has them */
bool sqlite_look_conversation(str text, int64_t *out);
