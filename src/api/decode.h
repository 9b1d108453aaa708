/**
 * What clients ask for: the payload of a request, checked and turned into a command of the
 * chat. Members that nobody knows are ignored, optional ones may be null. A refusal says what
 * to answer, in words for a person.
 */
#pragma once

#include "api/errors.h"
#include "api/urls.h"
#include "base/buf.h"
#include "chat/chat.h"
#include "json/json.h"

#define API_SEQ_MAX      9007199254740991 // clients count in doubles
#define API_PAGE_DEFAULT 50               // items of a page, where no limit is given

#define API_CONTENT_DEPTH_MAX 30 // arrays and objects inside each other in a message's content

#define API_PIXELS_MAX  1000000  // of an image's width and height
#define API_SECONDS_MAX 10000000 // of a video's or a sound's duration

struct api_decoder_config {
    uint64_t home_chain;
    size_t content_bytes;        // that a message may have
    struct auth_cases *cases;    // of the addresses that come; NULL: none are kept
    struct media *media;         // NULL: no files are taken
    const struct api_urls *urls; // of files of others; NULL: none
};

struct api_decoder {
    struct api_decoder_config config;
    struct api_problem problem;
    struct buf content;               // of the last send
    struct crypto_sha256 *hash;       // for its digest
    char mime[CHAT_MIME_MAX];         // of the last upload
    uint8_t sha256[CHAT_SHA256_SIZE]; // likewise
};

enum api_decode_refusal {
    API_DECODE_REFUSED = 1, // the decoder's problem says why
};

/** @param config  copied; what it points to is borrowed for the life of d */
void api_decoder_init(struct api_decoder *d, const struct api_decoder_config *config);
void api_decoder_fini(struct api_decoder *d);

/**
 * {to, type, content, client_msg_id?, reply_to?}
 *
 * @param out  borrowed from d and payload
 * @return 0 or API_DECODE_REFUSED, as all of them
 */
MUST_CHECK int api_decode_send(struct chat_send *out, struct api_decoder *d,
                               const struct json *payload);

struct api_mark {
    struct chat_place place;
    uint64_t seq;
};

/** {name, mime, size, sha256?} @param out  borrowed from d and payload */
MUST_CHECK int api_decode_upload(struct chat_announce *out, struct api_decoder *d,
                                 const struct json *payload);

/** {peer | conversation, seq}: of a mark, and of a message's file */
MUST_CHECK int api_decode_mark(struct api_mark *out, struct api_decoder *d,
                               const struct json *payload);

/** {peer | conversation} */
MUST_CHECK int api_decode_place(struct chat_place *out, struct api_decoder *d,
                                const struct json *payload);

struct api_accounts {
    size_t n;
    account accounts[CHAT_WATCHES_MAX];
};

/** {accounts} @param out  n is 0 after a refusal */
MUST_CHECK int api_decode_accounts(struct api_accounts *out, struct api_decoder *d,
                                   const struct json *payload);

/** {peer | conversation, before?, after?, limit?} */
MUST_CHECK int api_decode_history(struct chat_history *out, struct api_decoder *d,
                                  const struct json *payload);

struct api_list {
    size_t limit;
    int64_t before; // as chat_list() takes it
};

/** {limit?, after?} */
MUST_CHECK int api_decode_list(struct api_list *out, struct api_decoder *d,
                               const struct json *payload);

// Calls, whose path says with whom: an address, or a conversation's id. In a body, which may be
// NULL for none, nothing may say it again.

/** @param segment  of the path, still percent-encoded */
MUST_CHECK int api_decode_place_in(struct chat_place *out, struct api_decoder *d, str segment);

/** before, after and limit, as in payloads; of several with one name the last counts */
MUST_CHECK int api_decode_history_in(struct chat_history *out, struct api_decoder *d,
                                     str segment, str query);

/** limit and after */
MUST_CHECK int api_decode_list_in(struct api_list *out, struct api_decoder *d, str query);

/** {type, content, client_msg_id?, reply_to?} @param out  as of api_decode_send() */
MUST_CHECK int api_decode_send_to(struct chat_send *out, struct api_decoder *d,
                                  const account *to, const struct json *body);

/** {seq} */
MUST_CHECK int api_decode_seq(uint64_t *out, struct api_decoder *d, const struct json *body);

/** {} */
MUST_CHECK int api_decode_about(struct api_decoder *d, const struct json *body);

/** {token} @param out  borrowed from payload */
MUST_CHECK int api_decode_token(str *out, struct api_decoder *d, const struct json *payload);

/** The client_msg_id of a send, however bad the rest of it; empty if there is none to go by. */
str api_decode_key(const struct json *payload);
