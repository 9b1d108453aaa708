#include "http/accept.h"

#define WEIGHT_MAX  1000 // in thousandths
#define NOT_SAID    (-1)
#define NOT_A_VALUE (-2)

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/** "0", "0.5", "1.000": at most three digits behind the point. */
static int parse_weight(str text)
{
    if (text.len == 0 || text.len > sizeof("0.000") - 1 || !is_digit(text.ptr[0]))
        return NOT_A_VALUE;
    int weight = (text.ptr[0] - '0') * WEIGHT_MAX;
    int unit = WEIGHT_MAX / 10;
    for (size_t i = 2; i < text.len; i++, unit /= 10) {
        if (!is_digit(text.ptr[i]))
            return NOT_A_VALUE;
        weight += (text.ptr[i] - '0') * unit;
    }
    const bool has_point = text.len == 1 || text.ptr[1] == '.';
    return has_point && weight <= WEIGHT_MAX ? weight : NOT_A_VALUE;
}

/** Of what is behind the coding: nothing, or "q=" and a weight. */
static int weight_of(str parameter)
{
    parameter = str_trim(parameter);
    if (parameter.len < 2 || !str_eq_nocase((str){parameter.ptr, 2}, STR("q=")))
        return NOT_A_VALUE;
    str_take(&parameter, 2);
    return parse_weight(parameter);
}

struct weights {
    int gzip;
    int identity;
    int any;
};

static int *find(struct weights *w, str coding)
{
    // "x-gzip" is the same (RFC 9110, section 8.4.1.3).
    if (str_eq_nocase(coding, STR("gzip")) || str_eq_nocase(coding, STR("x-gzip")))
        return &w->gzip;
    if (str_eq_nocase(coding, STR("identity")))
        return &w->identity;
    return str_eq(coding, STR("*")) ? &w->any : NULL;
}

static void read_field(struct weights *w, str field)
{
    while (field.len > 0) {
        str item = str_take_until(&field, ',');
        const bool has_weight = str_find(item, ';') < item.len;
        int *of = find(w, str_trim(str_take_until(&item, ';')));
        const int weight = has_weight ? weight_of(item) : WEIGHT_MAX;
        if (of && *of == NOT_SAID && weight != NOT_A_VALUE)
            *of = weight;
    }
}

bool http_accepts_gzip(const struct http_head *head)
{
    struct weights w = {NOT_SAID, NOT_SAID, NOT_SAID};

    for (size_t i = 0; i < head->n_headers; i++) {
        if (str_eq_nocase(head->headers[i].name, STR("Accept-Encoding")))
            read_field(&w, head->headers[i].value);
    }
    const int gzip = w.gzip == NOT_SAID ? w.any : w.gzip;
    return gzip > 0 && gzip >= w.identity;
}
