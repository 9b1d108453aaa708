#include "server/serve_config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "bus/nats.h"
#include "crypto/random.h"
#include "http/assets.h"
#include "media/local.h"
#include "server/admin_socket.h"
#include "server/demo.h"
#include "server/node_media.h"
#include "store/pg.h"

#define SECOND_MS           1000
#define MINUTE_MS           60000
#define FILES_PER_WORKER    16 // its loop's, and those of who it asks for keys
#define PAYLOAD_PER_CONTENT 4  // too long a content shall be answered, and not cut off

static int usage(const char *text)
{
    fprintf(stderr, "parley serve: %s\n", text);
    return 2;
}

static int usage_of(const char *option, str item, const char *form)
{
    fprintf(stderr, "parley serve: --%s: '" STR_FMT "' is not %s\n", option, STR_ARG(item),
            form);
    return 2;
}

// What the options mean. Each returns 0 or the exit code.

static int read_origins(const struct serve_options *o, struct http_origins *out)
{
    static_assert(OPTIONS_LIST_MAX <= HTTP_ORIGINS_MAX, "a list of origins fits");
    out->own = true;
    out->loopback = o->dev;
    for (size_t i = 0; i < o->origins.n; i++) {
        if (http_origins_add(out, o->origins.items[i]) != 0) {
            return usage_of("origins", o->origins.items[i],
                            "an origin such as https://shop.example or "
                            "https://shop.example:8443, without a path");
        }
    }
    return 0;
}

static int read_proxies(const struct serve_options *o, struct node_config *config)
{
    struct http_proxies *out = &config->proxies;

    static_assert(OPTIONS_LIST_MAX <= HTTP_PROXIES_MAX, "a list of proxies fits");
    for (size_t i = 0; i < o->trusted_proxies.n; i++) {
        if (http_proxies_add(out, o->trusted_proxies.items[i]) != 0) {
            return usage_of("trusted-proxies", o->trusted_proxies.items[i],
                            "an address such as 10.0.0.1, or a range such as 10.0.0.0/8");
        }
    }
    config->proxy_protocol = o->proxy_protocol;
    if (o->proxy_protocol && out->n == 0) {
        return usage(
            "--proxy-protocol: name those that send it with --trusted-proxies; from others it "
            "is "
            "not taken");
    }
    return 0;
}

static int read_transports(const struct serve_options *o, unsigned *out)
{
    for (size_t i = 0; i < o->transports.n; i++) {
        const str item = o->transports.items[i];
        if (str_eq(item, STR("polling"))) {
            *out |= EIO_POLLING_TRANSPORT;
        } else if (str_eq(item, STR("websocket"))) {
            *out |= EIO_WEBSOCKET_TRANSPORT;
        } else {
            return usage_of("transports", item, "polling or websocket");
        }
    }
    return *out ? 0 : usage("--transports takes polling, websocket, or both");
}

static int read_contact_policy(const struct serve_options *o, bool *only_accepted_know)
{
    *only_accepted_know = str_eq(o->contact_policy, STR("request"));
    if (*only_accepted_know || str_eq(o->contact_policy, STR("open")))
        return 0;
    return usage_of("contact-policy", o->contact_policy, "open or request");
}

static int read_domains(const struct serve_options *o, struct auth_domains *out)
{
    str item;

    if (serve_domains_of(o, out, &item) == 0)
        return 0;
    return usage_of("domains", item,
                    "a site such as shop.example, shop.example:8443 or http://shop.internal");
}

static int read_chains(const struct serve_options *o, struct serve_chains *out)
{
    str item;
    const char *wrong = serve_chains_of(o, out, &item);

    if (!wrong)
        return 0;
    return item.ptr ? usage_of("chains", item, wrong) : usage(wrong);
}

/** @param wrong  NULL: nothing is @param item  empty: it may be a secret, or is not given */
static int usage_if(const char *option, str item, const char *wrong)
{
    if (!wrong)
        return 0;
    if (item.len > 0)
        return usage_of(option, item, wrong);
    fprintf(stderr, "parley serve: --%s: %s\n", option, wrong);
    return 2;
}

static int read_media(const struct serve_media_options *o, struct serve_media *out)
{
    const char *option = NULL;
    str item = {0};
    const char *wrong = serve_media_of(o, out, &option, &item);

    return usage_if(option, item, wrong);
}

