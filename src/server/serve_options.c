#include "server/serve_options.h"

#include <stdlib.h>

#include "base/mem.h"
#include "chat/uploads.h"
#include "io/fetch.h"

#define DAY_MS           86400000
#define MAX_PAYLOAD      (64U << 20)
#define CONTENT_MAX      262144 // written as JSON six times that fits a client's queue
#define DRAIN_MAX_MS     60000
#define RATE_MAX         1000000000
#define FILE_MAX         5368709120  // bytes; more no S3 takes in one request, nor copies
#define STORE_MEMORY_MAX 17179869184 // bytes
#define LINK_MAX_MS      604800000   // SIGV4_EXPIRES_MAX
#define CHAIN_MAX        ((UINT64_C(1) << 53) - 1)

#define FIELD(name) offsetof(struct serve_issuer, name)
static const struct option issuer_rows[] = {
    {"iss", OPTION_TEXT, FIELD(iss), NULL, "TEXT",
     "what the claim iss must be; without it any, for one issuer at most", 0, 0},
    {"aud", OPTION_TEXT, FIELD(aud), NULL, "TEXT",
     "what the claim aud must be or hold; without it that is not checked", 0, 0},
    {"claim", OPTION_TEXT, FIELD(claim), "sub", "NAME", "which claim holds the address", 0, 0},
    {"alg", OPTION_TEXT, FIELD(alg), NULL, "ALG",
     "RS256 or PS256, for an RSA key in a PEM (RS256); other keys say it themselves", 0, 0},
    {"skew", OPTION_DURATION, FIELD(skew), "30s", "DURATION",
     "how far its clock may be off, at most 2m", 0, AUTH_SKEW_MS_MAX},
    {"secret-file", OPTION_FILE, FIELD(secret_file), NULL, "FILE",
     "the secret of HS256, 32 bytes or more; a newline at its end does not count", 0, 0},
    {"pem-file", OPTION_FILE, FIELD(pem_file), NULL, "FILE", "or a public key", 0, 0},
    {"jwks-file", OPTION_FILE, FIELD(jwks_file), NULL, "FILE", "or a set of keys (RFC 7517)", 0,
     0},
    {"jwks-url", OPTION_TEXT, FIELD(jwks_url), NULL, "URL",
     "or where such a set is published: https://, or http:// on this machine", 0, 0},
};
#undef FIELD

// Of a package: its server is the one that commands without --config are about.
#ifndef PARLEY_CONFIG_FILE
    #define PARLEY_CONFIG_FILE NULL
#endif

#define FIELD(name) offsetof(struct serve_options, name)
static const struct option_section sections[] = {
    {"issuer", "whose tokens are accepted, beside the server's own", issuer_rows,
     COUNT_OF(issuer_rows), FIELD(n_issuers), FIELD(issuers), sizeof(struct serve_issuer),
     AUTH_ISSUERS_MAX},
};

