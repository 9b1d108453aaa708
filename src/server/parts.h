/**
 * What a node is made of, from the store up to Engine.IO: the only files that name the
 * backends. For node.c alone.
 */
#pragma once

#include "auth/follow.h"
#include "auth/sign_in.h"
#include "eio/server.h"
#include "server/fetcher.h"
#include "server/node.h"
#include "server/node_media.h"
#include "server/prover.h"

enum parts_refusal {
    PARTS_NO_BUS = 1, // said
};

struct parts {
    const struct node_config *config;
    struct node_shared *shared;
    const struct node_trust *who; // whose tokens are good here
    unsigned number;
    const struct parts *home; // of the first node; NULL: these are
    struct loop *loop;
    struct store *store;
    struct bus *bus;
    struct rand_ahead rand; // of names
    struct prover *prover;
    struct auth_fetcher_http *fetcher; // NULL: there is nobody to ask
    struct auth_contracts *contracts;  // likewise
    struct auth_issuer_keys *issuer_keys;
    struct auth_sessions *sessions;
    struct auth_follow *follow; // NULL: nobody else ends any, or another loop is told
    struct auth_sign_in *sign_in;
    struct node_media media;
    struct chat *chat;
    struct api *api;
    struct sio_server *sio;
    struct eio_server *eio;
    struct buf denial; // what it says to pages that may not connect
    bool is_loaded;    // what was revoked is known
};

/**
 * @param p  with what is above the store; the loop runs until it is known what was revoked
 * @return 0, PARTS_NO_BUS, or a fault: what was made is given back
 */
MUST_CHECK int parts_open(struct parts *p);

/** Nothing may be under way. */
void parts_free(struct parts *p);

/** Have no new clients; those there are go on. */
void parts_refuse(struct parts *p, unsigned retry_after_s);

/** Let go of what is left, and begin nothing. */
void parts_close(struct parts *p);

bool parts_are_idle(const struct parts *p);
