#include "bus/nats_link.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include <nats/nats.h>

#include "base/mem.h"
#include "io/overdue.h"

struct nats_link {
    natsConnection *connection;
    struct nats_link_handler handler;
    void *arg;
    pthread_mutex_t mutex; // of what follows
    pthread_cond_t over;   // nothing is alive any more
    size_t n_alive; // what nats.c may still call us for: subscriptions, and the connection
    struct nats_subscription *kept;
};

struct nats_subscription {
    struct nats_link *link;
    natsSubscription *sub;
    bool is_of_account;
    bool is_over;                   // nats.c has done with it
    bool is_given;                  // and its owner
    struct nats_subscription *next; // of those kept
};

// What nats.c calls.

/** The last of one of them. With the mutex. */
static void end(struct nats_link *l)
{
    if (--l->n_alive == 0)
        pthread_cond_signal(&l->over);
}

static void free_unused(struct nats_subscription *s)
{
    if (s->is_over && s->is_given)
        free(s);
}

static void on_message(natsConnection *c, natsSubscription *sub, natsMsg *m, void *closure)
{
    struct nats_subscription *s = closure;
    const str bytes = {natsMsg_GetData(m), (size_t)natsMsg_GetDataLength(m)};

    (void)c, (void)sub;
    s->link->handler.on_message(s->link->arg, s->is_of_account, bytes);
    natsMsg_Destroy(m);
}

/** No message of it comes any more. */
static void on_complete(void *closure)
{
    struct nats_subscription *s = closure;
    struct nats_link *l = s->link;

    pthread_mutex_lock(&l->mutex);
    s->is_over = true;
    free_unused(s);
    end(l);
    pthread_mutex_unlock(&l->mutex);
}

static void on_closed(natsConnection *c, void *closure)
{
    struct nats_link *l = closure;

    (void)c;
    l->handler.on_lost(l->arg);
    pthread_mutex_lock(&l->mutex);
    end(l);
    pthread_mutex_unlock(&l->mutex);
}

/** What the server says may come as late as after on_closed(): then there is no link. That a
 * subscription is slow can't. */
static void on_error(natsConnection *c, natsSubscription *sub, natsStatus why, void *closure)
{
    (void)c, (void)sub;
    if (why != NATS_SLOW_CONSUMER)
        return;
    const struct nats_link *l = closure;
    l->handler.on_slow(l->arg);
}

// Life.

/** No mistake of ours, and no memory that there is not. */
static void must(natsStatus s)
{
    assert(s == NATS_OK);
    (void)s;
}

static void set_url(natsOptions *o, const struct nats_url *u)
{
    char url[NATS_URL_HOST_MAX + 32];
    const bool has_brackets = strchr(u->host, ':') != NULL;

    snprintf(url, sizeof(url), "nats://%s%s%s:%u", has_brackets ? "[" : "", u->host,
             has_brackets ? "]" : "", (unsigned)u->port);
    must(natsOptions_SetURL(o, url));
    if (u->password[0]) {
        must(natsOptions_SetUserInfo(o, u->user, u->password));
    } else if (u->user[0]) {
        must(natsOptions_SetToken(o, u->user));
    }
}

/** nats.c checks the certificate, but not whose it is unless it is told.
 * @return 0, NATS_LINK_CA or NATS_LINK_UNTRUSTED */
static int set_tls(natsOptions *o, const struct nats_link_config *config)
{
    if (!config->url->is_tls)
        return 0;
    if (natsOptions_SetSecure(o, true) != NATS_OK)
        return NATS_LINK_UNTRUSTED; // OpenSSL's own configuration is no good
    must(natsOptions_SetExpectedHostname(o, config->url->host));
    if (config->ca_file && natsOptions_LoadCATrustedCertificates(o, config->ca_file) != NATS_OK)
        return NATS_LINK_CA;
    return 0;
}

static void set_limits(natsOptions *o)
{
    must(natsOptions_SetAllowReconnect(o, false));
    must(natsOptions_SetIgnoreDiscoveredServers(o, true)); // they need not be the operator's
    must(natsOptions_SetTimeout(o, BUS_NATS_PATIENCE_MS));
    must(natsOptions_SetWriteDeadline(o, BUS_NATS_PATIENCE_MS));
    must(natsOptions_SetPingInterval(o, BUS_NATS_PING_MS));
    must(natsOptions_SetMaxPingsOut(o, 2));
    must(natsOptions_SetMaxPendingMsgs(o, BUS_NATS_PENDING_MAX));
    must(natsOptions_SetNoEcho(o, true));
    must(natsOptions_UseGlobalMessageDelivery(o, true));
}

static void options_free(natsOptions **o)
{
    natsOptions_Destroy(*o);
}

static int refusal_of(natsStatus s)
{
    switch ((int)s) {
    case NATS_CONNECTION_AUTH_FAILED: return NATS_LINK_DENIED;
    case NATS_SSL_ERROR:
    case NATS_SECURE_CONNECTION_WANTED:
    case NATS_SECURE_CONNECTION_REQUIRED: return NATS_LINK_UNTRUSTED;
    default: return NATS_LINK_AWAY;
    }
}

/** nats.c has a limit of time for all of it but the TLS handshake.
 * @return 0 or an enum nats_link_refusal */
