/**
 * Accounts that sessions here watch: whether each is online, as far as is known here, and which
 * sessions were told what.
 *
 * Whoever watches is told of an account only while each has accepted the other. Nobody keeps
 * track of that: when something is published about an account, the store is asked how it stands
 * with those who watch, STORE_RELATIONS_MAX at a time, and those are told for whom the answer
 * is another one than before. One question at a time is under way for an account; what happens
 * meanwhile makes one more round.
 */
#pragma once

#include "chat/core.h"

struct watched {
    struct map_node by_account;
    struct list node; // of the chat's
    struct chat *chat;
    account account;
    bool is_online;
    bool is_judging; // the store is being asked
    bool is_stale;   // and what it is asked may not be so any more
    int64_t seen_ms; // Unix: its last_seen, while it is offline; 0: not known
    unsigned n_watches;
    struct list at_rest;      // each watch is in one of these four
    struct list pending;      // to be judged
    struct list asked;        // of the question that is under way
    struct list owed;         // they could not be told, and will be judged anew
    struct timer asked_timer; // set: its nodes were asked whether it is online
    struct timer owed_timer;
};

struct watch_op;

/** A session watches an account. */
struct watch {
    struct list of_session;
    struct list of_watched;
    struct chat_session *session;
    struct watched *watched;
    const struct watch_op *awaited_by; // whose answer will tell it; NULL: none, events do
    bool is_missed;                    // it had to be judged meanwhile
    bool is_stale;                     // what was asked of it may not be so any more
    bool is_mutual;                    // as the store has said last
    bool told_online;
    uint16_t i; // in the question that is under way
};

/** @return NULL: the session does not watch it, or is closed */
struct watch *watched_find(const struct chat_session *s, const account *a);

/** The session does not watch it yet, and has room. */
struct watch *watched_add(struct chat_session *s, const account *a);
void watched_remove(struct watch *w);

/** Its answer has told it: from now on events do. */
void watched_release(struct watch *w);

/**
 * Ask who has it online, unless that is known for sure; who has not answered in CHAT_ASKED_MS
 * is offline. @return false: it is known
 */
bool watched_ask(struct watched *of);
