/**
 * A change of chat/uploads.h on its way: what was asked, whom to answer, and the answer. Every
 * backend keeps this of it; it stays where it is, for an id is inside, and what few have and
 * may be long is beside it.
 */
#pragma once

#include "chat/uploads.h"

enum upload_change_kind {
    UPLOAD_CHANGE_CREATE,
    UPLOAD_CHANGE_SETTLE,
    UPLOAD_CHANGE_CLAIM,
    UPLOAD_CHANGE_REMOVE,
};

struct upload_change {
    enum upload_change_kind kind;
    bool has_changed; // anything
    void *arg;
    union {
        struct {
            uploads_create_fn *done;
            struct uploads_create asked;
            int64_t retry_after_ms;
        } create;
        struct {
            uploads_settle_fn *done;
            struct uploads_settle asked;
            enum upload_state answer;
        } settle;
        struct {
            uploads_claim_fn *done;
            struct uploads_claim asked;
            struct upload_claimed *answer; // owned; NULL: there is none
        } claim;
        struct {
            uploads_remove_fn *done;
            str id;
        } remove;
    };
    char id[CHAT_UPLOAD_ID_SIZE]; // no NUL is added
    char *strings;                // of what is created, owned; NULL: there are none
};

/** Zeroes become this change; its strings are copied. It is freed by being answered. */
void upload_change_create(struct upload_change *c, const struct uploads_create *asked,
                          uploads_create_fn *done, void *arg);
void upload_change_settle(struct upload_change *c, const struct uploads_settle *asked,
                          uploads_settle_fn *done, void *arg);
void upload_change_claim(struct upload_change *c, const struct uploads_claim *asked,
                         uploads_claim_fn *done, void *arg);
void upload_change_remove(struct upload_change *c, str id, uploads_remove_fn *done, void *arg);

/** As if it had not been tried: there is no answer yet. */
void upload_change_reset(struct upload_change *c);

/** One more was claimed; its id is copied. @return the copy, for c's life */
str upload_change_claimed(struct upload_change *c, str id);

/** How many that are. */
size_t upload_change_n_claimed(const struct upload_change *c);

/** Call back, once, and free what c owns. @param r  0, or an enum uploads_refusal */
void upload_change_answer(struct upload_change *c, int r);
