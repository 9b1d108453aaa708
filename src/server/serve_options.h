/** What `parley serve` can be told, as one table. */
#pragma once

#include "auth/contracts.h"
#include "auth/sign_in.h"
#include "server/options.h"
#include "server/posts.h"

/** A section [issuer NAME] of the file: whose tokens are accepted. */
struct serve_issuer {
    str name;
    str iss;
    str aud;
    str claim;
    str alg;
    int64_t skew;
    str secret_file; // these three: relative to the file of options
    str pem_file;
    str jwks_file;
    str jwks_url;
};

/** Files: where they go, and how large they may be. */
struct serve_media_options {
    str where;
    str public_url;
    struct option_list url_allow;
    uint64_t image_bytes;
    uint64_t audio_bytes;
    uint64_t video_bytes;
    uint64_t file_bytes;
    uint64_t quota_bytes;
    int64_t quota_time;
    uint64_t pending;
    int64_t keep;
    int64_t put_ttl;
    int64_t get_ttl;
    uint64_t reserve;
    uint64_t write_rate;
    str scan;
    str s3_endpoint;
    str s3_public_endpoint;
    str s3_region;
    str s3_bucket;
    bool s3_path_style;
    str s3_access_key;
    str s3_secret_key;
    str s3_session_token;
};

struct serve_options {
    str config;
    struct addr listen;
    str tls_cert;
    str tls_key;
    str data;
    bool dev;
    bool hardening;
    str log;
    int64_t drain;
    uint64_t workers;

    struct option_list origins;
    struct option_list trusted_proxies;
    bool proxy_protocol;
    str path;
    struct option_list transports;
    int64_t ping_interval;
    int64_t ping_timeout;
    int64_t upgrade_timeout;
    int64_t connect_timeout;
    uint64_t max_payload;

    struct option_list domains;
    struct option_list chains;
    uint64_t home_chain; // 0: as serve_home_chain() finds it
    struct option_list rpc;
    uint64_t rpc_rate;
    uint64_t rpc_burst;
    str ca_file;
    uint64_t login_rate;
    uint64_t login_burst;
    uint64_t auth_rate;
    uint64_t auth_burst;
    int64_t access_ttl;
    int64_t session_ttl;

    uint64_t content_bytes;
    bool rate_limits;
    uint64_t send_rate;
    uint64_t send_burst;
    uint64_t request_rate;
    uint64_t request_burst;
    uint64_t sockets_per_wallet;
    uint64_t sockets_per_ip;
    uint64_t connections_per_ip;
    uint64_t mailbox_peer_messages;
    uint64_t mailbox_peer_bytes;
    uint64_t mailbox_stranger_messages;
    uint64_t mailbox_stranger_bytes;
    uint64_t mailbox_messages;
    str store;
    uint64_t store_memory;
    str contact_policy;
    str bus;
    str node;
    str advertise;
    str keys; // empty: the data directory
    struct serve_media_options media;

    bool doctor_json; // of `parley doctor` alone

    size_t n_issuers;
    struct serve_issuer issuers[AUTH_ISSUERS_MAX];
};

extern const struct option_table serve_table;

/** `parley doctor` takes the same, and how it is to tell what it has found. */
extern const struct option_table doctor_table;

uint64_t serve_home_chain(const struct serve_options *o);

/** Whose wallets sign in. */
struct serve_chains {
    size_t n;
    uint64_t chains[AUTH_CHAINS_MAX]; // the home chain first
    bool solana;
};

/** @return NULL; or what is wrong (static), with *item if it is one of the list */
const char *serve_chains_of(const struct serve_options *o, struct serve_chains *out, str *item);

/** Whom to ask about contract wallets. */
struct serve_rpcs {
    size_t n;
    struct auth_rpc rpcs[AUTH_RPCS_MAX];
};

/**
 * @param chains  of which they must be
 * @return NULL; or what is wrong (static), and *item is its chain, or empty: never more of what
 *         was given, which has a secret in it
 */
const char *serve_rpcs_of(const struct serve_options *o, const struct serve_chains *chains,
                          struct serve_rpcs *out, str *item);

/**
 * Where one signs in: --domains; or where none are named the sites that pages may come from, of
 * which there may be others than sites, such as those of an app.
 *
 * @return 0; or the refusal of auth_domains_add(), and *item is what is wrong
 */
MUST_CHECK int serve_domains_of(const struct serve_options *o, struct auth_domains *out,
                                str *item);

/**
 * What a server would have that is started with this --config and nothing else in this
 * environment: for programs beside it.
 *
 * @param config  empty: none
 * @param file    initialised; holds the file's text, to which *out points
 * @return 0, or an enum options_refusal
 */
MUST_CHECK int serve_options_read(struct serve_options *out, str config, char *const *env,
                                  struct buf *file);
