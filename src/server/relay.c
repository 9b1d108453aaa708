#include "server/relay.h"

#include <stdlib.h>
#include <string.h>

#include "base/fsm.h"
#include "base/mem.h"
#include "base/seldom.h"
#include "crypto/secret.h"
#include "eio/server.h"
#include "http/body.h"
#include "io/dial.h"
#include "io/tcp.h"

#define SAY_EVERY_MS  1000
#define LOOK_EVERY_MS 20 // whether it was looked for

// What a stream to another node holds at most: a head, all that the HTTP server had read behind
// it, and then one read more than where the client's stops.
#define OWNER_QUEUED                                                                           \
    (RELAY_HEAD_SIZE + (size_t)HTTP_PIPELINE_MAX + (size_t)STREAM_READ_MAX +                   \
     (size_t)RELAY_QUEUED_MAX + (size_t)STREAM_READ_MAX)

enum relayed_state {
    RELAYED_DIALING, // the client is not read
    RELAYED_LOOKING, // likewise: the owner is somewhere else, or nowhere
    RELAYED_OPEN,
    RELAYED_ENDING, // the owner has ended; the client takes what is left
    RELAYED_GONE,
};

#define TO(state) FSM_TO(RELAYED_##state)
static const struct fsm_state states[] = {
    [RELAYED_DIALING] = {"relayed_dialing", TO(LOOKING) | TO(OPEN) | TO(GONE)},
    [RELAYED_LOOKING] = {"relayed_looking", TO(DIALING) | TO(GONE)},
    [RELAYED_OPEN] = {"relayed_open", TO(ENDING) | TO(GONE)},
    [RELAYED_ENDING] = {"relayed_ending", TO(GONE)},
    [RELAYED_GONE] = {"relayed_gone", 0},
};
#undef TO

struct relay {
    struct relay_config config;
    struct list all;
    struct relay_numbers numbers;
    struct seldom said; // of those that have failed
    bool is_closed;
};

/** One of them. */
struct relayed {
    struct relay *relay;
    struct list node;
    struct fsm fsm;
    struct timer timer;
    struct job job;        // frees
    struct stream *client; // NULL once it was given back
    struct stream *owner;  // likewise; NULL until it is connected
    struct dial *dial;     // NULL: not any more
    struct buf unread;     // what has come of the client before it is connected
    struct http_body body; // of a request that is no upgrade
    unsigned number;       // of the owner's node
    struct node_url url;   // where it was looked for last; host is empty: nowhere yet
    const char *reason;    // why it was not there
    uint64_t ticket;       // of looking for it anew
    int64_t until_ms;      // then that has to be done
    bool has_looked;
    size_t dropped;   // bytes behind the request
    size_t queued;    // bytes, both ways, at the last look
    int64_t moved_ms; // when there was last a byte
    bool is_upgrade;
    bool is_body_over;
};

static struct timers *timers_of(const struct relay *r)
{
    return &r->config.loop->timers;
}

// The end.

static void run_free(struct job *job)
{
    struct relayed *it = container_of(job, struct relayed, job);

    fsm_fini(&it->fsm);
    free(it);
}

/** Its streams were given back. */
static void end(struct relayed *it)
{
    struct relay *r = it->relay;

    assert(!it->client && !it->owner && !it->dial);
    fsm_move(&it->fsm, RELAYED_GONE);
    timer_cancel(timers_of(r), &it->timer);
    list_remove(&it->node);
    buf_fini(&it->unread);
    r->numbers.open--;
    r->numbers.websockets -= it->is_upgrade;
    job_push(&r->config.loop->later, &it->job, run_free);
}

/** End it in order: both get what is queued for them, and then the end. */
static void close_both(struct relayed *it)
{
    if (it->dial)
        dial_cancel(STEAL(it->dial));
    if (it->owner)
        stream_close(STEAL(it->owner));
    if (it->client)
        stream_close(STEAL(it->client));
    end(it);
}

static void cut(struct relayed *it)
{
    if (it->owner)
        stream_abort(STEAL(it->owner));
    if (it->client)
        stream_abort(STEAL(it->client));
    close_both(it);
}

// Bytes.

static bool is_backed_up(struct stream *s)
{
    return stream_queued(s) > RELAY_QUEUED_MAX;
}

