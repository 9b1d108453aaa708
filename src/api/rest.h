/** The chat over HTTP, for servers and bots: /v1/conversations… (docs/protocol.md). */
#pragma once

#include "api/call.h"

extern const struct api_route_table api_rest_routes;
