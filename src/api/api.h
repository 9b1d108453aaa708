/**
 * The chat on Socket.IO: event names and their JSON on one side, the domain's commands and
 * answers on the other. docs/protocol.md is what it speaks.
 */
#pragma once

#include "api/errors.h"
#include "api/urls.h"
#include "auth/issuer_keys.h"
#include "auth/keyring.h"
#include "auth/sign_in.h"
#include "base/ips.h"
#include "chat/chat.h"
#include "http/origin.h"
#include "http/proxy.h"
#include "http/server.h"
#include "sio/server.h"

#define API_CONTENT_MAX 65536 // bytes of a message's content, by default

struct api;

/** Of addresses, over HTTP. */
enum api_rate {
    API_RATE_LOGINS,
    API_RATE_AUTHS, // all else about signing in
    API_N_RATES,
};

struct api_config {
    struct chat *chat;
    struct auth *auth;
    struct auth_issuer_keys *issuer_keys; // may be NULL where no issuer's keys are at a URL
    struct auth_sessions *sessions;
    struct auth_sign_in *sign_in;
    const struct auth_keyring *keyring; // whose public keys are published
    const struct http_origins *origins; // whose pages may ask over HTTP
    const struct http_proxies *proxies; // who speak for others there
    struct timers *timers;
    struct job_queue *later;
    struct clock *clock;
    struct rand *rand;
    uint64_t home_chain;
    size_t content_bytes;  // of one message
    struct media *media;   // as of the chat; NULL: no files are taken
    uint64_t upload_bytes; // of one file: the most that any kind may have
    const struct api_urls
        *media_urls;  // of files of others, that a message may have; NULL: none
    bool rate_limits; // off: nor what is below
    struct rate rates[API_N_RATES];
    uint64_t sockets_per_ip; // one more is refused with too_many_sockets
    struct ips *ips;         // borrowed: those of several, whose number counts instead of that
                             // one. NULL: it has its own
};

struct api_counters {
    uint64_t connects;
    uint64_t refused_connects;
    uint64_t requests; // over Socket.IO
    uint64_t calls;    // over HTTP
    uint64_t logins;
    uint64_t refreshes;
    uint64_t logouts;
    uint64_t revoked;              // clients that ended for that
    uint64_t errors[API_N_ERRORS]; // sent
};

struct api *api_new(const struct api_config *config);

/** Is no request over HTTP under way, and no token waiting? */
bool api_is_idle(const struct api *a);

/** After its Socket.IO server has no socket any more, and every request was answered. */
void api_free(struct api *a);

/** What to make the Socket.IO server with; its arg is the api. */
extern const struct sio_app api_sio_app;

/** For routes that begin with "/v1/" and "/.well-known/"; arg is the api. */
extern const struct http_handler api_http_handler;

const struct api_counters *api_counters(const struct api *a);
