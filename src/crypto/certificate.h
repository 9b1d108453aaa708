/** What a file of certificates has in it: for who looks for what is wrong with it. */
#pragma once

#include <openssl/types.h>

#include "base/str.h"

struct crypto_certificate {
    unsigned n;       // certificates
    bool is_in_order; // each was issued by the next one
    bool is_own;      // the first one's issuer is itself
    int64_t begins_s; // of the first, since 1970; like the next one
    int64_t ends_s;
    bool has_name; // the first is of that name
};

/** @return in seconds since 1970; 0: it is no time */
int64_t crypto_certificate_time(const ASN1_TIME *t);

enum crypto_certificate_refusal {
    CRYPTO_CERTIFICATE_NONE = 1, // there is none in the file, or it can't be read
};

/** @param name  a host, or an address without brackets; empty: no matter
 * @return 0 or CRYPTO_CERTIFICATE_NONE */
MUST_CHECK int crypto_certificate_look(struct crypto_certificate *out, const char *file,
                                       str name);
