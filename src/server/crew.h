/** The workers of a process: threads with a node each, which share the store and the limits. */
#pragma once

#include "server/node.h"

/** Serve until a signal says stop. @return 0 or NODE_FAILED: said */
MUST_CHECK int crew_run(const struct node_config *config);