static const struct option rows[] = {
    OPTIONS_HEADING("The server"),
    {"listen", OPTION_ADDR, FIELD(listen), "127.0.0.1:8080", "HOST:PORT",
     "where to listen; port 0 picks one", 0, 0},
    {"tls-cert", OPTION_FILE, FIELD(tls_cert), NULL, "FILE",
     "HTTPS, with this certificate and those up to the authority's (PEM); SIGHUP reads it anew",
     0, 0},
    {"tls-key", OPTION_FILE, FIELD(tls_key), NULL, "FILE", "and its key (PEM)", 0, 0},
    {"data", OPTION_TEXT, FIELD(data), "./parley-data", "DIR",
     "messages and keys; made if it is missing", 0, 0},
    {"config", OPTION_FILE, FIELD(config), PARLEY_CONFIG_FILE, "FILE",
     "a file of options, see below", 0, 0},
    {"dev", OPTION_FLAG, FIELD(dev), NULL, "",
     "for development: pages of this machine are let in, there is one to try it on at /, and "
     "nobody else reaches it",
     0, 0},
    {"workers", OPTION_COUNT, FIELD(workers), "1", "N",
     "threads that serve clients, each on a processor", 1, POSTS_MAX},
    {"hardening", OPTION_SWITCH, FIELD(hardening), "on", "on|off",
     "once started, do without most files and system calls; off: for debuggers and tracers", 0,
     0},
    {"log", OPTION_TEXT, FIELD(log), "info", "LEVEL",
     "error, warn, info, debug, trace; by layer: info,ws=trace", 0, 0},
    {"drain", OPTION_DURATION, FIELD(drain), "2s", "DURATION",
     "over which clients are let go of when the server stops", 0, DRAIN_MAX_MS},

    OPTIONS_HEADING("Who may connect"),
    {"origins", OPTION_LIST, FIELD(origins), NULL, "LIST",
     "whose pages, such as https://shop.example, or * for all; the server's own always", 0, 0},
    {"trusted-proxies", OPTION_LIST, FIELD(trusted_proxies), NULL, "LIST",
     "whose X-Forwarded-For is believed: addresses, or ranges such as 10.0.0.0/8", 0, 0},
    {"proxy-protocol", OPTION_FLAG, FIELD(proxy_protocol), NULL, "",
     "connections of trusted proxies begin with a header of the PROXY protocol, version 2, "
     "which "
     "says for whom they are",
     0, 0},
    {"rate-limits", OPTION_SWITCH, FIELD(rate_limits), "on", "on|off",
     "hold clients to the rates and numbers below", 0, 0},
    {"sockets-per-wallet", OPTION_COUNT, FIELD(sockets_per_wallet), "20", "N",
     "one more ends the one that was silent longest", 1, 0},
    {"sockets-per-ip", OPTION_COUNT, FIELD(sockets_per_ip), "1000", "N", "one more is refused",
     1, 0},
    {"connections-per-ip", OPTION_COUNT, FIELD(connections_per_ip), "2000", "N",
     "TCP connections, whether they have said who they are or not; trusted proxies may have "
     "any "
     "number",
     1, 0},

    OPTIONS_HEADING("Signing in with a wallet"),
    {"domains", OPTION_LIST, FIELD(domains), NULL, "LIST",
     "sites where one signs in, such as shop.example; without it those of --origins", 0, 0},
    {"chains", OPTION_LIST, FIELD(chains), NULL, "LIST",
     "whose wallets: chain ids, and solana; without it the home chain and solana", 0, 0},
    {"home-chain", OPTION_COUNT, FIELD(home_chain), NULL, "CHAIN",
     "the chain of 0x... addresses; without it the first of --chains, or 1", 1, CHAIN_MAX},
    {"rpc", OPTION_LIST, FIELD(rpc), NULL, "LIST",
     "whom to ask about contract wallets: CHAIN=URL of a node's JSON-RPC, one a chain", 0, 0},
    {"rpc-rate", OPTION_COUNT, FIELD(rpc_rate), "60", "N",
     "such questions of wallets that sign in, all together, a minute", 1, RATE_MAX},
    {"rpc-burst", OPTION_COUNT, FIELD(rpc_burst), "20", "N", "and so many at once", 1,
     RATE_MAX},
    {"ca-file", OPTION_FILE, FIELD(ca_file), NULL, "FILE",
     "certificates by which others are trusted (PEM); without it those of the system", 0, 0},
    {"login-rate", OPTION_COUNT, FIELD(login_rate), "5", "N",
     "logins from one address, and of one wallet, a minute", 1, RATE_MAX},
    {"login-burst", OPTION_COUNT, FIELD(login_burst), "10", "N", "and so many at once", 1,
     RATE_MAX},
    {"auth-rate", OPTION_COUNT, FIELD(auth_rate), "60", "N",
     "nonces, refreshes, logouts and bad tokens over HTTP from one address, refreshes of one "
     "wallet, a minute",
     1, RATE_MAX},
    {"auth-burst", OPTION_COUNT, FIELD(auth_burst), "60", "N", "and so many at once", 1,
     RATE_MAX},
    {"access-ttl", OPTION_DURATION, FIELD(access_ttl), "10m", "DURATION",
     "how long an access token is good, at most 1h", 1000, AUTH_ACCESS_MS_MAX},
    {"session-ttl", OPTION_DURATION, FIELD(session_ttl), "30d", "DURATION",
     "how long a sign-in can be refreshed, at most 400d", 1000, AUTH_SESSION_MS_MAX},

    OPTIONS_HEADING("Messages"),
    {"content-bytes", OPTION_SIZE, FIELD(content_bytes), "64KiB", "SIZE",
     "of one message, at most 256KiB; --max-payload is at least four times that", 1024,
     CONTENT_MAX},
    {"send-rate", OPTION_COUNT, FIELD(send_rate), "10", "N", "messages of a wallet, a second",
     1, RATE_MAX},
    {"send-burst", OPTION_COUNT, FIELD(send_burst), "60", "N", "and so many at once", 1,
     RATE_MAX},
    {"request-rate", OPTION_COUNT, FIELD(request_rate), "20", "N",
     "other requests of a wallet, a second", 1, 0},
    {"request-burst", OPTION_COUNT, FIELD(request_burst), "200", "N", "and so many at once", 1,
     0},
    {"mailbox-peer-messages", OPTION_COUNT, FIELD(mailbox_peer_messages), "10000", "N",
     "undelivered ones of a sender whom the recipient has accepted", 1, 0},
    {"mailbox-peer-bytes", OPTION_SIZE, FIELD(mailbox_peer_bytes), "64MiB", "SIZE",
     "and their contents", 1, 0},
    {"mailbox-stranger-messages", OPTION_COUNT, FIELD(mailbox_stranger_messages), "1000", "N",
     "undelivered ones of any other sender", 1, 0},
    {"mailbox-stranger-bytes", OPTION_SIZE, FIELD(mailbox_stranger_bytes), "4MiB", "SIZE",
     "and their contents", 1, 0},
    {"mailbox-messages", OPTION_COUNT, FIELD(mailbox_messages), "50000", "N",
     "undelivered ones of all senders; of those not accepted half of that", 1, 0},
    {"store", OPTION_TEXT, FIELD(store), "sqlite", "sqlite|URL",
     "where messages are kept: in the data directory, or in PostgreSQL, as "
     "postgresql://user@host/database; a password not on the command line",
     0, 0},
    {"store-memory", OPTION_SIZE, FIELD(store_memory), "64MiB", "SIZE",
     "sqlite: of what is new, until the index takes it; four times that where it can't follow",
     65536, STORE_MEMORY_MAX},
    {"contact-policy", OPTION_TEXT, FIELD(contact_policy), "open", "open|request",
     "request: receipts wait until their sender has accepted the other side", 0, 0},

    OPTIONS_HEADING("Several servers"),
    {"bus", OPTION_TEXT, FIELD(bus), "local", "local|URLS",
     "how servers on one --store tell each other what is new: nats://user:password@host:4222; "
     "a password not on the command line",
     0, 0},
    {"node", OPTION_TEXT, FIELD(node), NULL, "NAME",
     "this one's name among them; without it this machine's, and the port", 0, 0},
    {"advertise", OPTION_TEXT, FIELD(advertise), NULL, "URL",
     "where the others reach it, as http://10.0.0.1:8080; without it where it listens", 0, 0},
    {"keys", OPTION_TEXT, FIELD(keys), NULL, "DIR",
     "keys that all of them have a copy of ('parley make-keys'); without it the data directory",
     0, 0},

    OPTIONS_HEADING("Files"),
    {"media", OPTION_TEXT, FIELD(media.where), "local", "local|s3|off",
     "where files go: the data directory, an object store, or nowhere", 0, 0},
    {"public-url", OPTION_TEXT, FIELD(media.public_url), NULL, "URL",
     "where clients reach the server, for links to its files; without it that of --listen", 0,
     0},
    {"image-bytes", OPTION_SIZE, FIELD(media.image_bytes), "25MiB", "SIZE", "of an image", 1,
     FILE_MAX},
    {"audio-bytes", OPTION_SIZE, FIELD(media.audio_bytes), "25MiB", "SIZE",
     "of a voice message, or other audio", 1, FILE_MAX},
    {"video-bytes", OPTION_SIZE, FIELD(media.video_bytes), "100MiB", "SIZE", "of a video", 1,
     FILE_MAX},
    {"file-bytes", OPTION_SIZE, FIELD(media.file_bytes), "100MiB", "SIZE", "of any other file",
     1, FILE_MAX},
    {"upload-quota", OPTION_SIZE, FIELD(media.quota_bytes), "1GiB", "SIZE",
     "that a wallet may upload at once, and again within the time below", 1, 0},
    {"upload-quota-time", OPTION_DURATION, FIELD(media.quota_time), "30d", "DURATION",
     "in which that fills up again", 1000, UPLOADS_QUOTA_MS_MAX},
    {"uploads-pending", OPTION_COUNT, FIELD(media.pending), "20", "N",
     "uploads of a wallet that wait to be sent", 1, RATE_MAX},
    {"upload-keep", OPTION_DURATION, FIELD(media.keep), "24h", "DURATION",
     "how long one is kept that is in no message", 1000, 0},
    {"upload-link", OPTION_DURATION, FIELD(media.put_ttl), "5m", "DURATION",
     "how long a link to upload is good", 1000, LINK_MAX_MS},
    {"download-link", OPTION_DURATION, FIELD(media.get_ttl), "15m", "DURATION",
     "how long a link to download is good", 1000, LINK_MAX_MS},
    {"media-url-allow", OPTION_LIST, FIELD(media.url_allow), NULL, "LIST",
     "whose files messages may name, such as https://cdn.example/nft/", 0, 0},
    {"media-scan", OPTION_TEXT, FIELD(media.scan), NULL, "PROGRAM",
     "run with each file, before a message has it: ends with 0 if that may be, with 1 if not",
     0, 0},
    {"media-reserve", OPTION_SIZE, FIELD(media.reserve), "256MiB", "SIZE",
     "local: free room that files leave to messages", 0, 0},
    {"media-write-rate", OPTION_SIZE, FIELD(media.write_rate), "64MiB", "SIZE",
     "local: written to the disk in a second", 65536, 0},
    {"s3-endpoint", OPTION_TEXT, FIELD(media.s3_endpoint), NULL, "URL",
     "s3: where the server reaches it, without the bucket", 0, 0},
    {"s3-public-endpoint", OPTION_TEXT, FIELD(media.s3_public_endpoint), NULL, "URL",
     "s3: where clients reach it; without it the same", 0, 0},
    {"s3-region", OPTION_TEXT, FIELD(media.s3_region), "us-east-1", "NAME", "s3: auto for R2",
     0, 0},
    {"s3-bucket", OPTION_TEXT, FIELD(media.s3_bucket), NULL, "NAME", "s3: a private one", 0, 0},
    {"s3-path-style", OPTION_SWITCH, FIELD(media.s3_path_style), "on", "on|off",
     "s3: the bucket is in the path; off: in the name of the host", 0, 0},
    {"s3-access-key", OPTION_TEXT, FIELD(media.s3_access_key), NULL, "ID", "s3", 0, 0},
    {"s3-secret-key", OPTION_TEXT, FIELD(media.s3_secret_key), NULL, "KEY",
     "s3: not on the command line, where others see it", 0, 0},
    {"s3-session-token", OPTION_TEXT, FIELD(media.s3_session_token), NULL, "TOKEN",
     "s3: of temporary keys; likewise", 0, 0},

    OPTIONS_HEADING("The transport"),
    {"path", OPTION_TEXT, FIELD(path), "/socket.io/", "PATH", "where Socket.IO is", 0, 0},
    {"transports", OPTION_LIST, FIELD(transports), "polling,websocket", "LIST",
     "what a client may come with", 0, 0},
    {"max-payload", OPTION_SIZE, FIELD(max_payload), "1000000", "SIZE",
     "of a POST, and of a WebSocket message", 1, MAX_PAYLOAD},
    {"ping-interval", OPTION_DURATION, FIELD(ping_interval), "25s", "DURATION",
     "from a client's pong to the next ping", 10, DAY_MS},
    {"ping-timeout", OPTION_DURATION, FIELD(ping_timeout), "20s", "DURATION",
     "for the pong, then the client is given up", 10, DAY_MS},
    {"upgrade-timeout", OPTION_DURATION, FIELD(upgrade_timeout), "10s", "DURATION",
     "for a WebSocket to take over from polling", 10, DAY_MS},
    {"connect-timeout", OPTION_DURATION, FIELD(connect_timeout), "10s", "DURATION",
     "for a client to say who it is", 10, DAY_MS},

    // These two the doctor has beside them.
    OPTIONS_HEADING("What the doctor tells"),
    {"json", OPTION_FLAG, FIELD(doctor_json), NULL, "",
     "a JSON object for each thing that was looked at, on a line: name, verdict (ok, warn, "
     "bad, "
     "skip), what, remedy",
     0, 0},
};
#undef FIELD

