#include "api/describe.h"

#include <stdio.h>

#include "api/file.h"

#define SIZE_SIZE 24 // bytes of a size in digits, NUL included

/** @param out  empty; owned by the caller */
static str print(struct buf *out, str text)
{
    buf_init(out, SIZE_MAX / 2);
    const int r = json_print_str(out, text);
    assert(r == 0);
    (void)r;
    return buf_str(out);
}

void api_describe(struct buf *out, str content, const struct chat_upload *u)
{
    CLEANUP(json_freep) struct json *j = api_file_parse(content);
    char size[SIZE_SIZE];
    struct buf mime;
    struct buf name;

    assert(j && json_kind(j) == JSON_KIND_OBJECT); // the decoder has seen to that
    snprintf(size, sizeof(size), "%llu", (unsigned long long)u->size);
    const struct json_instead with[] = {
        {STR("mime"), print(&mime, u->mime)},
        {STR("size"), str_of(size)},
        {STR("name"), print(&name, u->name)},
    };
    const size_t n = COUNT_OF(with) - (json_member(j, "name") != NULL);
    const int r = json_print_canonical_with(out, j, with, n);
    assert(r == 0);
    (void)r;
    buf_fini(&mime);
    buf_fini(&name);
}
