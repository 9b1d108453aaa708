/** A folder of its own for each test, under $TMPDIR or /tmp. */
#pragma once

#include <dirent.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/t.h"

struct folder {
    char path[256];
};

static inline void folder_make(struct folder *f)
{
    const char *tmp = getenv("TMPDIR"); // NOLINT(concurrency-mt-unsafe): one thread

    (void)snprintf(f->path, sizeof(f->path), "%s/parley-test-XXXXXX", tmp ? tmp : "/tmp");
    assert_non_null(mkdtemp(f->path));
}

/** The path of what lies in it. @return out */
static inline const char *folder_path(char out[512], const struct folder *f, const char *name)
{
    (void)snprintf(out, 512, "%s/%s", f->path, name);
    return out;
}

static inline size_t folder_count(const char *path)
{
    struct dirent **names = NULL;
    const int n = scandir(path, &names, NULL, NULL);

    assert_true(n >= 2);
    for (int i = 0; i < n; i++)
        free(names[i]);
    free((void *)names);
    return (size_t)n - 2; // but for itself and its parent
}

static inline int folder_forget(const char *path, const struct stat *st, int kind,
                                struct FTW *at)
{
    (void)st;
    (void)kind;
    (void)at;
    return remove(path);
}

static inline void folder_remove(const struct folder *f)
{
    // NOLINTNEXTLINE(concurrency-mt-unsafe): one thread
    const int r = nftw(f->path, folder_forget, 8, FTW_DEPTH | FTW_PHYS);
    assert_int_equal(r, 0);
}
