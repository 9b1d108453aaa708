#include "server/node_media.h"

#include <stdio.h>

#include "base/err.h"
#include "base/log.h"
#include "crypto/random.h"
#include "io/tcp.h"

#define URL_SIZE (sizeof("https://") + ADDR_TEXT_SIZE)

/** Of one that is sent there are two: itself, and the connection once more. */
size_t node_media_files(const struct serve_media *media)
{
    static_assert(TCP_FILES_RESERVED + MEDIA_PUTS_MAX + 2 * MEDIA_GETS_MAX <= 1000,
                  "of 20 000 files, connections get 19 000");
    return media->where == SERVE_MEDIA_LOCAL ? MEDIA_PUTS_MAX + 2 * (size_t)MEDIA_GETS_MAX : 0;
}

static int open_local(struct node_media *m, const struct node_media_config *c)
{
    const struct media_local_config config = {
        .loop = c->loop,
        .uploads = c->uploads,
        .origins = c->origins,
        .proxies = c->proxies,
        .rate_limits = c->rate_limits,
        .rand = crypto_random(),
        .data = c->data,
        .secret = str_of(c->secret),
        .put_ms = c->options->put_ttl,
        .get_ms = c->options->get_ttl,
        .reserve_bytes = c->options->reserve,
        .write_bytes_per_s = c->options->write_rate,
        .scan = c->scan,
    };
    const int r = media_local_new(&m->local, &config);
    if (r < 0)
        return err_up(r);
    m->port = media_local_port(m->local);
    return 0;
}

static int open_s3(struct node_media *m, const struct node_media_config *c)
{
    const struct media_s3_config config = {
        .loop = c->loop,
        .rand = crypto_random(),
        .endpoint = c->media->s3_endpoint,
        .public_endpoint = c->media->s3_public_endpoint,
        .region = c->options->s3_region,
        .bucket = c->options->s3_bucket,
        .path_style = c->options->s3_path_style,
        .access_key = c->options->s3_access_key,
        .secret_key = c->options->s3_secret_key,
        .session_token = c->options->s3_session_token,
        .ca_file = c->ca_file,
        .put_ms = c->options->put_ttl,
        .get_ms = c->options->get_ttl,
        .scan = c->scan,
    };
    const int r = media_s3_new(&m->s3, &config);
    if (r < 0)
        return err_up(r);
    m->port = media_s3_port(m->s3);
    return 0;
}

static int open_port(struct node_media *m, const struct node_media_config *c)
{
    switch (c->media->where) {
    case SERVE_MEDIA_OFF: return 0;
    case SERVE_MEDIA_LOCAL: return open_local(m, c);
    case SERVE_MEDIA_S3: break;
    }
    return open_s3(m, c);
}

int node_media_open(struct node_media *m, const struct node_media_config *c)
{
    *m = (struct node_media){.public_url = c->media->public_url};
    int r = open_port(m, c);
    if (r == 0 && m->port)
        r = media_share_new(&m->share, m->port, c->loop);
    if (r < 0) {
        node_media_close(m);
        return err_up(r);
    }
    return 0;
}

int node_media_share(struct node_media *m, const struct node_media *home, struct loop *l)
{
    *m = (struct node_media){0};
    return home->port ? media_share_join(&m->port, home->share, l) : 0;
}

void node_media_close(struct node_media *m)
{
    media_free(m->port);
    media_share_free(m->share);
}

/** Where this machine reaches one who listens everywhere. */
static const char *own_host(const struct addr *at)
{
    if (str_eq(str_of(at->host), STR("0.0.0.0")))
        return "127.0.0.1";
    return str_eq(str_of(at->host), STR("::")) ? "::1" : NULL;
}

void node_media_listening(struct node_media *m, const char *scheme, const struct addr *at)
{
    const char *own = own_host(at);
    char url[URL_SIZE];
    char text[ADDR_TEXT_SIZE];
    struct addr reached = *at;

    if (!m->local)
        return;
    if (m->public_url.len > 0) {
        media_local_set_url(m->local, m->public_url);
        return;
    }
    if (own) {
        snprintf(reached.host, sizeof(reached.host), "%s", own);
        log_warn(NULL, "server_no_public_url",
                 "effect=\"links to files lead to this machine alone\" fix=--public-url");
    }
    const int n = snprintf(url, sizeof(url), "%s://%s", scheme, addr_text(text, &reached));
    assert(n > 0 && (size_t)n < sizeof(url));
    media_local_set_url(m->local, (str){url, (size_t)n});
}

void node_media_stop(struct node_media *m)
{
    if (m->port)
        media_stop(m->port);
}

bool node_media_is_idle(const struct node_media *m)
{
    return !m->port || media_is_idle(m->port);
}
