/** Copies as large as their bytes, so that ASan sees a read past the end. */
#pragma once

#include "base/mem.h"
#include "base/str.h"

/** @return owned; free() */
static inline char *exact_copy(str s)
{
    char *copy = mem_resize(NULL, s.len > 0 ? s.len : 1);
    str_copy(copy, s);
    return copy;
}

static inline void exact_free(char *copy)
{
    free(copy);
}
DEFINE_CLEANUP(char *, exact_free)
