/**
 * A look at a PostgreSQL that a server has, or is to have: how it is set, and who is there.
 * Nothing is made or changed. It blocks, for PG_LOOK_MS at most.
 */
#pragma once

#include "store/nodes.h"

#define PG_LOOK_MS        5000
#define PG_LOOK_NODES_MAX 16  // of who is there that are named
#define PG_LOOK_WHY_SIZE  512 // bytes, NUL included; what is longer is cut
#define PG_LOOK_TEXT_SIZE 64  // likewise

struct pg_look {
    int64_t version; // 150004
    char encoding[PG_LOOK_TEXT_SIZE];
    char synchronous_commit[PG_LOOK_TEXT_SIZE];
    char fsync[PG_LOOK_TEXT_SIZE];
    bool is_replica; // or it takes no writes for another reason
    bool has_schema; // that the search_path names
    int64_t max_connections;
    int64_t n_connections;
    int64_t ahead_ms;  // of our wall clock its one is
    int64_t answer_ms; // what a question takes
    bool is_pooled;    // a pooler lends each transaction a session
    bool may_make_tables;
    int64_t schema;    // version of our tables; 0: there are none
    int64_t known;     // the last version that we know
    int64_t oldest;    // that may use them
    uint64_t epoch;    // theirs
    int64_t n_writers; // servers that have it open
    size_t n_nodes;    // that are there now
    struct store_node nodes[PG_LOOK_NODES_MAX];
};

enum pg_look_refusal {
    PG_LOOK_NO_URL = 1,
    PG_LOOK_AWAY, // no connection
    PG_LOOK_FAILED,
};

/** @param why  of a refusal, what PostgreSQL or libpq says; without the URL's password
 * @return 0 or an enum pg_look_refusal */
MUST_CHECK int pg_look(struct pg_look *out, const char *url, char why[PG_LOOK_WHY_SIZE]);
