/** What the chat talks about. Values; their strings are borrowed from whoever made them. */
#pragma once

#include "base/account.h"

#define CHAT_KEY_MAX     64 // bytes of a client_msg_id
#define CHAT_TYPE_MAX    64 // bytes of a message's type
#define CHAT_DIGEST_SIZE 16 // bytes

/** Given by the store, never reused, and unlike any of another store's. 0: none. */
typedef uint64_t conversation_id;

enum chat_status {
    CHAT_UNDELIVERED, // stored
    CHAT_DELIVERED,   // a device of the recipient has said that it has it
    CHAT_READ,
};

struct chat_message {
    conversation_id conversation;
    uint64_t seq;     // in the conversation, from 1, without gaps
    int64_t position; // in the store, from 1
    account from;
    account to;
    str type;
    str content;       // canonical JSON
    uint64_t reply_to; // a seq of this conversation; 0: none
    str key;           // the sender's client_msg_id; for the sender's eyes only. Empty: none
    int64_t created_at_ms;
    enum chat_status status;
};

enum chat_mark {
    CHAT_MARK_DELIVERED,
    CHAT_MARK_READ,
};

/** `by` has (or has read) every message of the conversation up to seq. */
struct chat_receipt {
    conversation_id conversation;
    account by;
    account peer; // the other side
    enum chat_mark mark;
    uint64_t seq;
    int64_t at_ms;
    int64_t position; // in the store, where the mark moved
};

struct chat_marks {
    uint64_t delivered_seq;
    uint64_t read_seq;
};

/** A conversation as one of its two sides sees it. */
struct chat_conversation {
    conversation_id id;
    account peer;
    bool accepted;
    bool blocked;
    uint64_t first_seq; // before it all is gone
    uint64_t last_seq;
    struct chat_message last_message;
    uint64_t unread; // messages from the peer above mine.read_seq
    struct chat_marks mine;
    struct chat_marks theirs;
    int64_t updated_at_ms; // of the last message
};

/** One of an account's conversations: by its id, or where that is 0 by the peer. */
struct chat_place {
    conversation_id conversation;
    account peer;
};

/** The status that marks of the recipient's give a message. */
static inline enum chat_status chat_status_of(uint64_t seq, const struct chat_marks *theirs)
{
    if (seq <= theirs->read_seq)
        return CHAT_READ;
    return seq <= theirs->delivered_seq ? CHAT_DELIVERED : CHAT_UNDELIVERED;
}
