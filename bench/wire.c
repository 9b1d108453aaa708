#include "bench/wire.h"

#include "base/hex.h"
#include "base/rand.h"
#include "bench/put.h"
#include "crypto/digest.h"

#define DIGITS_MAX 20 // of a uint64_t

void wire_init(struct wire *w, struct rand *rand, size_t size)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz ";
    uint8_t chance[WIRE_RUN_SIZE];

    assert(size >= WIRE_CONTENT_MIN && size <= WIRE_CONTENT_MAX);
    rand_bytes(rand, chance, sizeof(chance));
    for (size_t i = 0; i < WIRE_RUN_SIZE; i++)
        w->run[i] = hex_digit(chance[i] & 0xf);
    rand_bytes(rand, w->wallets, sizeof(w->wallets));
    w->size = size;
    buf_init(&w->pad, WIRE_CONTENT_MAX);
    char *pad = put_room(&w->pad, size);
    for (size_t i = 0; i < size; i++)
        pad[i] = letters[i % (sizeof(letters) - 1)];
    buf_added(&w->pad, size);
}

void wire_fini(struct wire *w)
{
    buf_fini(&w->pad);
}

void wire_name(struct wire *w, str name)
{
    uint8_t digest[CRYPTO_SHA256_SIZE];

    crypto_sha256(digest, name);
    memcpy(w->wallets, digest, sizeof(w->wallets));
}

void wire_address(const struct wire *w, uint32_t i, char out[WIRE_ADDRESS_SIZE])
{
    char *p = out;

    *p++ = '0';
    *p++ = 'x';
    p = hex_encode(p, w->wallets, sizeof(w->wallets));
    for (int shift = 28; shift >= 0; shift -= 4)
        *p++ = hex_digit(i >> shift & 0xf);
}

void wire_uuid(char out[WIRE_ID_SIZE], const uint8_t chance[16])
{
    char *p = out;

    for (size_t i = 0; i < 16; i++) {
        uint8_t byte = chance[i];
        if (i == 6)
            byte = (byte & 0x0f) | 0x40; // version 4
        if (i == 8)
            byte = (byte & 0x3f) | 0x80; // the variant of RFC 9562
        if (i == 4 || i == 6 || i == 8 || i == 10)
            *p++ = '-';
        p = hex_encode(p, &byte, 1);
    }
}

