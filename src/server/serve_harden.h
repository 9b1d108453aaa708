/** What a server needs after its start, and nothing else: for io/harden.h. */
#pragma once

#include "server/node.h"
#include "server/serve_options.h"

/** With --hardening off it is only said. Thread: before there are others, after all that is
 * read but once. */
void serve_harden(const struct serve_options *o, const struct node_config *config);
