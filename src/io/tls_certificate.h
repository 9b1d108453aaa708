/** What a file of certificates has in it: for who looks for what is wrong with it. */
#pragma once

#include "base/str.h"

struct tls_certificate {
    unsigned n;       // certificates
    bool is_in_order; // each was issued by the next one
    bool is_own;      // the first one's issuer is itself
    int64_t begins_s; // of the first, since 1970; like the next one
    int64_t ends_s;
    bool has_name; // the first is of that name
};

enum tls_certificate_refusal {
    TLS_CERTIFICATE_NONE = 1, // there is none in the file, or it can't be read
};

/** @param name  a host, or an address without brackets; empty: no matter
 * @return 0 or TLS_CERTIFICATE_NONE */
MUST_CHECK int tls_certificate_look(struct tls_certificate *out, const char *file, str name);
