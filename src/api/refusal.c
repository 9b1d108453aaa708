#include "api/refusal.h"

#include <stdio.h>

// Of files.

static struct api_problem too_large(char text[API_REFUSAL_SIZE], const struct chat_actor *a)
{
    if (a->max_bytes == 0) {
        return (struct api_problem){API_TOO_LARGE, "size", "Files of this kind are not taken.",
                                    0};
    }
    snprintf(text, API_REFUSAL_SIZE,
             "The file is too large. One of its kind may have at most %llu bytes here.",
             (unsigned long long)a->max_bytes);
    return (struct api_problem){API_TOO_LARGE, "size", text, 0};
}

/** What is larger than the whole quota will never do. */
static struct api_problem over_quota(const struct chat_actor *a)
{
    if (a->retry_after_ms > 0) {
        return (struct api_problem){.error = API_QUOTA_EXCEEDED,
                                    .retry_after_ms = a->retry_after_ms};
    }
    return (struct api_problem){API_QUOTA_EXCEEDED, "size",
                                "The file is larger than all that you may upload.", 0};
}

static struct api_problem refusal_of_file(char text[API_REFUSAL_SIZE],
                                          const struct chat_actor *a, int r)
{
    switch (r) {
    case CHAT_UPLOAD_TOO_LARGE: return too_large(text, a);
    case CHAT_UPLOAD_QUOTA: return over_quota(a);
    case CHAT_UPLOADS_PENDING:
        return (struct api_problem){
            API_QUOTA_EXCEEDED, NULL,
            "Too many of your uploads wait to be sent. Send some first, "
            "or wait until they end.",
            0};
    case CHAT_UPLOAD_MISSING:
        return (struct api_problem){.error = API_UPLOAD_MISSING, .field = "content"};
    case CHAT_UPLOAD_MISMATCH:
        return (struct api_problem){.error = API_UPLOAD_MISMATCH, .field = "content"};
    case CHAT_UPLOAD_REJECTED:
        return (struct api_problem){.error = API_UPLOAD_REJECTED, .field = "content"};
    case CHAT_MEDIA_UNAVAILABLE:
        return (struct api_problem){API_STORAGE_UNAVAILABLE, NULL,
                                    "Files can't be reached at the moment. Nothing was stored; "
                                    "try again.",
                                    0};
    default: return (struct api_problem){.error = API_INTERNAL};
    }
}

struct api_problem api_refusal(char text[API_REFUSAL_SIZE], const struct chat_actor *a, int r,
                               bool is_send)
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
    default: return refusal_of_file(text, a, r);
    }
}

static_assert(CHAT_WATCHES_MAX == 200, "as the message says");
