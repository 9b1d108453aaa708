#include "api/route.h"

#include "api/rest.h"
#include "api/sign_in.h"

static const struct api_route_table *const tables[] = {&api_sign_in_routes, &api_rest_routes};

/** @param peer  as of api_route_find() */
static bool is_at(const struct api_route *route, str path, str *peer)
{
    str after = route->path;
    const str before = str_take(&after, str_find(after, '{'));

    *peer = (str){0};
    if (after.len == 0)
        return str_eq(path, before);
    if (!str_starts(path, before))
        return false;
    str_take(&path, before.len);
    *peer = str_take(&path, str_find(path, '/'));
    str_take(&after, STR("{peer}").len);
    return peer->len > 0 && str_eq(path, after);
}

bool api_route_takes(const struct api_route *route, enum http_method method)
{
    if (route->method == HTTP_GET)
        return method == HTTP_GET || method == HTTP_HEAD;
    return route->method == method;
}

const struct api_route *api_route_find(const struct http_head *head, str *peer)
{
    const struct api_route *found = NULL;
    str part;

    *peer = (str){0};
    for (size_t i = 0; i < COUNT_OF(tables); i++) {
        for (size_t j = 0; j < tables[i]->n; j++) {
            const struct api_route *route = &tables[i]->routes[j];
            if (!is_at(route, head->path, &part))
                continue;
            *peer = part;
            found = route;
            if (api_route_takes(route, head->method))
                return route;
        }
    }
    return found;
}

static bool is_taken(str path, enum http_method method)
{
    for (size_t i = 0; i < COUNT_OF(tables); i++) {
        for (size_t j = 0; j < tables[i]->n; j++) {
            const struct api_route *route = &tables[i]->routes[j];
            if (str_eq(route->path, path) && route->method == method)
                return true;
        }
    }
    return false;
}

const char *api_route_allow(const struct api_route *route)
{
    const bool gets = is_taken(route->path, HTTP_GET);

    if (gets && is_taken(route->path, HTTP_POST))
        return "Allow: GET, HEAD, POST";
    return gets ? "Allow: GET, HEAD" : "Allow: POST";
}
