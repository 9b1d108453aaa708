#include "base/mem.h"
#include "server/relay_head.h"

// NOLINTNEXTLINE(readability-identifier-naming): the fuzzer names it
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const str key = {"k3y", 3};

/** What the owner reads is what the client has asked for, for this one request. */
static void check_same(const struct http_head *before, const struct http_head *after)
{
    assert(before->method == after->method);
    assert(str_eq(before->path, after->path) && str_eq(before->query, after->query));
    assert(before->minor_version == after->minor_version);
    assert(before->is_chunked == after->is_chunked);
    assert(before->has_length == after->has_length);
    assert(before->content_length == after->content_length);
    assert(before->expects_continue == after->expects_continue);
    assert(relay_head_is_upgrade(before) == relay_head_is_upgrade(after));
    assert(!after->keep_alive);
    assert(relay_head_check(after, key) == 0);
    assert(relay_head_check(after, (str){0}) == RELAY_HEAD_KEY);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const str in = {(const char *)data, size};
    struct http_head *before = NEW(struct http_head);
    struct http_head *after = NEW(struct http_head);
    str rest = in;

    if (http_head_parse(before, &rest) == 0) {
        struct buf out;
        buf_init(&out, RELAY_HEAD_SIZE);
        relay_head_write(&out, (str){in.ptr, in.len - rest.len}, before, key);
        str written = buf_str(&out);
        const int r = http_head_parse(after, &written);
        // It has a field or two more, and so the longest ones find no room.
        assert(r == 0 || r == HTTP_HEAD_TOO_LARGE);
        assert(r == 0 || out.len > HTTP_HEAD_MAX || before->n_headers > HTTP_HEADERS_MAX - 3);
        if (r == 0) {
            assert(written.len == 0);
            check_same(before, after);
        }
        buf_fini(&out);
    }
    // Whatever else it says: who has no key lets nobody in.
    assert(!relay_head_is_relayed(before) || relay_head_check(before, (str){0}) != 0);
    free(after);
    free(before);
    return 0;
}
