/** Limits of a store for tests that are about something else, or about numbers alone. */
#pragma once

#include "chat/store.h"

static inline struct store_limits limits_of(uint64_t accepted, uint64_t stranger)
{
    return (struct store_limits){.accepted = {.messages = accepted, .bytes = UINT64_MAX},
                                 .stranger = {.messages = stranger, .bytes = UINT64_MAX},
                                 .mailbox = UINT64_MAX};
}
