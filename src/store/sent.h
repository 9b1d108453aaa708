/** Is a stored message what its sender has sent? */
#pragma once

#include "crypto/digest.h"

/** Of a message, as it is stored. */
struct sent {
    str type;
    uint64_t reply_to;
    str content;
    str digest; // that it came with (chat/store.h)
};

/** What was taken away since is as it should be. @param h  between two digests */
bool sent_is_whole(struct crypto_sha256 *h, const struct sent *s);
