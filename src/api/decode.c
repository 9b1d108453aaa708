#include "api/decode_rule.h"
#include "api/file.h"
#include "auth/account.h"
#include "base/hex.h"
#include "crypto/digest.h"

// What the digest is over: type, NUL, reply_to, content. Each but the last has an end.
#define REPLY_TO_SIZE 8
#define FRAME_MAX     (CHAT_TYPE_MAX + 1 + REPLY_TO_SIZE)

static_assert(CRYPTO_SHA256_SIZE >= CHAT_DIGEST_SIZE, "a digest has enough bytes");

void api_decoder_init(struct api_decoder *d, const struct api_decoder_config *config)
{
    *d = (struct api_decoder){.config = *config, .hash = crypto_sha256_new()};
    buf_init(&d->content,
             FRAME_MAX + config->content_bytes * JSON_ESCAPE_SIZE + sizeof("\"\""));
}

void api_decoder_fini(struct api_decoder *d)
{
    buf_fini(&d->content);
    crypto_sha256_free(d->hash);
}

bool api_check_payload(struct api_decoder *d, const struct json *payload)
{
    if (payload && json_kind(payload) == JSON_KIND_OBJECT)
        return true;
    return refuse(d, API_BAD_REQUEST, NULL, "The event's first argument must be an object.");
}

// Numbers.

static const struct whole seq_rule = {
    "seq", API_SEQ_MAX, "seq must be the number of a message: a whole number from 1."};
static const struct whole reply_to_rule = {
    "reply_to", API_SEQ_MAX, "reply_to must be the seq of a message: a whole number from 1."};
const struct whole api_before_rule = {
    "before", API_SEQ_MAX, "before must be the seq of a message: a whole number from 1."};
const struct whole api_after_rule = {
    "after", API_SEQ_MAX, "after must be the seq of a message: a whole number from 1."};
const struct whole api_limit_rule = {"limit", CHAT_HISTORY_MAX,
                                     "limit must be a whole number from 1 to 200."};

static_assert(CHAT_HISTORY_MAX == 200 && CHAT_LIST_MAX == 200, "as the message says");

bool api_check_whole(uint64_t *out, struct api_decoder *d, const struct json *payload,
                     const struct whole *rule)
{
    const struct json *value = api_member(payload, rule->name);
    int64_t n;

    if (!value)
        return true;
    if (!json_integer_of(value, &n) || n < 1 || n > rule->max)
        return refuse(d, API_BAD_REQUEST, rule->name, rule->message);
    *out = (uint64_t)n;
    return true;
}

static bool read_limit(size_t *out, struct api_decoder *d, const struct json *payload)
{
    uint64_t limit = API_PAGE_DEFAULT;

    if (!api_check_whole(&limit, d, payload, &api_limit_rule))
        return false;
    *out = (size_t)limit;
    return true;
}

bool api_parse_id(uint64_t *out, str text)
{
    uint64_t id = 0;

    if (text.len != API_ID_LEN)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        const int digit = hex_value(text.ptr[i]);
        if (digit < 0 || (text.ptr[i] >= 'A' && text.ptr[i] <= 'F'))
            return false;
        id = id << 4 | (uint64_t)digit;
    }
    *out = id;
    return true;
}

// Who.

bool api_check_account(account *out, struct api_decoder *d, str text, const char *name)
{
    if (auth_account_parse_with(out, text, d->config.home_chain, d->config.cases) != 0) {
        return refuse(d, API_RECIPIENT_INVALID, name,
                      "This is not the address of a wallet, or has a mistake in it. Check it.");
    }
    if (auth_account_is_zero(out)) {
        return refuse(d, API_RECIPIENT_INVALID, name,
                      "The zero address belongs to nobody. Check the address.");
    }
    return true;
}

static bool parse_account(account *out, struct api_decoder *d, const struct json *value,
                          const char *name)
{
    if (json_kind(value) != JSON_KIND_STR)
        return refuse(d, API_BAD_REQUEST, name, "An address must be a string.");
    return api_check_account(out, d, json_text(value), name);
}

