#include "api/client.h"

#include "api/gate.h"
#include "api/request.h"
#include "auth/account.h"
#include "base/mem.h"

// What is said.

void api_client_begin(struct api_client *c, struct buf *out, str event)
{
    *out = c->api->spare;
    buf_init(&c->api->spare, out->max);
    int r = buf_add(out, STR("["));
    if (event.len > 0) {
        r |= json_print_str(out, event);
        r |= buf_add(out, STR(","));
    }
    assert(r == 0);
    (void)r;
}

static struct sio_message end(struct buf *out)
{
    const int r = buf_add(out, STR("]"));
    assert(r == 0);
    (void)r;
    return (struct sio_message){.json = buf_str(out)};
}

/** The next one has its memory. */
static void give_back(struct api_client *c, struct buf *out)
{
    struct buf *spare = &c->api->spare;

    buf_clear(out);
    if (out->cap > API_SPARE_BYTES) {
        buf_fini(out);
        return;
    }
    buf_fini(spare);
    *spare = *out;
}

void api_client_emit(struct api_client *c, struct buf *out)
{
    const struct sio_message m = end(out);
    const size_t before = sio_queued(c->socket);

    sio_emit(c->socket, &m);
    api_gate_on_queued(c, sio_queued(c->socket) - before);
    give_back(c, out);
}

void api_client_answer(struct api_client *c, int64_t ack_id, struct buf *out)
{
    const struct sio_message m = end(out);
    const size_t before = sio_queued(c->socket);

    sio_ack(c->socket, ack_id, &m);
    api_gate_on_queued(c, sio_queued(c->socket) - before);
    give_back(c, out);
}

/** An error that is no answer. */
static void emit_error(struct api_client *c, enum api_error error)
{
    const struct api_problem problem = {.error = error};
    struct buf out;

    c->api->counters.errors[error]++;
    api_client_begin(c, &out, STR("error"));
    api_encode_error_event(&out, &problem, (str){0}, (str){0});
    api_client_emit(c, &out);
}

// What the chat tells.

/** What it has asked for before goes on. */
static void let_ask(struct api_client *c)
{
    c->may_ask = true;
    api_gate_look(c);
}

static void on_ready(void *arg, bool is_recovered, uint64_t unread)
{
    struct api_client *c = arg;
    const struct api_config *config = &c->api->config;
    struct buf out;

    api_client_begin(c, &out, STR("ready"));
    api_encode_ready(&out, &(struct api_ready){
                               .account = *api_client_account(c),
                               .session = str_of(c->name),
                               .server_time_ms = clock_unix_ms(config->clock),
                               .is_recovered = is_recovered,
                               .unread = unread,
                               .content_bytes = config->content_bytes,
                               .upload_bytes = config->media ? config->upload_bytes : 0,
                           });
    api_client_emit(c, &out);
    free(c->name);
    c->name = NULL;
    let_ask(c);
}

/** Its requests are answered at once: that the store is out of reach. */
static void on_delay(void *arg)
{
    struct api_client *c = arg;

    sio_accept_alone(c->socket);
    let_ask(c);
}

static int64_t on_message(void *arg, const struct chat_message *m, str cursor)
{
    struct api_client *c = arg;
    struct buf out;

    const struct api_reader reader = api_client_reader(c);
    api_client_begin(c, &out, STR("message.new"));
    api_encode_message(&out, m, &reader, &cursor);
    const struct sio_message event = end(&out);
    const size_t before = sio_queued(c->socket);
    const int64_t token = sio_emit_with_ack(c->socket, &event);
    api_gate_on_queued(c, sio_queued(c->socket) - before);
    give_back(c, &out);
    return token;
}

static str event_of(enum chat_mark mark)
{
    static const str names[] = {
        [CHAT_MARK_DELIVERED] = {"message.delivered", 17},
        [CHAT_MARK_READ] = {"message.read", 12},
    };

    return names[mark];
}

static void on_receipt(void *arg, const struct chat_receipt *r, str cursor)
{
    struct api_client *c = arg;
    // It has no file: there are many, and nobody asks for the time.
    const struct api_reader reader = {.account = api_client_account(c), .cases = c->api->cases};
    struct buf out;

    api_client_begin(c, &out, event_of(r->mark));
    api_encode_receipt(&out, r, &reader, cursor);
    api_client_emit(c, &out);
}

