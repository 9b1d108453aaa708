#include "server/serve_harden.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "io/harden.h"
#include "store/pg.h"

#define N_PATHS_MAX 96 // more than there are names below and in libpq

struct paths {
    struct harden_path all[N_PATHS_MAX];
    char *owned[N_PATHS_MAX]; // the text of each
    size_t n;
    bool has_abstract;
};

// What libraries read whenever they like: names and addresses of others, authorities, the C
// library's modules, processors. /run has what /etc points to, and PostgreSQL's socket.
static const char *const of_libraries[] = {
    "/etc", "/usr", "/lib",     "/lib32", "/lib64",       "/proc",
    "/sys", "/run", "/var/run", "/opt",   "/dev/urandom", "/dev/random",
};

// Files, each in a directory that is read from: a new one may come in its place.
static const char *const of_environment[] = {"SSL_CERT_FILE", "PGSERVICEFILE", "PGPASSFILE"};
static const char *const of_home[] = {".pgpass", ".postgresql", ".pg_service.conf"};

/** @param path  moved */
static void add(struct paths *p, char *path, bool is_writable)
{
    assert(p->n < N_PATHS_MAX);
    p->owned[p->n] = path;
    p->all[p->n++] = (struct harden_path){path, is_writable};
}

static void add_copy(struct paths *p, const char *path, bool is_writable)
{
    add(p, mem_strdup(path), is_writable);
}

static void add_below(struct paths *p, const char *folder, const char *name, bool is_writable)
{
    const size_t size = strlen(folder) + strlen(name) + 2;
    char *path = mem_alloc(size);

    (void)snprintf(path, size, "%s/%s", folder, name);
    add(p, path, is_writable);
}

/** @param path  moved */
static void add_folder_of(struct paths *p, char *path)
{
    char *slash = strrchr(path, '/');

    if (!slash) {
        free(path);
        add_copy(p, ".", false);
        return;
    }
    slash[slash == path ? 1 : 0] = '\0';
    add(p, path, false);
}

/** With that of the file that it leads to, as certificates of ACME do. */
static void add_file(struct paths *p, const char *path)
{
    char *real = realpath(path, NULL);

    add_folder_of(p, mem_strdup(path));
    if (real)
        add_folder_of(p, real);
}

static void add_text(struct paths *p, str path)
{
    if (path.len == 0)
        return;
    char *text = str_dup(path);
    add_file(p, text);
    free(text);
}

static void on_pg_file(void *arg, const char *path)
{
    struct paths *p = arg;

    if (path[0] == '@') {
        p->has_abstract = true;
    } else {
        add_file(p, path);
    }
}

// NOLINTBEGIN(concurrency-mt-unsafe): there are no threads yet
static void add_environment(struct paths *p)
{
    const char *home = getenv("HOME");
    const char *folder = getenv("SSL_CERT_DIR");

    for (size_t i = 0; i < COUNT_OF(of_environment); i++) {
        const char *file = getenv(of_environment[i]);
        if (file)
            add_file(p, file);
    }
    if (folder)
        add_copy(p, folder, false);
    for (size_t i = 0; home && i < COUNT_OF(of_home); i++)
        add_below(p, home, of_home[i], false);
}
// NOLINTEND(concurrency-mt-unsafe)

/** A sanitizer's report names functions, which are in the program. */
static void add_program(struct paths *p)
{
    if (IS_WATCHED)
        add_text(p, STR("/proc/self/exe"));
}

static void add_all(struct paths *p, const struct serve_options *o,
                    const struct node_config *config)
{
    add_copy(p, config->data, true);
    add_below(p, config->data, "media", true); // it may be a link to another disk
    add_copy(p, "/dev/null", true);
    if (o->keys.len > 0)
        add(p, str_dup(o->keys), false);
    add_text(p, o->tls_cert);
    add_text(p, o->tls_key);
    add_text(p, o->ca_file);
    for (size_t i = 0; i < COUNT_OF(of_libraries); i++)
        add_copy(p, of_libraries[i], false);
    add_environment(p);
    if (config->postgres)
        store_pg_files(config->postgres, on_pg_file, p);
    add_program(p);
}

static int port_of(const struct serve_options *o, const struct node_config *config)
{
    if (config->service.fd >= 0)
        return HARDEN_NO_PORT;
    return o->listen.port == 0 ? HARDEN_ANY_PORT : o->listen.port;
}

void serve_harden(const struct serve_options *o, const struct node_config *config)
{
    struct paths p = {0};

    if (!o->hardening) {
        log_info(NULL, "io_hardening_off", "why=\"--hardening off\"");
        return;
    }
    add_all(&p, o, config);
    harden(&(struct harden_config){
        .paths = p.all,
        .n_paths = p.n,
        .port = port_of(o, config),
        .abstract_sockets = p.has_abstract || config->service.notify[0] == '@',
        .is_running_others = config->media_scan != NULL,
    });
    while (p.n > 0)
        free(p.owned[--p.n]);
}