static int read_cluster(const struct serve_options *o, struct serve_cluster *out)
{
    const char *option = NULL;
    str item = {0};
    const char *wrong = serve_cluster_of(o, out, &option, &item);

    return usage_if(option, item, wrong);
}

static int read_rpcs(const struct serve_options *o, const struct serve_chains *chains,
                     struct serve_rpcs *out)
{
    str item;
    const char *wrong = serve_rpcs_of(o, chains, out, &item);

    if (!wrong)
        return 0;
    fprintf(stderr, "parley serve: --rpc: " STR_FMT "%s%s\n", STR_ARG(item),
            item.len > 0 ? ": " : "", wrong);
    return 2;
}

static int check_data_path(str data)
{
    char path[ADMIN_SOCKET_PATH_SIZE];

    if (data.len == 0)
        return usage("--data needs a directory");
    if (admin_socket_path(path, data) == 0)
        return 0;
    fprintf(stderr,
            "parley serve: --data: the path '" STR_FMT
            "' is too long for the socket in it: at "
            "most %zu bytes. A link to the directory, or a path relative to where the server "
            "starts, is shorter\n",
            STR_ARG(data), ADMIN_SOCKET_PATH_SIZE - sizeof("/" ADMIN_SOCKET_FILE));
    return 2;
}

/** What the server has of its own is asked first: Socket.IO would not be reached there. */
static bool is_of_ours(str path)
{
    static const str ours[] = {
        STR(MEDIA_LOCAL_PREFIX), STR("/healthz"),  STR("/readyz"),
        STR("/metrics"),         STR("/v1/"),      STR("/.well-known/"),
        STR(HTTP_ASSETS_SHARED), STR(DEMO_PREFIX),
    };

    for (size_t i = 0; i < COUNT_OF(ours); i++) {
        if (str_starts(path, ours[i]))
            return true;
    }
    return false;
}

static int check_path(const struct serve_options *o)
{
    if (!str_starts(o->path, STR("/")) || o->path.ptr[o->path.len - 1] != '/')
        return usage("--path must begin and end with '/'");
    if (is_of_ours(o->path))
        return usage_of("path", o->path, "free: the server has something else there");
    if (o->dev && str_eq(o->path, STR("/")))
        return usage("--path: with --dev, / is the page to try the chat on");
    return 0;
}

bool serve_config_is_sqlite(const struct serve_options *o)
{
    return str_eq(o->store, STR("sqlite"));
}

static int check_store(const struct serve_options *o)
{
    if (serve_config_is_sqlite(o) || str_starts(o->store, STR("postgresql://")) ||
        str_starts(o->store, STR("postgres://")))
        return 0;
    // What it is may have a password in it.
    return usage("--store is 'sqlite', or begins with postgresql://");
}

static int check_tls(const struct serve_options *o)
{
    if ((o->tls_cert.len > 0) != (o->tls_key.len > 0))
        return usage("--tls-cert and --tls-key go together");
    if (o->tls_cert.len > 0 && !str_eq(o->bus, STR("local"))) {
        return usage(
            "--tls-cert: several servers reach each other without TLS: leave it to the "
            "proxy in front of them");
    }
    return 0;
}

int serve_config_check_dev(const struct serve_options *o, const struct addr *at)
{
    if (!o->dev || addr_is_loopback(at))
        return 0;
    return usage(
        "--dev is for this machine alone: listen on 127.0.0.1, or leave out --dev and "
        "name the pages with --origins");
}

static int check(const struct serve_options *o)
{
    int code = serve_config_check_dev(o, &o->listen);
    if (code == 0)
        code = check_path(o);
    if (code == 0)
        code = check_data_path(o->data);
    if (code == 0)
        code = check_store(o);
    if (code == 0)
        code = check_tls(o);
    if (code != 0)
        return code;
    if (o->max_payload < PAYLOAD_PER_CONTENT * o->content_bytes) {
        fprintf(stderr,
                "parley serve: --max-payload must be at least four times --content-bytes, so "
                "that too long a message is refused and does not cut the connection: at least "
                "%llu, or a smaller --content-bytes\n",
                (unsigned long long)(PAYLOAD_PER_CONTENT * o->content_bytes));
        return 2;
    }
    return 0;
}

