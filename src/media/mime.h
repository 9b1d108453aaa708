/**
 * What a file claims to be: its MIME type, the first bytes that must go with it, and how a
 * browser may be given it.
 *
 * A type is taken without its parameters, in any case.
 */
#pragma once

#include "base/buf.h"
#include "base/str.h"

#define MIME_SNIFF_SIZE 512 // bytes of a file that are looked at

// Bytes that mime_disposition() adds at most.
#define MIME_DISPOSITION_SIZE(name_bytes) (4 * (name_bytes) + 48)

/** May a browser show it in a page of ours? Images, audio and video that run nothing. */
bool mime_is_safe(str mime);

/**
 * Can a file that begins so be of this type? Those that are safe, PDF, ZIP, and what is a ZIP
 * of the office suites have bytes that they begin with. Of any other type all is fine but what
 * browsers take for HTML where they are told nothing (WHATWG, MIME Sniffing); and that is fine
 * of HTML itself, of XML and of Markdown. All of these are only ever saved.
 *
 * @param head  the first MIME_SNIFF_SIZE bytes, or the whole file; of more, these
 */
bool mime_fits(str mime, str head);

/**
 * Add the value of Content-Disposition (RFC 6266) that saves, or with is_inline shows, a file
 * of this name: with filename for old clients and filename* (RFC 8187). Whatever bytes the name
 * has, what is added is printable ASCII.
 *
 * @param name  UTF-8; empty: none is said
 * @param out   it must take MIME_DISPOSITION_SIZE of the name
 */
void mime_disposition(struct buf *out, bool is_inline, str name);