#define DOCTOR_ROWS 2

const struct option_table serve_table = {
    .command = "parley serve",
    .summary =
        "Serves the chat. When it is ready it says so, in one line on stdout, and where (with\n"
        "--dev in more, for people); the log is on stderr. SIGTERM ends it, a second one "
        "sooner.",
    .options = rows,
    .n_options = COUNT_OF(rows) - DOCTOR_ROWS,
    .env_prefix = "PARLEY_",
    .file_option = "config",
    .sections = sections,
    .n_sections = COUNT_OF(sections),
};

const struct option_table doctor_table = {
    .command = "parley doctor",
    .summary =
        "Looks at all that a server with these options needs, says what is wrong, and for "
        "each\n"
        "thing what to do. Run it with the options of 'parley serve', whether that runs or "
        "not:\n"
        "as its user, or as root, who becomes the user of the data directory. It changes\n"
        "nothing, but puts a probe into the bucket of --media s3, and takes it out again.\n\n"
        "  ok    is right               warn  works, but not as it should, or not for long\n"
        "  bad   does not work          skip  there is nothing to look at, or no way to\n\n"
        "It ends with 0 if nothing is bad, with 1 if something is, and with 2 if it was "
        "called\n"
        "in a wrong way.",
    .options = rows,
    .n_options = COUNT_OF(rows),
    .env_prefix = "PARLEY_",
    .file_option = "config",
    .sections = sections,
    .n_sections = COUNT_OF(sections),
};