static void on_changed(void *arg, const struct chat_conversation *conversation, str cursor)
{
    struct api_client *c = arg;
    struct buf out;

    const struct api_reader reader = api_client_reader(c);
    api_client_begin(c, &out, STR("conversation.changed"));
    api_encode_changed(&out, conversation, &reader, cursor);
    api_client_emit(c, &out);
}

static void on_typing(void *arg, const struct chat_typing *t)
{
    struct api_client *c = arg;
    struct buf out;

    api_client_begin(c, &out, t->is_on ? STR("typing.start") : STR("typing.stop"));
    api_encode_typing(&out, t);
    api_client_emit(c, &out);
}

static void on_presence(void *arg, const struct chat_presence *p)
{
    struct api_client *c = arg;
    struct buf out;

    api_client_begin(c, &out, STR("presence.changed"));
    api_encode_presence(&out, p);
    api_client_emit(c, &out);
}

static bool is_stuffed(void *arg)
{
    const struct api_client *c = arg;

    return sio_queued(c->socket) > API_LIVE_QUEUED_MAX;
}

static bool has_taken_all(void *arg)
{
    const struct api_client *c = arg;

    return sio_queued(c->socket) == 0;
}

static void on_synced(void *arg, str cursor)
{
    struct api_client *c = arg;
    struct buf out;

    api_client_begin(c, &out, STR("synced"));
    api_encode_synced(&out, cursor);
    api_client_emit(c, &out);
}

static void on_not_acknowledging(void *arg)
{
    struct api_client *c = arg;
    struct buf out;

    api_client_begin(c, &out, STR("warning"));
    api_encode_warning(
        &out, STR("not_acknowledging"),
        STR("Messages were sent to this client, and it has acknowledged none. "
            "Call the acknowledgement of each message.new, or they come again."));
    api_client_emit(c, &out);
}

/** It may answer with auth.refresh, or come back later with a new token. */
static void warn_of_expiry(struct api_client *c)
{
    struct timers *timers = c->api->config.timers;
    const int64_t left_ms = c->expires_at_ms - clock_unix_ms(c->api->config.clock);
    struct buf out;

    c->is_expiring = true;
    timer_set(timers, &c->expiry, timers->now_ms + left_ms + c->skew_ms);
    api_client_begin(c, &out, STR("auth.expiring"));
    api_encode_expiry(&out, c->expires_at_ms);
    api_client_emit(c, &out);
}

// The end.

/** Its session is of no more use to it, and is there still. */
static void client_free(struct api_client *c, const char *why)
{
    char acct[AUTH_ACCOUNT_TEXT_SIZE];

    log_debug(sio_log(c->socket), "api_close", "acct=%s reason=%s",
              auth_account_text(acct, api_client_account(c)).ptr, why);
    list_remove(&c->node);
    timer_cancel(c->api->config.timers, &c->expiry);
    api_gate_close(c);
    api_request_forget_all(&c->requests);
    if (c->ip)
        ips_give(c->ip);
    free(c->name);
    pool_give(c);
}

void api_client_close(struct api_client *c, const char *why)
{
    chat_session_close(c->session);
    client_free(c, why);
}

void api_client_fail(struct api_client *c, enum api_error error)
{
    struct sio_socket *s = c->socket;

    emit_error(c, error);
    api_client_close(c, api_error_code(error));
    sio_drop(s);
}

static void on_expiry(struct timer *t)
{
    struct api_client *c = container_of(t, struct api_client, expiry);

    if (c->is_expiring) {
        api_client_fail(c, API_TOKEN_EXPIRED);
    } else {
        warn_of_expiry(c);
    }
}

/** It was ended on purpose: a client that came back with the same token would be refused. */
static void end_revoked(struct api_client *c)
{
    struct sio_socket *s = c->socket;

    c->api->counters.revoked++;
    emit_error(c, API_TOKEN_REVOKED);
    api_client_close(c, api_error_code(API_TOKEN_REVOKED));
    sio_disconnect(s);
}

static uint64_t hash_session(const struct api *a, str session)
{
    return hash_keyed(a->hash_key, session);
}

static bool is_of_session(const void *arg, const void *key)
{
    const struct api_client *c = arg;
    return c->session_hash == *(const uint64_t *)key;
}

