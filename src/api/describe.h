/** What is stored of a message that has a file. */
#pragma once

#include "base/buf.h"
#include "chat/types.h"

/**
 * Add the content to out, with mime and size of its upload, and with its name where the content
 * has none. For struct chat_uploads_config.
 *
 * @param out      must take what comes
 * @param content  of a message whose upload is u, as it was decoded
 */
void api_describe(struct buf *out, str content, const struct chat_upload *u);
