/** What a backend keeps of an operation's arguments until it has answered. */
#pragma once

#include "chat/store.h"

/** Bytes that append_copy() needs. */
static inline size_t append_size(const struct store_append *a)
{
    return a->type.len + a->content.len + a->key.len + a->upload.len;
}

/** What it counts against STORE_QUEUE_MAX. */
static inline size_t append_cost(const struct store_append *a)
{
    return append_size(a) + 256;
}

/** @param bytes  room for append_size(), borrowed by the copy */
static inline struct store_append append_copy(const struct store_append *a, char *bytes)
{
    struct store_append copy = *a;

    copy.type = str_copy(bytes, a->type);
    bytes += a->type.len;
    copy.content = str_copy(bytes, a->content);
    bytes += a->content.len;
    copy.key = str_copy(bytes, a->key);
    copy.upload = str_copy(bytes + a->key.len, a->upload);
    return copy;
}
