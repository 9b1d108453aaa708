#include "doctor/through.h"

#include <stdlib.h>

#include "base/mem.h"
#include "doctor/pages.h"
#include "eio/server.h"
#include "media/local.h"

#define URL_SIZE  2048
#define SID_SIZE  128
#define STRANGER  "https://stranger.parley-doctor.example"
#define WEBSOCKET "WebSocket"
#define POLLING   "polling"
#define PAGES     "pages"
#define FILES     "files, through"

static str print_url(char out[URL_SIZE], const struct doctor *d, str path, const char *query)
{
    const int n = snprintf(out, URL_SIZE, STR_FMT STR_FMT "%s",
                           STR_ARG(d->config.media.public_url), STR_ARG(path), query);

    return (str){out, n < URL_SIZE ? (size_t)n : 0};
}

static const char *text_of(const struct answer *a, char out[32])
{
    snprintf(out, 32, "%u", a->status);
    return a->r != 0 ? a->why : out;
}

// Polling.

/** Of "0{"sid":"NAME",…". */
static void read_sid(char out[SID_SIZE], str body)
{
    static const str before = {"\"sid\":\"", 7};
    const char *at = body.len > 0 ? memmem(body.ptr, body.len, before.ptr, before.len) : NULL;

    out[0] = '\0';
    if (!at)
        return;
    str rest = {at + before.len, body.len - (size_t)(at - body.ptr) - before.len};
    const str sid = str_take_until(&rest, '"');
    snprintf(out, SID_SIZE, STR_FMT, STR_ARG(sid));
}

/** Engine.IO's packet "close". */
static void end_session(struct doctor *d, const char *sid)
{
    char query[SID_SIZE + 64];
    char url[URL_SIZE];
    struct answer a;

    snprintf(query, sizeof(query), "?EIO=4&transport=polling&sid=%s", sid);
    ask(&d->asker,
        &(struct fetch){.method = FETCH_POST,
                        .url = print_url(url, d, d->config.path, query),
                        .is_plain = true,
                        .body = STR("1"),
                        .type = STR("text/plain;charset=UTF-8")},
        &a);
    answer_fini(&a);
}

static void check_polling(struct doctor *d)
{
    char sid[SID_SIZE];
    char url[URL_SIZE];
    char text[32];
    struct answer a;

    ask(&d->asker,
        &(struct fetch){.url = print_url(url, d, d->config.path, "?EIO=4&transport=polling"),
                        .is_plain = true},
        &a);
    read_sid(sid, buf_str(&a.body));
    if (a.status == 200 && sid[0]) {
        finding_add(&d->findings, VERDICT_OK, POLLING, NULL, "goes through, in %lld ms",
                    (long long)a.took_ms);
        end_session(d, sid);
    } else {
        finding_add(&d->findings, VERDICT_BAD, POLLING,
                    "Let the proxy pass on that path with its query, to the server.",
                    STR_FMT " does not go through: %s", STR_ARG(d->config.path),
                    text_of(&a, text));
    }
    answer_fini(&a);
}

// WebSocket.

static const char upgrade_remedy[] =
    "Let the proxy pass it on: proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; "
    "proxy_set_header Connection \"upgrade\"; proxy_buffering off (nginx; docs/proxies). "
    "Meanwhile clients poll.";

/** The server's first packet comes by itself, or somebody holds it up. */
static void judge_upgrade(struct doctor *d, const struct answer *a)
{
    char text[32];

    if (a->r == FETCH_TOO_LONG && a->status == 101) {
        finding_add(&d->findings, VERDICT_OK, WEBSOCKET, NULL, "goes through, in %lld ms",
                    (long long)a->took_ms);
        return;
    }
    finding_add(&d->findings, VERDICT_BAD, WEBSOCKET, upgrade_remedy, "does not go through: %s",
                text_of(a, text));
}

static void check_websocket(struct doctor *d)
{
    char url[URL_SIZE];
    struct answer a;

    ask(&d->asker,
        &(struct fetch){
            .url = print_url(url, d, d->config.path, "?EIO=4&transport=websocket"),
            .is_plain = true,
            .headers = {STR("Connection: Upgrade"), STR("Upgrade: websocket"),
                        STR("Sec-WebSocket-Version: 13"),
                        STR("Sec-WebSocket-Key: cGFybGV5LWRvY3Rvci0wMQ==")},
            .max_bytes = 1, // which ends it
        },
        &a);
    judge_upgrade(d, &a);
    answer_fini(&a);
}

