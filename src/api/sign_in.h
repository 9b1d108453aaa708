/** Signing in over HTTP: /v1/auth/… and the server's public keys (docs/protocol.md). */
#pragma once

#include "api/call.h"

extern const struct api_route_table api_sign_in_routes;
