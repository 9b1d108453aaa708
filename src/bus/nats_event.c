#include "bus/nats_event.h"

#define VERSION 1

/** Kinds on the wire: these numbers are for ever. */
static const uint8_t wire_kinds[] = {
    [BUS_MESSAGE] = 1, [BUS_RECEIPT] = 2, [BUS_CHANGE] = 3,   [BUS_TYPING] = 4,
    [BUS_ASK] = 5,     [BUS_CROWDED] = 6, [BUS_PRESENCE] = 7,
};

/** Writes or reads: so that both know the same fields in the same order. */
struct coder {
    bool is_reading;
    bool is_bad; // what is read from here on is any
    char *out;
    str left; // to be read
};

static uint8_t code_byte(struct coder *c, uint8_t byte)
{
    if (!c->is_reading) {
        *c->out++ = (char)byte;
        return byte;
    }
    if (c->left.len == 0) {
        c->is_bad = true;
        return 0;
    }
    return (uint8_t)str_take(&c->left, 1).ptr[0];
}

static void put_number(struct coder *c, uint64_t n)
{
    for (; n >= 0x80; n >>= 7)
        code_byte(c, (uint8_t)(n | 0x80));
    code_byte(c, (uint8_t)n);
}

/** A number has one form alone: the shortest. */
static uint64_t take_number(struct coder *c)
{
    uint64_t n = 0;

    for (unsigned bits = 0; bits < 64; bits += 7) {
        const uint8_t byte = code_byte(c, 0);
        const uint64_t value = byte & 0x7f;
        if (value << bits >> bits != value)
            break;
        n |= value << bits;
        if (byte >= 0x80)
            continue;
        c->is_bad |= byte == 0 && bits > 0;
        return n;
    }
    c->is_bad = true;
    return 0;
}

static void code_number(struct coder *c, uint64_t *n)
{
    if (c->is_reading) {
        *n = take_number(c);
    } else {
        put_number(c, *n);
    }
}

/** @return it, at most max */
static uint64_t code_choice(struct coder *c, uint64_t n, uint64_t max)
{
    code_number(c, &n);
    c->is_bad |= n > max;
    return c->is_bad ? 0 : n;
}

/** A position, or a time. */
static void code_signed(struct coder *c, int64_t *n)
{
    *n = (int64_t)code_choice(c, (uint64_t)*n, INT64_MAX);
}

static void code_flag(struct coder *c, bool *is)
{
    *is = code_choice(c, *is, 1) == 1;
}

static void code_text(struct coder *c, str *s, size_t max)
{
    const size_t n = code_choice(c, s->len, max);

    if (!c->is_reading) {
        str_copy(c->out, *s);
        c->out += s->len;
    } else if (c->is_bad || n > c->left.len) {
        c->is_bad = true;
    } else {
        *s = str_take(&c->left, n);
    }
}

/** @param least  bytes: 0 where it may be nobody */
static void code_account(struct coder *c, account *a, size_t least)
{
    str bytes = account_str(a);

    code_text(c, &bytes, ACCOUNT_SIZE);
    c->is_bad |= bytes.len < least;
    if (c->is_reading && !c->is_bad)
        *a = account_of(bytes);
}

// The kinds.

static void code_message(struct coder *c, struct bus_event *e)
{
    struct chat_message *m = &e->message;

    code_number(c, &m->conversation);
    code_number(c, &m->seq);
    code_signed(c, &m->position);
    code_account(c, &m->from, 0);
    code_account(c, &m->to, 0);
    code_text(c, &m->type, CHAT_TYPE_MAX);
    code_text(c, &m->content, SIZE_MAX);
    code_number(c, &m->reply_to);
    code_text(c, &m->key, CHAT_KEY_MAX);
    code_signed(c, &m->created_at_ms);
    m->status = (enum chat_status)code_choice(c, m->status, CHAT_READ);
    code_signed(c, &e->previous);
}

static void code_receipt(struct coder *c, struct chat_receipt *r)
{
    code_number(c, &r->conversation);
    code_account(c, &r->by, 0);
    code_account(c, &r->peer, 0);
    r->mark = (enum chat_mark)code_choice(c, r->mark, CHAT_MARK_READ);
    code_number(c, &r->seq);
    code_signed(c, &r->at_ms);
    code_signed(c, &r->position);
}

static void code_typing(struct coder *c, struct chat_typing *t)
{
    code_number(c, &t->conversation);
    code_account(c, &t->from, 0);
    code_flag(c, &t->is_on);
}

static void code_presence(struct coder *c, struct bus_event *e)
{
    code_account(c, &e->presence.account, 0);
    code_flag(c, &e->presence.is_online);
    code_signed(c, &e->presence.last_seen_ms);
    code_account(c, &e->only, 0);
}

static void code_event(struct coder *c, struct bus_event *e)
{
    code_account(c, &e->to, 1);
    code_number(c, &e->origin);
    code_flag(c, &e->is_followed);
    switch (e->kind) {
    case BUS_MESSAGE: code_message(c, e); break;
    case BUS_RECEIPT: code_receipt(c, &e->receipt); break;
    case BUS_CHANGE: code_signed(c, &e->position); break;
    case BUS_TYPING: code_typing(c, &e->typing); break;
    case BUS_ASK: code_account(c, &e->asker, 0); break;
    case BUS_CROWDED: break;
    case BUS_PRESENCE: code_presence(c, e); break;
    }
}

size_t nats_event_room(const struct bus_event *e)
{
    const struct chat_message *m = &e->message;

    return NATS_EVENT_SIZE +
           (e->kind == BUS_MESSAGE ? m->type.len + m->content.len + m->key.len : 0);
}

size_t nats_event_encode(char *out, const struct bus_event *e)
{
    struct coder c = {.out = out};
    struct bus_event copy = *e;

    code_byte(&c, VERSION);
    code_byte(&c, wire_kinds[e->kind]);
    code_event(&c, &copy);
    return (size_t)(c.out - out);
}

/** @return 0 or NATS_EVENT_UNKNOWN */
static int read_kind(enum bus_kind *out, uint8_t wire)
{
    for (size_t i = 0; i < COUNT_OF(wire_kinds); i++) {
        if (wire_kinds[i] != wire)
            continue;
        *out = (enum bus_kind)i;
        return 0;
    }
    return NATS_EVENT_UNKNOWN;
}

int nats_event_decode(struct bus_event *out, str bytes)
{
    struct coder c = {.is_reading = true, .left = bytes};

    *out = (struct bus_event){0};
    const uint8_t version = code_byte(&c, 0);
    const uint8_t kind = code_byte(&c, 0);
    if (c.is_bad)
        return NATS_EVENT_BAD;
    if (version != VERSION || read_kind(&out->kind, kind) != 0)
        return NATS_EVENT_UNKNOWN;
    code_event(&c, out);
    return c.is_bad || c.left.len > 0 ? NATS_EVENT_BAD : 0;
}
