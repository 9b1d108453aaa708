#include "http/etag.h"

static str without_weakness(str etag)
{
    if (str_starts(etag, STR("W/")))
        str_take(&etag, 2);
    return etag;
}

bool http_etag_is_listed(str list, str etag)
{
    etag = without_weakness(etag);
    while (list.len > 0) {
        const str tag = str_trim(str_take_until(&list, ','));
        if (str_eq(tag, STR("*")) || str_eq(without_weakness(tag), etag))
            return true;
    }
    return false;
}
