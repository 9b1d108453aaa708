#include "doctor/s3.h"

#include <stdlib.h>

#include "base/hex.h"
#include "base/mem.h"
#include "chat/media.h"
#include "crypto/random.h"
#include "doctor/judge.h"
#include "doctor/pages.h"
#include "media/s3_error.h"
#include "media/s3_url.h"

#define INSIDE    "S3, inside"
#define OUTSIDE   "S3, outside"
#define PAGES     "S3, pages"
#define KEY_BYTES 8
// Where clients put files; no upload is called so, and a rule that empties it takes this, too.
#define KEY_PREFIX "in/doctor-"
#define KEY_SIZE   (sizeof(KEY_PREFIX) + (size_t)2 * KEY_BYTES)
#define TEXT       "A probe of 'parley doctor'. It may be deleted.\n"
#define TYPE       "text/plain"

struct s3 {
    struct doctor *doctor;
    struct s3_url here;
    struct s3_url for_others;
    struct sigv4_key signer;
    char key[KEY_SIZE];
};

// One request.

static const str methods[] = {
    [FETCH_GET] = {"GET", 3},
    [FETCH_HEAD] = {"HEAD", 4},
    [FETCH_PUT] = {"PUT", 3},
    [FETCH_DELETE] = {"DELETE", 6},
};

/** As a link for clients is: what is put is of this type and length, and of no other. */
static void sign(const struct s3 *s, struct buf *url, const struct s3_url *at,
                 enum fetch_method method)
{
    char length[16];
    const int n = snprintf(length, sizeof(length), "%zu", sizeof(TEXT) - 1);
    const struct sigv4_pair headers[] = {
        {STR("content-type"), STR(TYPE)},
        {STR("content-length"), {length, (size_t)n}},
    };
    const struct sigv4_request rq = {
        .method = methods[method],
        .headers = headers,
        .n_headers = method == FETCH_PUT ? COUNT_OF(headers) : 0,
        .unix_ms = clock_unix_ms(loop_wall_clock()),
        .expires_s = S3_PROBE_EXPIRES_S,
    };

    s3_url_presign(url, at, str_of(s->key), &s->signer, rq);
}

static void ask_s3(const struct s3 *s, const struct s3_url *at, enum fetch_method method,
                   struct answer *out)
{
    struct buf url;

    buf_init(&url, MEDIA_URL_MAX);
    sign(s, &url, at, method);
    ask(&s->doctor->asker,
        &(struct fetch){
            .method = method,
            .url = buf_str(&url),
            .is_plain = true,
            .body = method == FETCH_PUT ? STR(TEXT) : (str){0},
            .type = STR(TYPE),
        },
        out);
    buf_fini(&url);
    doctor_note_clock(s->doctor, "S3", out);
}

// What went wrong.

static const struct {
    const char *code;
    const char *remedy;
} remedies[] = {
    {"NoSuchBucket",
     "Make the bucket, or correct --s3-bucket; where its name is in the host's: "
     "--s3-path-style=off."},
    {"InvalidAccessKeyId", "Correct --s3-access-key: the store does not know it."},
    {"SignatureDoesNotMatch",
     "Correct the secret key (PARLEY_S3_SECRET_KEY); or a proxy before the store changes Host, "
     "or the path."},
    {"AccessDenied",
     "Let the key get, put, delete and list what is in the bucket (docs/media.md has the "
     "policy)."},
    {"RequestTimeTooSkewed",
     "Set this machine's clock right (timedatectl set-ntp true), or the store's: they differ "
     "by "
     "more than 15 minutes."},
    {"AuthorizationHeaderMalformed", "Correct --s3-region: the bucket is in another one."},
    {"AuthorizationQueryParametersError", "Correct --s3-region: the bucket is in another one."},
    {"PermanentRedirect", "Correct --s3-region and --s3-endpoint: the bucket is elsewhere."},
    {"ExpiredToken", "Renew the temporary keys: --s3-session-token has ended."},
    {"InvalidToken", "Correct --s3-session-token: it does not go with the keys."},
};

static const char *remedy_of(str code, unsigned status)
{
    for (size_t i = 0; i < COUNT_OF(remedies); i++) {
        if (str_eq(code, str_of(remedies[i].code)))
            return remedies[i].remedy;
    }
    if (status == 301 || status == 307)
        return "Correct --s3-region and --s3-endpoint: the bucket is elsewhere.";
    if (status == 404) {
        return "Make the bucket, or correct --s3-bucket; or this is the address of something "
               "else.";
    }
    if (status == 403) {
        return "Correct the keys, or let the key get, put, delete and list what is in the "
               "bucket.";
    }
    return "The store's log says more.";
}

