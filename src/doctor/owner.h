/** Run by root beside a data directory of somebody else's: be that one, who the server runs as.
 * What it sees is what the server sees, and what SQLite leaves there is not root's. */
#pragma once

#include "base/base.h"

enum owner_refusal {
    OWNER_STAYS = 1, // not root, or it is root's, or is not there
    OWNER_FAILED,    // still root, or a part of it
};

/** Thread: before there is another one. @param name  whose it is; owned @return 0 or an enum
 * owner_refusal */
MUST_CHECK int owner_become(const char *data, char **name);
