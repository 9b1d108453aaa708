#include "server/admin.h"

#include "api/errors.h"
#include "io/process.h"

#define METRICS_MAX 65536 // bytes; what they say does not depend on any client

#define GAUGE     "gauge"
#define COUNTER   "counter"
#define AT(field) offsetof(struct admin_numbers, field)

// clang-format off
static const struct {
    const char *name;
    const char *type;
    const char *help;
    size_t offset; // of a uint64_t
} metrics[] = {
    {"parley_tls_certificate_end_seconds", GAUGE, "When the certificate ends, since 1970; 0 without TLS.", AT(tls_ends_s)},
    {"parley_uptime_seconds", GAUGE, "Time since the start.", AT(uptime_s)},
    {"process_resident_memory_bytes", GAUGE, "Resident memory size in bytes.", AT(memory)},
    {"parley_connections", GAUGE, "Open TCP connections, those that are closing included.", AT(connections)},
    {"parley_connections_max", GAUGE, "How many there may be: one more is turned away.", AT(max_connections)},
    {"parley_sessions", GAUGE, "Engine.IO sessions.", AT(eio.sessions)},
    {"parley_sessions_opened_total", COUNTER, "Engine.IO sessions opened.", AT(eio.opened)},
    {"parley_handshakes_refused_total", COUNTER, "Handshakes answered with 503, while stopping or without a store.", AT(eio.refused)},
    {"parley_origins_denied_total", COUNTER, "Requests answered with 403, from pages that may not connect.", AT(eio.denied)},
    {"parley_nodes", GAUGE, "Servers that share the store, this one too.", AT(nodes)},
    {"parley_bus_up", GAUGE, "1 while servers can tell each other what is new; of one alone, always.", AT(bus.up)},
    {"parley_bus_nodes", GAUGE, "Other servers that are heard on the bus.", AT(bus.nodes)},
    {"parley_bus_subjects", GAUGE, "Subjects subscribed on the bus.", AT(bus.subjects)},
    {"parley_bus_published_total", COUNTER, "Events given to the bus.", AT(bus.published)},
    {"parley_bus_received_total", COUNTER, "Events that came over the bus.", AT(bus.received)},
    {"parley_bus_dropped_total", COUNTER, "Events that nothing could take, here or there.", AT(bus.dropped)},
    {"parley_bus_unreadable_total", COUNTER, "What came over the bus and could not be read.", AT(bus.unreadable)},
    {"parley_bus_lost_total", COUNTER, "Connections to the bus that were lost.", AT(bus.lost)},
    {"parley_bus_slow_total", COUNTER, "Times that more came than could be taken.", AT(bus.slow)},
    {"parley_relays", GAUGE, "Requests and WebSockets that are passed to other nodes.", AT(relay.open)},
    {"parley_relays_websockets", GAUGE, "WebSockets among them.", AT(relay.websockets)},
    {"parley_relays_total", COUNTER, "Requests and WebSockets for other nodes.", AT(relay.taken)},
    {"parley_relays_failed_total", COUNTER, "Those of them whose node was not in reach.", AT(relay.failed)},
    {"parley_relays_refused_total", COUNTER, "Requests for other nodes answered with 503: too many.", AT(relay.refused)},
    {"parley_relays_denied_total", COUNTER, "Requests of other nodes answered with 403: another key or version.", AT(relay.denied)},
    {"parley_clients", GAUGE, "Clients that have joined the chat.", AT(chat.sessions)},
    {"parley_accounts_online", GAUGE, "Accounts with a client, of each worker.", AT(chat.accounts)},
    {"parley_connects_total", COUNTER, "Clients let in.", AT(api.connects)},
    {"parley_connects_refused_total", COUNTER, "Clients refused: token, origin, too many.", AT(api.refused_connects)},
    {"parley_requests_total", COUNTER, "Requests of clients.", AT(api.requests)},
    {"parley_http_requests_total", COUNTER, "Requests over HTTP: signing in, keys.", AT(api.calls)},
    {"parley_logins_total", COUNTER, "Wallets that have signed in.", AT(api.logins)},
    {"parley_refreshes_total", COUNTER, "Sessions refreshed.", AT(api.refreshes)},
    {"parley_logouts_total", COUNTER, "Logouts.", AT(api.logouts)},
    {"parley_clients_revoked_total", COUNTER, "Clients ended, because their session was.", AT(api.revoked)},
    {"parley_requests_refused_total", COUNTER, "Requests that the chat refused.", AT(chat.refused)},
    {"parley_messages_sent_total", COUNTER, "Messages stored and acknowledged.", AT(chat.sent)},
    {"parley_messages_duplicate_total", COUNTER, "Messages that were sent again, and had been stored.", AT(chat.duplicates)},
    {"parley_messages_emitted_total", COUNTER, "Messages sent to clients.", AT(chat.emitted)},
    {"parley_messages_acknowledged_total", COUNTER, "Messages that clients have acknowledged.", AT(chat.acked)},
    {"parley_receipts_total", COUNTER, "Marks of delivered and read that have moved.", AT(chat.receipts)},
    {"parley_typings_total", COUNTER, "Starts and ends of typing told to clients.", AT(chat.typings)},
    {"parley_presences_total", COUNTER, "Accounts that came or went, told to clients.", AT(chat.presences)},
    {"parley_watches", GAUGE, "Accounts that clients watch, of each client.", AT(chat.watches)},
    {"parley_fills_total", COUNTER, "Reads of what a client had missed.", AT(chat.fills)},
    {"parley_silent_clients_total", COUNTER, "Clients warned that they acknowledge nothing.", AT(chat.warnings)},
    {"parley_unhinted_total", COUNTER, "Reads by sockets to which the bus did not bring something.", AT(chat.unhinted)},
    {"parley_uncertain_total", COUNTER, "Appends whose outcome the store did not know.", AT(chat.uncertain)},
    {"parley_uploads_total", COUNTER, "Files announced.", AT(chat.uploads)},
    {"parley_uploads_taken_total", COUNTER, "Files checked, and taken into a message.", AT(chat.uploads_taken)},
    {"parley_uploads_refused_total", COUNTER, "Files checked, and not taken, or not there.", AT(chat.uploads_refused)},
    {"parley_uploads_late_total", COUNTER, "Messages that did not wait for the check of their file any more.", AT(chat.uploads_late)},
    {"parley_uploads_swept_total", COUNTER, "Files deleted that are in no message.", AT(chat.uploads_swept)},
    {"parley_uploads_unswept_total", COUNTER, "Tries to delete one that have failed.", AT(chat.uploads_unswept)},
    {"parley_media_putting", GAUGE, "Files that clients put at the moment.", AT(local.putting)},
    {"parley_media_puts_total", COUNTER, "Files that came whole.", AT(local.puts)},
    {"parley_media_put_bytes_total", COUNTER, "Their bytes.", AT(local.put_bytes)},
    {"parley_media_gets_total", COUNTER, "Files, and parts of files, sent.", AT(local.gets)},
    {"parley_media_get_bytes_total", COUNTER, "Their bytes.", AT(local.get_bytes)},
    {"parley_media_refused_total", COUNTER, "Requests for files that were refused.", AT(local.refused)},
    {"parley_s3_requests_total", COUNTER, "Requests to the object store.", AT(s3.requests)},
    {"parley_s3_retries_total", COUNTER, "Requests to it that were asked again.", AT(s3.retries)},
    {"parley_s3_failures_total", COUNTER, "Requests to it that have failed after all tries.", AT(s3.failures)},
    {"parley_store_up", GAUGE, "1 while the store is within reach.", AT(store_up)},
    {"parley_store_appended_total", COUNTER, "Messages stored.", AT(store.appended)},
    {"parley_store_duplicates_total", COUNTER, "Messages that were stored already.", AT(store.duplicates)},
    {"parley_store_receipts_total", COUNTER, "Marks stored.", AT(store.receipts)},
    {"parley_store_contacts_total", COUNTER, "Changes stored of what wallets want of others.", AT(store.contacts)},
    {"parley_store_commits_total", COUNTER, "Transactions committed.", AT(store.commits)},
    {"parley_store_reads_total", COUNTER, "Reads.", AT(store.reads)},
    {"parley_store_refused_total", COUNTER, "Operations refused: full, or out of reach.", AT(store.refused)},
    {"parley_store_queued", GAUGE, "Operations that wait.", AT(store.queued)},
};

