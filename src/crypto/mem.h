/** OpenSSL's memory. */
#pragma once

/** What OpenSSL allocates can't fail (base/mem.h). Before its first use, or not at all. */
void crypto_mem_set(void);
