#include "ws/reader.h"

#include "base/buf.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "ws/ws.h"

#define NO_MESSAGE WS_CONTINUATION // as the opcode of a message that has not begun

/** What is under way between two calls. */
struct ws_partial {
    struct buf message;    // payload of its fragments so far, unmasked
    enum ws_opcode opcode; // of the message; NO_MESSAGE between two
    unsigned n_fragments;  // of the message, begun ones too
    struct utf8 utf8;      // of the message, if it is text
    bool has_frame;        // the header is complete: frame and n_got count
    uint8_t n_header;      // bytes of header
    struct ws_frame frame; // under way
    uint64_t n_got;        // bytes of its payload
    char header[WS_FRAME_HEADER_MAX];
    char control[WS_CONTROL_MAX]; // payload of a control frame: it may come amid a message
};

static char *take(struct ws_input *in, size_t n)
{
    char *bytes = in->ptr;
    in->ptr += n;
    in->len -= n;
    return bytes;
}

static int broken(struct ws_item *item, enum ws_code code)
{
    *item = (struct ws_item){.opcode = WS_CLOSE, .code = code};
    return WS_READER_BROKEN;
}

/**
 * Codes that may be on the wire: section 7.4, and the IANA registry, which has 1012 to
 * 1014 since. 1004 means nothing, 1005, 1006 and 1015 are for APIs; below 3000 the rest is
 * not assigned.
 */
static bool code_is_valid(unsigned code)
{
    return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) ||
           (code >= 3000 && code <= 4999);
}

/** The body of a close frame, section 5.5.1: nothing, or a code and a reason. */
static int split_close(struct ws_item *item)
{
    if (item->n == 0) {
        item->code = WS_NO_CODE;
        return 0;
    }
    if (item->n == 1)
        return broken(item, WS_PROTOCOL_ERROR);

    item->code = (unsigned)(uint8_t)item->bytes[0] << 8 | (uint8_t)item->bytes[1];
    item->bytes += 2;
    item->n -= 2;
    if (!code_is_valid(item->code))
        return broken(item, WS_PROTOCOL_ERROR);
    if (!utf8_is_valid((str){item->bytes, item->n}))
        return broken(item, WS_BAD_PAYLOAD);
    return 0;
}

static int refuse_header(struct ws_item *item, int refusal)
{
    return broken(item, refusal == WS_FRAME_TOO_BIG ? WS_TOO_BIG : WS_PROTOCOL_ERROR);
}

/**
 * The common case: a frame that is whole in the input, and all of its message.
 *
 * @return as ws_reader_next(), but WS_READER_MORE if it is not the common case: *in is as
 *         it was
 */
static int next_whole(const struct ws_reader *r, struct ws_input *in, struct ws_item *item)
{
    struct ws_frame f;
    str rest = {in->ptr, in->len};

    const int refusal = ws_frame_decode(&f, &rest, r->max_message);
    if (refusal == WS_FRAME_MORE)
        return WS_READER_MORE;
    if (refusal)
        return refuse_header(item, refusal);
    if (!f.fin || f.opcode == WS_CONTINUATION || f.payload_len > rest.len)
        return WS_READER_MORE;

    take(in, in->len - rest.len);
    *item = (struct ws_item){.opcode = f.opcode, .bytes = in->ptr, .n = f.payload_len};
    take(in, item->n);
    ws_unmask(f.mask, 0, item->bytes, item->n);
    if (f.opcode == WS_TEXT && !utf8_is_valid((str){item->bytes, item->n}))
        return broken(item, WS_BAD_PAYLOAD);
    return f.opcode == WS_CLOSE ? split_close(item) : 0;
}

/** May this frame come now (section 5.4)? @return 0 or the code to close with */
static enum ws_code begin_data_frame(struct ws_partial *p)
{
    const bool continues = p->frame.opcode == WS_CONTINUATION;

    if (continues != (p->opcode != NO_MESSAGE))
        return WS_PROTOCOL_ERROR;
    if (p->n_fragments == WS_FRAGMENTS_MAX)
        return WS_POLICY;
    p->n_fragments++;
    if (!continues)
        p->opcode = p->frame.opcode;
    return 0;
}

/** Bytes that the message under way may still grow by. */
static size_t room_of(const struct ws_reader *r)
{
    const size_t taken = r->partial->message.len;
    return r->max_message > taken ? r->max_message - taken : 0;
}

