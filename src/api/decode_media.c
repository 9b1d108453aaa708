/** What clients say of files. */
#include <stdio.h>

#include "api/decode_rule.h"
#include "api/file.h"
#include "base/hex.h"

// Names.

/** By its first bytes, which are whole: they are JSON's. Of the marks that turn the direction
 * of text: with them "exe.gpj" reads as another name than it is. */
static bool begins_with_bad(str s)
{
    const uint8_t first = (uint8_t)s.ptr[0];
    const uint8_t second = s.len > 1 ? (uint8_t)s.ptr[1] : 0;
    const uint8_t third = s.len > 2 ? (uint8_t)s.ptr[2] : 0;

    if (first < 0x20 || first == 0x7f || first == '/' || first == '\\')
        return true;
    if (first == 0xc2) // U+0080 to U+009F
        return second < 0xa0;
    if (first != 0xe2)
        return false;
    // U+2028 to U+202E, U+2066 to U+2069
    return (second == 0x80 && third >= 0xa8 && third <= 0xae) ||
           (second == 0x81 && third >= 0xa6 && third <= 0xa9);
}

static bool is_name(str name)
{
    for (str rest = name; rest.len > 0; str_take(&rest, 1)) {
        if (begins_with_bad(rest))
            return false;
    }
    return name.len >= 1 && name.len <= CHAT_FILE_NAME_MAX;
}

/** @param field  to say in a refusal */
static bool check_name(struct api_decoder *d, const struct json *value, const char *field)
{
    if (value && is_name(json_text(value)))
        return true;
    return refuse(
        d, API_BAD_REQUEST, field,
        "The name of a file must be a string of 1 to 255 bytes, without slashes, "
        "backslashes, control characters, and marks that turn the direction of text.");
}

static_assert(CHAT_FILE_NAME_MAX == 255, "as the message says");

// Types.

