/** The files of a node: the backend that the options name, and its part of everything. */
#pragma once

#include "http/origin.h"
#include "http/proxy.h"
#include "io/addr.h"
#include "io/loop.h"
#include "media/local.h"
#include "media/s3.h"
#include "media/share.h"
#include "server/serve_media.h"

struct node_media_config {
    struct loop *loop;
    struct uploads *uploads;
    const struct serve_media_options *options;
    const struct serve_media *media;
    const struct http_origins *origins;
    const struct http_proxies *proxies;
    bool rate_limits;
    const char *data;
    const char *secret; // of links to the data directory's files
    const char *scan;   // NULL: none
    const char *ca_file;
};

/** How many files of the process it takes at most, beside connections. */
size_t node_media_files(const struct serve_media *media);

/** Zeroes are one that is off. */
struct node_media {
    struct media *port;        // NULL: off
    struct media_local *local; // NULL: elsewhere
    struct media_s3 *s3;       // likewise
    struct media_share *share; // of the port, for other loops; NULL: off, or it is one's
    str public_url;            // of the config; empty: as it listens
};

/** @return 0 or a fault */
MUST_CHECK int node_media_open(struct node_media *m, const struct node_media_config *config);

/**
 * That of another loop of the process: its port is a front of home's, and it serves no
 * requests. home outlives it, and listens before l runs. Off where home is.
 *
 * Thread: that of l, or l does not run yet.
 *
 * @return 0 or a fault
 */
MUST_CHECK int node_media_share(struct node_media *m, const struct node_media *home,
                                struct loop *l);

/** Nothing may be under way. */
void node_media_close(struct node_media *m);

/** The server listens there: before any link is made. */
void node_media_listening(struct node_media *m, const char *scheme, const struct addr *at);
void node_media_stop(struct node_media *m);
bool node_media_is_idle(const struct node_media *m);
