#include "http/chunked.h"

#include "base/hex.h"
#include "http/byte.h"

// Lines end in CR LF and nothing else, extensions and trailers included: a parser that
// takes a bare LF there, next to one that does not, is a hole for smuggling requests.
enum state {
    SIZE_START, // the first digit of a size
    SIZE,
    EXTENSION, // after ';', which no space may precede
    SIZE_LF,
    DATA,
    DATA_CR,
    DATA_LF,
    TRAILER_START, // of a trailer line, or of the empty one that ends the body
    TRAILER_NAME,
    TRAILER_VALUE,
    TRAILER_LF,
    END_LF,
    OVER,
    BAD,
};

static enum state after_size(struct http_chunked *c, uint8_t byte)
{
    const int digit = hex_value((char)byte);

    if (digit < 0 && c->state == SIZE_START)
        return BAD;
    if (byte == '\r')
        return SIZE_LF;
    if (++c->line_len > HTTP_CHUNK_LINE_MAX)
        return BAD;
    if (byte == ';')
        return EXTENSION;
    if (digit < 0 || c->left > UINT64_MAX >> 4)
        return BAD;
    c->left = c->left << 4 | (uint64_t)digit;
    return SIZE;
}

static enum state after_extension(struct http_chunked *c, uint8_t byte)
{
    if (byte == '\r')
        return SIZE_LF;
    return http_byte_is_field(byte) && ++c->line_len <= HTTP_CHUNK_LINE_MAX ? EXTENSION : BAD;
}

static enum state after_size_line(struct http_chunked *c)
{
    c->line_len = 0;
    return c->left > 0 ? DATA : TRAILER_START;
}

/** Trailers are held to the grammar of header fields, though nobody reads them. */
static enum state after_trailer(struct http_chunked *c, uint8_t byte)
{
    if (byte == '\r' && c->state == TRAILER_START)
        return END_LF;
    if (byte == '\r' && c->state == TRAILER_VALUE)
        return TRAILER_LF;
    if (++c->trailer_len > HTTP_TRAILER_MAX)
        return BAD;
    if (c->state == TRAILER_VALUE)
        return http_byte_is_field(byte) ? TRAILER_VALUE : BAD;
    if (byte == ':' && c->state == TRAILER_NAME)
        return TRAILER_VALUE;
    return http_byte_is_token(byte) ? TRAILER_NAME : BAD;
}

static enum state after(struct http_chunked *c, uint8_t byte)
{
    switch ((enum state)c->state) {
    case SIZE_START:
    case SIZE: return after_size(c, byte);
    case EXTENSION: return after_extension(c, byte);
    case SIZE_LF: return byte == '\n' ? after_size_line(c) : BAD;
    case DATA_CR: return byte == '\r' ? DATA_LF : BAD;
    case DATA_LF: return byte == '\n' ? SIZE_START : BAD;
    case TRAILER_START:
    case TRAILER_NAME:
    case TRAILER_VALUE: return after_trailer(c, byte);
    case TRAILER_LF: return byte == '\n' ? TRAILER_START : BAD;
    case END_LF: return byte == '\n' ? OVER : BAD;
    case DATA: // taken as a whole
    case OVER:
    case BAD: break;
    }
    return BAD;
}

int http_chunked_next(struct http_chunked *c, str *in, str *piece)
{
    *piece = (str){in->ptr, 0};
    while (c->state != OVER && c->state != BAD) {
        if (in->len == 0)
            return HTTP_CHUNKED_MORE;
        if (c->state == DATA) {
            *piece = str_take(in, in->len < c->left ? in->len : (size_t)c->left);
            c->left -= piece->len;
            if (c->left == 0)
                c->state = DATA_CR;
            return 0;
        }
        c->state = (uint8_t)after(c, (uint8_t)*str_take(in, 1).ptr);
    }
    return c->state == OVER ? 0 : HTTP_CHUNKED_BAD;
}
