#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/mem.h"
#include "bench/floor.h"
#include "bench/net.h"

#define FILE_MAX  (UINT64_C(256) << 20) // bytes; then another size of groups, or the end
#define PATH_SIZE 4096                  // bytes

static const uint32_t groups[FLOOR_GROUPS] = {1, 128, 1024};

/** Finer than /proc says it: a second of syncs takes little. */
static int64_t cpu_us(void)
{
    struct rusage use = {0};

    (void)getrusage(RUSAGE_SELF, &use);
    return (use.ru_utime.tv_sec + use.ru_stime.tv_sec) * INT64_C(1000000) +
           use.ru_utime.tv_usec + use.ru_stime.tv_usec;
}

/** @return 0 or -1, with errno */
static int append_group(int fd, const char *records, size_t size, struct floor_append *a)
{
    const ssize_t n = write(fd, records, size);

    if (n != (ssize_t)size) {
        errno = n < 0 ? errno : ENOSPC;
        return -1;
    }
    const int64_t before_us = net_now_us();
    if (fdatasync(fd) != 0)
        return -1;
    histogram_add(&a->sync_us, net_now_us() - before_us);
    a->n += a->n_group;
    return 0;
}

static int append_groups(int fd, struct floor_append *a)
{
    const size_t size = (size_t)a->n_group * FLOOR_RECORD_SIZE;
    char *records = mem_alloc(size);
    int r = ftruncate(fd, 0) == 0 && lseek(fd, 0, SEEK_SET) == 0 ? 0 : -1;

    memset(records, 'x', size);
    const int64_t from_cpu_us = cpu_us();
    const int64_t from_us = net_now_us();
    while (r == 0 && a->took_us < FLOOR_APPEND_US && a->n * FLOOR_RECORD_SIZE < FILE_MAX) {
        r = append_group(fd, records, size, a);
        a->took_us = net_now_us() - from_us;
    }
    a->cpu_us = cpu_us() - from_cpu_us;
    free(records);
    return r;
}

/** A file without a name, which is gone when it is closed. @return -1: there is none */
static int open_file(str folder)
{
    char path[PATH_SIZE];

    const int n =
        snprintf(path, sizeof(path), STR_FMT "/parley-bench-floor-XXXXXX", STR_ARG(folder));
    if (n < 0 || (size_t)n >= sizeof(path)) {
        errno = ENAMETOOLONG;
        return -1;
    }
    const int fd = mkstemp(path);
    if (fd >= 0)
        (void)unlink(path);
    return fd;
}

int floor_append(struct floor *out, const struct floor_config *config)
{
    const int fd = open_file(config->folder);
    int r = fd < 0 ? -1 : 0;

    for (size_t i = 0; r == 0 && i < FLOOR_GROUPS; i++) {
        out->appends[i] = (struct floor_append){.n_group = groups[i]};
        r = append_groups(fd, &out->appends[i]);
    }
    if (r != 0) {
        fprintf(stderr, "parley-bench: floor: no file in " STR_FMT " to append to: %m\n",
                STR_ARG(config->folder));
    }
    if (fd >= 0)
        (void)close(fd);
    return r == 0 ? 0 : FLOOR_FAILED;
}
