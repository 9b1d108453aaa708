#include "io/process.h"

#include <errno.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/err.h"
#include "base/str.h"

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

uint64_t process_memory(void)
{
    char line[64] = "";
    uint64_t pages = 0;
    FILE *file = fopen("/proc/self/statm", "re");

    if (!file)
        return 0;
    str rest = str_of(fgets(line, sizeof(line), file));
    (void)fclose(file);
    str_take_until(&rest, ' '); // the whole of its addresses; resident is the second
    if (str_to_u64(str_take_until(&rest, ' '), UINT32_MAX, &pages) != 0)
        return 0;
    return pages * (uint64_t)sysconf(_SC_PAGESIZE);
}
