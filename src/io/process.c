#include "io/process.h"

#include <errno.h>
#include <sys/resource.h>

#include "base/err.h"

uint64_t process_raise_file_limit(void)
{
    struct rlimit files = {0};

    if (getrlimit(RLIMIT_NOFILE, &files) < 0)
        return 0;
    const rlim_t before = files.rlim_cur;
    files.rlim_cur = files.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &files) == 0)
        return files.rlim_cur;
    err_fault(-errno, "raising the limit of open files from %llu", (unsigned long long)before);
    return before;
}
