/** What the chat talks about. Values; their strings are borrowed from whoever made them. */
#pragma once

#include "base/account.h"

#define CHAT_KEY_MAX     64 // bytes of a client_msg_id
#define CHAT_TYPE_MAX    64 // bytes of a message's type
#define CHAT_DIGEST_SIZE 16 // bytes

#define CHAT_UPLOAD_ID_SIZE 21  // bytes, NUL included: a rand_name()
#define CHAT_FILE_NAME_MAX  255 // bytes
#define CHAT_MIME_MAX       127 // bytes
#define CHAT_SHA256_SIZE    32  // bytes

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

/**
 * What has no content any more, or none for this reader, is of this type: its content is null,
 * and it has neither reply_to nor a key. Clients can't send it.
 */
#define CHAT_TYPE_GONE "gone"

/** A conversation as one of its two sides sees it. */
struct chat_conversation {
    conversation_id id;
    account peer;
    bool accepted;      // it has written to the peer, or accepted it
    bool blocked;       // by this side; whether the peer has blocked it, it never learns
    uint64_t first_seq; // before it all is gone
    uint64_t last_seq;  // 0: there is no message yet
    struct chat_message last_message; // that was not withheld from it; seq is 0: none
    uint64_t unread;                  // messages from the peer above mine.read_seq
    struct chat_marks mine;
    struct chat_marks theirs; // as far as the peer lets it know
    int64_t updated_at_ms;    // of last_message; 0: none
};

/** What one side of a conversation wants of the other. */
enum chat_contact {
    CHAT_ACCEPT,
    CHAT_BLOCK,
    CHAT_UNBLOCK, // what it has accepted it has accepted still
};

/** What may pass between an account and a peer beside messages. */
struct chat_relation {
    conversation_id conversation; // 0: they have none
    bool is_mutual;               // each has accepted the other, and neither blocks the other
    int64_t peer_seen_ms;         // Unix; 0: never seen, or is_mutual is false
};

/** `from` writes to whoever is told; or does not any more. */
struct chat_typing {
    conversation_id conversation;
    account from;
    bool is_on;
};

struct chat_presence {
    account account;
    bool is_online;
    int64_t last_seen_ms; // Unix, of one that is offline; 0: not known, or not for this watcher
};

/** One of an account's conversations: by its id, or where that is 0 by the peer. */
struct chat_place {
    conversation_id conversation;
    account peer;
};

enum upload_state {
    UPLOAD_PENDING,  // announced; whether the file has come is not known
    UPLOAD_ACCEPTED, // the file is there, as it was announced, and can't be changed any
                     // more
    UPLOAD_REJECTED, // it was checked, and is not taken
    UPLOAD_DELETING, // it is in no message, and on its way out
};

/** A file, from its announcement on. */
struct chat_upload {
    str id; // unguessable
    account owner;
    str name; // for people; 1 to CHAT_FILE_NAME_MAX bytes of UTF-8 without control characters
    str mime; // its Content-Type, letter by letter; 1 to CHAT_MIME_MAX bytes
    uint64_t size; // bytes, at least 1
    bool has_sha256;
    uint8_t sha256[CHAT_SHA256_SIZE];
    enum upload_state state;
};

/** The status that marks of the recipient's give a message. */
static inline enum chat_status chat_status_of(uint64_t seq, const struct chat_marks *theirs)
{
    if (seq <= theirs->read_seq)
        return CHAT_READ;
    return seq <= theirs->delivered_seq ? CHAT_DELIVERED : CHAT_UNDELIVERED;
}
