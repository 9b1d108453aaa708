#include "bench/answer.h"

#define NO_LENGTH UINT64_MAX

/** "HTTP/1.1 200 OK" */
static int read_status(struct answer *a, str line)
{
    uint64_t status = 0;

    if (!str_starts(line, STR("HTTP/1.1 ")))
        return ANSWER_BAD;
    str_take_until(&line, ' ');
    const str digits = str_take_until(&line, ' ');
    if (digits.len != 3 || str_to_u64(digits, 999, &status) != 0 || status < 100)
        return ANSWER_BAD;
    a->status = (unsigned)status;
    return 0;
}

/** Two that differ would be two answers (section 6.3). */
static int read_length(uint64_t *length, str value)
{
    const uint64_t before = *length;

    if (str_to_u64(value, ANSWER_BODY_MAX, length) != 0)
        return ANSWER_BAD;
    return before == NO_LENGTH || before == *length ? 0 : ANSWER_BAD;
}

static int read_field(struct answer *a, uint64_t *length, str line)
{
    if (str_find(line, ':') == line.len)
        return ANSWER_BAD;
    const str name = str_take_until(&line, ':');
    const str value = str_trim(line);
    // Sections 5.1 and 5.2: no space before the colon, and no line that goes on.
    if (name.len == 0 || str_find(name, ' ') < name.len || str_find(name, '\t') < name.len)
        return ANSWER_BAD;
    if (str_eq_nocase(name, STR("content-length")))
        return read_length(length, value);
    if (str_eq_nocase(name, STR("transfer-encoding")))
        return ANSWER_BAD;
    if (str_eq_nocase(name, STR("sec-websocket-accept")))
        a->accept = value;
    if (str_eq_nocase(name, STR("connection")))
        a->is_close = str_eq_nocase(value, STR("close"));
    return 0;
}

/** The head's end, behind its empty line; 0 if it is not there yet. */
static size_t find_end(const char *bytes, size_t n)
{
    const size_t head = n < ANSWER_HEAD_MAX ? n : ANSWER_HEAD_MAX;
    const char *end = head > 0 ? memmem(bytes, head, "\r\n\r\n", 4) : NULL;

    return end ? (size_t)(end - bytes) + 4 : 0;
}

int answer_read(struct answer *a, size_t *used, char *bytes, size_t n)
{
    const size_t head = find_end(bytes, n);
    uint64_t length = NO_LENGTH;

    if (head == 0)
        return n < ANSWER_HEAD_MAX ? ANSWER_MORE : ANSWER_BAD;
    *a = (struct answer){0};
    str rest = {bytes, head - 2}; // of the last two CR LF, the first ends the last field
    for (bool is_first = true; rest.len > 0; is_first = false) {
        str line = str_take_until(&rest, '\n');
        if (line.len == 0 || line.ptr[line.len - 1] != '\r')
            return ANSWER_BAD;
        line.len--;
        if ((is_first ? read_status(a, line) : read_field(a, &length, line)) != 0)
            return ANSWER_BAD;
    }
    // Behind a 101 is the other protocol (RFC 9110, section 15.2.2).
    if (length == NO_LENGTH || a->status == 101)
        length = 0;
    if (n - head < length)
        return ANSWER_MORE;
    a->body = bytes + head;
    a->body_len = (size_t)length;
    *used = head + (size_t)length;
    return 0;
}
