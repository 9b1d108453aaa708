#include "server/serve_cluster.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "bus/nats.h"
#include "bus/nats_nodes.h"
#include "crypto/secret.h"

struct wrong {
    const char **option;
    str *item;
};

static const char *is_wrong(const struct wrong *w, const char *option, str item,
                            const char *text)
{
    *w->option = option;
    *w->item = item;
    return text;
}

/** With a store that others can't have, or files that they can't reach, there are none. */
static const char *check_rest(const struct serve_options *o, const struct wrong *w)
{
    if (str_eq(o->store, STR("sqlite"))) {
        return is_wrong(w, "bus", (str){0},
                        "servers that share a bus share a store: name a database with --store "
                        "postgresql://...");
    }
    if (str_eq(o->media.where, STR("local"))) {
        return is_wrong(w, "bus", (str){0},
                        "files have to be where all servers reach them: take --media s3, or "
                        "off");
    }
    if (o->keys.len == 0) {
        return is_wrong(w, "keys", (str){0},
                        "has to be given with --bus: a directory that each server has a copy "
                        "of. 'parley make-keys' makes one");
    }
    return NULL;
}

static_assert(STORE_NODE_NAME_MAX <= BUS_NODE_NAME_MAX, "it fits there, too");

static bool is_name(str name)
{
    for (size_t i = 0; i < name.len; i++) {
        const char c = name.ptr[i];
        if (c <= ' ' || c > '~' || c == '"' || c == '\\' || c == '=')
            return false;
    }
    return name.len > 0 && name.len <= STORE_NODE_NAME_MAX;
}

static bool is_everywhere(const struct addr *a)
{
    return strcmp(a->host, "0.0.0.0") == 0 || strcmp(a->host, "::") == 0;
}

/** The name of this machine; "localhost" where it has none that fits. */
static void host_name(char out[NODE_HOST_SIZE])
{
    if (gethostname(out, NODE_HOST_SIZE) != 0 || !memchr(out, '\0', NODE_HOST_SIZE) ||
        out[0] == '\0')
        str_copy(out, (str){"localhost", sizeof("localhost")});
}

static const char *read_url(const struct serve_options *o, struct serve_cluster *out,
                            const struct wrong *w)
{
    if (o->advertise.len > 0) {
        if (node_url_parse(&out->url, o->advertise) == 0)
            return NULL;
        return is_wrong(w, "advertise", o->advertise,
                        "where the others reach this server, such as http://10.0.0.1:8080");
    }
    out->url.port = o->listen.port;
    if (is_everywhere(&o->listen)) {
        host_name(out->url.host);
    } else {
        str_copy(out->url.host, (str){o->listen.host, strlen(o->listen.host) + 1});
    }
    return NULL;
}

static const char *read_name(const struct serve_options *o, struct serve_cluster *out,
                             const struct wrong *w)
{
    char host[NODE_HOST_SIZE];

    if (o->node.len > 0) {
        if (!is_name(o->node)) {
            return is_wrong(w, "node", o->node,
                            "a name of at most 64 letters, digits and the like, without "
                            "spaces");
        }
        str_copy(out->name, o->node);
        out->name[o->node.len] = '\0';
        return NULL;
    }
    if (o->listen.port == 0) {
        return is_wrong(w, "node", (str){0},
                        "has to be given where --listen leaves the port open: servers are told "
                        "apart by their names");
    }
    host_name(host);
    const int n = snprintf(out->name, sizeof(out->name), "%s:%u", host, o->listen.port);
    if (n > 0 && n < (int)sizeof(out->name) && is_name(str_of(out->name)))
        return NULL;
    return is_wrong(w, "node", (str){0}, "has to be given: this machine's name is none for it");
}

static const char *read_bus(const struct serve_options *o, struct serve_cluster *out,
                            const struct wrong *w)
{
    out->bus = str_dup(o->bus);
    const int refusal = bus_nats_check_urls(out->bus);
    if (refusal)
        return is_wrong(w, "bus", (str){0}, bus_nats_remedy((enum bus_nats_refusal)refusal));
    return NULL;
}

const char *serve_cluster_of(const struct serve_options *o, struct serve_cluster *out,
                             const char **option, str *item)
{
    const struct wrong w = {option, item};

    *out = (struct serve_cluster){0};
    if (str_eq(o->bus, STR("local")))
        return NULL;
    const char *wrong = read_bus(o, out, &w);
    if (!wrong)
        wrong = check_rest(o, &w);
    if (!wrong)
        wrong = read_url(o, out, &w);
    if (!wrong)
        wrong = read_name(o, out, &w);
    if (wrong)
        serve_cluster_fini(out);
    return wrong;
}

void serve_cluster_fini(struct serve_cluster *c)
{
    if (c->bus)
        crypto_wipe(c->bus, strlen(c->bus));
    free(c->bus);
    c->bus = NULL;
}