uint64_t serve_home_chain(const struct serve_options *o)
{
    uint64_t chain = 0;

    if (o->home_chain > 0)
        return o->home_chain;
    for (size_t i = 0; i < o->chains.n; i++) {
        if (str_to_u64(o->chains.items[i], CHAIN_MAX, &chain) == 0 && chain > 0)
            return chain;
    }
    return 1;
}

static bool has_chain(const struct serve_chains *c, uint64_t chain)
{
    for (size_t i = 0; i < c->n; i++) {
        if (c->chains[i] == chain)
            return true;
    }
    return false;
}

/** @return NULL, or what is wrong with the item */
static const char *add_chain(struct serve_chains *c, str item)
{
    uint64_t chain = 0;

    if (str_eq(item, STR("solana"))) {
        c->solana = true;
        return NULL;
    }
    if (str_to_u64(item, CHAIN_MAX, &chain) != 0 || chain == 0)
        return "a chain id such as 1 or 8453, nor solana";
    if (has_chain(c, chain))
        return NULL;
    static_assert(OPTIONS_LIST_MAX < AUTH_CHAINS_MAX, "with the home chain all of a list fit");
    c->chains[c->n++] = chain;
    return NULL;
}

const char *serve_chains_of(const struct serve_options *o, struct serve_chains *out, str *item)
{
    const uint64_t home = serve_home_chain(o);
    bool has_home = false;

    *out = (struct serve_chains){.n = 1, .chains[0] = home, .solana = o->chains.n == 0};
    for (size_t i = 0; i < o->chains.n; i++) {
        uint64_t chain = 0;
        *item = o->chains.items[i];
        const char *wrong = add_chain(out, *item);
        if (wrong)
            return wrong;
        has_home |= str_to_u64(*item, CHAIN_MAX, &chain) == 0 && chain == home;
    }
    *item = (str){0};
    return o->chains.n == 0 || has_home
               ? NULL
               : "--chains does not name the home chain: that of --home-chain, or 1";
}