/** What is outside has a host of its own, by which it is signed. */
static const char outside_remedy[] =
    "The host that is signed and the one that is asked have to be the same: "
    "--s3-public-endpoint is what clients see, and a proxy in front of the store passes Host "
    "on "
    "as it came.";

static const char unreached_inside[] =
    "Is it there? --s3-endpoint, its port and https:// or http://; firewalls between; "
    "--ca-file "
    "where its certificate is your own authority's.";
static const char unreached_outside[] =
    "It has to be reached by every client: --s3-public-endpoint, its name in the DNS, its "
    "certificate.";

static void say_failed(const struct s3 *s, const char *name, const struct s3_url *at,
                       enum fetch_method method, const struct answer *a)
{
    const bool is_outside = at == &s->for_others;
    const str code = s3_error_code(buf_str(&a->body));
    struct findings *f = &s->doctor->findings;
    const char *remedy = remedy_of(code, a->status);

    if (a->r != 0) {
        finding_add(f, VERDICT_BAD, name, is_outside ? unreached_outside : unreached_inside,
                    STR_FMT " " STR_FMT "://" STR_FMT ": %s", STR_ARG(methods[method]),
                    STR_ARG(at->scheme), STR_ARG(buf_str(&at->host)), a->why);
        return;
    }
    if (is_outside && a->status == 403)
        remedy = outside_remedy;
    finding_add(f, VERDICT_BAD, name, remedy, STR_FMT " " STR_FMT "://" STR_FMT ": %u " STR_FMT,
                STR_ARG(methods[method]), STR_ARG(at->scheme), STR_ARG(buf_str(&at->host)),
                a->status, STR_ARG(code));
}

/** @return false: said */
static bool goes(const struct s3 *s, const char *name, const struct s3_url *at,
                 enum fetch_method method)
{
    struct answer a;

    ask_s3(s, at, method, &a);
    bool is_good = a.r == 0 && a.status / 100 == 2;
    if (!is_good) {
        say_failed(s, name, at, method, &a);
    } else if (method == FETCH_GET && !str_eq(buf_str(&a.body), STR(TEXT))) {
        is_good = false;
        finding_add(&s->doctor->findings, VERDICT_BAD, name,
                    "Let what is between pass bodies on as they are.",
                    "what was put comes back as something else");
    }
    answer_fini(&a);
    return is_good;
}

// Inside.

static bool check_inside(const struct s3 *s)
{
    if (!goes(s, INSIDE, &s->here, FETCH_PUT) || !goes(s, INSIDE, &s->here, FETCH_HEAD))
        return false;
    finding_add(&s->doctor->findings, VERDICT_OK, INSIDE, NULL,
                STR_FMT "://" STR_FMT ": a probe can be put, and is there",
                STR_ARG(s->here.scheme), STR_ARG(buf_str(&s->here.host)));
    return true;
}

static void clean_up(const struct s3 *s, bool was_good)
{
    struct answer a;

    ask_s3(s, &s->here, FETCH_DELETE, &a);
    if (was_good && !(a.r == 0 && a.status / 100 == 2))
        say_failed(s, INSIDE, &s->here, FETCH_DELETE, &a);
    answer_fini(&a);
}

// Outside.

static bool is_here(const struct s3_url *u)
{
    char text[S3_ENDPOINT_MAX + 16];
    struct judge_site site;
    const int n = snprintf(text, sizeof(text), STR_FMT "://" STR_FMT, STR_ARG(u->scheme),
                           STR_ARG(buf_str(&u->host)));

    return judge_site(&site, (str){text, (size_t)n}) && judge_is_loopback(site.host);
}

/** Who has no signature shall not get it. */
static void check_private(const struct s3 *s)
{
    struct buf url;
    struct answer a;

    buf_init(&url, MEDIA_URL_MAX);
    int r = buf_add(&url, buf_str(&s->for_others.base));
    r |= buf_add(&url, str_of(s->key));
    assert(r == 0);
    (void)r;
    ask(&s->doctor->asker, &(struct fetch){.url = buf_str(&url), .is_plain = true}, &a);
    if (a.r == 0 && a.status == 200) {
        finding_add(&s->doctor->findings, VERDICT_WARN, OUTSIDE,
                    "Take the policy, or the ACL, from it that lets everybody read (on AWS: "
                    "Block Public Access).",
                    "the bucket is public: who knows a file's name gets it without a link");
    }
    answer_fini(&a);
    buf_fini(&url);
}