/** In seconds; the offset is of a struct histogram. */
static const struct {
    const char *name;
    const char *help;
    size_t offset;
} histograms[] = {
    {"parley_store_append_seconds", "From a message's coming to the store to its being on the disk.", AT(store.append)},
    {"parley_store_queue_seconds", "How much of that it has waited for others.", AT(store.wait)},
    {"parley_store_read_seconds", "Reads of the store, their waiting included.", AT(store.read)},
    {"parley_delivery_seconds", "From a message's time to its being sent to a client that is there; to the millisecond, and by the clocks of both nodes.", AT(chat.delivery)},
};
// clang-format on

static struct admin_bus bus_of(const struct admin *a)
{
    struct bus_nats_numbers n;

    if (!a->is_first)
        return (struct admin_bus){0};
    if (!a->nats)
        return (struct admin_bus){.up = 1};
    bus_nats_numbers(a->nats, &n);
    return (struct admin_bus){
        .up = n.is_connected,
        .published = n.published,
        .received = n.received,
        .dropped = n.dropped,
        .unreadable = n.unreadable,
        .lost = n.lost,
        .slow = n.slow,
        .subjects = n.subjects,
        .nodes = n.nodes,
    };
}

static uint64_t nodes_of(const struct admin *a)
{
    if (!a->is_first)
        return 0;
    return a->cluster ? cluster_numbers(a->cluster).nodes : 1;
}

