/** Keys in PEM, as OpenSSL's objects: for this layer only. It asks nobody for a pass phrase. */
#pragma once

#include <openssl/types.h>

#include "base/buf.h"

/** The public key, the certificate's or the private key's. @return owned, or NULL: none */
EVP_PKEY *pem_public(str pem);

/** @return owned, or NULL: none, or it is encrypted */
EVP_PKEY *pem_private(str pem);
