/** Which process listens on a port of this machine; as far as /proc lets us see. */
#pragma once

#include <sys/types.h>

#include "base/base.h"

struct listener_found {
    bool is_there;
    uid_t uid;     // whose socket it is
    pid_t pid;     // 0: it can't be seen
    char name[16]; // its program's
};

void listener_find(struct listener_found *out, uint16_t port);