struct admin_numbers admin_numbers_of(const struct admin *a)
{
    return (struct admin_numbers){
        .uptime_s = (uint64_t)(a->timers->now_ms - a->started_ms) / 1000,
        .tls_ends_s = a->tls ? (uint64_t)tls_context_ends_s(a->tls) : 0,
        .memory = process_memory(),
        .store_up = health_is_up(a->health),
        .connections = *a->n_connections,
        .max_connections = a->max_connections,
        .eio = eio_counters(a->eio),
        .relay = a->door ? relay_door_numbers(a->door) : (struct relay_numbers){0},
        .bus = bus_of(a),
        .nodes = nodes_of(a),
        .api = *api_counters(a->api),
        .chat = *chat_counters(a->chat),
        .store = a->store->counters,
        .local = a->media->local ? *media_local_counters(a->media->local)
                                 : (struct media_local_counters){0},
        .s3 = a->media->s3 ? *media_s3_counters(a->media->s3) : (struct media_s3_counters){0},
    };
}

void admin_numbers_add(struct admin_numbers *sum, const struct admin_numbers *more)
{
    uint64_t a[sizeof(*sum) / sizeof(uint64_t)];
    uint64_t b[COUNT_OF(a)];
    const struct admin_numbers own = *sum;

    static_assert(sizeof(a) == sizeof(*sum), "numbers, and nothing else");
    memcpy(a, sum, sizeof(a));
    memcpy(b, more, sizeof(b));
    for (size_t i = 0; i < COUNT_OF(a); i++)
        a[i] += b[i];
    memcpy(sum, a, sizeof(a));
    sum->uptime_s = own.uptime_s;
    sum->tls_ends_s = own.tls_ends_s;
    sum->memory = own.memory;
    sum->max_connections = own.max_connections;
    sum->store_up = own.store_up && more->store_up;
}

static void add_errors(struct buf *out, const struct api_counters *c)
{
    static_assert(API_N_ERRORS <= COUNT_OF(c->errors), "each error has its counter");
    int r = buf_add(out, STR("# HELP parley_errors_total Errors sent to clients.\n"
                             "# TYPE parley_errors_total counter\n"));
    for (size_t i = API_OK + 1; i < API_N_ERRORS; i++) {
        const enum api_error e = (enum api_error)i;
        if (!api_error_is_sent(e))
            continue;
        r |= buf_addf(out, "parley_errors_total{code=\"%s\"} %llu\n", api_error_code(e),
                      (unsigned long long)c->errors[i]);
    }
    assert(r == 0); // METRICS_MAX has room for all of them
}

static const char *const bounds[] = {
    "0.0001", "0.00025", "0.0005", "0.001", "0.0025", "0.005", "0.01", "0.025",
    "0.05",   "0.1",     "0.25",   "0.5",   "1",      "2.5",   "5",    "10",
};
static_assert(COUNT_OF(bounds) == HISTOGRAM_BOUNDS, "of base/histogram.h");

static void add_histogram(struct buf *out, const char *name, const char *help,
                          const struct histogram *h)
{
    unsigned long long n = 0;
    int r = buf_addf(out, "# HELP %s %s\n# TYPE %s histogram\n", name, help, name);

    for (size_t i = 0; i < HISTOGRAM_BOUNDS; i++) {
        n += h->counts[i];
        r |= buf_addf(out, "%s_bucket{le=\"%s\"} %llu\n", name, bounds[i], n);
    }
    n += h->counts[HISTOGRAM_BOUNDS];
    r |= buf_addf(out, "%s_bucket{le=\"+Inf\"} %llu\n%s_sum %llu.%06llu\n%s_count %llu\n", name,
                  n, name, (unsigned long long)h->sum_us / 1000000,
                  (unsigned long long)h->sum_us % 1000000, name, n);
    assert(r == 0);
}