static void put_number(struct buf *out, uint64_t number)
{
    char digits[DIGITS_MAX];
    size_t i = sizeof(digits);

    do {
        digits[--i] = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    put(out, (str){digits + i, sizeof(digits) - i});
}

static void put_address(const struct wire *w, struct buf *out, uint32_t i)
{
    wire_address(w, i, put_room(out, WIRE_ADDRESS_SIZE));
    buf_added(out, WIRE_ADDRESS_SIZE);
}

/** "3f9a01c2:17:16:4:abcdef…" */
static void put_content(const struct wire *w, struct buf *out, const struct wire_mark *mark)
{
    const uint32_t numbers[] = {mark->from, mark->to, mark->n};
    const size_t before = out->len;
    str pad = buf_str(&w->pad);

    put(out, (str){w->run, sizeof(w->run)});
    for (size_t i = 0; i < COUNT_OF(numbers); i++) {
        put(out, STR(":"));
        put_number(out, numbers[i]);
    }
    put(out, STR(":"));
    put(out, str_take(&pad, w->size - (out->len - before)));
}

void wire_put_send(const struct wire *w, struct buf *out, const struct wire_send *s)
{
    put(out, STR("42"));
    put_number(out, s->ack_id);
    put(out, STR("[\"message.send\",{\"to\":\""));
    put_address(w, out, s->mark.to);
    put(out, STR("\",\"type\":\"text\",\"content\":\""));
    put_content(w, out, &s->mark);
    put(out, STR("\",\"client_msg_id\":\""));
    wire_uuid(put_room(out, WIRE_ID_SIZE), s->chance);
    buf_added(out, WIRE_ID_SIZE);
    put(out, STR("\"}]"));
}

void wire_put_history(const struct wire *w, struct buf *out, uint64_t ack_id, uint32_t peer)
{
    put(out, STR("42"));
    put_number(out, ack_id);
    put(out, STR("[\"message.history\",{\"peer\":\""));
    put_address(w, out, peer);
    put(out, STR("\",\"limit\":"));
    put_number(out, WIRE_PAGE_SIZE);
    put(out, STR("}]"));
}

void wire_put_read(const struct wire *w, struct buf *out, uint32_t peer, int64_t seq)
{
    put(out, STR("42[\"message.read\",{\"peer\":\""));
    put_address(w, out, peer);
    put(out, STR("\",\"seq\":"));
    put_number(out, (uint64_t)seq);
    put(out, STR("}]"));
}

void wire_put_ack(struct buf *out, uint64_t ack_id)
{
    put(out, STR("43"));
    put_number(out, ack_id);
    put(out, STR("[]"));
}

static size_t count_digits(str text)
{
    size_t n = 0;

    while (n < text.len && text.ptr[n] >= '0' && text.ptr[n] <= '9')
        n++;
    return n;
}

str wire_member(str json, str quoted)
{
    const char *at = json.len > 0 ? memmem(json.ptr, json.len, quoted.ptr, quoted.len) : NULL;

    if (!at)
        return (str){0};
    str value = {at + quoted.len, (size_t)(json.ptr + json.len - at) - quoted.len};
    if (value.len > 0 && value.ptr[0] == '"') {
        str_take(&value, 1);
        value.len = str_find(value, '"'); // one that is escaped inside cuts it short
        return value;
    }
    return str_take(&value, count_digits(value));
}

static int read_number(str *text, uint64_t *out)
{
    return str_to_u64(str_take(text, count_digits(*text)), INT64_MAX, out) == 0 ? 0 : WIRE_BAD;
}

static int read_seq(struct wire_packet *p, str json)
{
    uint64_t seq = 0;

    if (str_to_u64(wire_member(json, STR("\"seq\":")), INT64_MAX, &seq) != 0 || seq == 0)
        return WIRE_BAD;
    p->seq = (int64_t)seq;
    return 0;
}

static uint32_t count_of(str text, str part)
{
    const char *end = text.ptr + text.len;
    uint32_t n = 0;

    for (const char *at = text.ptr;; at += part.len) {
        at = memmem(at, (size_t)(end - at), part.ptr, part.len);
        if (!at)
            return n;
        n++;
    }
}

/** 3<id>[{"status":"ok","duplicate":false,"message":{…}}] */
static int read_answer(struct wire_packet *p, str text)
{
    p->kind = WIRE_ANSWER;
    if (read_number(&text, &p->ack_id) != 0 || !str_starts(text, STR("[")))
        return WIRE_BAD;
    p->is_ok = str_eq(wire_member(text, STR("\"status\":")), STR("ok"));
    if (str_starts(text, STR("[{\"status\":\"ok\",\"messages\":["))) {
        p->kind = WIRE_PAGE;
        p->n_messages = count_of(text, STR("\"content\":"));
        return 0;
    }
    if (p->is_ok)
        return read_seq(p, text);
    p->code = wire_member(text, STR("\"code\":"));
    return p->code.len > 0 ? 0 : WIRE_BAD;
}

static int read_message(struct wire_packet *p, str text)
{
    p->kind = WIRE_MESSAGE;
    p->content = wire_member(text, STR("\"content\":"));
    return read_seq(p, text);
}

/** 2[<id>]["name",…] */
static int read_event(struct wire_packet *p, str text)
{
    const bool has_id = text.len > 0 && text.ptr[0] != '[';

    if (has_id && read_number(&text, &p->ack_id) != 0)
        return WIRE_BAD;
    if (!str_starts(text, STR("[\"")))
        return WIRE_BAD;
    str rest = text;
    str_take(&rest, 2);
    const str name = str_take_until(&rest, '"');
    if (str_eq(name, STR("message.new")))
        return has_id ? read_message(p, rest) : WIRE_BAD;
    if (str_eq(name, STR("synced"))) {
        p->kind = WIRE_SYNCED;
    } else if (str_eq(name, STR("error")) || str_eq(name, STR("warning"))) {
        p->kind = WIRE_ERROR;
        p->code = wire_member(rest, STR("\"code\":"));
        return p->code.len > 0 ? 0 : WIRE_BAD;
    }
    return 0;
}

int wire_read(struct wire_packet *p, str text)
{
    *p = (struct wire_packet){.kind = WIRE_OTHER};
    if (text.len == 0)
        return WIRE_BAD;
    switch (*str_take(&text, 1).ptr) {
    case '2': return read_event(p, text);
    case '3': return read_answer(p, text);
    default: return WIRE_BAD;
    }
}

int wire_read_content(const struct wire *w, struct wire_mark *out, str content)
{
    uint32_t *numbers[] = {&out->from, &out->to, &out->n};
    str rest = content;

    if (content.len != w->size ||
        !str_eq(str_take(&rest, sizeof(w->run)), (str){w->run, sizeof(w->run)}))
        return WIRE_BAD;
    for (size_t i = 0; i < COUNT_OF(numbers); i++) {
        uint64_t number = 0;
        if (!str_starts(rest, STR(":")))
            return WIRE_BAD;
        str_take(&rest, 1);
        const bool is_zero = str_starts(rest, STR("0"));
        const size_t before = rest.len;
        if (read_number(&rest, &number) != 0 || number > UINT32_MAX ||
            (is_zero && before - rest.len > 1)) // none has written that
            return WIRE_BAD;
        *numbers[i] = (uint32_t)number;
    }
    if (!str_starts(rest, STR(":")))
        return WIRE_BAD;
    str_take(&rest, 1);
    return str_starts(buf_str(&w->pad), rest) ? 0 : WIRE_BAD;
}
