/** The front end: web/dist as it was when this program was built, by tools/embed. */
#pragma once

#include "http/assets.h"

extern const struct http_assets embedded_assets;