static void add_metrics(struct buf *out, const struct admin_numbers *s)
{
    int r = buf_add(out, STR("# HELP parley_build_info The version, as a label.\n"
                             "# TYPE parley_build_info gauge\n"
                             "parley_build_info{version=\"" PARLEY_VERSION "\"} 1\n"));
    for (size_t i = 0; i < COUNT_OF(metrics); i++) {
        uint64_t value = 0;
        memcpy(&value, (const char *)s + metrics[i].offset, sizeof(value));
        r |= buf_addf(out, "# HELP %s %s\n# TYPE %s %s\n%s %llu\n", metrics[i].name,
                      metrics[i].help, metrics[i].name, metrics[i].type, metrics[i].name,
                      (unsigned long long)value);
    }
    assert(r == 0);
    for (size_t i = 0; i < COUNT_OF(histograms); i++) {
        struct histogram h;
        memcpy(&h, (const char *)s + histograms[i].offset, sizeof(h));
        add_histogram(out, histograms[i].name, histograms[i].help, &h);
    }
    add_errors(out, &s->api);
}

// Answers.

static void respond(struct http_request *rq, unsigned status, str type, str body)
{
    const struct http_response r = {
        .status = status,
        .type = type,
        .headers = status == 405 ? STR("Cache-Control: no-store\r\nAllow: GET, HEAD\r\n")
                                 : STR("Cache-Control: no-store\r\n"),
        .body = body,
    };
    http_respond(rq, &r);
}

static void on_healthz(const struct admin *a, struct http_request *rq)
{
    (void)a;
    respond(rq, 200, STR("text/plain"), STR("ok\n"));
}

/** @return why clients had better not come, or NULL */
static const char *not_ready(const struct admin *a)
{
    if (a->phase == ADMIN_STARTING)
        return "starting\n";
    if (a->phase == ADMIN_DRAINING)
        return "draining\n";
    if (a->cluster && cluster_numbers(a->cluster).is_taken)
        return "another server has the name of this one\n";
    return health_is_up(a->health) ? NULL : "the store is out of reach\n";
}

static void on_readyz(const struct admin *a, struct http_request *rq)
{
    const char *why = not_ready(a);

    respond(rq, why ? 503 : 200, STR("text/plain"), str_of(why ? why : "ok\n"));
}

void admin_respond(struct http_request *rq, const struct admin_numbers *n)
{
    struct buf text;

    buf_init(&text, METRICS_MAX);
    add_metrics(&text, n);
    respond(rq, 200, STR("text/plain; version=0.0.4; charset=utf-8"), buf_str(&text));
    buf_fini(&text);
}

static void on_metrics(const struct admin *a, struct http_request *rq)
{
    if (a->on_metrics) {
        a->on_metrics(a->arg, rq);
        return;
    }
    const struct admin_numbers own = admin_numbers_of(a);
    admin_respond(rq, &own);
}

static const struct {
    str path;
    void (*answer)(const struct admin *a, struct http_request *rq);
} pages[] = {
    {{"/healthz", 8}, on_healthz},
    {{"/readyz", 7}, on_readyz},
    {{"/metrics", 8}, on_metrics},
};

static void on_head(void *arg, struct http_request *rq, const struct http_head *head)
{
    for (size_t i = 0; i < COUNT_OF(pages); i++) {
        if (!str_eq(head->path, pages[i].path))
            continue;
        if (head->method == HTTP_GET || head->method == HTTP_HEAD) {
            pages[i].answer(arg, rq);
        } else {
            respond(rq, 405, (str){0}, (str){0});
        }
        return;
    }
    respond(rq, 404, STR("text/plain"), STR("Not Found\n"));
}

static void on_gone(void *arg, struct http_request *rq)
{
    const struct admin *a = arg;

    if (a->on_gone)
        a->on_gone(a->arg, rq);
}

/** Nobody wants a body, but there may be one, before an answer that is given later. */
static void on_body(void *arg, struct http_request *rq)
{
    (void)arg, (void)rq;
}

const struct http_handler admin_http_handler = {
    .on_head = on_head, .on_body = on_body, .on_gone = on_gone};
