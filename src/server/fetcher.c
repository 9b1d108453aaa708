#include "server/fetcher.h"

#include "base/err.h"
#include "base/list.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/seldom.h"

#define SAID_EVERY_MS 1000 // of a host, so that one that is down does not fill the log

struct auth_fetcher_http {
    struct auth_fetcher port;
    struct loop *loop;
    struct fetcher *fetcher;
    struct list failing; // of struct failing; few, for an operator has named each
};

/** A host that has failed before. */
struct failing {
    struct list node;
    struct seldom said;
    char host[FETCH_HOST_SIZE];
};

struct asked {
    struct auth_fetcher_http *f;
    auth_fetch_fn *done;
    void *arg;
    int64_t asked_ms;
    char host[FETCH_HOST_SIZE];
};

/** @return the one of this host; NULL: it has not failed yet */
static struct failing *find(struct auth_fetcher_http *f, const char *host)
{
    list_each (node, &f->failing) {
        struct failing *h = container_of(node, struct failing, node);
        if (str_eq(str_of(h->host), str_of(host)))
            return h;
    }
    return NULL;
}

static struct failing *add(struct auth_fetcher_http *f, const char *host)
{
    struct failing *h = NEW(struct failing);

    str_copy(h->host, (str){host, strlen(host) + 1});
    list_push(&f->failing, &h->node);
    return h;
}

/** @param status  0: none has come */
static void say_failed(const struct asked *a, const char *why, unsigned status)
{
    const int64_t now_ms = a->f->loop->timers.now_ms;
    struct failing *h = find(a->f, a->host);
    char host[LOG_QUOTE_SIZE];
    char reason[LOG_QUOTE_SIZE];
    unsigned long long unsaid = 0;

    if (!h)
        h = add(a->f, a->host);
    if (!seldom_is_due(&h->said, now_ms, SAID_EVERY_MS, &unsaid))
        return;
    log_warn(NULL, "server_fetch_failed", "host=%s reason=%s status=%u ms=%lld unsaid=%llu",
             log_quote(host, str_of(a->host)), log_quote(reason, str_of(why)), status,
             (long long)(now_ms - a->asked_ms), unsaid);
}

static void on_answer(void *arg, int r, const char *why, const struct fetch_answer *answer)
{
    struct asked *a = arg;

    if (r == 0 && answer->status == 200) {
        a->done(a->arg, 0, answer->body);
    } else {
        if (r == 0)
            why = "another status than 200";
        if (r != FETCH_STOPPED)
            say_failed(a, why, answer ? answer->status : 0);
        a->done(a->arg, r == FETCH_BUSY ? AUTH_FETCH_BUSY : AUTH_FETCH_FAILED, (str){0});
    }
    free(a);
}

static void fetch(struct auth_fetcher *port, const struct auth_fetch *what, auth_fetch_fn *done,
                  void *arg)
{
    struct auth_fetcher_http *f = container_of(port, struct auth_fetcher_http, port);
    struct asked *a = NEW(struct asked);
    const struct fetch asks = {
        .method = what->body.ptr ? FETCH_POST : FETCH_GET,
        .url = what->url,
        .body = what->body,
        .type = STR("application/json"),
        .timeout_ms = what->timeout_ms,
        .max_bytes = what->max_bytes,
    };

    a->f = f;
    a->done = done;
    a->arg = arg;
    a->asked_ms = f->loop->timers.now_ms;
    fetch_host(a->host, what->url);
    fetcher_ask(f->fetcher, &asks, on_answer, a);
}

static const struct auth_fetcher_ops ops = {.fetch = fetch};

int auth_fetcher_http_new(struct auth_fetcher_http **out, struct loop *l, const char *ca_file)
{
    struct auth_fetcher_http *f = NEW(struct auth_fetcher_http);
    const struct fetcher_config config = {
        .name = "fetcher", .ca_file = ca_file, .max_running = AUTH_FETCHER_RUNNING_MAX};

    f->port.ops = &ops;
    f->loop = l;
    list_init(&f->failing);
    const int r = fetcher_new(&f->fetcher, l, &config);
    if (r < 0) {
        free(f);
        return err_up(r);
    }
    *out = f;
    return 0;
}

void auth_fetcher_http_stop(struct auth_fetcher_http *f)
{
    fetcher_stop(f->fetcher);
}

bool auth_fetcher_http_is_idle(const struct auth_fetcher_http *f)
{
    return fetcher_is_idle(f->fetcher);
}

void auth_fetcher_http_free(struct auth_fetcher_http *f)
{
    if (!f)
        return;
    fetcher_free(f->fetcher);
    list_each (node, &f->failing) {
        free(container_of(node, struct failing, node));
    }
    free(f);
}

struct auth_fetcher *auth_fetcher_http_port(struct auth_fetcher_http *f)
{
    return &f->port;
}
