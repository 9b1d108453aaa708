#include "bench/process.h"

#include <stdio.h>
#include <unistd.h>

#define STAT_SIZE 1024

// Fields of /proc/PID/stat, counted from 1 as proc(5) does; the state is the third, and the
// first behind the name.
#define FIELD_STATE 3
#define FIELD_UTIME 14
#define FIELD_STIME 15
#define FIELD_RSS   24

int process_read_stat(str text, int64_t ticks_per_s, int64_t page_kib, struct process_use *out)
{
    const char *name_end = text.len > 0 ? memrchr(text.ptr, ')', text.len) : NULL;
    uint64_t ticks = 0;

    if (!name_end)
        return PROCESS_GONE;
    str rest = {name_end + 1, text.len - (size_t)(name_end + 1 - text.ptr)};
    str_take_until(&rest, ' ');
    for (int field = FIELD_STATE; field <= FIELD_RSS; field++) {
        if (str_find(rest, ' ') == rest.len) // the text ends, maybe within a number
            return PROCESS_GONE;
        const str word = str_take_until(&rest, ' ');
        uint64_t value = 0;
        if (field != FIELD_UTIME && field != FIELD_STIME && field != FIELD_RSS)
            continue;
        if (str_to_u64(word, UINT32_MAX, &value) != 0)
            return PROCESS_GONE;
        if (field == FIELD_RSS) {
            out->rss_kib = (int64_t)value * page_kib;
        } else {
            ticks += value;
        }
    }
    out->cpu_us = (int64_t)ticks * 1000000 / ticks_per_s;
    return 0;
}

int process_use(uint64_t pid, struct process_use *out)
{
    char path[64] = "/proc/self/stat";
    char text[STAT_SIZE];

    if (pid != 0)
        (void)snprintf(path, sizeof(path), "/proc/%llu/stat", (unsigned long long)pid);
    FILE *file = fopen(path, "re");
    if (!file)
        return PROCESS_GONE;
    const size_t n = fread(text, 1, sizeof(text), file);
    (void)fclose(file);
    return process_read_stat((str){text, n}, sysconf(_SC_CLK_TCK), sysconf(_SC_PAGESIZE) / 1024,
                             out);
}
