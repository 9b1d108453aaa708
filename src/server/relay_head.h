/**
 * What nodes say to each other in the head of a request that one passes to another. Its field
 * is "Parley-Node: 1 KEY": the version of these words, and what all nodes have and nobody else.
 */
#pragma once

#include "base/buf.h"
#include "http/head.h"

#define RELAY_VERSION "1"

#define RELAY_KEY_MAX 128 // bytes

// Bytes of a head that was written anew: its client's, and what we add to it.
#define RELAY_HEAD_SIZE (HTTP_HEAD_MAX + RELAY_KEY_MAX + 256)

/** Was it passed on by another node, or by who says so? Then it goes no further. */
bool relay_head_is_relayed(const struct http_head *h);

/** Does it ask for a WebSocket? */
bool relay_head_is_upgrade(const struct http_head *h);

/** Visible ASCII, at most RELAY_KEY_MAX of it, and not nothing. */
bool relay_key_is_good(str key);

/**
 * Write a head anew. Its request line and its fields stay as they are, but for those of the
 * client's connection (RFC 9110, section 7.6.1): the owner closes after its answer, or turns
 * the connection into a WebSocket, so that nothing that comes behind is taken for a request. A
 * field that Connection names and that we don't know stays: it means nothing to us there
 * either.
 *
 * @param out  has room for RELAY_HEAD_SIZE
 * @param raw  the bytes that h was parsed from, and no more
 * @param key  a good one; a secret, now in out
 */
void relay_head_write(struct buf *out, str raw, const struct http_head *h, str key);

enum relay_head_refusal {
    RELAY_HEAD_VERSION = 1, // of another version, or not as we write it
    RELAY_HEAD_KEY,         // another key; also where we have none
};

/** Of one that was relayed: by a node of ours? @return 0 or an enum relay_head_refusal */
MUST_CHECK int relay_head_check(const struct http_head *h, str key);
