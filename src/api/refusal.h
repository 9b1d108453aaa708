/** What the chat refuses, as clients are told. */
#pragma once

#include "api/errors.h"
#include "chat/chat.h"

/**
 * @param r        an enum chat_refusal or a fault, but for CHAT_UNANSWERED: after that nothing
 *                 may be said
 * @param is_send  of a message: its fields have other names
 */
struct api_problem api_refusal(const struct chat_actor *a, int r, bool is_send);