/** What of the client's bytes belongs to its request. */
static str part_of_request(struct relayed *it, str bytes)
{
    str rest = bytes;
    str piece = {0};
    int r = 0;

    if (it->is_upgrade)
        return bytes;
    if (it->is_body_over)
        return (str){0};
    do {
        r = http_body_next(&it->body, &rest, &piece);
    } while (r == 0 && piece.len > 0);
    if (r == HTTP_BODY_MORE)
        return bytes;
    it->is_body_over = true;
    if (r == HTTP_BODY_BAD) // the owner says so
        return bytes;
    return (str){bytes.ptr, bytes.len - rest.len};
}

/** @return false: it is over, which can't be, as who is backed up is not read for */
static bool write_to(struct relayed *it, struct stream *s, str bytes)
{
    if (stream_write(s, bytes) == 0)
        return true;
    cut(it);
    return false;
}

/** @return false: it is over */
static bool pass_on(struct relayed *it, str bytes)
{
    const str part = part_of_request(it, bytes);

    it->dropped += bytes.len - part.len;
    return write_to(it, it->owner, part);
}

/** Its end is noticed while it is read, whatever it sends behind its request. */
static bool client_is_heard(const struct relayed *it)
{
    return it->dropped <= HTTP_PIPELINE_MAX && !is_backed_up(it->owner);
}

static void on_client_bytes(void *owner, char *bytes, size_t n)
{
    struct relayed *it = owner;

    assert(it->fsm.now == RELAYED_OPEN);
    it->moved_ms = timers_of(it->relay)->now_ms;
    if (pass_on(it, (str){bytes, n}) && !client_is_heard(it))
        stream_set_reading(it->client, false);
}

static void on_client_end(void *owner, enum stream_end how)
{
    struct relayed *it = owner;

    if (how == STREAM_LOST)
        stream_abort(STEAL(it->client));
    close_both(it);
}

static void on_client_drained(void *owner)
{
    struct relayed *it = owner;

    if (it->fsm.now == RELAYED_ENDING) {
        close_both(it);
    } else if (it->fsm.now == RELAYED_OPEN) {
        stream_set_reading(it->owner, true);
    }
}

static const struct stream_events client_events = {
    .on_bytes = on_client_bytes,
    .on_end = on_client_end,
    .on_drained = on_client_drained,
};

static void on_owner_bytes(void *owner, char *bytes, size_t n)
{
    struct relayed *it = owner;

    it->moved_ms = timers_of(it->relay)->now_ms;
    if (write_to(it, it->client, (str){bytes, n}) && is_backed_up(it->client))
        stream_set_reading(it->owner, false);
}

/** A client takes the last of it in the time that the HTTP server would have given it. */
static void on_owner_end(void *owner, enum stream_end how)
{
    struct relayed *it = owner;
    const int64_t queued = (int64_t)stream_queued(it->client);

    if (how == STREAM_LOST) {
        stream_abort(STEAL(it->owner));
    } else {
        stream_close(STEAL(it->owner));
    }
    if (queued == 0) {
        close_both(it);
        return;
    }
    fsm_move(&it->fsm, RELAYED_ENDING);
    stream_set_reading(it->client, false);
    timer_set(timers_of(it->relay), &it->timer,
              timers_of(it->relay)->now_ms + HTTP_ANSWER_GRACE_MS +
                  queued * 1000 / HTTP_ANSWER_BYTES_PER_S);
}

static void on_owner_drained(void *owner)
{
    struct relayed *it = owner;

    if (client_is_heard(it))
        stream_set_reading(it->client, true);
}

static const struct stream_events owner_events = {
    .on_bytes = on_owner_bytes,
    .on_end = on_owner_end,
    .on_drained = on_owner_drained,
};

/** Bytes that are taken are a sign of life, too. */
static void look(struct relayed *it)
{
    const int64_t now_ms = timers_of(it->relay)->now_ms;
    const size_t queued = stream_queued(it->client) + stream_queued(it->owner);

    if (queued < it->queued)
        it->moved_ms = now_ms;
    it->queued = queued;
    if (now_ms - it->moved_ms < it->relay->config.idle_ms) {
        timer_set(timers_of(it->relay), &it->timer, it->moved_ms + it->relay->config.idle_ms);
        return;
    }
    log_debug(NULL, "relay_idle", "node=%u queued=%zu", it->number, queued);
    cut(it);
}

