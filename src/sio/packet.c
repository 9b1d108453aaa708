#include "sio/packet.h"

#include "base/digits.h"

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static str take_digits(str *rest)
{
    size_t n = 0;

    while (n < rest->len && is_digit(rest->ptr[n]))
        n++;
    return str_take(rest, n);
}

static bool is_binary(enum sio_type type)
{
    return type == SIO_BINARY_EVENT || type == SIO_BINARY_ACK;
}

// The parts of the head, each taken off the front of *rest. False: they are bad.

static bool take_type(struct sio_packet *p, str *rest)
{
    if (rest->len == 0 || rest->ptr[0] < '0' || rest->ptr[0] > '0' + SIO_BINARY_ACK)
        return false;
    p->type = (enum sio_type)(*str_take(rest, 1).ptr - '0');
    return true;
}

static bool take_attachments(struct sio_packet *p, str *rest, unsigned max)
{
    uint64_t n;

    if (!is_binary(p->type))
        return true;
    if (str_to_u64(take_digits(rest), max, &n) != 0 || n == 0)
        return false;
    p->n_attachments = (unsigned)n;
    if (!str_starts(*rest, STR("-")))
        return false;
    str_take(rest, 1);
    return true;
}

static bool take_namespace(struct sio_packet *p, str *rest)
{
    p->namespace = STR("/");
    if (!str_starts(*rest, p->namespace))
        return true;
    p->namespace = str_take_until(rest, ',');
    return p->namespace.len <= SIO_NAMESPACE_MAX;
}

static bool take_ack_id(struct sio_packet *p, str *rest)
{
    uint64_t id;

    p->ack_id = -1;
    const str digits = take_digits(rest);
    if (digits.len == 0)
        return true;
    if (str_to_u64(digits, SIO_ACK_ID_MAX, &id) != 0)
        return false;
    p->ack_id = (int64_t)id;
    return true;
}

/** A walk over the JSON of a binary packet. */
struct placeholders {
    unsigned n_attachments;
    bool are_good;
};

static void check_placeholders(struct placeholders *ph, const struct json *j);

static bool check_member(void *arg, str name, const struct json *value)
{
    struct placeholders *ph = arg;

    (void)name;
    check_placeholders(ph, value);
    return true;
}

/** The depth of j is bounded: JSON_DEPTH_MAX. */
static void check_placeholders(struct placeholders *ph, const struct json *j)
{
    int64_t num;

    if (json_is_true(json_member(j, "_placeholder"))) {
        if (!json_integer_of(json_member(j, "num"), &num) || num < 0 ||
            num >= ph->n_attachments)
            ph->are_good = false;
        return;
    }
    for (size_t i = 0; json_item(j, i); i++)
        check_placeholders(ph, json_item(j, i));
    json_each_member(j, check_member, ph);
}

static bool placeholders_are_good(const struct sio_packet *p)
{
    struct placeholders ph = {.n_attachments = p->n_attachments, .are_good = true};

    check_placeholders(&ph, p->data);
    return ph.are_good;
}

static bool is_array(const struct json *j)
{
    return j && json_kind(j) == JSON_KIND_ARRAY;
}

static bool is_reserved(str name)
{
    static const str names[] = {
        STR("connect"),       STR("connect_error"), STR("disconnect"),
        STR("disconnecting"), STR("newListener"),   STR("removeListener"),
    };

    for (size_t i = 0; i < COUNT_OF(names); i++) {
        if (str_eq(name, names[i]))
            return true;
    }
    return false;
}

static bool is_number(const struct json *j)
{
    return json_kind(j) == JSON_KIND_INT || json_kind(j) == JSON_KIND_REAL;
}

static bool is_event(const struct json *j)
{
    const struct json *name = is_array(j) ? json_item(j, 0) : NULL;

    if (!name)
        return false;
    return is_number(name) ||
           (json_kind(name) == JSON_KIND_STR && !is_reserved(json_text(name)));
}

