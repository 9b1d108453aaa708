#include "base/mem.h"
#include "base/rand.h"
#include "bench/wire.h"
#include "json/json.h"

#define CONTENT_MAX 4096 // bytes, of what is fuzzed

// NOLINTNEXTLINE(readability-identifier-naming): the fuzzer names it
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool is_inside(str part, str whole)
{
    return part.len == 0 ||
           (part.ptr > whole.ptr && part.ptr + part.len <= whole.ptr + whole.len);
}

/** Where the text is JSON, the kind is that of the event that it names. */
static void check_name(const struct wire_packet *p, str text)
{
    const size_t at = str_find(text, '[');
    char *copy = mem_alloc(text.len + 1);
    struct json *j = NULL;

    str_copy(copy, text);
    if (json_parse(&j, copy + at, text.len - at) == 0) {
        const str name = json_text(json_item(j, 0));
        assert((p->kind == WIRE_MESSAGE) <= str_eq(name, STR("message.new")));
        assert((p->kind == WIRE_SYNCED) <= str_eq(name, STR("synced")));
        assert((p->kind == WIRE_ERROR) <=
               (str_eq(name, STR("error")) || str_eq(name, STR("warning"))));
    }
    json_free(j);
    free(copy);
}

static void check_packet(const struct wire_packet *p, str text)
{
    assert(is_inside(p->code, text) && is_inside(p->content, text));
    assert(p->ack_id <= INT64_MAX && p->seq >= 0);
    assert((text.ptr[0] == '3') == (p->kind == WIRE_ANSWER || p->kind == WIRE_PAGE));
    switch (p->kind) {
    case WIRE_ANSWER:
        assert(p->is_ok ? p->seq > 0 && p->code.len == 0 : p->seq == 0 && p->code.len > 0);
        assert(p->content.len == 0);
        break;
    case WIRE_MESSAGE: assert(p->seq > 0 && p->code.len == 0); break;
    case WIRE_ERROR: assert(p->code.len > 0 && p->seq == 0); break;
    case WIRE_PAGE:
        assert(p->is_ok && p->seq == 0 && p->code.len == 0 && p->content.len == 0);
        assert(p->n_messages < text.len);
        break;
    case WIRE_SYNCED:
    case WIRE_OTHER: assert(p->code.len == 0 && p->seq == 0); break;
    }
    if (text.ptr[0] == '2')
        check_name(p, text);
}

static void check_text(str text)
{
    struct wire_packet p;

    if (wire_read(&p, text) == 0)
        check_packet(&p, text);
}

static void count_up(struct rand *r, void *out, size_t n)
{
    uint8_t *bytes = out;

    (void)r;
    for (size_t i = 0; i < n; i++)
        bytes[i] = (uint8_t)i;
}

/** What is taken for a content of ours is what we would have written. */
static void check_content(str content)
{
    static const uint8_t chance[16];
    struct rand rand = {count_up};
    struct wire_send send = {.chance = chance};
    struct wire w;
    struct buf out;

    wire_init(&w, &rand, content.len);
    if (wire_read_content(&w, &send.mark, content) == 0) {
        buf_init(&out, content.len + 1024);
        wire_put_send(&w, &out, &send);
        assert(str_eq(wire_member(buf_str(&out), STR("\"content\":")), content));
        buf_fini(&out);
    }
    wire_fini(&w);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const str whole = {(const char *)data, size};

    check_text(whole);
    // Each cut of a small input, a few of a large one, in memory that ends with it.
    for (size_t n = 0; n < size; n += 1 + size / 64) {
        char *cut = mem_resize(NULL, n > 0 ? n : 1);
        check_text(str_copy(cut, (str){whole.ptr, n}));
        free(cut);
    }
    if (size >= WIRE_CONTENT_MIN && size <= CONTENT_MAX)
        check_content(whole);
    return 0;
}
