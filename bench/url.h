/** Where the server is: "http://HOST:PORT", with the path of Socket.IO if it is another. */
#pragma once

#include "base/str.h"

#define URL_HOST_SIZE 256 // bytes, NUL included
#define URL_PORT_SIZE 6

struct url {
    char host[URL_HOST_SIZE]; // no brackets
    char port[URL_PORT_SIZE]; // "80" where there is none
    str authority;            // as it is written; in the text
    str path;                 // "/socket.io/" where there is none, or only "/"
};

enum url_refusal {
    URL_BAD = 1, // not of that form
    URL_TLS,     // https
};

/** @return 0, or an enum url_refusal */
MUST_CHECK int url_parse(struct url *out, str text);
