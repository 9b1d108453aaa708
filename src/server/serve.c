#include "server/serve.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/crash.h"
#include "base/mem.h"
#include "crypto/random.h"
#include "crypto/secret.h"
#include "crypto/vault.h"
#include "io/loop.h"
#include "server/certificate.h"
#include "server/crew.h"
#include "server/issuers.h"
#include "server/keys.h"
#include "server/rotation.h"
#include "server/run.h"
#include "server/serve_config.h"
#include "server/serve_harden.h"
#include "store/dir.h"

static int usage(const char *text)
{
    fprintf(stderr, "parley serve: %s\n", text);
    return 2;
}

// The data directory, and the keys.

/** The keys make the directory, too. That of files is this server's in any case, and those of
 * the demo are of whoever comes first. @return 0 or the exit code */
static int open_keys(struct node_config *config, str data)
{
    if (keys_media(config->media_secret, data, crypto_random()) != 0 ||
        keys_sign_in(&config->sign_in, config->keys, config->key_rand) != 0 ||
        (config->dev && keys_demo(&config->demo, config->keys, crypto_random()) != 0))
        return 1;
    return 0;
}

static void close_keys(struct node_config *config)
{
    crypto_wipe(&config->sign_in, sizeof(config->sign_in));
    crypto_wipe(config->media_secret, sizeof(config->media_secret));
    crypto_wipe(&config->demo, sizeof(config->demo));
}

static int check_data(const char *data)
{
    struct stat st = {0};

    if (access(data, W_OK | X_OK) != 0 || stat(data, &st) != 0) {
        fprintf(stderr,
                "parley serve: can't write to the data directory '%s': let this user, or "
                "name another with --data\n",
                data);
        return 1;
    }
    if (st.st_mode & (S_IRWXG | S_IRWXO))
        log_warn(NULL, "server_data_open", "mode=%03o want=700", (unsigned)st.st_mode & 0777);
    return 0;
}

static int check_files(uint64_t files)
{
    if (files >= SERVE_FILES_MIN)
        return 0;
    fprintf(stderr,
            "parley serve: this process may open only %llu files, and needs %llu at least: "
            "raise the limit (LimitNOFILE=, ulimit -Hn)\n",
            (unsigned long long)files, (unsigned long long)SERVE_FILES_MIN);
    return 1;
}

/** Of one worker. @return 0 or the exit code */
static int open_trust(struct node_trust *a, const struct node_config *config,
                      const struct serve_options *o)
{
    const int64_t now_ms = clock_unix_ms(loop_wall_clock());

    a->auth = auth_new(config->home_chain);
    auth_remember(a->auth, crypto_random());
    if (issuers_add(a->auth, &a->urls, o) != 0)
        return 2;
    if (rotation_load(&a->keyring, config->keys, now_ms, config->key_rand) != 0)
        return 1;
    auth_set_own(a->auth, &a->keyring);
    return 0;
}

static int open_trusts(struct node_config *config, const struct serve_options *o)
{
    int code = 0;

    config->trusts = vault_alloc(config->n_workers * sizeof(config->trusts[0]));
    for (unsigned i = 0; i < config->n_workers && code == 0; i++)
        code = open_trust(&config->trusts[i], config, o);
    return code;
}

static void close_trusts(struct node_config *config)
{
    for (unsigned i = 0; config->trusts && i < config->n_workers; i++) {
        auth_keyring_fini(&config->trusts[i].keyring);
        auth_free(config->trusts[i].auth);
    }
    vault_free(config->trusts, config->n_workers * sizeof(config->trusts[0]));
}

static int open_files(struct node_config *config, const struct serve_options *o)
{
    int code = serve_config_check_ca_file(config->ca_file);
    if (code == 0)
        code = serve_config_check_scan(config->media_scan);
    if (code == 0 && o->tls_cert.len > 0)
        code = certificate_open(&config->tls, o->tls_cert, o->tls_key);
    if (code == 0)
        code = open_trusts(config, o);
    if (code == 0)
        code = open_keys(config, o->data);
    return code == 0 ? check_data(config->data) : code;
}

/** The names of the issuers: "own,app". */
static void add_names(struct buf *out, const struct serve_options *o)
{
    int r = buf_add(out, STR("own"));

    for (size_t i = 0; i < o->n_issuers; i++)
        r |= buf_addf(out, "," STR_FMT, STR_ARG(o->issuers[i].name));
    assert(r == 0); // a file has no longer ones
    (void)r;
}

