/** The files of this machine, in process, as a backend of support/media_suite.h. */
#pragma once

#include "base/base64.h"
#include "support/media_suite.h"
#include "support/media_world.h"

struct suite_local {
    struct media_world *w;
    struct media_client client;
};

static inline struct media *suite_local_open(void **arg, struct loop *l)
{
    struct suite_local *t = NEW(struct suite_local);

    t->w = media_world_new_on(l);
    media_client_open(&t->client, t->w);
    *arg = t;
    return t->w->media;
}

static inline void suite_local_close(void *arg)
{
    struct suite_local *t = arg;

    media_client_close(&t->client);
    media_world_free(t->w);
    free(t);
}

static inline void suite_local_announce(void *arg, const struct chat_upload *u)
{
    const struct suite_local *t = arg;
    struct chat_upload *known = announced_at(&t->w->uploads, u->id);

    if (known) {
        *known = *u;
    } else {
        announced_add(&t->w->uploads, u);
    }
}

static inline struct media_suite_answer suite_local_answer(const struct media_answer *a)
{
    return (struct media_suite_answer){a->status, a->head, a->body};
}

static inline void suite_local_redial(struct suite_local *t)
{
    media_client_close(&t->client);
    loop_run_once(t->w->loop);
    media_client_open(&t->client, t->w);
}

static inline struct media_suite_answer suite_local_put(void *arg, str url,
                                                        const struct chat_upload *u, str body)
{
    struct suite_local *t = arg;
    char checksum[BASE64_LEN(CHAT_SHA256_SIZE)];
    char fields[512];

    suite_local_redial(t);
    base64_encode(checksum, (str){(const char *)u->sha256, sizeof(u->sha256)});
    (void)snprintf(
        fields, sizeof(fields), "Content-Type: " STR_FMT "\r\nContent-Length: %zu\r\n%s%.*s%s",
        STR_ARG(u->mime), body.len, u->has_sha256 ? "x-amz-checksum-sha256: " : "",
        u->has_sha256 ? (int)sizeof(checksum) : 0, checksum, u->has_sha256 ? "\r\n" : "");
    const struct media_answer a = media_client_ask(&t->client, "PUT", url, fields, body);
    return suite_local_answer(&a);
}

static inline struct media_suite_answer suite_local_get(void *arg, str url)
{
    struct suite_local *t = arg;

    suite_local_redial(t);
    const struct media_answer a = media_client_ask(&t->client, "GET", url, "", STR(""));
    return suite_local_answer(&a);
}

static const struct media_backend suite_local = {
    .name = "local",
    .checks_sha256 = true,
    .open = suite_local_open,
    .close = suite_local_close,
    .announce = suite_local_announce,
    .put = suite_local_put,
    .get = suite_local_get,
};