static bool read_account(account *out, struct api_decoder *d, const struct json *payload,
                         const char *name)
{
    const struct json *value = api_member(payload, name);

    if (!value)
        return refuse(d, API_BAD_REQUEST, name, "An address must say whom this is about.");
    return parse_account(out, d, value, name);
}

static bool read_place(struct chat_place *out, struct api_decoder *d,
                       const struct json *payload)
{
    const struct json *value = api_member(payload, "conversation");

    *out = (struct chat_place){0};
    if (!value)
        return read_account(&out->peer, d, payload, "peer");
    if (json_kind(value) != JSON_KIND_STR) {
        return refuse(d, API_BAD_REQUEST, "conversation",
                      "The id of a conversation must be a string.");
    }
    // It is opaque to clients: what we have not made is one that does not exist.
    if (!api_parse_id(&out->conversation, json_text(value)) || out->conversation == 0)
        return refuse(d, API_NOT_FOUND, "conversation", NULL);
    return true;
}

// message.send.

static bool is_of_key(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
           c == '.' || c == '_' || c == ':' || c == '-';
}

static bool is_key(str key)
{
    for (size_t i = 0; i < key.len; i++) {
        if (!is_of_key(key.ptr[i]))
            return false;
    }
    return key.len >= 1 && key.len <= CHAT_KEY_MAX;
}

str api_decode_key(const struct json *payload)
{
    const str key = json_text(json_member(payload, "client_msg_id"));

    return is_key(key) ? key : (str){0};
}

static bool read_key(str *out, struct api_decoder *d, const struct json *payload)
{
    *out = api_decode_key(payload);
    if (out->len > 0 || !api_member(payload, "client_msg_id"))
        return true;
    return refuse(d, API_BAD_REQUEST, "client_msg_id",
                  "client_msg_id must have 1 to 64 characters of A-Z a-z 0-9 . _ : and -.");
}

static_assert(CHAT_KEY_MAX == 64, "as the message says");

static bool is_of_own_type(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
}

/** The application's: x- and a name of its choice. */
static bool is_own_type(str type)
{
    if (type.len <= 2 || type.len > CHAT_TYPE_MAX || !str_starts(type, STR("x-")))
        return false;
    for (size_t i = 0; i < type.len; i++) {
        if (!is_of_own_type(type.ptr[i]))
            return false;
    }
    return true;
}

/** Files that were uploaded, or of others. */
static bool takes_files(const struct api_decoder *d)
{
    return d->config.media || (d->config.urls && d->config.urls->n > 0);
}

static bool read_type(struct chat_send *out, struct api_decoder *d, const struct json *payload)
{
    out->type = json_text(json_member(payload, "type"));
    if (!out->type.ptr)
        return refuse(d, API_BAD_REQUEST, "type", "type must be a string, such as \"text\".");
    if (str_eq(out->type, STR("text")) || is_own_type(out->type))
        return true;
    if (!api_file_kind(&out->kind, out->type)) {
        return refuse(d, API_UNSUPPORTED_TYPE, "type",
                      "Use text, or a type of your own: x- and up to 62 of a-z 0-9 . _ and -.");
    }
    if (takes_files(d))
        return true;
    return refuse(d, API_UNSUPPORTED_TYPE, "type",
                  "This server has no media store. Send a link as text.");
}

static_assert(CHAT_TYPE_MAX == 64, "as the message says");

static bool print_text(struct api_decoder *d, const struct json *content)
{
    const str text = json_text(content);

    if (text.len == 0 || str_find(text, '\0') < text.len) {
        return refuse(d, API_BAD_REQUEST, "content",
                      "The content of a text must be a string that is not empty and holds no "
                      "U+0000.");
    }
    if (text.len > d->config.content_bytes || json_print_str(&d->content, text) != 0)
        return refuse(d, API_TOO_LARGE, "content", NULL);
    return true;
}

