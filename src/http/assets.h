/**
 * Files that are part of the program, over HTTP: a table, of which each request is one row. GET
 * and HEAD, gzip where it is taken, 304 where nothing has changed. Any site's page may load
 * what is below HTTP_ASSETS_SHARED; other files are for pages of this server.
 */
#pragma once

#include "http/server.h"

#define HTTP_ASSET_MAX 1048576 // bytes of a file, which is answered at once; tools/embed checks

#define HTTP_ASSETS_SHARED "/embed/"

struct http_asset {
    str path;        // "/embed/parley-chat.js"; of letters, digits, '.', '_', '-' and '/'
    str type;        // Content-Type
    str etag;        // weak: gzip or not, it is the same
    str bytes;       // at most HTTP_ASSET_MAX
    str gzip;        // empty: would be no smaller
    bool is_lasting; // its name changes with what is in it
};

/** Borrowed, for as long as there are requests. */
struct http_assets {
    const struct http_asset *list; // by path
    size_t n;
};

/** arg is a const struct http_assets. "/" is "/index.html"; the query does not matter. */
extern const struct http_handler http_assets_handler;
