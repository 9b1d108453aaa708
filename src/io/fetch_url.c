#include "io/fetch_url.h"

#include <stdio.h>

#include "io/addr.h"

DEFINE_CLEANUP(char *, curl_free)
DEFINE_CLEANUP(CURLU *, curl_url_cleanup)

/** RFC 3986 but for the fragment, which nobody could be asked for; curl takes more. */
static bool is_written_out(str url)
{
    for (size_t i = 0; i < url.len; i++) {
        if (url.ptr[i] <= ' ' || url.ptr[i] > '~' || url.ptr[i] == '#')
            return false;
    }
    str_take(&url, str_find(url, ':'));
    return str_starts(url, STR("://")) && !str_starts(url, STR(":///"));
}

/** @return owned; NULL: it is none */
static CURLU *read_url(str url)
{
    char text[FETCH_URL_MAX + 1] = "";

    if (url.len > FETCH_URL_MAX || !is_written_out(url))
        return NULL;
    str_copy(text, url);
    CLEANUP(curl_url_cleanupp) CURLU *u = curl_url();
    assert(u);
    return curl_url_set(u, CURLUPART_URL, text, 0) == CURLUE_OK ? STEAL(u) : NULL;
}

/** @return owned; NULL: it has none */
static char *part_of(CURLU *u, CURLUPart part)
{
    char *text = NULL;
    const CURLUcode r = curl_url_get(u, part, &text, CURLU_DEFAULT_PORT);

    assert(r != CURLUE_OUT_OF_MEMORY);
    return r == CURLUE_OK ? text : NULL;
}

static bool has(CURLU *u, CURLUPart part)
{
    CLEANUP(curl_freep) char *text = part_of(u, part);
    return text != NULL;
}

static bool is(CURLU *u, CURLUPart part, str what)
{
    CLEANUP(curl_freep) char *text = part_of(u, part);
    return text && str_eq(str_of(text), what);
}

/** By its digits, or by the one name that curl itself knows and does not look up. */
static bool is_here(CURLU *u)
{
    CLEANUP(curl_freep) char *text = part_of(u, CURLUPART_HOST);
    str host = str_of(text);
    ip address;

    if (str_eq_nocase(host, STR("localhost")))
        return true;
    if (str_starts(host, STR("[")))
        host = (str){host.ptr + 1, host.len - 2};
    return ip_parse(&address, host) == 0 && ip_is_loopback(&address);
}

int fetch_url_init(struct fetch_url *out, str url, bool takes_plain)
{
    CLEANUP(curl_url_cleanupp) CURLU *u = read_url(url);

    if (!u || !has(u, CURLUPART_HOST) || is(u, CURLUPART_PORT, STR("0")))
        return FETCH_URL_BAD;
    if (has(u, CURLUPART_USER) || has(u, CURLUPART_PASSWORD) || has(u, CURLUPART_ZONEID))
        return FETCH_URL_BAD;
    const bool is_plain = is(u, CURLUPART_SCHEME, STR("http"));
    if (!is_plain && !is(u, CURLUPART_SCHEME, STR("https")))
        return FETCH_URL_BAD;
    const bool here = is_here(u);
    if (is_plain && !here && !takes_plain)
        return FETCH_URL_PLAIN;
    *out = (struct fetch_url){.curl = STEAL(u), .is_plain = is_plain, .is_here = here};
    return 0;
}

void fetch_url_fini(struct fetch_url *u)
{
    curl_url_cleanup(u->curl); // NULL is fine
}

int fetch_check_url(str url)
{
    struct fetch_url u = {0};
    const int r = fetch_url_init(&u, url, false);

    fetch_url_fini(&u);
    return r;
}

void fetch_host(char out[FETCH_HOST_SIZE], str url)
{
    CLEANUP(curl_url_cleanupp) CURLU *u = read_url(url);
    CLEANUP(curl_freep) char *host = u ? part_of(u, CURLUPART_HOST) : NULL;
    CLEANUP(curl_freep) char *port = u ? part_of(u, CURLUPART_PORT) : NULL;

    if (host && port) {
        snprintf(out, FETCH_HOST_SIZE, "%s:%s", host, port);
    } else {
        snprintf(out, FETCH_HOST_SIZE, "?");
    }
}