static bool is_from_before(const void *arg, const void *key)
{
    const struct api_client *c = arg;
    return c->issued_at_ms <= *(const int64_t *)key;
}

/** Whosever it is: by its name, as operators do, and rarely; or by its key, as the store has
 * what another node has ended. */
static struct api_client *find_named(const struct api *a, uint64_t hash)
{
    list_each (node, &a->clients) {
        struct api_client *c = container_of(node, struct api_client, node);
        if (c->name_hash == hash || c->session_hash == hash)
            return c;
    }
    return NULL;
}

/** @return one that is of what was revoked, or NULL */
static struct api_client *find_revoked(const struct api *a, const struct auth_revocation *what)
{
    const struct chat *chat = a->config.chat;
    const uint64_t hash = hash_session(a, what->session);

    if (what->session.len == 0)
        return chat_session_find(chat, &what->account, is_from_before, &what->before_ms);
    if (what->account.len == 0)
        return find_named(a, hash);
    return chat_session_find(chat, &what->account, is_of_session, &hash);
}

void api_client_end_revoked(void *arg, const struct auth_revocation *what)
{
    struct api_client *c;

    while ((c = find_revoked(arg, what)))
        end_revoked(c);
}

/** The session is no more. */
static void on_end(void *arg, enum chat_end why)
{
    struct api_client *c = arg;
    struct sio_socket *s = c->socket;

    switch (why) {
    case CHAT_END_TOO_MANY:
        emit_error(c, API_TOO_MANY_SOCKETS);
        client_free(c, "too_many_sockets");
        sio_disconnect(s); // it would throw out another one if it came back
        break;
    case CHAT_END_NO_ANSWER:
        client_free(c, "no_answer");
        sio_drop(s);
        break;
    }
}

static const struct chat_session_events events = {
    .on_ready = on_ready,
    .on_delay = on_delay,
    .on_message = on_message,
    .on_receipt = on_receipt,
    .on_changed = on_changed,
    .on_typing = on_typing,
    .on_presence = on_presence,
    .is_stuffed = is_stuffed,
    .has_taken_all = has_taken_all,
    .on_synced = on_synced,
    .on_not_acknowledging = on_not_acknowledging,
    .on_end = on_end,
};

// Its token.

/** A minute before it expires; of a token that is good for less than two, in the middle. */
static int64_t notice_of(int64_t left_ms)
{
    return left_ms / 2 < API_EXPIRING_MS ? left_ms / 2 : API_EXPIRING_MS;
}

void api_client_renew(struct api_client *c, const struct auth_identity *who)
{
    struct timers *timers = c->api->config.timers;
    const int64_t left_ms = who->expires_at_ms - clock_unix_ms(c->api->config.clock);

    c->session_hash = hash_session(c->api, str_of(who->key));
    c->name_hash = hash_session(c->api, str_of(who->session));
    c->issued_at_ms = who->issued_at_ms;
    c->expires_at_ms = who->expires_at_ms;
    c->skew_ms = (int32_t)who->skew_ms;
    c->is_expiring = false;
    timer_set(timers, &c->expiry, timers->now_ms + left_ms - notice_of(left_ms));
}

// The beginning.

static struct api_client *client_new(struct api *a, struct sio_socket *s,
                                     const struct auth_identity *who)
{
    struct api_client *c = pool_take(a->pool);

    c->api = a;
    c->socket = s;
    c->name = str_dup(str_of(who->session));
    list_push(&a->clients, &c->node);
    list_init(&c->requests);
    timer_init(&c->expiry, on_expiry);
    api_client_renew(c, who);
    return c;
}

struct api_client *api_client_open(struct api *a, struct sio_socket *s,
                                   const struct auth_identity *who, str cursor)
{
    struct ips_count *taken = NULL;

    if (a->config.rate_limits) {
        taken = ips_take(a->ips, &sio_peer(s)->ip);
        if (!taken)
            return NULL;
    }
    struct api_client *c = client_new(a, s, who);
    c->ip = taken;
    sio_set_state(s, c);
    sio_accept_with_next(s); // which is "ready"
    c->session =
        chat_session_open(a->config.chat, &who->account, cursor, sio_log(s), &events, c);
    return c;
}
