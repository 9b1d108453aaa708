/** RSA keys of broken chips (ROCA, CVE-2017-15361), whose private key can be computed. */
#pragma once

#include "base/str.h"

/** @param modulus  big endian; of a good key about one in 2^27 looks like a broken one */
bool roca_is_broken(str modulus);