bool api_print_content(struct api_decoder *d, const struct json *content,
                       const struct json_instead *with, size_t n)
{
    const size_t before = buf_str(&d->content).len;

    if (!json_nests_within(content, API_CONTENT_DEPTH_MAX)) {
        return refuse(d, API_BAD_REQUEST, "content",
                      "The content nests deeper than 30, which no client could send on.");
    }
    const int r = n > 0 ? json_print_canonical_with(&d->content, content, with, n)
                        : json_print_canonical(&d->content, content);
    if (r != 0 || buf_str(&d->content).len - before > d->config.content_bytes)
        return refuse(d, API_TOO_LARGE, "content", NULL);
    return true;
}

static bool print_any(struct api_decoder *d, const struct json *content)
{
    if (!content)
        return refuse(d, API_BAD_REQUEST, "content", "content is missing.");
    return api_print_content(d, content, NULL, 0);
}

static_assert(API_CONTENT_DEPTH_MAX == 30 && API_CONTENT_DEPTH_MAX == JSON_DEPTH_MAX - 2,
              "an event has room for the content in its array and its object");

/** What stands before the content in what the digest is over. */
static void print_frame(struct buf *out, const struct chat_send *send)
{
    char reply_to[REPLY_TO_SIZE];

    for (size_t i = 0; i < sizeof(reply_to); i++)
        reply_to[i] = (char)(send->reply_to >> (8 * (sizeof(reply_to) - 1 - i)));
    int r = buf_add(out, send->type);
    r |= buf_add(out, STR("\0"));
    r |= buf_add(out, (str){reply_to, sizeof(reply_to)});
    assert(r == 0);
    (void)r;
}

static bool print(struct chat_send *out, struct api_decoder *d, const struct json *content)
{
    enum chat_kind kind;

    if (str_eq(out->type, STR("text")))
        return print_text(d, content);
    return api_file_kind(&kind, out->type) ? api_print_media(out, d, content)
                                           : print_any(d, content);
}

static bool read_content(struct chat_send *out, struct api_decoder *d,
                         const struct json *payload)
{
    const struct json *content = json_member(payload, "content");
    uint8_t digest[CRYPTO_SHA256_SIZE];

    buf_clear(&d->content);
    print_frame(&d->content, out);
    const size_t n_frame = buf_str(&d->content).len;
    if (!print(out, d, content))
        return false;

    out->content = buf_str(&d->content);
    crypto_sha256_add(d->hash, out->content);
    crypto_sha256_end(d->hash, digest);
    memcpy(out->digest, digest, sizeof(out->digest));
    str_take(&out->content, n_frame);
    return true;
}

/** All but to whom. */
static bool read_message(struct chat_send *out, struct api_decoder *d,
                         const struct json *payload)
{
    return read_type(out, d, payload) && read_key(&out->key, d, payload) &&
           api_check_whole(&out->reply_to, d, payload, &reply_to_rule) &&
           read_content(out, d, payload);
}

int api_decode_send(struct chat_send *out, struct api_decoder *d, const struct json *payload)
{
    *out = (struct chat_send){0};
    const bool is_good = api_check_payload(d, payload) &&
                         read_account(&out->to, d, payload, "to") &&
                         read_message(out, d, payload);
    return is_good ? 0 : API_DECODE_REFUSED;
}

// The others.

/** As api_check_whole(), but there must be one. */
static bool read_seq(uint64_t *out, struct api_decoder *d, const struct json *payload)
{
    if (!api_member(payload, seq_rule.name))
        return refuse(d, API_BAD_REQUEST, seq_rule.name, seq_rule.message);
    return api_check_whole(out, d, payload, &seq_rule);
}

int api_decode_mark(struct api_mark *out, struct api_decoder *d, const struct json *payload)
{
    *out = (struct api_mark){0};
    const bool is_good = api_check_payload(d, payload) && read_place(&out->place, d, payload) &&
                         read_seq(&out->seq, d, payload);
    return is_good ? 0 : API_DECODE_REFUSED;
}

int api_decode_place(struct chat_place *out, struct api_decoder *d, const struct json *payload)
{
    return api_check_payload(d, payload) && read_place(out, d, payload) ? 0
                                                                        : API_DECODE_REFUSED;
}