static bool has_rpc(const struct serve_rpcs *r, uint64_t chain)
{
    for (size_t i = 0; i < r->n; i++) {
        if (r->rpcs[i].chain == chain)
            return true;
    }
    return false;
}

static const char *check_url(str url)
{
    switch (fetch_check_url(url)) {
    case 0: return NULL;
    case FETCH_URL_PLAIN: return "its URL must be https://, or http:// to this machine alone";
    default: return "what stands behind = is no URL such as https://rpc.example/v1";
    }
}

/** @param digits  of the chain, or empty */
static const char *add_rpc(struct serve_rpcs *r, const struct serve_chains *chains, str item,
                           str *digits)
{
    uint64_t chain = 0;

    *digits = str_take_until(&item, '=');
    if (str_to_u64(*digits, CHAIN_MAX, &chain) != 0) {
        *digits = (str){0};
        return "an item is a chain id, =, and a URL: 1=https://rpc.example/v1";
    }
    if (!has_chain(chains, chain))
        return "wallets of this chain do not sign in here: --chains does not name it";
    if (has_rpc(r, chain))
        return "this chain is there twice";
    const char *wrong = check_url(item);
    if (wrong)
        return wrong;
    static_assert((size_t)OPTIONS_LIST_MAX <= AUTH_RPCS_MAX, "a list of them fits");
    r->rpcs[r->n++] = (struct auth_rpc){.chain = chain, .url = item};
    return NULL;
}

