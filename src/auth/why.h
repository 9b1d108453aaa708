/** How this layer refuses: with a number for the caller, and words for the operator. */
#pragma once

#include "base/base.h"

/** @param text  static @return refusal */
static inline int auth_refuse(int refusal, const char *text, const char **why)
{
    *why = text;
    return refusal;
}
