/** The server's certificate: --tls-cert and --tls-key. */
#pragma once

#include "base/str.h"
#include "io/tls_context.h"

/** @param out  owned; tls_context_free() @return 0 or the exit code: said, with what to do */
MUST_CHECK int certificate_open(struct tls_context **out, str cert_file, str key_file);

/** Read the files anew; where they are no good, what there was stays. The log says which. */
void certificate_reload(struct tls_context *c);