static bool read_accounts(struct api_accounts *out, struct api_decoder *d,
                          const struct json *payload)
{
    static const char name[] = "accounts";
    const struct json *all = api_member(payload, name);
    const size_t n = all && json_kind(all) == JSON_KIND_ARRAY ? json_count(all) : 0;

    if (n < 1 || n > CHAT_WATCHES_MAX) {
        return refuse(d, API_BAD_REQUEST, name,
                      "accounts must be a list of 1 to 200 addresses.");
    }
    for (size_t i = 0; i < n; i++) {
        if (!parse_account(&out->accounts[i], d, json_item(all, i), name))
            return false;
    }
    out->n = n;
    return true;
}

static_assert(CHAT_WATCHES_MAX == 200, "as the message says");

int api_decode_accounts(struct api_accounts *out, struct api_decoder *d,
                        const struct json *payload)
{
    out->n = 0;
    return api_check_payload(d, payload) && read_accounts(out, d, payload) ? 0
                                                                           : API_DECODE_REFUSED;
}

int api_decode_history(struct chat_history *out, struct api_decoder *d,
                       const struct json *payload)
{
    *out = (struct chat_history){0};
    const bool is_good = api_check_payload(d, payload) && read_place(&out->place, d, payload) &&
                         api_check_whole(&out->before, d, payload, &api_before_rule) &&
                         api_check_whole(&out->after, d, payload, &api_after_rule) &&
                         read_limit(&out->limit, d, payload);
    return is_good ? 0 : API_DECODE_REFUSED;
}

bool api_check_next(int64_t *out, struct api_decoder *d, str text)
{
    uint64_t position;

    if (!api_parse_id(&position, text) || position == 0 || position > INT64_MAX) {
        return refuse(d, API_BAD_REQUEST, "after",
                      "after must be the next of a page that was answered before.");
    }
    *out = (int64_t)position;
    return true;
}

static bool read_next(int64_t *out, struct api_decoder *d, const struct json *payload)
{
    const struct json *after = api_member(payload, "after");

    return !after || api_check_next(out, d, json_text(after));
}

int api_decode_list(struct api_list *out, struct api_decoder *d, const struct json *payload)
{
    *out = (struct api_list){0};
    const bool is_good = api_check_payload(d, payload) && read_limit(&out->limit, d, payload) &&
                         read_next(&out->before, d, payload);
    return is_good ? 0 : API_DECODE_REFUSED;
}

// Bodies of calls, whose path says with whom.

int api_decode_about(struct api_decoder *d, const struct json *body)
{
    static const char *const names[] = {"to", "peer", "conversation"};

    for (size_t i = 0; i < COUNT_OF(names); i++) {
        if (api_member(body, names[i])) {
            refuse(d, API_BAD_REQUEST, names[i],
                   "The path says with whom. Leave this out of the body.");
            return API_DECODE_REFUSED;
        }
    }
    return 0;
}

int api_decode_send_to(struct chat_send *out, struct api_decoder *d, const account *to,
                       const struct json *body)
{
    *out = (struct chat_send){.to = *to};
    if (api_decode_about(d, body) != 0)
        return API_DECODE_REFUSED;
    return read_message(out, d, body) ? 0 : API_DECODE_REFUSED;
}

int api_decode_seq(uint64_t *out, struct api_decoder *d, const struct json *body)
{
    *out = 0;
    if (api_decode_about(d, body) != 0)
        return API_DECODE_REFUSED;
    return read_seq(out, d, body) ? 0 : API_DECODE_REFUSED;
}

int api_decode_token(str *out, struct api_decoder *d, const struct json *payload)
{
    if (!api_check_payload(d, payload))
        return API_DECODE_REFUSED;
    const struct json *token = api_member(payload, "token");
    if (token && json_kind(token) != JSON_KIND_STR) {
        refuse(d, API_BAD_REQUEST, "token", "A token must be a string.");
        return API_DECODE_REFUSED;
    }
    *out = json_text(token);
    return 0;
}
