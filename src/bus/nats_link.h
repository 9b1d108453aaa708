/**
 * A connection to a NATS server, by nats.c, as long as it lasts: one that is lost is freed, and
 * another one made. So all that depends on it is decided by its owner, and not by what nats.c
 * does while it connects anew: which holds the connection's lock for seconds, keeps what was
 * published meanwhile, and gives up for ever where its password is refused twice.
 *
 * For one thread, which waits: BUS_NATS_PATIENCE_MS at most for what a full socket or the
 * server's answer takes, but for the resolver of names.
 */
#pragma once

#include "bus/nats_url.h"

#define BUS_NATS_PATIENCE_MS 2000 // to connect, to write, and for an answer
// Until a connection has been made, TLS included.
#define BUS_NATS_HANDSHAKE_MS 5000

#define BUS_NATS_PING_MS 5000 // the server is asked whether it is there; silent twice: lost

// Events that nats.c keeps for one account until they are taken; 1 KiB for each of them. Over
// it they are dropped.
#define BUS_NATS_PENDING_MAX 8192

struct nats_link;

/** What nats.c calls. Thread: one of its own, until nats_link_free() returns. */
struct nats_link_handler {
    /** One at a time. @param is_of_account  as it was subscribed */
    void (*on_message)(void *arg, bool is_of_account, str bytes);

    /** It is lost: once, and not before nats_link_open() has returned. */
    void (*on_lost)(void *arg);

    /** It has dropped what came, because on_message() was too slow. */
    void (*on_slow)(void *arg);
};

struct nats_link_config {
    const struct nats_url *url;
    const char *name;    // for the server's operator
    const char *ca_file; // PEM; NULL: the system's alone
    const struct nats_link_handler *handler;
    void *arg;
};

enum nats_link_refusal {
    NATS_LINK_AWAY = 1,  // or it is no NATS, or has too many connections
    NATS_LINK_DENIED,    // its user, password or token
    NATS_LINK_UNTRUSTED, // no TLS, or with no certificate that is good for its name
    NATS_LINK_CA,        // the file has none
    NATS_LINK_LOST,
    NATS_LINK_TOO_LARGE, // for this server
};

/** @param out  owned; nats_link_free() @return 0 or an enum nats_link_refusal */
MUST_CHECK int nats_link_open(struct nats_link **out, const struct nats_link_config *config);

/** Whether the server does not let us subscribe, or publish: of what it has taken by a flush.
 */
bool nats_link_is_forbidden(const struct nats_link *l);

/** Once it returns nothing is called any more. */
void nats_link_close(struct nats_link *l);

/** What nats.c says of why it was lost: once it is closed. Not to be freed. */
const char *nats_link_why(const struct nats_link *l);

/** After its subscriptions. */
void nats_link_free(struct nats_link *l);

struct nats_subscription;

/** What is published there from now on comes, but what we publish: once nats_link_flush() says
 * so. @return owned; nats_link_unsubscribe(). NULL: the link is lost */
struct nats_subscription *nats_link_subscribe(struct nats_link *l, const char *subject,
                                              bool is_of_account);

/** NULL is fine. */
void nats_link_unsubscribe(struct nats_subscription *s);

/** It goes out within 1 ms, or with the next flush. @return 0, NATS_LINK_TOO_LARGE or
 * NATS_LINK_LOST */
MUST_CHECK int nats_link_publish(struct nats_link *l, const char *subject, str bytes);

/** The server has taken all that was subscribed and published. @return 0 or NATS_LINK_LOST */
MUST_CHECK int nats_link_flush(struct nats_link *l, int64_t patience_ms);
