/** What the options say of other nodes: checked. */
#pragma once

#include "server/node_url.h"
#include "server/serve_options.h"

/** fini: serve_cluster_fini(). */
struct serve_cluster {
    char *bus; // URLs, which may have a password; owned. NULL: there are no other servers
    char name[STORE_NODE_NAME_MAX + 1];
    struct node_url url; // port 0: the one that it listens on
};

/**
 * @param out  after a refusal it is empty
 * @return NULL; or what is wrong (static), and *option is the option that it is about, *item
 *         what was given, or empty where that may be a secret
 */
const char *serve_cluster_of(const struct serve_options *o, struct serve_cluster *out,
                             const char **option, str *item);

void serve_cluster_fini(struct serve_cluster *c);
