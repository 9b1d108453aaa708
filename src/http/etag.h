/** Entity tags (RFC 9110, section 8.8.3). */
#pragma once

#include "base/str.h"

/**
 * Is this one of the tags of an If-None-Match, or is that "*"? By the weak comparison: W/ does
 * not matter, in either of them.
 *
 * @param etag  with its quotes; no comma is in it
 */
bool http_etag_is_listed(str list, str etag);