static void find_anew(struct relayed *it);

static void on_timer(struct timer *t)
{
    struct relayed *it = container_of(t, struct relayed, timer);

    switch (it->fsm.now) {
    case RELAYED_LOOKING: find_anew(it); break;
    case RELAYED_OPEN: look(it); break;
    default: cut(it);
    }
}

// The beginning.

/** Of each second one is said: where a node is gone, many fail. */
static void say_failed(struct relay *r, unsigned number, const char *reason)
{
    unsigned long long unsaid = 0;

    r->numbers.failed++;
    if (seldom_is_due(&r->said, timers_of(r)->now_ms, SAY_EVERY_MS, &unsaid)) {
        log_warn(NULL, "relay_failed", "node=%u reason=%s unsaid=%llu", number, reason, unsaid);
    }
}

/** Our own server answers that there is no such session, or that it is not to be had now. */
static void give_back(struct relayed *it)
{
    http_server_adopt_here(it->relay->config.http, STEAL(it->client), buf_str(&it->unread));
    end(it);
}

static void fail(struct relayed *it, const char *reason)
{
    say_failed(it->relay, it->number, reason);
    give_back(it);
}

/** The head is there: the HTTP server has parsed it, too. @return what is behind it */
static str parse_head(const struct relayed *it, struct http_head *h)
{
    str rest = buf_str(&it->unread);
    const int r = http_head_parse(h, &rest);

    assert(r == 0);
    (void)r;
    return rest;
}

/** @return false: it is over */
static bool send_request(struct relayed *it)
{
    struct http_head h;
    const str unread = buf_str(&it->unread);
    const str rest = parse_head(it, &h);
    struct buf head;

    buf_init(&head, RELAY_HEAD_SIZE);
    (void)buf_room(&head, RELAY_HEAD_SIZE); // so that no copy of the key is left behind
    relay_head_write(&head, (str){unread.ptr, unread.len - rest.len}, &h,
                     it->relay->config.nodes->key);
    http_body_start(&it->body, &h);
    const bool is_sent = write_to(it, it->owner, buf_str(&head)) && pass_on(it, rest);
    secret_buf_fini(&head);
    return is_sent;
}

static void look_anew(struct relayed *it, const char *reason);

static void on_dialed(void *arg, int r, struct stream *owner)
{
    struct relayed *it = arg;

    it->dial = NULL;
    if (r == DIAL_FULL) {
        fail(it, dial_reason(r));
        return;
    }
    if (r != 0) {
        look_anew(it, dial_reason(r));
        return;
    }
    it->owner = owner;
    stream_set_owner(owner, &owner_events, it);
    fsm_move(&it->fsm, RELAYED_OPEN);
    if (!send_request(it))
        return;
    buf_fini(&it->unread);
    stream_set_reading(it->client, client_is_heard(it));
    stream_set_reading(it->owner, !is_backed_up(it->client));
    it->moved_ms = timers_of(it->relay)->now_ms;
    timer_set(timers_of(it->relay), &it->timer, it->moved_ms + it->relay->config.idle_ms);
}

static void dial(struct relayed *it)
{
    const struct relay_config *c = &it->relay->config;
    const struct dial_to to = {
        .host = it->url.host,
        .port = it->url.port,
        .timeout_ms = RELAY_DIAL_MS,
        .max_queued = OWNER_QUEUED,
        .limit = c->limit,
    };

    it->dial = dial_start(c->loop, &to, on_dialed, it);
}

/** @return whether it is anywhere that it was not looked for before */
static bool find(struct relayed *it)
{
    const struct relay_nodes *nodes = it->relay->config.nodes;
    const struct node_url before = it->url;

    return nodes->find(nodes->arg, it->number, &it->url) &&
           (it->url.port != before.port || strcmp(it->url.host, before.host) != 0);
}

static void await_look(struct relayed *it)
{
    struct timers *timers = timers_of(it->relay);

    timer_set(timers, &it->timer, timers->now_ms + LOOK_EVERY_MS);
}

