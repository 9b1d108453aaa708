#include "server/probe.h"

#include "base/hex.h"

#define NAME_BYTES ((PROBE_NAME_SIZE - 1) / 2)

const char *probes_make(struct probes *p)
{
    struct probe *made = &p->all[p->next];
    uint8_t bytes[NAME_BYTES];

    p->next = (p->next + 1) % PROBES_MAX;
    rand_bytes(p->rand, bytes, sizeof(bytes));
    *made = (struct probe){.until_ms = p->timers->now_ms + PROBE_MS};
    *hex_encode(made->name, bytes, sizeof(bytes)) = '\0';
    return made->name;
}

struct probe *probes_find(struct probes *p, str name)
{
    for (size_t i = 0; i < PROBES_MAX; i++) {
        struct probe *each = &p->all[i];
        if (name.len > 0 && str_eq(str_of(each->name), name))
            return each->until_ms > p->timers->now_ms ? each : NULL;
    }
    return NULL;
}

static void see(struct probe *probe, const struct probes *p, struct http_request *rq,
                const struct http_head *head)
{
    str host = http_head_get(head, STR("Host"));
    const ip peer = http_peer(rq);

    host.len = host.len < PROBE_HOST_SIZE ? host.len : PROBE_HOST_SIZE - 1;
    probe->is_seen = true;
    probe->seen = (struct probe_seen){
        .peer = peer,
        .client = http_proxies_client(p->proxies, peer, head),
        .has_forwarded = http_head_get(head, STR("X-Forwarded-For")).ptr != NULL,
    };
    str_copy(probe->seen.host, host);
}

static void on_head(void *arg, struct http_request *rq, const struct http_head *head)
{
    str name = head->path;

    (void)str_take(&name, sizeof(PROBE_PREFIX) - 1);
    struct probe *probe = head->method == HTTP_GET ? probes_find(arg, name) : NULL;
    if (probe)
        see(probe, arg, rq, head);
    http_respond(rq, &(struct http_response){
                         .status = probe ? 204 : 404,
                         .headers = STR("Cache-Control: no-store\r\n"),
                     });
}

const struct http_handler probe_http_handler = {.on_head = on_head};
