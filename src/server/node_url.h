/** Where a node is reached by the others: http://HOST or http://HOST:PORT, and no more. */
#pragma once

#include "store/nodes.h"

#define NODE_HOST_SIZE                                                                         \
    241 // bytes, NUL included: with all around it, it is one of store/nodes.h

struct node_url {
    char host[NODE_HOST_SIZE]; // a name, or digits; no brackets
    uint16_t port;
};

enum node_url_refusal {
    NODE_URL_BAD = 1,
};

/** @return 0 or NODE_URL_BAD */
MUST_CHECK int node_url_parse(struct node_url *out, str url);

/** As text, which node_url_parse() takes. @param u  as that has made it, or likewise */
void node_url_print(char out[STORE_NODE_URL_MAX + 1], const struct node_url *u);