/** It may have come a moment ago, or be back at another place: once it is looked for. */
static void look_anew(struct relayed *it, const char *reason)
{
    const struct relay_nodes *nodes = it->relay->config.nodes;

    it->reason = reason;
    if (it->has_looked) {
        fail(it, reason);
        return;
    }
    it->has_looked = true;
    it->ticket = nodes->look(nodes->arg);
    it->until_ms = timers_of(it->relay)->now_ms + RELAY_LOOK_MS;
    fsm_move(&it->fsm, RELAYED_LOOKING);
    await_look(it);
}

static void find_anew(struct relayed *it)
{
    const struct relay_nodes *nodes = it->relay->config.nodes;

    if (!nodes->has_looked(nodes->arg, it->ticket) &&
        timers_of(it->relay)->now_ms < it->until_ms) {
        await_look(it);
    } else if (find(it)) {
        fsm_move(&it->fsm, RELAYED_DIALING);
        dial(it);
    } else {
        fail(it, it->reason);
    }
}

static void begin(struct relayed *it)
{
    if (find(it)) {
        dial(it);
    } else {
        look_anew(it, "unknown");
    }
}

static struct relayed *relayed_new(struct relay *r, unsigned node, struct stream *client)
{
    struct relayed *it = NEW(struct relayed);

    it->relay = r;
    it->number = node;
    it->client = client;
    fsm_init(&it->fsm, states, RELAYED_DIALING);
    timer_init(&it->timer, on_timer);
    list_push(&r->all, &it->node);
    stream_set_owner(client, &client_events, it);
    r->numbers.open++;
    return it;
}

void relay_take(struct relay *r, unsigned node, struct stream_parcel *parcel)
{
    struct stream *client = NULL;
    struct http_head h;

    if (tcp_attach(&client, r->config.loop, parcel) != 0) {
        stream_parcel_drop(parcel);
        return;
    }
    struct relayed *it = relayed_new(r, node, client);
    it->unread = parcel->unread;
    buf_init(&parcel->unread, 0);
    (void)parse_head(it, &h);
    it->is_upgrade = relay_head_is_upgrade(&h);
    r->numbers.websockets += it->is_upgrade;
    r->numbers.taken++;
    if (r->is_closed) {
        give_back(it);
    } else {
        begin(it);
    }
}

static bool is_full(const struct relay *r)
{
    const struct tcp_limit *limit = r->config.limit;

    return r->numbers.open >= r->config.max ||
           (limit && limit->max > 0 && atomic_load(&limit->n) >= limit->max);
}

bool relay_takes(const struct relay *r, const struct http_head *head, unsigned node)
{
    return node != r->config.nodes->number && !r->is_closed && !is_full(r) &&
           !relay_head_is_relayed(head);
}

bool relay_turns_away(struct relay *r, const struct http_head *head)
{
    struct eio_place place;

    if (!is_full(r) || !eio_place_of(head, &place) || place.node == r->config.nodes->number)
        return false;
    r->numbers.refused++;
    return true;
}

size_t relay_drain(struct relay *r, size_t n)
{
    list_each (node, &r->all) {
        struct relayed *it = container_of(node, struct relayed, node);
        if (n > 0 && it->is_upgrade) {
            close_both(it);
            n--;
        }
    }
    return r->numbers.websockets;
}

void relay_close_all(struct relay *r)
{
    r->is_closed = true;
    list_each (node, &r->all) {
        close_both(container_of(node, struct relayed, node));
    }
}

bool relay_is_idle(const struct relay *r)
{
    return list_is_empty(&r->all);
}

struct relay_numbers relay_numbers(const struct relay *r)
{
    return r->numbers;
}

struct relay *relay_new(const struct relay_config *config)
{
    struct relay *r = NEW(struct relay);

    assert(relay_key_is_good(config->nodes->key) && config->idle_ms > 0);
    assert(config->nodes->number < EIO_NODES);
    r->config = *config;
    if (r->config.max == 0)
        r->config.max = RELAYS_MAX;
    list_init(&r->all);
    return r;
}

void relay_free(struct relay *r)
{
    if (!r)
        return;
    assert(list_is_empty(&r->all));
    free(r);
}