static bool is_of_token(char c)
{
    if ((c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'))
        return true;
    return c != '\0' && strchr("!#$%&'*+-.^_`|~", c);
}

/** RFC 9110, section 5.6.2 */
static bool is_token(str s)
{
    for (size_t i = 0; i < s.len; i++) {
        if (!is_of_token(s.ptr[i]))
            return false;
    }
    return s.len > 0;
}

static bool is_type(str s)
{
    const str type = str_take_until(&s, '/');

    return is_token(type) && is_token(s);
}

static bool is_list(str s)
{
    bool has_more = true;

    while (has_more) {
        const size_t n = str_find(s, ',');
        if (!is_token((str){s.ptr, n}))
            return false;
        has_more = n < s.len;
        str_take(&s, has_more ? n + 1 : n);
    }
    return true;
}

/** With a list where browsers write one, of what they have recorded: "codecs=vp8,opus". */
static bool is_parameter(str s)
{
    const size_t n = str_find(s, '=');

    if (n == s.len || !is_token(str_take(&s, n)))
        return false;
    str_take(&s, 1);
    return is_list(s);
}

/** @return false: there is no room for it */
static bool add(struct api_decoder *d, size_t *n, str piece)
{
    if (piece.len > sizeof(d->mime) - *n)
        return false;
    str_copy(d->mime + *n, piece);
    *n += piece.len;
    return true;
}

static void make_lower(char *text, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (text[i] >= 'A' && text[i] <= 'Z')
            text[i] = (char)(text[i] - 'A' + 'a');
    }
}

/** "type/subtype;name=value", in d->mime. @return false: it is none, or too long */
static bool normalize(str *out, struct api_decoder *d, str text)
{
    str piece = str_trim(str_take_until(&text, ';'));
    size_t n = 0;

    if (!is_type(piece) || !add(d, &n, piece))
        return false;
    make_lower(d->mime, n);
    while (text.len > 0) {
        piece = str_trim(str_take_until(&text, ';'));
        if (!is_parameter(piece) || !add(d, &n, STR(";")) || !add(d, &n, piece))
            return false;
    }
    *out = (str){d->mime, n};
    return true;
}

static bool read_mime(str *out, struct api_decoder *d, const struct json *payload)
{
    if (normalize(out, d, json_text(api_member(payload, "mime"))))
        return true;
    return refuse(d, API_BAD_REQUEST, "mime",
                  "mime must be the file's type, such as \"image/png\" or "
                  "\"text/plain;charset=utf-8\", in 127 bytes at most and without quotes.");
}

static_assert(CHAT_MIME_MAX == 127, "as the message says");

// upload.create.

static const struct whole size_rule = {
    "size", API_SEQ_MAX, "size must be the number of the file's bytes: a whole number from 1."};

static bool read_size(uint64_t *out, struct api_decoder *d, const struct json *payload)
{
    if (!api_member(payload, size_rule.name))
        return refuse(d, API_BAD_REQUEST, size_rule.name, size_rule.message);
    return api_check_whole(out, d, payload, &size_rule);
}

static bool read_sha256(const uint8_t **out, struct api_decoder *d, const struct json *payload)
{
    const struct json *value = api_member(payload, "sha256");
    const str digits = json_text(value);

    if (!value)
        return true;
    if (digits.len != 2 * sizeof(d->sha256) || hex_decode(d->sha256, digits) != 0) {
        return refuse(d, API_BAD_REQUEST, "sha256",
                      "sha256 must be the SHA-256 of the file, in 64 hex digits.");
    }
    *out = d->sha256;
    return true;
}

static bool read_name(str *out, struct api_decoder *d, const struct json *payload)
{
    const struct json *value = api_member(payload, "name");

    *out = json_text(value);
    return check_name(d, value, "name");
}

int api_decode_upload(struct chat_announce *out, struct api_decoder *d,
                      const struct json *payload)
{
    *out = (struct chat_announce){0};
    const bool is_good = api_check_payload(d, payload) && read_name(&out->name, d, payload) &&
                         read_mime(&out->mime, d, payload) &&
                         read_size(&out->size, d, payload) &&
                         read_sha256(&out->sha256, d, payload);
    return is_good ? 0 : API_DECODE_REFUSED;
}

// The content of a message that has a file.

static bool refuse_content(struct api_decoder *d, const char *message)
{
    return refuse(d, API_BAD_REQUEST, "content", message);
}

/** What the server says of a file nobody else may. */
static bool check_claims(struct api_decoder *d, const struct json *content)
{
    if (!api_member(content, "mime") && !api_member(content, "size") &&
        !api_member(content, "expires_at"))
        return true;
    return refuse_content(d,
                          "mime, size and expires_at of a file are said by the server. "
                          "Leave them out.");
}

static bool check_caption(struct api_decoder *d, const struct json *content)
{
    const struct json *value = api_member(content, "caption");
    const str text = json_text(value);

    if (!value || (text.ptr && str_find(text, '\0') == text.len))
        return true;
    return refuse_content(d, "caption must be a string without U+0000.");
}

static bool check_pixels(struct api_decoder *d, const struct json *content, const char *name)
{
    const struct json *value = api_member(content, name);
    int64_t n;

    if (!value || (json_integer_of(value, &n) && n >= 1 && n <= API_PIXELS_MAX))
        return true;
    return refuse_content(d, "width and height must be whole numbers from 1 to 1000000.");
}

static bool check_duration(struct api_decoder *d, const struct json *content)
{
    const struct json *value = api_member(content, "duration");
    double seconds;

    if (!value ||
        (json_number_of(value, &seconds) && seconds >= 0 && seconds <= API_SECONDS_MAX))
        return true;
    return refuse_content(d, "duration must be a number of seconds from 0 to 10000000.");
}

static_assert(API_PIXELS_MAX == 1000000 && API_SECONDS_MAX == 10000000, "as the messages say");

static bool check_members(struct api_decoder *d, const struct json *content)
{
    const struct json *name = api_member(content, "name");

    return check_claims(d, content) && (!name || check_name(d, name, "content")) &&
           check_caption(d, content) && check_pixels(d, content, "width") &&
           check_pixels(d, content, "height") && check_duration(d, content);
}

static bool take_upload(str *out, struct api_decoder *d, str id)
{
    if (!d->config.media) {
        return refuse(d, API_UNSUPPORTED_TYPE, "type",
                      "This server takes no files. Send a link as text.");
    }
    if (!rand_is_name(id)) {
        return refuse_content(d,
                              "upload must be the id that the answer to upload.create had: "
                              "20 characters of A-Z a-z 0-9 _ and -.");
    }
    *out = id;
    return true;
}

static_assert(CHAT_UPLOAD_ID_SIZE == 21, "as the message says");

/** A link of ours means its upload, whoever has kept it for how long. */
static bool take_url(str *out, struct api_decoder *d, str url)
{
    const struct api_urls *urls = d->config.urls;
    str id;

    if (url.ptr && d->config.media && media_find(d->config.media, url, &id))
        return take_upload(out, d, id);
    if (url.ptr && urls && api_urls_allow(urls, url))
        return true;
    if (urls && urls->n > 0) {
        return refuse_content(d,
                              "url must be the URL of a file that was uploaded here, or of "
                              "a site whose files this server takes.");
    }
    return refuse_content(d,
                          "url must be the URL of a file that was uploaded here. This "
                          "server takes no files of other sites.");
}

/** @param out  the upload; stays as it is where the file is elsewhere */
static bool read_source(str *out, struct api_decoder *d, const struct json *content)
{
    const struct json *upload = api_member(content, "upload");
    const struct json *url = api_member(content, "url");

    if (!upload == !url) {
        return refuse_content(d,
                              "The content must have either upload, the id of an upload, or "
                              "url. Not both.");
    }
    return upload ? take_upload(out, d, json_text(upload)) : take_url(out, d, json_text(url));
}

/** What is null is left out, as what is not there; of an upload, its id stands for it. */
static bool print(struct api_decoder *d, const struct json *content, str upload)
{
    static const char *const optional[] = {"caption", "duration", "expires_at", "height",
                                           "mime",    "name",     "size",       "width"};
    struct json_instead with[COUNT_OF(optional) + 2];
    char id[CHAT_UPLOAD_ID_SIZE + 2]; // in quotes
    size_t n = 0;

    snprintf(id, sizeof(id), "\"" STR_FMT "\"", STR_ARG(upload));
    for (size_t i = 0; i < COUNT_OF(optional); i++) {
        if (!api_member(content, optional[i]))
            with[n++] = (struct json_instead){.name = str_of(optional[i])};
    }
    with[n++] = (struct json_instead){STR("upload"), upload.len > 0 ? str_of(id) : (str){0}};
    if (upload.len > 0)
        with[n++] = (struct json_instead){.name = STR("url")};
    return api_print_content(d, content, with, n);
}

bool api_print_media(struct chat_send *out, struct api_decoder *d, const struct json *content)
{
    if (!content || json_kind(content) != JSON_KIND_OBJECT) {
        return refuse_content(d,
                              "The content must be an object: {upload} or {url}, and what "
                              "else is to be said of the file.");
    }
    return check_members(d, content) && read_source(&out->upload, d, content) &&
           print(d, content, out->upload);
}