static int connect_in_time(struct nats_link *l, const struct nats_url *u, natsOptions *o)
{
    struct overdue *overdue = NULL;

    if (overdue_begin(&overdue, u->host, u->port, BUS_NATS_HANDSHAKE_MS) < 0)
        return NATS_LINK_AWAY;
    const natsStatus s = natsConnection_Connect(&l->connection, o);
    const bool was_late = overdue_end(overdue);
    if (s == NATS_OK)
        return 0;
    return was_late ? NATS_LINK_AWAY : refusal_of(s);
}

/** @return 0 or an enum nats_link_refusal */
static int dial(struct nats_link *l, const struct nats_link_config *config)
{
    CLEANUP(options_free) natsOptions *o = NULL;

    must(natsOptions_Create(&o));
    set_limits(o);
    set_url(o, config->url);
    must(natsOptions_SetName(o, config->name));
    must(natsOptions_SetClosedCB(o, on_closed, l));
    must(natsOptions_SetErrorHandler(o, on_error, l));
    const int r = set_tls(o, config);
    return r != 0 ? r : connect_in_time(l, config->url, o);
}

static void destroy(struct nats_link *l)
{
    while (l->kept) {
        struct nats_subscription *s = l->kept;
        l->kept = s->next;
        free(s);
    }
    pthread_cond_destroy(&l->over);
    pthread_mutex_destroy(&l->mutex);
    free(l);
}

int nats_link_open(struct nats_link **out, const struct nats_link_config *config)
{
    struct nats_link *l = NEW(struct nats_link);

    must(nats_Open(-1));
    must(nats_SetMessageDeliveryPoolSize(1)); // a thread for each subscription without it
    l->handler = *config->handler;
    l->arg = config->arg;
    l->n_alive = 1;
    pthread_mutex_init(&l->mutex, NULL);
    pthread_cond_init(&l->over, NULL);
    const int r = dial(l, config);
    if (r != 0) {
        destroy(l); // of a connection that never was nobody says that it is lost
        return r;
    }
    *out = l;
    return 0;
}

void nats_link_close(struct nats_link *l)
{
    natsConnection_Close(l->connection);
    pthread_mutex_lock(&l->mutex);
    while (l->n_alive > 0)
        pthread_cond_wait(&l->over, &l->mutex);
    pthread_mutex_unlock(&l->mutex);
}

bool nats_link_is_forbidden(const struct nats_link *l)
{
    const char *text = NULL;

    return natsConnection_GetLastError(l->connection, &text) == NATS_NOT_PERMITTED;
}

const char *nats_link_why(const struct nats_link *l)
{
    // Of the server's own words there is no copy: another thread may write them at this moment.
    const char *words = NULL;
    const natsStatus s = natsConnection_GetLastError(l->connection, &words);

    (void)words;
    if (s == NATS_OK)
        return "no answer"; // to us: of what it takes nats.c says nothing
    return natsStatus_GetText(s);
}

void nats_link_free(struct nats_link *l)
{
    nats_link_close(l);
    natsConnection_Destroy(l->connection);
    destroy(l);
}

/** It was closed with the connection already, and nats.c will not say when its last message was
 * taken. What was subscribed before is over only after that: nats_link_close() waits for it. */
static void keep_for_free(struct nats_link *l, struct nats_subscription *s)
{
    pthread_mutex_lock(&l->mutex);
    s->next = l->kept;
    l->kept = s;
    end(l);
    pthread_mutex_unlock(&l->mutex);
}

struct nats_subscription *nats_link_subscribe(struct nats_link *l, const char *subject,
                                              bool is_of_account)
{
    struct nats_subscription *s = NEW(struct nats_subscription);

    *s = (struct nats_subscription){.link = l, .is_of_account = is_of_account};
    if (natsConnection_Subscribe(&s->sub, l->connection, subject, on_message, s) != NATS_OK) {
        free(s);
        return NULL;
    }
    pthread_mutex_lock(&l->mutex);
    l->n_alive++;
    pthread_mutex_unlock(&l->mutex);
    if (natsSubscription_SetOnCompleteCB(s->sub, on_complete, s) == NATS_OK)
        return s;
    natsSubscription_Destroy(s->sub);
    keep_for_free(l, s);
    return NULL;
}

void nats_link_unsubscribe(struct nats_subscription *s)
{
    if (!s)
        return;
    struct nats_link *l = s->link;
    natsSubscription_Destroy(s->sub);
    pthread_mutex_lock(&l->mutex);
    s->is_given = true;
    free_unused(s);
    pthread_mutex_unlock(&l->mutex);
}

int nats_link_publish(struct nats_link *l, const char *subject, str bytes)
{
    const natsStatus s =
        natsConnection_Publish(l->connection, subject, bytes.ptr, (int)bytes.len);

    if (s == NATS_MAX_PAYLOAD)
        return NATS_LINK_TOO_LARGE;
    return s == NATS_OK ? 0 : NATS_LINK_LOST;
}

int nats_link_flush(struct nats_link *l, int64_t patience_ms)
{
    const natsStatus s = natsConnection_FlushTimeout(l->connection, patience_ms);

    return s == NATS_OK ? 0 : NATS_LINK_LOST;
}
