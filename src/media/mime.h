/**
 * What a file claims to be: its MIME type, the first bytes that must go with it, and how a
 * browser may be given it.
 */
#pragma once

#include "base/buf.h"
#include "base/str.h"

#define MIME_SNIFF_SIZE 512 // bytes of a file that are looked at

/** May a browser show it in a page of ours? Images, audio and video that run nothing. */
bool mime_is_safe(str mime);

/**
 * Can a file that begins so be of this type? Types that we know have bytes that they begin
 * with. Of any other, all is fine but HTML.
 *
 * @param head  the first MIME_SNIFF_SIZE bytes, or the whole file
 */
bool mime_fits(str mime, str head);

/** Add the value of Content-Disposition (RFC 6266) that saves, or with is_inline shows, a file
 * of this name: with filename for old clients and filename* (RFC 8187). */
void mime_disposition(struct buf *out, bool is_inline, str name);