/** A byte at a time, because only the header itself tells where it ends. */
static int read_header(const struct ws_reader *r, struct ws_input *in, struct ws_item *item)
{
    struct ws_partial *p = r->partial;

    while (in->len > 0) {
        p->header[p->n_header++] = *take(in, 1);
        str header = {p->header, p->n_header};
        const int refusal = ws_frame_decode(&p->frame, &header, room_of(r));
        if (refusal == WS_FRAME_MORE)
            continue;
        if (refusal)
            return refuse_header(item, refusal);

        p->has_frame = true;
        p->n_got = 0;
        const enum ws_code code =
            ws_opcode_is_control(p->frame.opcode) ? 0 : begin_data_frame(p);
        return code ? broken(item, code) : 0;
    }
    return WS_READER_MORE;
}

/** What the input has of the payload. @return 0, or the code to close with */
static enum ws_code read_payload(struct ws_partial *p, struct ws_input *in)
{
    const uint64_t left = p->frame.payload_len - p->n_got;
    const size_t n = left < in->len ? (size_t)left : in->len;
    const str bytes = {in->ptr, n};

    ws_unmask(p->frame.mask, p->n_got, take(in, n), n);
    if (ws_opcode_is_control(p->frame.opcode)) {
        str_copy(p->control + p->n_got, bytes);
    } else {
        if (p->opcode == WS_TEXT && utf8_feed(&p->utf8, bytes))
            return WS_BAD_PAYLOAD;
        const int full = buf_add(&p->message, bytes);
        assert(!full); // read_header() has refused what does not fit
    }
    p->n_got += n;
    return 0;
}

/** The frame under way is complete. @return 0 with an item, WS_READER_MORE without one */
static int end_frame(struct ws_partial *p, struct ws_item *item)
{
    p->has_frame = false;
    p->n_header = 0;

    if (ws_opcode_is_control(p->frame.opcode)) {
        *item = (struct ws_item){
            .opcode = p->frame.opcode, .bytes = p->control, .n = (size_t)p->n_got};
        return item->opcode == WS_CLOSE ? split_close(item) : 0;
    }
    if (!p->frame.fin)
        return WS_READER_MORE;
    if (p->opcode == WS_TEXT && !utf8_is_whole(&p->utf8))
        return broken(item, WS_BAD_PAYLOAD);

    *item = (struct ws_item){.opcode = p->opcode, .n = p->message.len};
    if (item->n > 0)
        item->bytes = buf_ptr(&p->message);
    p->opcode = NO_MESSAGE;
    return 0;
}

static int next_in_parts(const struct ws_reader *r, struct ws_input *in, struct ws_item *item)
{
    struct ws_partial *p = r->partial;

    for (;;) {
        if (!p->has_frame) {
            const int refusal = read_header(r, in, item);
            if (refusal)
                return refusal;
        }
        const enum ws_code code = read_payload(p, in);
        if (code)
            return broken(item, code);
        if (p->n_got < p->frame.payload_len)
            return WS_READER_MORE;
        const int result = end_frame(p, item);
        if (result != WS_READER_MORE)
            return result;
    }
}

static void drop_partial(struct ws_reader *r)
{
    if (!r->partial)
        return;
    buf_fini(&r->partial->message);
    free(r->partial);
    r->partial = NULL;
}

static bool is_under_way(const struct ws_partial *p)
{
    return p->opcode != NO_MESSAGE || p->n_header > 0;
}

void ws_reader_init(struct ws_reader *r, size_t max_message)
{
    *r = (struct ws_reader){.max_message = max_message};
}

void ws_reader_set_max(struct ws_reader *r, size_t max_message)
{
    r->max_message = max_message;
    if (!r->partial)
        return;
    // What has come stays; what a frame under way has declared was within the old maximum.
    struct ws_partial *p = r->partial;
    const size_t taken = p->message.len + (p->has_frame ? p->frame.payload_len - p->n_got : 0);
    p->message.max = taken > max_message ? taken : max_message;
}

void ws_reader_fini(struct ws_reader *r)
{
    drop_partial(r);
}

int ws_reader_next(struct ws_reader *r, struct ws_input *in, struct ws_item *item)
{
    if (r->partial && !is_under_way(r->partial))
        drop_partial(r);
    if (in->len == 0)
        return WS_READER_MORE;

    if (!r->partial) {
        const int result = next_whole(r, in, item);
        if (result != WS_READER_MORE)
            return result;
        r->partial = NEW(struct ws_partial);
        buf_init(&r->partial->message, r->max_message);
    }
    return next_in_parts(r, in, item);
}
