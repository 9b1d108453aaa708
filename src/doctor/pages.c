#include "doctor/pages.h"

#include "doctor/judge.h"

#define LINE_SIZE 640 // an origin is at most HTTP_ORIGIN_MAX

static bool has(const struct pages *p, str origin)
{
    for (size_t i = 0; i < p->n; i++) {
        if (str_eq(p->origins[i], origin))
            return true;
    }
    return false;
}

void pages_of(struct pages *out, const struct doctor *d)
{
    const struct option_list *list = &d->options->origins;
    struct judge_site site;

    *out = (struct pages){0};
    if (judge_site(&site, d->config.media.public_url))
        out->origins[out->n++] = site.origin;
    for (size_t i = 0; i < list->n; i++) {
        const str each =
            str_eq(list->items[i], STR("*")) ? STR("https://any-page.example") : list->items[i];
        if (!has(out, each) && each.len <= HTTP_ORIGIN_MAX)
            out->origins[out->n++] = each;
    }
}

/** @return whether the list has the item, in any case, or "*" */
static bool lists(str list, str item)
{
    while (list.len > 0) {
        const str each = str_trim(str_take_until(&list, ','));
        if (str_eq_nocase(each, item) || str_eq(each, STR("*")))
            return true;
    }
    return false;
}

/** @param items  in lower case */
static bool lists_all(str list, str items)
{
    while (items.len > 0) {
        if (!lists(list, str_take_until(&items, ',')))
            return false;
    }
    return true;
}

bool pages_allow(const struct answer *a, str origin)
{
    const str allowed = answer_field(a, STR("Access-Control-Allow-Origin"));

    return str_eq(allowed, origin) || str_eq(allowed, STR("*"));
}

static const char *judge(const struct answer *a, str origin, str method, str headers)
{
    if (a->r != 0)
        return a->why;
    if (a->status / 100 != 2)
        return "its preflight is refused";
    if (!pages_allow(a, origin))
        return "it is not let in";
    if (!lists(answer_field(a, STR("Access-Control-Allow-Methods")), method) &&
        !str_eq(method, STR("GET")))
        return "the method is not let in";
    if (!lists_all(answer_field(a, STR("Access-Control-Allow-Headers")), headers))
        return "not all of its headers are let in";
    return NULL;
}

const char *pages_preflight(struct doctor *d, str url, str origin, str method, str headers)
{
    char lines[3][LINE_SIZE];
    const int n[] = {
        snprintf(lines[0], LINE_SIZE, "Origin: " STR_FMT, STR_ARG(origin)),
        snprintf(lines[1], LINE_SIZE, "Access-Control-Request-Method: " STR_FMT,
                 STR_ARG(method)),
        snprintf(lines[2], LINE_SIZE, "Access-Control-Request-Headers: " STR_FMT,
                 STR_ARG(headers)),
    };
    struct fetch f = {.method = FETCH_OPTIONS, .url = url, .is_plain = true};
    struct answer a;

    for (size_t i = 0; i < (headers.len > 0 ? 3 : 2); i++)
        f.headers[i] = (str){lines[i], (size_t)n[i]};
    ask(&d->asker, &f, &a);
    const char *why = judge(&a, origin, method, headers);
    answer_fini(&a);
    return why;
}