static void log_start(const struct serve_options *o, const struct node_config *config,
                      uint64_t files)
{
    struct buf names;
    char data[LOG_QUOTE_SIZE];
    char at[ADDR_TEXT_SIZE];

    buf_init(&names, OPTIONS_FILE_MAX + sizeof("own"));
    add_names(&names, o);
    log_info(NULL, "server_start",
             "version=" PARLEY_VERSION
             " listen=%s socket=%s tls=%d data=%s store=%s bus=%s workers=%u auth=" STR_FMT
             " media=" STR_FMT
             " dev=%d rate_limits=%d origins=%zu domains=%zu chains=%zu rpcs=%zu solana=%d "
             "proxies=%zu proxy_protocol=%d "
             "files=%llu max_connections=%zu",
             addr_text(at, config->service.fd < 0 ? &o->listen : &config->service.addr),
             config->service.fd < 0 ? "own" : "given", config->tls != NULL,
             log_quote(data, o->data), serve_config_is_sqlite(o) ? "sqlite" : "postgres",
             config->cluster.bus ? "nats" : "local", config->n_workers,
             STR_ARG(buf_str(&names)), STR_ARG(o->media.where), o->dev, o->rate_limits,
             o->origins.n, config->domains.n, config->chains.n, config->rpcs.n,
             config->chains.solana, o->trusted_proxies.n, o->proxy_protocol,
             (unsigned long long)files, config->max_streams);
    buf_fini(&names);
}

/** @return 0 or the exit code: said */
static int take_service(const struct serve_options *o, struct service *out)
{
    if (service_take(out) != 0)
        return 2;
    return out->fd < 0 ? 0 : serve_config_check_dev(o, &out->addr);
}

/** Before keys are made: a directory that is being restored gets those of the backup.
 * @return 0 or the exit code: said */
static int check_dir(const struct serve_options *o)
{
    char *data = str_dup(o->data); // in a file no NUL stands behind it
    const int r = serve_config_is_sqlite(o) ? store_dir_check(data) : 0;

    free(data);
    return r < 0 ? 1 : 0;
}

static int serve(const struct serve_options *o)
{
    struct node_config config;
    uint64_t files = 0;

    log_find_journal(getenv("JOURNAL_STREAM")); // NOLINT(concurrency-mt-unsafe): one thread yet
    crash_open(PARLEY_VERSION);
    vault_open();
    vault_lock(&config, sizeof(config)); // it has keys in it
    int code = serve_config_read(&config, o);
    if (code == 0)
        code = take_service(o, &config.service);
    if (code == 0)
        code = check_dir(o);
    if (code != 0)
        return code;
    signal(SIGHUP, SIG_IGN);       // until the node reads the keys anew for it
    signal(SIGUSR1, SIG_IGN);      // likewise
    umask(077);                    // what we write is for us alone
    char *data = str_dup(o->data); // in a file no NUL stands behind it
    char *ca_file = str_dup(o->ca_file);
    char *scan = str_dup(o->media.scan);
    char *store = str_dup(o->store);
    config.data = data;
    config.ca_file = o->ca_file.len > 0 ? ca_file : NULL;
    config.media_scan = o->media.scan.len > 0 ? scan : NULL;
    config.postgres = serve_config_is_sqlite(o) ? NULL : store;
    code = open_files(&config, o);
    if (code == 0) {
        config.max_streams = run_max_streams(&files, serve_config_files_beside(&config));
        code = check_files(files);
    }
    if (code == 0) {
        log_start(o, &config, files);
        serve_harden(o, &config);
        code = crew_run(&config) == 0 ? 0 : 1;
    }
    close_keys(&config);
    close_trusts(&config);
    tls_context_free(config.tls);
    service_fini(&config.service);
    serve_cluster_fini(&config.cluster);
    free(data);
    free(ca_file);
    free(scan);
    free(store);
    return code;
}

static int parse_and_serve(struct serve_options *o, const struct options_from *from)
{
    const int refusal = options_parse(&serve_table, o, from);

    if (refusal != 0)
        return refusal == OPTIONS_HELP ? 0 : 2;
    if (log_set_levels(o->log) != 0) {
        return usage(
            "--log takes a level (error, warn, info, debug, trace), and layers: "
            "info,ws=trace");
    }
    const int code = serve_config_check_secrets(o, from);
    return code == 0 ? serve(o) : code;
}

int serve_main(int argc, char **argv)
{
    struct serve_options o = {0};
    struct buf file;

    buf_init(&file, 0); // the options give it its size
    const int code = parse_and_serve(
        &o, &(struct options_from){.argc = argc, .argv = argv, .env = environ, .file = &file});
    secret_buf_fini(&file); // there may be passwords in it
    return code;
}
