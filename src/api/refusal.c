#include "api/refusal.h"

struct api_problem api_refusal(const struct chat_actor *a, int r, bool is_send)
{
    switch (r) {
    case CHAT_RECIPIENT_INVALID:
        return (struct api_problem){API_RECIPIENT_INVALID, is_send ? "to" : "peer",
                                    "One can't write to oneself. Check the address.", 0};
    case CHAT_RATE_LIMITED:
        return (struct api_problem){.error = API_RATE_LIMITED,
                                    .retry_after_ms = a->retry_after_ms};
    case CHAT_BUSY: return (struct api_problem){.error = API_BUSY};
    case CHAT_NOT_FOUND: return (struct api_problem){.error = API_NOT_FOUND};
    case CHAT_NO_SUCH_SEQ:
        return (struct api_problem){API_BAD_REQUEST, is_send ? "reply_to" : "seq",
                                    "The conversation has no message of this number yet.", 0};
    case CHAT_CONFLICT:
        return (struct api_problem){.error = API_CONFLICT, .field = "client_msg_id"};
    case CHAT_MAILBOX_FULL: return (struct api_problem){.error = API_MAILBOX_FULL};
    case CHAT_FORBIDDEN:
        return (struct api_problem){API_FORBIDDEN, is_send ? "to" : "peer",
                                    "You have blocked this wallet. Unblock it to write to it.",
                                    0};
    case CHAT_TOO_MANY:
        return (struct api_problem){API_BAD_REQUEST, "accounts",
                                    "A connection can watch 200 wallets. Unwatch some first.",
                                    0};
    case CHAT_UNAVAILABLE: return (struct api_problem){.error = API_STORAGE_UNAVAILABLE};
    default: return (struct api_problem){.error = API_INTERNAL};
    }
}

static_assert(CHAT_WATCHES_MAX == 200, "as the message says");