int serve_config_read(struct node_config *out, const struct serve_options *o)
{
    *out = (struct node_config){
        .listen = o->listen,
        .keys = o->keys.len > 0 ? o->keys : o->data,
        .key_rand = o->keys.len > 0 ? NULL : crypto_random(),
        .path = o->path,
        .n_workers = (unsigned)o->workers,
        .drain_ms = o->drain,
        .ping_interval_ms = o->ping_interval,
        .ping_timeout_ms = o->ping_timeout,
        .upgrade_timeout_ms = o->upgrade_timeout,
        .connect_timeout_ms = o->connect_timeout,
        .max_payload = o->max_payload,
        .home_chain = serve_home_chain(o),
        .logins = {o->login_burst, o->login_rate, MINUTE_MS},
        .auths = {o->auth_burst, o->auth_rate, MINUTE_MS},
        .contracts = {o->rpc_burst, o->rpc_rate, MINUTE_MS},
        .access_ms = o->access_ttl,
        .session_ms = o->session_ttl,
        .content_bytes = o->content_bytes,
        .sockets_per_ip = o->sockets_per_ip,
        .connections_per_ip = o->connections_per_ip,
        .chat = {.rate_limits = o->rate_limits,
                 .sends = {o->send_burst, o->send_rate, SECOND_MS},
                 .requests = {o->request_burst, o->request_rate, SECOND_MS},
                 .sessions = o->sockets_per_wallet},
        .mailbox = {.accepted = {o->mailbox_peer_messages, o->mailbox_peer_bytes},
                    .stranger = {o->mailbox_stranger_messages, o->mailbox_stranger_bytes},
                    .mailbox = o->mailbox_messages},
        .store_memory = o->store_memory,
        .media_options = o->media,
        .dev = o->dev,
    };
    int code = check(o);
    if (code == 0)
        code = read_origins(o, &out->origins);
    if (code == 0)
        code = read_proxies(o, out);
    if (code == 0)
        code = read_transports(o, &out->transports);
    if (code == 0)
        code = read_contact_policy(o, &out->mailbox.only_accepted_know);
    if (code == 0)
        code = read_domains(o, &out->domains);
    if (code == 0)
        code = read_chains(o, &out->chains);
    if (code == 0)
        code = read_rpcs(o, &out->chains, &out->rpcs);
    if (code == 0)
        code = read_media(&o->media, &out->media);
    if (code == 0)
        code = read_cluster(o, &out->cluster);
    return code;
}

// Files.

int serve_config_check_ca_file(const char *path)
{
    if (!path || access(path, R_OK) == 0)
        return 0;
    fprintf(stderr, "parley serve: --ca-file: can't read '%s': %s\n", path,
            strerrordesc_np(errno));
    return 2;
}

int serve_config_check_scan(const char *path)
{
    if (!path || access(path, X_OK) == 0)
        return 0;
    fprintf(stderr, "parley serve: --media-scan: can't run '%s': %s\n", path,
            strerrordesc_np(errno));
    return 2;
}

size_t serve_config_files_beside(const struct node_config *config)
{
    return node_media_files(&config->media) +
           (config->n_workers - 1) * (size_t)FILES_PER_WORKER;
}

// Secrets.

static bool has_password(str url, bool (*is_in)(const char *url))
{
    char *text = str_dup(url); // in a file no NUL stands behind it
    const bool has = is_in(text);

    free(text);
    return has;
}

int serve_config_check_secrets(const struct serve_options *o, const struct options_from *from)
{
    static const char *const secrets[] = {"s3-secret-key", "s3-session-token"};

    for (size_t i = 0; i < COUNT_OF(secrets); i++) {
        if (!options_has(&serve_table, secrets[i], from->argc, from->argv))
            continue;
        fprintf(stderr,
                "parley serve: --%s on the command line is seen by everybody on this machine: "
                "put it into the environment, as PARLEY_S3_…, or into the file of --config\n",
                secrets[i]);
        return 2;
    }
    if (options_has(&serve_table, "store", from->argc, from->argv) &&
        has_password(o->store, store_pg_has_password)) {
        fprintf(stderr,
                "parley serve: a password in --store is seen by everybody on this "
                "machine: put it into the environment, as PARLEY_STORE or PGPASSWORD, "
                "into the file of --config, or into ~/.pgpass\n");
        return 2;
    }
    if (options_has(&serve_table, "bus", from->argc, from->argv) &&
        has_password(o->bus, bus_nats_has_password)) {
        fprintf(stderr,
                "parley serve: a password in --bus is seen by everybody on this "
                "machine: put it into the environment, as PARLEY_BUS, or into the file "
                "of --config\n");
        return 2;
    }
    return 0;
}