/** @return 0, or an enum sio_packet_refusal */
static int check(const struct sio_packet *p)
{
    bool is_good = false;

    switch (p->type) {
    case SIO_CONNECT: is_good = !p->data || json_kind(p->data) == JSON_KIND_OBJECT; break;
    case SIO_DISCONNECT: is_good = !p->data; break;
    case SIO_EVENT:
        if (!p->data)
            return SIO_PACKET_IGNORE;
        is_good = is_event(p->data);
        break;
    case SIO_ACK:
        if (!p->data || (is_array(p->data) && p->ack_id < 0))
            return SIO_PACKET_IGNORE;
        is_good = is_array(p->data);
        break;
    case SIO_CONNECT_ERROR: break;
    // These can't be ignored: their attachments would follow, and belong to nothing.
    case SIO_BINARY_EVENT: is_good = is_event(p->data) && placeholders_are_good(p); break;
    case SIO_BINARY_ACK:
        is_good = is_array(p->data) && p->ack_id >= 0 && placeholders_are_good(p);
        break;
    }
    return is_good ? 0 : SIO_PACKET_BAD;
}

/** @return 0, or an enum sio_packet_refusal */
static int read_json(struct sio_packet *p, char *text, size_t len)
{
    if (len == 0)
        return 0;
    switch (json_parse(&p->data, text, len)) {
    case 0: return 0;
    case JSON_TOO_DEEP:
    case JSON_BEYOND: return p->type == SIO_EVENT ? SIO_PACKET_UNREADABLE : SIO_PACKET_BAD;
    default: return SIO_PACKET_BAD;
    }
}

int sio_packet_decode(struct sio_packet *p, char *text, size_t len, unsigned max_attachments)
{
    str rest = {text, len};

    *p = (struct sio_packet){0};
    if (!take_type(p, &rest) || !take_attachments(p, &rest, max_attachments) ||
        !take_namespace(p, &rest) || !take_ack_id(p, &rest))
        return SIO_PACKET_BAD;

    int refusal = read_json(p, text + (len - rest.len), rest.len);
    if (refusal)
        return refusal;
    p->text = rest;
    refusal = check(p);
    if (refusal)
        sio_packet_fini(p);
    return refusal;
}

void sio_packet_fini(struct sio_packet *p)
{
    json_free(STEAL(p->data));
}

static bool ends_number(char c)
{
    return c == ',' || c == ']' || c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

str sio_packet_event(const struct sio_packet *p)
{
    const struct json *name = json_item(p->data, 0);
    if (!is_number(name))
        return json_text(name);

    // As it is written: before it are only white space and the bracket.
    str rest = p->text;
    while (!is_digit(rest.ptr[0]) && rest.ptr[0] != '-')
        str_take(&rest, 1);
    size_t n = 0;
    while (!ends_number(rest.ptr[n]))
        n++;
    return str_take(&rest, n);
}

static enum sio_type binary_form(enum sio_type type)
{
    return type == SIO_EVENT ? SIO_BINARY_EVENT : type == SIO_ACK ? SIO_BINARY_ACK : type;
}

str sio_packet_head(char out[SIO_HEAD_SIZE], enum sio_type type, unsigned n_attachments,
                    str namespace, int64_t ack_id)
{
    const enum sio_type written = n_attachments > 0 ? binary_form(type) : type;
    char digits[DIGITS_SIZE];
    char *at = out;

    assert(is_binary(written) == (n_attachments > 0));
    assert(namespace.len <= SIO_NAMESPACE_MAX);
    *at++ = (char)('0' + written);
    if (n_attachments > 0) {
        at += str_copy(at, digits_of(digits, n_attachments)).len;
        *at++ = '-';
    }
    if (!str_eq(namespace, STR("/"))) {
        at += str_copy(at, namespace).len;
        *at++ = ',';
    }
    if (ack_id >= 0)
        at += str_copy(at, digits_of(digits, (uint64_t)ack_id)).len;
    return (str){out, (size_t)(at - out)};
}
