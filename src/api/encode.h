/**
 * What clients are told: answers and events as JSON, straight into a buf without a limit of
 * its own (SIZE_MAX / 2: what is printed was bounded when it came in).
 */
#pragma once

#include "api/errors.h"
#include "auth/sign_in.h"
#include "base/buf.h"
#include "chat/chat.h"

struct api_file;

/** Whom something is told, with links to files that are made for it. */
struct api_reader {
    const account *account;
    struct media *media;      // NULL: files that were uploaded have no links
    int64_t now_ms;           // Unix
    struct auth_cases *cases; // of the addresses that are told; NULL: none are kept
};

/** @param cursor  NULL: of an answer, which has none */
void api_encode_message(struct buf *out, const struct chat_message *m,
                        const struct api_reader *reader, const str *cursor);
void api_encode_conversation(struct buf *out, const struct chat_conversation *c,
                             const struct api_reader *reader);
void api_encode_receipt(struct buf *out, const struct chat_receipt *r,
                        const struct api_reader *reader, str cursor);

/** {conversation: {…}, cursor} */
void api_encode_changed(struct buf *out, const struct chat_conversation *c,
                        const struct api_reader *reader, str cursor);

/** {conversation, peer} */
void api_encode_typing(struct buf *out, const struct chat_typing *t);

/** {account, online, last_seen}; last_seen is null where it is not known, and while online */
void api_encode_presence(struct buf *out, const struct chat_presence *p);

struct api_ready {
    account account;
    str session;
    int64_t server_time_ms; // Unix
    bool is_recovered;
    uint64_t unread;
    size_t content_bytes;
    uint64_t upload_bytes; // 0: no files are taken
};

void api_encode_ready(struct buf *out, const struct api_ready *r);
void api_encode_synced(struct buf *out, str cursor);

/** {expires_at} */
void api_encode_expiry(struct buf *out, int64_t expires_at_ms);

/** @param code  such as "not_acknowledging" */
void api_encode_warning(struct buf *out, str code, str message);

/** {code, message, field?, retry_after_ms?} */
void api_encode_problem(struct buf *out, const struct api_problem *p);

/** {status: "error", error: {…}} */
void api_encode_error(struct buf *out, const struct api_problem *p);

/** {error: {…}, event?, client_msg_id?}; empty: left out */
void api_encode_error_event(struct buf *out, const struct api_problem *p, str event, str key);

// The answers to requests: {status: "ok", …}

/** {status: "ok", expires_at} */
void api_encode_renewed(struct buf *out, int64_t expires_at_ms);

void api_encode_challenge(struct buf *out, const struct auth_challenge *c);

/** What is printed are secrets: out is emptied by secret_buf_fini(). */
void api_encode_grant(struct buf *out, const struct auth_grant *g);

/** {status: "ok"} */
void api_encode_ok(struct buf *out);

/** {status: "ok", accounts: […]} */
void api_encode_watched(struct buf *out, const struct chat_presence *p, size_t n);

void api_encode_sent(struct buf *out, const struct store_appended *a,
                     const struct api_reader *reader);
/** {status: "ok", conversation: {…}} */
void api_encode_found(struct buf *out, const struct chat_conversation *c,
                      const struct api_reader *reader);

void api_encode_marked(struct buf *out, uint64_t seq);
void api_encode_history(struct buf *out, const struct store_history_page *page,
                        const struct api_reader *reader);
void api_encode_list(struct buf *out, const struct store_list_page *page,
                     const struct api_reader *reader);

/** {status: "ok", upload, method, url, headers, expires_at}: how to put it. Reader has a media
 * port. */
void api_encode_upload(struct buf *out, const struct chat_upload *u,
                       const struct api_reader *reader);

/** {status: "ok", url, expires_at}; expires_at is null where that is not ours to say. Of an
 * upload, reader has a media port. */
void api_encode_attachment(struct buf *out, const struct api_file *f,
                           const struct api_reader *reader);
