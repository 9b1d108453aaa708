/** What a client can read (RFC 9110, section 12.5). */
#pragma once

#include "http/head.h"

/**
 * Shall it be answered with gzip? Accept-Encoding says so, and does not weigh "identity" more.
 * What is no coding with a weight is passed over, and of a coding that is there twice the first
 * counts.
 */
bool http_accepts_gzip(const struct http_head *head);
