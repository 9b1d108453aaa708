/**
 * The Socket.IO 5 server: on one Engine.IO session, any number of namespaces; in each,
 * events both ways, acknowledgements both ways, and binary attachments.
 *
 * What the events mean is the application's business. The chat is one application, the
 * selftest another.
 */
#pragma once

#include "eio/server.h"
#include "json/json.h"
#include "sio/packet.h"

#define SIO_NAMESPACES_MAX  16    // of one connection, those that we have ended included
#define SIO_UNJOINED_MAX    16384 // bytes a client may send before it has joined a namespace
#define SIO_WAITING_MAX     65536 // bytes kept while the application decides about a CONNECT
#define SIO_WAITING_COST    64    // bytes that a message counts there beside its own
#define SIO_ACCEPT_ALONE_MS 10    // the answer to a CONNECT waits so long for what follows it

struct sio_socket; // one client in one namespace
struct sio_server;

struct sio_event {
    str name;
    const struct json *data; // an array: the name, then the arguments
    str text;                // the same, as it came
    const str *attachments;  // what {"_placeholder":true,"num":i} in data stands for
    size_t n_attachments;
    int64_t ack_id; // -1: no acknowledgement is asked for
};

enum sio_reason {
    SIO_CLIENT_LEFT,     // DISCONNECT
    SIO_CONNECTION_LOST, // the session beneath is over
};

struct sio_app {
    /**
     * A client asks to join s->namespace. Call sio_accept() or sio_refuse(), now or later;
     * until then nothing more is read from this client.
     *
     * @param auth       the payload, an object; NULL where there is none
     * @param auth_text  the same, as it came; "{}" where there is none
     */
    void (*on_connect)(void *arg, struct sio_socket *s, const struct json *auth, str auth_text);

    /** Everything in e is borrowed until the callback returns. */
    void (*on_event)(void *arg, struct sio_socket *s, const struct sio_event *e);

    /**
     * An event came whose JSON passes what we can hold: too deep, say. NULL: its connection
     * is closed, as for JSON that is none.
     */
    void (*on_unreadable)(void *arg, struct sio_socket *s, int64_t ack_id);

    /**
     * An answer to sio_emit_with_ack(), or what claims to be one: which ids are waited
     * for, and how long, the application knows. e->name is empty.
     */
    void (*on_ack)(void *arg, struct sio_socket *s, const struct sio_event *e);

    /** s is over, also one that was not accepted yet. Not after sio_disconnect() or
     * sio_refuse(). */
    void (*on_disconnect)(void *arg, struct sio_socket *s, enum sio_reason reason);
};

struct sio_config {
    struct timers *timers;
    struct job_queue *later;
    struct rand *rand;
    int64_t connect_timeout_ms; // for the first namespace to be joined
    unsigned max_attachments;   // of one packet; at most SIO_ATTACHMENTS_MAX
};

/** @param config  copied */
struct sio_server *sio_server_new(const struct sio_config *config, const struct sio_app *app,
                                  void *app_arg);
void sio_server_free(struct sio_server *s);

/** What to make the Engine.IO server with; its arg is the sio_server. */
extern const struct eio_app sio_eio_app;

str sio_namespace(const struct sio_socket *s);

/** Public: it names the socket to others, and opens nothing. */
str sio_sid(const struct sio_socket *s);

/** The application's own, NULL at first. */
void *sio_state(const struct sio_socket *s);
void sio_set_state(struct sio_socket *s, void *state);

/** Was it accepted, be it over by now or not? */
bool sio_is_accepted(const struct sio_socket *s);

const struct log_ctx *sio_log(const struct sio_socket *s);

const struct eio_peer *sio_peer(const struct sio_socket *s);

/** As eio_bearer(); gone once a namespace was accepted. */
str sio_bearer(const struct sio_socket *s);

/** As eio_queued(). */
size_t sio_queued(const struct sio_socket *s);

/** As eio_set_reading(): for all of the client's namespaces. */
void sio_set_reading(struct sio_socket *s, bool on);

/** End the connection as a network would: the client comes back by itself. s is no more; the
 * others get on_disconnect with SIO_CONNECTION_LOST. */
void sio_drop(struct sio_socket *s);

void sio_accept(struct sio_socket *s);

/** The same, but the client is told with what is sent to it next, in one piece. That waits for
 * SIO_ACCEPT_ALONE_MS, or until sio_accept_alone(). */
void sio_accept_with_next(struct sio_socket *s);

/** Nothing will be sent to it for now. */
void sio_accept_alone(struct sio_socket *s);

/** s is no more. data is JSON, or empty for none. */
void sio_refuse(struct sio_socket *s, str message, str data);

/** What to send: a JSON array, and the bytes that its placeholders stand for. */
struct sio_message {
    str json;
    const str *attachments;
    size_t n_attachments;
};

void sio_emit(struct sio_socket *s, const struct sio_message *m);

/** What follows an acknowledgement's id of ours: clients parse them with 32-bit functions. */
static inline int32_t sio_ack_after(int32_t id)
{
    return id == INT32_MAX ? 0 : id + 1;
}

/** @return the id that the acknowledgement will carry, from 0, or -1: s is over */
int64_t sio_emit_with_ack(struct sio_socket *s, const struct sio_message *m);

/** Dropped unless it can leave at once. */
void sio_emit_volatile(struct sio_socket *s, const struct sio_message *m);

/** Acknowledge an event; m->json holds the array of arguments. */
void sio_ack(struct sio_socket *s, int64_t ack_id, const struct sio_message *m);

/**
 * End this namespace for the client, which does not come back by itself. s is no more. One
 * that was not accepted yet is better refused: that tells why.
 */
void sio_disconnect(struct sio_socket *s);

/**
 * End all of the client's namespaces, then its connection. s is no more; the others get
 * on_disconnect with SIO_CONNECTION_LOST.
 */
void sio_close(struct sio_socket *s);
