/** What calls say in their path and their query. */
#include "api/decode_rule.h"
#include "base/hex.h"
#include "http/url.h"

#define PLACE_MAX 128 // bytes of an address, or of an id; none is as long
#define VALUE_MAX 32  // bytes of a value in a query; of what is good none is as long

/** As an id is written, whoever has made it. */
static bool is_id(str text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (hex_value(text.ptr[i]) < 0)
            return false;
    }
    return text.len == API_ID_LEN;
}

static bool read_id(conversation_id *out, struct api_decoder *d, str text)
{
    if (!api_parse_id(out, text) || *out == 0)
        return refuse(d, API_NOT_FOUND, "peer", NULL);
    return true;
}

int api_decode_place_in(struct chat_place *out, struct api_decoder *d, str segment)
{
    char bytes[PLACE_MAX];
    str text = {bytes, 0};

    *out = (struct chat_place){0};
    // What can't be decoded is nobody's address, as the empty text is none.
    if (url_decode(bytes, sizeof(bytes), &text.len, segment, false) != 0)
        text.len = 0;
    const bool is_good = is_id(text) ? read_id(&out->conversation, d, text)
                                     : api_check_account(&out->peer, d, text, "peer");
    return is_good ? 0 : API_DECODE_REFUSED;
}

/** @param out  holds VALUE_MAX bytes @return false: there is none; one that is broken is empty
 */
static bool find_value(str *value, char *out, str query, const char *name)
{
    const int r = url_query_get(query, str_of(name), out, VALUE_MAX, value);

    if (r != 0)
        *value = (str){0};
    return r != URL_NOT_FOUND;
}

/** *out stays as it is where there is none. */
static bool read_whole(uint64_t *out, struct api_decoder *d, str query,
                       const struct whole *rule)
{
    char bytes[VALUE_MAX];
    uint64_t n;
    str value;

    if (!find_value(&value, bytes, query, rule->name))
        return true;
    if (str_to_u64(value, (uint64_t)rule->max, &n) != 0 || n < 1)
        return refuse(d, API_BAD_REQUEST, rule->name, rule->message);
    *out = n;
    return true;
}

static bool read_limit(size_t *out, struct api_decoder *d, str query)
{
    uint64_t limit = API_PAGE_DEFAULT;

    if (!read_whole(&limit, d, query, &api_limit_rule))
        return false;
    *out = (size_t)limit;
    return true;
}

static bool read_next(int64_t *out, struct api_decoder *d, str query)
{
    char bytes[VALUE_MAX];
    str value;

    return !find_value(&value, bytes, query, "after") || api_check_next(out, d, value);
}

int api_decode_history_in(struct chat_history *out, struct api_decoder *d, str segment,
                          str query)
{
    *out = (struct chat_history){0};
    if (api_decode_place_in(&out->place, d, segment) != 0)
        return API_DECODE_REFUSED;
    const bool is_good = read_whole(&out->before, d, query, &api_before_rule) &&
                         read_whole(&out->after, d, query, &api_after_rule) &&
                         read_limit(&out->limit, d, query);
    return is_good ? 0 : API_DECODE_REFUSED;
}

int api_decode_list_in(struct api_list *out, struct api_decoder *d, str query)
{
    *out = (struct api_list){0};
    const bool is_good = read_limit(&out->limit, d, query) && read_next(&out->before, d, query);
    return is_good ? 0 : API_DECODE_REFUSED;
}
