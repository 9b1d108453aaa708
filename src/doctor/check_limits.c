#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "doctor/checks.h"
#include "server/serve_config.h"

#define MIB             1048576
#define BACKLOG_MIN     1024
#define MEMORY_BESIDE   (128ULL * MIB) // what a server takes beside its store
#define STORE_AT_MOST   4              // times --store-memory, where the index can't follow
#define CONNECTIONS_MIN 1000

// Open files.

/** Of a process: the hard limit, which a server takes. @return 0: it can't be seen */
static uint64_t limit_of(pid_t pid)
{
    static const str name = {"Max open files", 14};
    uint64_t hard = 0;
    char path[64];
    char line[256];

    snprintf(path, sizeof(path), "/proc/%lld/limits", (long long)pid);
    FILE *f = fopen(path, "re");
    while (f && hard == 0 && fgets(line, sizeof(line), f)) {
        char *rest = line + name.len;
        if (!str_starts(str_of(line), name))
            continue;
        (void)strtoull(rest, &rest, 10); // the soft one
        hard = strtoull(rest, NULL, 10);
    }
    if (f)
        fclose(f);
    return hard;
}

static uint64_t own_limit(void)
{
    struct rlimit r = {0};

    return getrlimit(RLIMIT_NOFILE, &r) == 0 ? r.rlim_max : 0;
}

static uint64_t read_number(const char *path, uint64_t otherwise)
{
    char text[32] = "";
    uint64_t n = 0;
    FILE *f = fopen(path, "re");

    if (f && !fgets(text, sizeof(text), f))
        text[0] = '\0';
    if (f)
        fclose(f);
    text[strcspn(text, "\n")] = '\0';
    return str_to_u64(str_of(text), UINT64_MAX, &n) == 0 ? n : otherwise;
}

static void check_backlog(struct doctor *d)
{
    const uint64_t n = read_number("/proc/sys/net/core/somaxconn", BACKLOG_MIN);

    if (n >= BACKLOG_MIN)
        return;
    finding_add(&d->findings, VERDICT_WARN, "files", "sysctl -w net.core.somaxconn=4096",
                "net.core.somaxconn is %llu: when many come at once, some are not let in",
                (unsigned long long)n);
}

static const char remedy_of_files[] =
    "Raise it: LimitNOFILE=65536 in the unit (systemctl edit parley), --ulimit nofile=65536 of "
    "a container, or ulimit -Hn.";

void check_files(struct doctor *d)
{
    const bool runs = d->server.is_local;
    uint64_t files = runs ? limit_of(d->server.pid) : 0;
    const char *whose = files > 0 ? "the server" : "a process that is started as this one";

    files = files > 0 ? files : own_limit();
    const uint64_t reserved = TCP_FILES_RESERVED + serve_config_files_beside(&d->config);
    const uint64_t n = files / 2 > reserved ? files - reserved : files / 2;
    enum verdict v = n < CONNECTIONS_MIN ? VERDICT_WARN : VERDICT_OK;
    if (files < SERVE_FILES_MIN)
        v = VERDICT_BAD;
    finding_add(&d->findings, v, "files", v == VERDICT_OK ? NULL : remedy_of_files,
                "%s may open %llu: that is %llu connections", whose, (unsigned long long)files,
                (unsigned long long)n);
    check_backlog(d);
}

// Memory.

/** Of a process, in version 2 of cgroups. @return false: that can't be seen */
static bool find_group(char *out, size_t size, pid_t pid)
{
    char path[64];
    char line[512];
    bool found = false;

    snprintf(path, sizeof(path), "/proc/%lld/cgroup", (long long)pid);
    FILE *f = fopen(path, "re");
    while (f && !found && fgets(line, sizeof(line), f)) {
        line[strcspn(line, "\n")] = '\0';
        found = strncmp(line, "0::", 3) == 0 &&
                snprintf(out, size, "/sys/fs/cgroup%s", line + 3) < (int)size;
    }
    if (f)
        fclose(f);
    return found;
}

/** The least of all groups that it is in. */
static uint64_t group_limit(pid_t pid)
{
    char group[640];
    char path[sizeof(group) + sizeof("/memory.max")];
    uint64_t least = UINT64_MAX;

    if (!find_group(group, sizeof(group), pid))
        return least;
    while (strlen(group) >= sizeof("/sys/fs/cgroup") - 1) {
        snprintf(path, sizeof(path), "%s/memory.max", group);
        const uint64_t here = read_number(path, UINT64_MAX); // "max" is no number
        least = here < least ? here : least;
        *strrchr(group, '/') = '\0';
    }
    return least;
}

void check_memory(struct doctor *d)
{
    char size[FINDING_SIZE_SIZE];
    char more[FINDING_SIZE_SIZE];
    const uint64_t pages = (uint64_t)sysconf(_SC_PHYS_PAGES);
    const uint64_t machine = pages * (uint64_t)sysconf(_SC_PAGESIZE);
    const uint64_t group = group_limit(d->server.is_local ? d->server.pid : getpid());
    const uint64_t has = group < machine ? group : machine;
    const uint64_t store =
        serve_config_is_sqlite(d->options) ? STORE_AT_MOST * d->options->store_memory : 0;
    const uint64_t needs = store + MEMORY_BESIDE;

    if (has < needs) {
        finding_add(&d->findings, VERDICT_WARN, "memory",
                    "Raise the limit (MemoryMax= of the unit, --memory of a container), or "
                    "lower --store-memory, which may be taken four times.",
                    "%s may be had, and the server may want %s without a client",
                    finding_size(size, has), finding_size(more, needs));
        return;
    }
    finding_add(&d->findings, VERDICT_OK, "memory", NULL, "%s%s", finding_size(size, has),
                group < machine ? ", by the limit of its group" : "");
}
