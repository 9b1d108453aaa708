/** Whose files, beside those that were uploaded here, a message may name: a list of URLs that
 * theirs must begin with. */
#pragma once

#include "base/str.h"

#define API_URLS_MAX 32   // of a list
#define API_URL_MAX  2048 // bytes of a file's URL

/** All zeroes lets none pass. */
struct api_urls {
    size_t n;
    str list[API_URLS_MAX]; // each as it was given
};

enum api_urls_refusal {
    API_URLS_BAD =
        1, // neither https://host[:port] nor that with a path; http:// to this machine
    API_URLS_TOO_MANY,
};

/**
 * @param text  "https://cdn.example", or "https://cdn.example/files"; borrowed for the life of
 * u
 * @return 0 or an enum api_urls_refusal
 */
MUST_CHECK int api_urls_add(struct api_urls *u, str text);

/**
 * Is this the URL of one of them? Scheme, host and port are the same; a path of the list ends
 * where a segment ends. No URL is that has a user, a fragment, white space, a backslash, or a
 * segment that is "." or ".." in any spelling: what two readers read differently.
 */
bool api_urls_allow(const struct api_urls *u, str url);