// Pages.

enum page {
    PAGE_IN,
    PAGE_OUT,    // the server has said so
    PAGE_BROKEN, // it comes to the server, and its browser does not get the answer
};

/** As a page asks that polls. */
static enum page ask_as(struct doctor *d, str origin)
{
    char line[HTTP_ORIGIN_MAX + 16];
    char url[URL_SIZE];
    char sid[SID_SIZE];
    struct answer a;
    const int n = snprintf(line, sizeof(line), "Origin: " STR_FMT, STR_ARG(origin));

    ask(&d->asker,
        &(struct fetch){.url = print_url(url, d, d->config.path, "?EIO=4&transport=polling"),
                        .is_plain = true,
                        .headers = {{line, (size_t)n}}},
        &a);
    const bool is_allowed = pages_allow(&a, origin);
    read_sid(sid, buf_str(&a.body));
    if (sid[0])
        end_session(d, sid);
    const enum page p = a.status == 403 ? PAGE_OUT : is_allowed ? PAGE_IN : PAGE_BROKEN;
    answer_fini(&a);
    return p;
}

static bool check_page(struct doctor *d, str origin)
{
    static const char restart[] =
        "Is it of the --origins that the running server has? Restart it. Else let the proxy "
        "pass "
        "on Origin and Host as they come.";
    static const char remedy[] =
        "Let the proxy pass on Origin and Host as they come, answer no OPTIONS itself, and put "
        "in no Access-Control-… of its own (docs/proxies).";
    char url[URL_SIZE];
    const enum page p = ask_as(d, origin);
    const char *why = p == PAGE_IN
                          ? pages_preflight(d, print_url(url, d, STR("/v1/refresh"), ""),
                                            origin, STR("POST"), STR("content-type"))
                          : "the answer does not let it read";

    if (p == PAGE_OUT)
        why = "the server, or who is between, says 403";
    if (!why)
        return true;
    finding_add(&d->findings, VERDICT_BAD, PAGES, p == PAGE_OUT ? restart : remedy,
                "a page of " STR_FMT " can't connect: %s", STR_ARG(origin), why);
    return false;
}

/** Whom nobody has let in. */
static bool is_strict(struct doctor *d)
{
    if (d->config.origins.any || ask_as(d, STR(STRANGER)) != PAGE_IN)
        return true;
    finding_add(&d->findings, VERDICT_BAD, PAGES,
                "Let the proxy pass on Origin as it comes, and take its own "
                "Access-Control-Allow-Origin out: the server says who may.",
                "a page that --origins does not name can connect: the proxy lets it in");
    return false;
}

static void check_pages(struct doctor *d)
{
    struct pages pages;
    size_t n_good = 0;

    pages_of(&pages, d);
    for (size_t i = 0; i < pages.n; i++)
        n_good += check_page(d, pages.origins[i]);
    if (is_strict(d) && n_good == pages.n) {
        finding_add(&d->findings, VERDICT_OK, PAGES, NULL, "those of %zu origins can connect%s",
                    n_good, d->config.origins.any ? "" : ", and those of others can't");
    }
}

// Files.

/** Without a signature it is refused; by the server, if it gets there. */
static void check_files_through(struct doctor *d)
{
    const uint64_t most = serve_media_max_bytes(&d->config.media);
    const size_t n = most < THROUGH_BODY ? (size_t)most : THROUGH_BODY;
    char *body = mem_alloc(n);
    char url[URL_SIZE];
    struct answer a;

    ask(&d->asker,
        &(struct fetch){.method = FETCH_PUT,
                        .url = print_url(url, d, STR(MEDIA_LOCAL_PREFIX), "doctor"),
                        .is_plain = true,
                        .body = {body, n},
                        .type = STR("application/octet-stream")},
        &a);
    if (a.status == 413) {
        finding_add(
            &d->findings, VERDICT_BAD, FILES,
            "client_max_body_size 0; proxy_request_buffering off (nginx; docs/proxies): "
            "the server has limits of its own.",
            "the proxy refuses a body of %zu KiB", n / 1024);
    }
    answer_fini(&a);
    free(body);
}

void through_check(struct doctor *d)
{
    if (d->config.transports & EIO_POLLING_TRANSPORT)
        check_polling(d);
    if (d->config.transports & EIO_WEBSOCKET_TRANSPORT)
        check_websocket(d);
    check_pages(d);
    if (d->config.media.where == SERVE_MEDIA_LOCAL)
        check_files_through(d);
}
