/**
 * URIs and authorities (RFC 3986): whether a text is one, and where its parts are. Nothing is
 * decoded or made equal: case and escapes stay as they are written. The versions of IP that
 * are yet to come (IPvFuture) are refused.
 */
#pragma once

#include "base/str.h"

enum auth_uri_refusal {
    AUTH_URI_BAD = 1,
};

/** "user@host:port", section 3.2. Everything points into the text. */
struct auth_authority {
    bool has_user; // an empty one as well
    str user;
    str host; // an IPv6 address with its brackets; may be empty
    str port; // digits, any number of them; empty: none
};

/** @return 0 or AUTH_URI_BAD */
MUST_CHECK int auth_authority_parse(struct auth_authority *out, str text);

/** A whole URI, section 3: with its scheme. */
struct auth_uri {
    str scheme;
    struct auth_authority authority; // empty where there is none, as in "urn:a:b"
};

/** @return 0 or AUTH_URI_BAD */
MUST_CHECK int auth_uri_parse(struct auth_uri *out, str text);

/** ALPHA *( ALPHA / DIGIT / "+" / "-" / "." ) */
bool auth_uri_is_scheme(str text);
