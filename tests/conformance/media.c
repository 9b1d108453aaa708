#include "base/base64.h"
#include "support/media_suite.h"
#include "support/media_world.h"

/** What chat/media.h asks for (support/media_suite.h), of the files of this machine, in
 * process. What is in an object store is asked for it against a server, in the end-to-end
 * suites. */

struct local {
    struct media_world *w;
    struct media_client client;
};

static struct media *open_local(void **arg, struct loop *l)
{
    struct local *t = NEW(struct local);

    t->w = media_world_new_on(l);
    media_client_open(&t->client, t->w);
    *arg = t;
    return t->w->media;
}

static void close_local(void *arg)
{
    struct local *t = arg;

    media_client_close(&t->client);
    media_world_free(t->w);
    free(t);
}

static void announce(void *arg, const struct chat_upload *u)
{
    const struct local *t = arg;
    struct chat_upload *known = announced_at(&t->w->uploads, u->id);

    if (known) {
        *known = *u;
    } else {
        announced_add(&t->w->uploads, u);
    }
}

static struct media_suite_answer answer_of(const struct media_answer *a)
{
    return (struct media_suite_answer){a->status, a->head, a->body};
}

static void redial(struct local *t)
{
    media_client_close(&t->client);
    loop_run_once(t->w->loop);
    media_client_open(&t->client, t->w);
}

static struct media_suite_answer put(void *arg, str url, const struct chat_upload *u, str body)
{
    struct local *t = arg;
    char checksum[BASE64_LEN(CHAT_SHA256_SIZE)];
    char fields[512];

    redial(t);
    base64_encode(checksum, (str){(const char *)u->sha256, sizeof(u->sha256)});
    (void)snprintf(
        fields, sizeof(fields), "Content-Type: " STR_FMT "\r\nContent-Length: %zu\r\n%s%.*s%s",
        STR_ARG(u->mime), body.len, u->has_sha256 ? "x-amz-checksum-sha256: " : "",
        u->has_sha256 ? (int)sizeof(checksum) : 0, checksum, u->has_sha256 ? "\r\n" : "");
    const struct media_answer a = media_client_ask(&t->client, "PUT", url, fields, body);
    return answer_of(&a);
}

static struct media_suite_answer get(void *arg, str url)
{
    struct local *t = arg;

    redial(t);
    const struct media_answer a = media_client_ask(&t->client, "GET", url, "", STR(""));
    return answer_of(&a);
}

static const struct media_backend local = {
    .name = "local",
    .checks_sha256 = true,
    .open = open_local,
    .close = close_local,
    .announce = announce,
    .put = put,
    .get = get,
};

int main(void)
{
    return media_suite_run("media local", &local);
}
