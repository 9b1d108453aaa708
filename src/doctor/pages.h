/** Pages of other origins, as a browser asks for them (Fetch standard, "CORS protocol"). */
#pragma once

#include "doctor/doctor.h"

#define PAGES_MAX (OPTIONS_LIST_MAX + 1)

/** Those that are let in: of --origins, and the one that the public URL is of itself. */
struct pages {
    size_t n;
    str origins[PAGES_MAX];
};

void pages_of(struct pages *out, const struct doctor *d);

/** May a page of this origin read the answer? */
bool pages_allow(const struct answer *a, str origin);

/**
 * @param method   that the page wants to use
 * @param headers  that it wants to send, in lower case, with commas between; empty: none
 * @return NULL, or why the browser would not let it: static
 */
const char *pages_preflight(struct doctor *d, str url, str origin, str method, str headers);
