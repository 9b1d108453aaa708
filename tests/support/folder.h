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
    size_t n = 0;
    DIR *dir = opendir(path);

    assert_non_null(dir);
    // NOLINTNEXTLINE(concurrency-mt-unsafe): one thread
    for (const struct dirent *e = readdir(dir); e; e = readdir(dir))
        n += e->d_name[0] != '.';
    (void)closedir(dir);
    return n;
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
    assert_int_equal(nftw(f->path, folder_forget, 8, FTW_DEPTH | FTW_PHYS), 0);
}
