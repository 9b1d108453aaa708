/**
 * Whose call it is, where a wallet's token says so. The token is judged before the body is
 * read; one that has to wait for keys of its issuer meets a body that is kept for it.
 *
 * A token that is no good costs the address that tries it, any other costs its wallet alone.
 */
#pragma once

#include "api/call.h"
#include "api/identify.h"

#define API_KEPT_MAX 16777216 // bytes of bodies whose tokens wait, together

struct api_caller {
    struct api_call *call;
    struct api_waiting *waiting; // its token; NULL: it does not
    struct auth_identity who;
    struct api_wallet *wallet; // where it counts; NULL: it is not known whose call it is
    struct chat_actor actor;   // once it is
    char *peer;                // of the path, still percent-encoded; empty: none
    char *query;
    bool is_whole; // the body has come, and is kept
    char *kept;
    size_t n_kept; // bytes
};

/** The head has come. It may be refused at once. @param peer  of the path; may be empty */
void api_caller_begin(struct api_call *c, const struct http_head *head, str peer);

/** The body has come, if there is to be one. */
void api_caller_on_body(struct api_caller *caller, struct http_request *rq);

/** @return where it counts, moved to the caller; NULL: nowhere */
struct api_wallet *api_caller_take_wallet(struct api_caller *caller);

/** Its call is over, though operations of the chat may still end. */
void api_caller_end(struct api_caller *caller);

/** Nothing is under way for it any more. */
void api_caller_free(struct api_caller *caller);
