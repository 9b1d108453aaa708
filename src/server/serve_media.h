/** What the options say of files: checked, and in the words of those who keep them. */
#pragma once

#include "api/urls.h"
#include "chat/chat.h"
#include "server/serve_options.h"

enum serve_media_where {
    SERVE_MEDIA_OFF,
    SERVE_MEDIA_LOCAL,
    SERVE_MEDIA_S3,
};

/** Texts are the options'. */
struct serve_media {
    enum serve_media_where where;
    str public_url; // without a '/' at its end, like the others; empty: as it listens
    str s3_endpoint;
    str s3_public_endpoint;
    struct api_urls urls;
    struct chat_uploads_config uploads; // but for what it calls
};

/**
 * @return NULL; or what is wrong (static), and *option is the option that it is about, *item
 *         what was given, or empty where that may be a secret
 */
const char *serve_media_of(const struct serve_media_options *o, struct serve_media *out,
                           const char **option, str *item);

/** The largest file that any message may have. */
uint64_t serve_media_max_bytes(const struct serve_media *m);
