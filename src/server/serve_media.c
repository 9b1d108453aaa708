#include "server/serve_media.h"

#include "io/fetch.h"

#define BUCKET_MAX 255 // characters

struct wrong {
    const char **option;
    str *item;
};

static const char *is_wrong(const struct wrong *w, const char *option, str item,
                            const char *what)
{
    *w->option = option;
    *w->item = item;
    return what;
}

/** What other URLs begin with; http:// to another machine, too: an operator may mean that. */
static bool take_url(str *out, str url)
{
    const int r = fetch_check_url(url);

    while (url.len > 0 && url.ptr[url.len - 1] == '/')
        url.len--;
    *out = url;
    return (r == 0 || r == FETCH_URL_PLAIN) && str_find(url, '?') == url.len;
}

static const char *read_where(const struct serve_media_options *o, struct serve_media *out,
                              const struct wrong *w)
{
    static const struct {
        str name;
        enum serve_media_where where;
    } all[] = {
        {{"off", 3}, SERVE_MEDIA_OFF},
        {{"local", 5}, SERVE_MEDIA_LOCAL},
        {{"s3", 2}, SERVE_MEDIA_S3},
    };

    for (size_t i = 0; i < COUNT_OF(all); i++) {
        if (str_eq(o->where, all[i].name)) {
            out->where = all[i].where;
            return NULL;
        }
    }
    return is_wrong(w, "media", o->where, "local, s3 or off");
}

static const char *read_public_url(const struct serve_media_options *o, struct serve_media *out,
                                   const struct wrong *w)
{
    if (o->public_url.len == 0 || take_url(&out->public_url, o->public_url))
        return NULL;
    return is_wrong(w, "public-url", o->public_url, "a URL such as https://chat.example");
}

static const char *read_urls(const struct serve_media_options *o, struct serve_media *out,
                             const struct wrong *w)
{
    static_assert(OPTIONS_LIST_MAX <= API_URLS_MAX, "a list of them fits");
    for (size_t i = 0; i < o->url_allow.n; i++) {
        const str item = o->url_allow.items[i];
        if (api_urls_add(&out->urls, item) != 0) {
            return is_wrong(w, "media-url-allow", item,
                            "a URL that files begin with, such as https://cdn.example/nft/");
        }
    }
    return NULL;
}

static bool is_bucket(str name)
{
    for (size_t i = 0; i < name.len; i++) {
        const char c = name.ptr[i];
        const bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        if (!is_letter && !(c >= '0' && c <= '9') && c != '.' && c != '-' && c != '_')
            return false;
    }
    return name.len > 0 && name.len <= BUCKET_MAX && name.ptr[0] != '.';
}

static const char *read_s3(const struct serve_media_options *o, struct serve_media *out,
                           const struct wrong *w)
{
    static const char form[] =
        "a URL such as https://s3.eu-central-1.amazonaws.com, without the bucket";

    if (out->where != SERVE_MEDIA_S3)
        return NULL;
    if (!take_url(&out->s3_endpoint, o->s3_endpoint))
        return is_wrong(w, "s3-endpoint", o->s3_endpoint, form);
    out->s3_public_endpoint = out->s3_endpoint;
    if (o->s3_public_endpoint.len > 0 &&
        !take_url(&out->s3_public_endpoint, o->s3_public_endpoint))
        return is_wrong(w, "s3-public-endpoint", o->s3_public_endpoint, form);
    if (!is_bucket(o->s3_bucket))
        return is_wrong(w, "s3-bucket", o->s3_bucket, "the name of a bucket");
    if (o->s3_access_key.len == 0)
        return is_wrong(w, "s3-access-key", (str){0}, "needed for --media s3");
    if (o->s3_secret_key.len == 0) {
        return is_wrong(w, "s3-secret-key", (str){0},
                        "needed for --media s3: set PARLEY_S3_SECRET_KEY, or write it into the "
                        "file of options");
    }
    return NULL;
}

const char *serve_media_of(const struct serve_media_options *o, struct serve_media *out,
                           const char **option, str *item)
{
    const struct wrong w = {option, item};

    *out = (struct serve_media){
        .uploads =
            {
                .max_bytes =
                    {
                        [CHAT_IMAGE] = o->image_bytes,
                        [CHAT_VIDEO] = o->video_bytes,
                        [CHAT_AUDIO] = o->audio_bytes,
                        [CHAT_FILE] = o->file_bytes,
                    },
                .quota_bytes = o->quota_bytes,
                .quota_ms = o->quota_time,
                .max_pending = o->pending,
                .kept_ms = o->keep,
            },
    };
    const char *wrong = read_where(o, out, &w);
    if (!wrong)
        wrong = read_public_url(o, out, &w);
    if (!wrong)
        wrong = read_urls(o, out, &w);
    return wrong ? wrong : read_s3(o, out, &w);
}

uint64_t serve_media_max_bytes(const struct serve_media *m)
{
    uint64_t max = 0;

    for (size_t i = 0; i < CHAT_N_KINDS && m->where != SERVE_MEDIA_OFF; i++)
        max = m->uploads.max_bytes[i] > max ? m->uploads.max_bytes[i] : max;
    return max;
}
