/**
 * One client: a socket of an account's, from its acceptance to its end, and what the chat
 * tells it. What it asks for is in api/request.h.
 */
#pragma once

#include "api/api.h"
#include "api/decode.h"
#include "api/encode.h"
#include "api/wallets.h"
#include "base/hash.h"
#include "base/list.h"
#include "base/pool.h"
#include "base/rates.h"

#define API_EXPIRING_MS     60000 // so long before its token expires a client is told
#define API_LIVE_QUEUED_MAX 65536 // bytes that a client has not taken; more: what can wait does

#define API_SPARE_BYTES 16384 // what took more is freed when it was said

struct api {
    struct api_config config;
    struct api_counters counters;
    struct list clients; // all there are
    struct pool *pool;   // where they are
    struct pool *request_pool;
    struct auth_cases *cases;
    struct buf spare; // for what is said next: it would grow a few times each time
    struct api_decoder decoder;
    struct ips *ips;
    struct ips own_ips;      // the same, where they are its own
    size_t n_calls;          // requests over HTTP under way
    size_t n_waiting_tokens; // for keys of their issuers
    size_t kept_bytes;       // of bodies of calls whose tokens wait
    struct api_wallets wallets;
    struct rates ip_rates; // by enum api_rate
    uint8_t hash_key[HASH_KEY_SIZE];
};

struct api_client {
    struct api *api;
    struct list node; // of the api's
    struct sio_socket *socket;
    struct chat_session *session;
    struct ips_count *ip;  // NULL: not counted
    char *name;            // of the token's session; NULL once the client knows it
    struct list requests;  // under way: they are told when the client goes
    size_t under_way;      // bytes of answers to come
    struct api_gate *gate; // NULL: no request waits
    // Of its token.
    uint64_t session_hash; // keyed; of what it is revoked by
    uint64_t name_hash;    // likewise; of its session's name, which operators know it by
    int64_t issued_at_ms;  // Unix
    int64_t expires_at_ms; // Unix
    int32_t skew_ms;
    bool is_expiring;    // the client was warned
    bool may_ask;        // it is ready, or nobody knows when it will be
    struct timer expiry; // a warning first, then the end
};

/** Borrowed from its session. */
static inline const account *api_client_account(const struct api_client *c)
{
    return chat_session_actor(c->session)->account;
}

/** What is told to an account now. @param who  borrowed */
static inline struct api_reader api_reader_of(const struct api *a, const account *who)
{
    return (struct api_reader){
        .account = who,
        .media = a->config.media,
        .now_ms = clock_unix_ms(a->config.clock),
        .cases = a->cases,
    };
}

/** What is told to a client now; borrowed from it. */
static inline struct api_reader api_client_reader(const struct api_client *c)
{
    return api_reader_of(c->api, api_client_account(c));
}

static_assert(sizeof(struct api_client) <= 176, "an idle client is small: there are many");

/**
 * Accept the socket. The client is its state from then on.
 *
 * @param cursor  as the client sent it; may be empty
 * @return NULL: its address has too many; nothing was done
 */
struct api_client *api_client_open(struct api *a, struct sio_socket *s,
                                   const struct auth_identity *who, str cursor);

/** The socket is over. @param why  for the log */
void api_client_close(struct api_client *c, const char *why);

/** The client has a new token, of the same account. */
void api_client_renew(struct api_client *c, const struct auth_identity *who);

/** Something was revoked, and its clients end. For auth_sessions_on_revoked(); arg is the api.
 */
void api_client_end_revoked(void *arg, const struct auth_revocation *what);

/** Say what is wrong, then end the connection as a network would: the client comes back. */
void api_client_fail(struct api_client *c, enum api_error error);

// What is said to a client: begin, add a value, send.

/** @param event  empty: the answer to a request */
void api_client_begin(struct api_client *c, struct buf *out, str event);

/** out is over. */
void api_client_emit(struct api_client *c, struct buf *out);
void api_client_answer(struct api_client *c, int64_t ack_id, struct buf *out);
