#include "api/gate.h"

#include "api/request.h"
#include "base/mem.h"

// How often it is looked whether the client has taken something. A client that takes nothing
// costs little: the time doubles.
#define LOOK_MS      10
#define LOOK_LATE_MS 640

// So much may be queued for a client that is told to be slow, and the telling must fit: what
// stops new requests, what is under way, and messages, which have a window of their own.
#define HEADS (((size_t)CHAT_WINDOW_MESSAGES_MAX + CHAT_HISTORY_MAX) * 1024)
static_assert(API_QUEUED_MAX + API_UNDER_WAY_MAX + CHAT_WINDOW_BYTES_MAX + HEADS <
                  EIO_QUEUE_MAX,
              "there is room for a last word");
static_assert(CHAT_PAGE_BYTES_MAX <= API_UNDER_WAY_MAX, "pages come one at a time");
static_assert(API_UNDER_WAY_MAX / API_ANSWER_BYTES <= CHAT_REQUESTS_MAX,
              "a client that sends much at once is not told that it is too much");

struct waiting {
    struct waiting *next;
    size_t bytes; // of the answer
    size_t n_attachments;
    int64_t ack_id;
    size_t len;
    char text[];
};

static_assert(sizeof(struct waiting) <= API_WAITING_COST, "a request costs what it takes");

/** There while requests wait. */
struct api_gate {
    struct api_client *client; // NULL: over
    struct job job;            // starts what may start, or frees
    struct timer look;
    struct waiting *first;
    struct waiting **tail;
    size_t waiting_bytes; // API_WAITING_COST for each included
    size_t queued;        // of the client at the last look, and what was added since
    int64_t taken_ms;     // when it was seen taking something last
    int64_t look_ms;      // until the next look
    bool is_paused;
};

static struct timers *timers_of(const struct api_gate *g)
{
    return g->client->api->config.timers;
}

// Who may start.

static bool is_stuffed(const struct api_client *c)
{
    return sio_queued(c->socket) > API_QUEUED_MAX;
}

static bool has_room(const struct api_client *c, size_t bytes)
{
    return c->under_way == 0 || c->under_way + bytes <= API_UNDER_WAY_MAX;
}

static bool may_start(const struct api_client *c, size_t bytes)
{
    return c->may_ask && !is_stuffed(c) && has_room(c, bytes);
}

bool api_gate_is_open(const struct api_client *c, size_t bytes)
{
    return !c->gate && may_start(c, bytes);
}

// The end.

static void gate_free(struct job *job)
{
    struct api_gate *g = container_of(job, struct api_gate, job);

    while (g->first) {
        struct waiting *w = g->first;
        g->first = w->next;
        free(w);
    }
    free(g);
}

static void pause_or_go_on(struct api_gate *g)
{
    const bool is_much = g->waiting_bytes > API_READ_AHEAD_MAX;

    if (g->is_paused != is_much)
        sio_set_reading(g->client->socket, !is_much);
    g->is_paused = is_much;
}

void api_gate_close(struct api_client *c)
{
    struct api_gate *g = c->gate;

    if (!g)
        return;
    timer_cancel(timers_of(g), &g->look);
    if (g->is_paused)
        sio_set_reading(c->socket, true);
    c->gate = NULL;
    g->client = NULL;
    job_push(c->api->config.later, &g->job, gate_free);
}

// Starting.

/** The first one. It may end the client. */
static void start_first(struct api_gate *g)
{
    struct waiting *w = g->first;
    struct json *data;

    g->first = w->next;
    if (!g->first)
        g->tail = &g->first;
    g->waiting_bytes -= API_WAITING_COST + w->len;
    const int r = json_parse(&data, w->text, w->len);
    assert(r == 0); // it was parsed before
    (void)r;
    api_request_start(g->client,
                      &(struct sio_event){.name = json_text(json_item(data, 0)),
                                          .data = data,
                                          .n_attachments = w->n_attachments,
                                          .ack_id = w->ack_id},
                      w->bytes);
    json_free(data);
    free(w);
}

/** Look again in a while: what the client takes tells us nothing by itself. */
static void look_later(struct api_gate *g)
{
    struct timers *timers = timers_of(g);
    const int64_t next_ms = timers->now_ms + g->look_ms;
    const int64_t late_ms = g->taken_ms + API_SLOW_MS;

    timer_set(timers, &g->look, next_ms < late_ms ? next_ms : late_ms);
}

static void begin_to_look(struct api_gate *g)
{
    g->queued = sio_queued(g->client->socket);
    g->taken_ms = timers_of(g)->now_ms;
    g->look_ms = LOOK_MS;
    look_later(g);
}

/** Start what may start. */
static void go_on(struct api_gate *g)
{
    while (g->client && g->first && may_start(g->client, g->first->bytes))
        start_first(g);
    if (!g->client)
        return;
    if (!g->first) {
        api_gate_close(g->client);
        return;
    }
    pause_or_go_on(g);
    if (!is_stuffed(g->client)) {
        timer_cancel(timers_of(g), &g->look); // the end of a request comes by itself
    } else if (!timer_is_set(&g->look)) {
        begin_to_look(g);
    }
}

static void run(struct job *job)
{
    go_on(container_of(job, struct api_gate, job));
}

static void on_look(struct timer *t)
{
    struct api_gate *g = container_of(t, struct api_gate, look);
    const int64_t now_ms = timers_of(g)->now_ms;
    const size_t queued = sio_queued(g->client->socket);

    if (queued < g->queued) {
        g->taken_ms = now_ms;
        g->look_ms = LOOK_MS;
    } else if (g->look_ms < LOOK_LATE_MS) {
        g->look_ms *= 2;
    }
    g->queued = queued;
    if (!is_stuffed(g->client)) {
        go_on(g);
    } else if (now_ms - g->taken_ms >= API_SLOW_MS) {
        api_client_fail(g->client, API_SLOW_CONSUMER);
    } else {
        look_later(g);
    }
}

// Waiting.

static struct api_gate *gate_new(struct api_client *c)
{
    struct api_gate *g = NEW(struct api_gate);

    g->client = c;
    g->tail = &g->first;
    timer_init(&g->look, on_look);
    return g;
}

int api_gate_wait(struct api_client *c, const struct sio_event *e, size_t bytes)
{
    if (!c->gate)
        c->gate = gate_new(c);
    struct api_gate *g = c->gate;
    if (g->first && g->waiting_bytes + API_WAITING_COST + e->text.len > API_WAITING_MAX)
        return API_GATE_FULL;

    struct waiting *w = mem_alloc(sizeof(*w) + e->text.len);
    *w = (struct waiting){.bytes = bytes,
                          .n_attachments = e->n_attachments,
                          .ack_id = e->ack_id,
                          .len = e->text.len};
    str_copy(w->text, e->text);
    *g->tail = w;
    g->tail = &w->next;
    g->waiting_bytes += API_WAITING_COST + w->len;
    pause_or_go_on(g);
    if (is_stuffed(c) && !timer_is_set(&g->look))
        begin_to_look(g);
    return 0;
}

// What is under way.

void api_gate_add(struct api_client *c, size_t bytes)
{
    c->under_way += bytes;
}

void api_gate_remove(struct api_client *c, size_t bytes)
{
    c->under_way -= bytes;
    api_gate_look(c);
}

void api_gate_look(struct api_client *c)
{
    if (c->gate)
        job_push(c->api->config.later, &c->gate->job, run);
}

void api_gate_on_queued(struct api_client *c, size_t bytes)
{
    if (c->gate)
        c->gate->queued += bytes;
}
