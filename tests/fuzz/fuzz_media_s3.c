/** What operators configure, what clients say is a URL of ours, and what stores answer. */
#include "media/s3_error.h"
#include "media/s3_url.h"
#include "support/exact.h"

#define ID STR("ABCDEFGHIJKLMNOPQRST")

static void try_bucket(str endpoint, bool path_style, str url)
{
    const struct s3_bucket bucket = {endpoint, STR("files"), path_style};
    const struct sigv4_key signer = {STR("a"), STR("b"), STR(""), STR("c")};
    const struct sigv4_request rq = {.method = STR("GET"), .expires_s = 1};
    char key[S3_KEY_SIZE];
    struct s3_url u;
    struct buf made;
    str id;

    if (s3_url_init(&u, &bucket) != 0)
        return;
    if (s3_url_find(&u, url, &id))
        assert(id.len == ID.len && id.ptr > url.ptr);
    buf_init(&made, 8192);
    s3_url_presign(&made, &u, s3_url_key(key, S3_IN, ID), &signer, rq);
    const bool is_found = s3_url_find(&u, buf_str(&made), &id);
    assert(is_found && str_eq(id, ID));
    buf_fini(&made);
    s3_url_fini(&u);
}

// NOLINTNEXTLINE(readability-identifier-naming): the fuzzer names it
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLEANUP(exact_freep) char *bytes = exact_copy((str){(const char *)data, size});
    const str whole = {bytes, size};
    str url = whole;
    const str endpoint = str_take_until(&url, '\n');
    const str code = s3_error_code(whole);

    assert(code.len <= S3_CODE_MAX);
    (void)s3_error_is(whole);
    try_bucket(endpoint, true, url);
    try_bucket(endpoint, false, url);
    return 0;
}
