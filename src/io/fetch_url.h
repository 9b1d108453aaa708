/** The URLs of io/fetch.h, as curl reads them: what was checked is what is asked. */
#pragma once

#include <curl/curl.h>

#include "io/fetch.h"

struct fetch_url {
    CURLU *curl;   // owned; fetch_url_fini()
    bool is_plain; // http://
    bool is_here;  // its host is this machine
};

/** @param takes_plain  http:// to another machine too
 * @return 0, or an enum fetch_url_refusal: there is nothing to be freed */
MUST_CHECK int fetch_url_init(struct fetch_url *out, str url, bool takes_plain);
void fetch_url_fini(struct fetch_url *u);