const char *serve_rpcs_of(const struct serve_options *o, const struct serve_chains *chains,
                          struct serve_rpcs *out, str *item)
{
    const char *wrong = NULL;

    *item = (str){0};
    *out = (struct serve_rpcs){0};
    for (size_t i = 0; i < o->rpc.n && !wrong; i++)
        wrong = add_rpc(out, chains, o->rpc.items[i], item);
    return wrong;
}

int serve_domains_of(const struct serve_options *o, struct auth_domains *out, str *item)
{
    const bool is_named = o->domains.n > 0;
    const struct option_list *list = is_named ? &o->domains : &o->origins;

    static_assert(OPTIONS_LIST_MAX <= AUTH_DOMAINS_MAX, "a list of domains fits");
    *out = (struct auth_domains){.loopback = o->dev};
    for (size_t i = 0; i < list->n; i++) {
        *item = list->items[i];
        const int r = auth_domains_add(out, *item);
        if (r != 0 && is_named)
            return r;
    }
    *item = (str){0};
    return 0;
}

int serve_options_read(struct serve_options *out, str config, char *const *env,
                       struct buf *file)
{
    static const str flag = {"--config=", 9};
    char *word = mem_alloc(flag.len + config.len + 1);
    const struct options_from from = {
        .argc = config.len > 0, .argv = &word, .env = env, .file = file};

    str_copy(word + str_copy(word, flag).len, config);
    *out = (struct serve_options){0};
    const int r = options_parse(&serve_table, out, &from);
    free(word);
    if (config.len > 0)
        out->config = config; // and not a part of the word
    return r;
}
