/** The statements of the writer, all but those of sqlite_auth.h and sqlite_uploads.h. */
#pragma once

enum writer_statement {
    W_BEGIN,
    W_COMMIT,
    W_ROLLBACK,
    W_DATA_VERSION,
    W_META,
    W_SET_META,
    W_ACCOUNT,
    W_ADD_ACCOUNT,
    W_SEEN,
    W_FIND_PAIR,
    W_FIND_ID,
    W_ADD_CONVERSATION,
    W_ADD_MESSAGE,
    W_ADD_MARK,
    W_ADD_CONTACT,
    W_AT,
    W_TALLIES_AT,
    W_ADD_MILESTONE,
    W_WITHHELD_AT,
    W_WITHHELD_LAST,
    W_WITHHOLD,
    W_FORGET_WITHHELD,
    W_COUNT,
};

extern const char *const writer_texts[W_COUNT];
