/**
 * One node: a loop with all that serves its clients. A process has as many as it has workers
 * (server/crew.h). The first one, at home, has what there is but once: signals, keys that are
 * read anew, the admin socket, files, signing in. Requests for that are moved there.
 */
#pragma once

#include "api/api.h"
#include "auth/keyring.h"
#include "bus/hub.h"
#include "eio/server.h"
#include "io/service.h"
#include "io/tcp_limit.h"
#include "server/cluster.h"
#include "server/keys.h"
#include "server/posts.h"
#include "server/relay.h"
#include "server/relay_peers.h"
#include "server/serve_cluster.h"
#include "server/serve_media.h"

#define NODE_HOME 0 // the number of the first

/** Whose tokens a node believes: its own copy, for others have other loops. */
struct node_trust {
    struct auth *auth;
    struct auth_issuer_urls urls; // of its issuers
    struct auth_keyring keyring;  // read anew at SIGHUP, in its place
};

struct node_config {
    struct service service;  // the manager's: with a socket, we listen there
    struct addr listen;      // of the first node; the others listen where that does
    struct tls_context *tls; // what clients are shown; borrowed. NULL: HTTP, without TLS
    const char *data;        // a directory, which is there
    str keys;                // a directory, likewise
    struct rand *key_rand;   // NULL: none is made in there
    str path;
    size_t max_streams;
    int64_t drain_ms;

    struct http_origins origins;
    struct http_proxies proxies;
    bool proxy_protocol; // of theirs: see struct run
    unsigned transports; // of enum eio_transport, or-ed
    int64_t ping_interval_ms;
    int64_t ping_timeout_ms;
    int64_t upgrade_timeout_ms;
    int64_t connect_timeout_ms;
    size_t max_payload;

    struct serve_cluster cluster; // what this process is to others

    unsigned n_workers;        // nodes, each on a loop of its own; 1 to POSTS_MAX
    struct node_trust *trusts; // of each; borrowed
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
    const char *postgres; // a URL; NULL: messages are kept in the data directory
    size_t store_memory;

    struct serve_media_options media_options;
    struct serve_media media;
    char media_secret[KEYS_MEDIA_SIZE]; // of the files in the data directory; to be wiped
    const char *media_scan;             // NULL: none

    bool dev;              // a page to try it on, and two wallets for it
    struct keys_demo demo; // their keys, with dev; to be wiped
};

/** What the nodes of a process have in common; borrowed. */
struct node_shared {
    const struct node_config *config;
    struct posts *posts;
    struct moves *moves[POSTS_MAX]; // of each; they set it
    struct bus_hub *hub;            // NULL: there is one node. With others, home makes it
    struct chat_limits *limits;     // of accounts
    struct ips *socket_ips;         // sockets of an address
    struct tcp_limit *connections;
    struct cluster *cluster;  // of processes; NULL: this one is alone
    struct bus_nats *nats;    // what joins them; likewise, and home makes it
    struct relay_nodes nodes; // where the others are, once this one is one of them
    struct relay_peers peers; // who has shown the key
    atomic_uint n_others;     // nodes that run, but the first one
};

struct node;

enum node_refusal {
    NODE_FAILED = 1, // could not start, or did not end as it should: said
};

/**
 * All but listening. Thread: the one that made the first node, before any runs.
 *
 * @param home  the first node, which outlives it; NULL: this is it
 * @param out   owned; node_free() @return 0 or NODE_FAILED
 */
MUST_CHECK int node_new(struct node **out, struct node_shared *shared, unsigned number,
                        const struct node *home);

/** It was not run, or has ended as it should. Thread: as above, after it has run. */
void node_free(struct node *n);

/** @param at  where to; becomes where it does, with the port that it has got @return 0 or
 * NODE_FAILED: said */
MUST_CHECK int node_listen(struct node *n, struct addr *at);

/** Where all listen, before any runs. @return 0 or NODE_FAILED: said */
MUST_CHECK int node_listening(struct node *n, const struct addr *at);

/** Serve until it has stopped. Thread: its own from now on. @return 0 or NODE_FAILED: something
 * may still use what it has */
MUST_CHECK int node_serve(struct node *n);
