#include "media/share.h"
#include "support/media_home.h"
#include "support/media_suite_local.h"

/** What conformance/media.c asks, of a front whose files are on another thread. */

struct share {
    struct media_home home;
    void *local; // while home stands still
    struct media_share *share;
    struct media *front;
};

static struct media *open_share(void **arg, struct loop *l)
{
    struct share *t = NEW(struct share);

    media_home_init(&t->home);
    struct media *local = suite_local.open(&t->local, t->home.loop);
    assert_int_equal(media_share_new(&t->share, local, t->home.loop), 0);
    assert_int_equal(media_share_join(&t->front, t->share, l), 0);
    media_home_go_on(&t->home);
    *arg = t;
    return t->front;
}

static void close_share(void *arg)
{
    struct share *t = arg;

    media_free(t->front);
    media_home_halt(&t->home);
    suite_local.close(t->local);
    media_share_free(t->share);
    media_home_fini(&t->home);
    free(t);
}

static void announce(void *arg, const struct chat_upload *u)
{
    struct share *t = arg;

    media_home_halt(&t->home);
    suite_local.announce(t->local, u);
    media_home_go_on(&t->home);
}

static struct media_suite_answer put(void *arg, str url, const struct chat_upload *u, str body)
{
    struct share *t = arg;

    media_home_halt(&t->home);
    const struct media_suite_answer a = suite_local.put(t->local, url, u, body);
    media_home_go_on(&t->home);
    return a;
}

static struct media_suite_answer get(void *arg, str url)
{
    struct share *t = arg;

    media_home_halt(&t->home);
    const struct media_suite_answer a = suite_local.get(t->local, url);
    media_home_go_on(&t->home);
    return a;
}

static const struct media_backend share = {
    .name = "share",
    .checks_sha256 = true,
    .open = open_share,
    .close = close_share,
    .announce = announce,
    .put = put,
    .get = get,
};

int main(void)
{
    return media_suite_run("media share", &share);
}