static void check_outside(const struct s3 *s)
{
    if (is_here(&s->for_others) && !s->doctor->options->dev) {
        finding_add(&s->doctor->findings, VERDICT_WARN, OUTSIDE,
                    "--s3-public-endpoint=https://… where clients reach the store.",
                    "links lead to " STR_FMT ": only clients on this machine get there",
                    STR_ARG(buf_str(&s->for_others.host)));
    }
    if (!goes(s, OUTSIDE, &s->for_others, FETCH_PUT) ||
        !goes(s, OUTSIDE, &s->for_others, FETCH_GET))
        return;
    finding_add(&s->doctor->findings, VERDICT_OK, OUTSIDE, NULL,
                STR_FMT "://" STR_FMT ": a client can put a file by a link, and get it",
                STR_ARG(s->for_others.scheme), STR_ARG(buf_str(&s->for_others.host)));
    check_private(s);
}

// Pages.

static void say_page(const struct s3 *s, str origin, const char *why)
{
    char remedy[FINDING_REMEDY_SIZE];

    snprintf(remedy, sizeof(remedy),
             "Add it to the bucket's CORS: AllowedOrigins [\"" STR_FMT
             "\"], AllowedMethods "
             "[\"GET\", \"HEAD\", \"PUT\"], AllowedHeaders [\"content-type\", "
             "\"x-amz-checksum-sha256\"] (docs/media.md).",
             STR_ARG(origin));
    finding_add(&s->doctor->findings, VERDICT_BAD, PAGES, remedy,
                "a page of " STR_FMT " can't put files: %s", STR_ARG(origin), why);
}

static void check_pages(const struct s3 *s)
{
    struct pages pages;
    struct buf url;
    size_t n_good = 0;

    pages_of(&pages, s->doctor);
    buf_init(&url, MEDIA_URL_MAX);
    sign(s, &url, &s->for_others, FETCH_PUT);
    for (size_t i = 0; i < pages.n; i++) {
        const char *why =
            pages_preflight(s->doctor, buf_str(&url), pages.origins[i], STR("PUT"),
                            STR("content-type,x-amz-checksum-sha256"));
        n_good += why == NULL;
        if (why)
            say_page(s, pages.origins[i], why);
    }
    buf_fini(&url);
    if (pages.n == 0) {
        finding_add(&s->doctor->findings, VERDICT_SKIP, PAGES, NULL,
                    "neither --origins nor --public-url says whose pages there are");
    } else if (n_good == pages.n) {
        finding_add(&s->doctor->findings, VERDICT_OK, PAGES, NULL,
                    "those of all %zu origins can put files", n_good);
    }
}

// The whole.

static void name_probe(struct s3 *s)
{
    uint8_t bytes[KEY_BYTES];

    rand_bytes(crypto_random(), bytes, sizeof(bytes));
    str_copy(s->key, STR(KEY_PREFIX));
    *hex_encode(s->key + sizeof(KEY_PREFIX) - 1, bytes, sizeof(bytes)) = '\0';
}

/** @return false: said */
static bool init(struct s3 *s, struct doctor *d)
{
    const struct serve_media *m = &d->config.media;
    const struct serve_media_options *o = &d->options->media;
    const struct s3_bucket inside = {m->s3_endpoint, o->s3_bucket, o->s3_path_style};
    const struct s3_bucket outside = {m->s3_public_endpoint, o->s3_bucket, o->s3_path_style};

    *s = (struct s3){
        .doctor = d,
        .signer = {.access = o->s3_access_key,
                   .secret = o->s3_secret_key,
                   .token = o->s3_session_token,
                   .region = o->s3_region},
    };
    name_probe(s);
    int r = s3_url_init(&s->here, &inside);
    if (r == 0) {
        r = s3_url_init(&s->for_others, &outside);
        if (r != 0)
            s3_url_fini(&s->here);
    }
    if (r == 0)
        return true;
    finding_add(&d->findings, VERDICT_BAD, INSIDE,
                r == S3_URL_BAD_BUCKET
                    ? "Give --s3-bucket as 3 to 63 small letters, digits, '.' and '-'."
                    : "Give --s3-endpoint as https://s3.example, without the bucket.",
                "the server does not start with this %s",
                r == S3_URL_BAD_BUCKET ? "bucket" : "endpoint");
    return false;
}

void s3_check(struct doctor *d)
{
    struct s3 s;

    if (!init(&s, d))
        return;
    const bool is_good = check_inside(&s);
    if (is_good) {
        finding_progress(&d->findings, OUTSIDE);
        check_outside(&s);
        check_pages(&s);
    } else {
        finding_add(&d->findings, VERDICT_SKIP, OUTSIDE, NULL, "the inside comes first");
    }
    clean_up(&s, is_good);
    s3_url_fini(&s.here);
    s3_url_fini(&s.for_others);
}
