/**
 * One server, whole: the only file that names the backends, and puts all layers together.
 */
#pragma once

#include "api/api.h"
#include "eio/server.h"
#include "server/keys.h"
#include "server/serve_media.h"

struct node_config {
    struct addr listen;
    const char *data; // a directory, which is there
    str path;
    size_t max_streams;
    int64_t drain_ms;

    struct http_origins origins;
    struct http_proxies proxies;
    unsigned transports; // of enum eio_transport, or-ed
    int64_t ping_interval_ms;
    int64_t ping_timeout_ms;
    int64_t upgrade_timeout_ms;
    int64_t connect_timeout_ms;
    size_t max_payload;

    struct auth *auth;            // borrowed
    struct auth_issuer_urls urls; // of its issuers; borrowed; read anew at SIGHUP
    struct auth_keyring *keyring; // borrowed; read anew at SIGHUP, in its place
    struct keys_sign_in sign_in;
    struct auth_domains domains;
    struct serve_chains chains;
    struct serve_rpcs rpcs;
    const char *ca_file;   // NULL: the system's
    struct rate contracts; // questions to them, for who signs in
    struct rate logins;    // of an address, and of a wallet
    struct rate auths;
    int64_t access_ms;
    int64_t session_ms;
    uint64_t home_chain;
    size_t content_bytes;
    uint64_t sockets_per_ip;
    uint64_t connections_per_ip;
    struct chat_config chat;
    struct store_limits mailbox;
    size_t store_memory;

    struct serve_media_options media_options;
    struct serve_media media;
    char media_secret[KEYS_MEDIA_SIZE]; // of the files in the data directory; to be wiped
    const char *media_scan;             // NULL: none

    bool dev;              // a page to try it on, and two wallets for it
    struct keys_demo demo; // their keys, with dev; to be wiped
};

enum node_refusal {
    NODE_FAILED = 1, // could not start, or did not end as it should: said
};

/** Serve until a signal says stop. @return 0 or NODE_FAILED */
MUST_CHECK int node_run(const struct node_config *config);
