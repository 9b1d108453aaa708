/**
 * What the memory store keeps, and what follows from it. Nothing is counted ahead: each
 * question is answered by looking at all there is. For the files mem*.c alone.
 */
#pragma once

#include "base/rand.h"
#include "chat/store.h"

enum mem_withheld {
    MEM_SHOWN,
    MEM_BLOCKED,   // withheld, by a block that there is
    MEM_UNBLOCKED, // withheld, by one that is over
};

struct mem_message {
    struct mem_conversation *conversation;
    unsigned side; // of the sender
    uint64_t seq;  // in the conversation
    int64_t position;
    int64_t created_at_ms;
    enum mem_withheld withheld; // from the recipient, as in all that it does not say
    bool came_withheld;
    struct store_append append; // as it was called; its strings are in bytes
    char bytes[];
};

struct mem_mark {
    uint64_t seq;
    int64_t at_ms; // when it moved
    int64_t position;
};

struct mem_side {
    account account;
    bool has_accepted;        // the other side
    bool is_blocking;         // the other side
    int64_t contact_position; // of the last contact that changed something; 0: none
    struct mem_mark marks[2]; // by enum chat_mark
    struct mem_mark known[2]; // to the other side, each since its position
};

struct mem_conversation {
    conversation_id id;
    struct mem_side sides[2];
    struct mem_message **messages; // messages[i] has seq i + 1
    size_t n_messages;
};

struct mem_account {
    account is;
    int64_t seen_ms; // Unix; 0: never
};

struct mem_model {
    struct rand *rand;
    struct store_limits limits;
    struct mem_conversation **conversations; // conversations[i] has i + 1 in its id
    size_t n_conversations;
    struct mem_message **log; // all messages, in the order of positions
    size_t n_log;
    struct mem_account **accounts; // that have a conversation
    size_t n_accounts;
    int64_t position; // the last one taken
};

/** @param rand  borrowed for its life */
void mem_model_init(struct mem_model *m, struct rand *rand, const struct store_limits *limits);
void mem_model_fini(struct mem_model *m);

/** @return NULL: none */
struct mem_account *mem_find_account(const struct mem_model *m, const account *a);

/** @return 0 or 1, the side that the account has, or 2: none */
unsigned mem_side_of(const struct mem_conversation *c, const account *a);

/** @return NULL: none */
struct mem_conversation *mem_find_pair(const struct mem_model *m, const account *a,
                                       const account *b);

/** @return NULL: the account has none such */
struct mem_conversation *mem_find_place(const struct mem_model *m, const account *a,
                                        const struct chat_place *place);

/** Of two accounts that have none; they are made where they are new. */
struct mem_conversation *mem_add_conversation(struct mem_model *m, const account *a,
                                              const account *b);

/** It takes a position, and its sender has accepted the other side from now on. */
struct mem_message *mem_add_message(struct mem_model *m, struct mem_conversation *c,
                                    const struct store_append *a);

/** To the recipient. */
bool mem_is_undelivered(const struct mem_message *m);

/** As that side sees it. The strings are borrowed for the model's life. */
struct chat_message mem_view(const struct mem_message *m, unsigned side);

/** The one that a side has last seen come, or has sent; NULL: none. */
const struct mem_message *mem_last_message(const struct mem_conversation *c, unsigned side);

uint64_t mem_count_unread(const struct mem_conversation *c, unsigned side);

/** The conversations of an account with unread messages. */
uint64_t mem_n_unread(const struct mem_model *m, const account *a);

struct chat_marks mem_marks_of(const struct mem_side *side);

/** What the other side knows of them. */
struct chat_marks mem_known_marks_of(const struct mem_side *side);

/** Does the other side know the marks, as they are now? */
bool mem_is_known(const struct mem_model *m, const struct mem_side *side);

/**
 * The other side gets to know the marks, if it may.
 *
 * @param out  what is new to it
 * @return     how many
 */
size_t mem_make_known(const struct mem_model *m, struct mem_conversation *c, unsigned side,
                      int64_t position, struct chat_receipt out[2]);

/** One mark of a side, or what is known of it. */
struct chat_receipt mem_receipt_of(const struct mem_conversation *c, unsigned side,
                                   enum chat_mark which, const struct mem_mark *mark);
