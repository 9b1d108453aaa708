#include "doctor/judge.h"

#include <time.h>

#include "io/addr.h"

#define DAY_S 86400

enum verdict judge_clock(int64_t ahead_ms)
{
    const int64_t off_ms = ahead_ms < 0 ? -ahead_ms : ahead_ms;

    if (off_ms > DOCTOR_CLOCK_BAD_MS)
        return VERDICT_BAD;
    return off_ms > DOCTOR_CLOCK_WARN_MS ? VERDICT_WARN : VERDICT_OK;
}

enum verdict judge_certificate(int64_t left_s)
{
    if (left_s <= 0)
        return VERDICT_BAD;
    return left_s < (int64_t)CERTIFICATE_WARN_DAYS * DAY_S ? VERDICT_WARN : VERDICT_OK;
}

// linux/magic.h, and the sources of those that are not in there.
#define LOCKS   "SQLite's locks, and its syncs, may not hold: the store may be damaged"
#define MEMORY  "it is in memory: all is gone when the machine starts anew"
#define OVERLAY "it is a layer of the container: all is gone with that"

static const struct {
    uint64_t type;
    struct judge_filesystem is;
} filesystems[] = {
    {0xef53, {"ext4", NULL}},           {0x58465342, {"xfs", NULL}},
    {0x9123683e, {"btrfs", NULL}},      {0x2fc12fc1, {"zfs", NULL}},
    {0xf2f52010, {"f2fs", NULL}},       {0xca451a4e, {"bcachefs", NULL}},
    {0x01021994, {"tmpfs", MEMORY}},    {0x858458f6, {"ramfs", MEMORY}},
    {0x794c7630, {"overlay", OVERLAY}}, {0x6969, {"NFS", LOCKS}},
    {0xff534d42, {"CIFS", LOCKS}},      {0xfe534d42, {"SMB", LOCKS}},
    {0x01021997, {"9p", LOCKS}},        {0x65735546, {"FUSE", LOCKS}},
    {0x00c36400, {"Ceph", LOCKS}},      {0x47504653, {"GPFS", LOCKS}},
    {0x0bd00bd0, {"Lustre", LOCKS}},    {0x786f4256, {"vboxsf", LOCKS}},
    {0x4d44, {"FAT", LOCKS}},           {0x2011bab0, {"exFAT", LOCKS}},
};

struct judge_filesystem judge_filesystem(uint64_t type)
{
    for (size_t i = 0; i < COUNT_OF(filesystems); i++) {
        if (filesystems[i].type == type)
            return filesystems[i].is;
    }
    return (struct judge_filesystem){"?", NULL};
}

enum verdict judge_room(uint64_t free_bytes, uint64_t n_files, uint64_t reserve)
{
    if (free_bytes < DISK_FREE_BAD || n_files == 0)
        return VERDICT_BAD;
    return free_bytes < DISK_FREE_WARN + reserve || n_files < DISK_FILES_MIN ? VERDICT_WARN
                                                                             : VERDICT_OK;
}

enum judge_whose judge_whose(const struct judge_seen *seen)
{
    if (seen->has_forwarded)
        return seen->is_trusted ? WHOSE_CLIENT : WHOSE_NOT_TRUSTED;
    return seen->is_proxied ? WHOSE_NOT_SAID : WHOSE_DIRECT;
}

/** "[::1]" or "host", off the front. */
static str take_host(str *rest)
{
    if (str_starts(*rest, STR("["))) {
        (void)str_take(rest, 1);
        return str_take_until(rest, ']');
    }
    return str_take(rest, str_find(*rest, ':'));
}

bool judge_site(struct judge_site *out, str url)
{
    static const str schemes[] = {{"http://", 7}, {"https://", 8}};
    uint64_t port = 0;

    for (size_t i = 0; i < COUNT_OF(schemes); i++) {
        str rest = url;
        if (!str_starts(url, schemes[i]))
            continue;
        (void)str_take(&rest, schemes[i].len);
        const size_t end = str_find(rest, '/');
        rest.len = end;
        *out = (struct judge_site){
            .is_https = i == 1,
            .origin = {url.ptr, schemes[i].len + end},
            .port = i == 1 ? 443 : 80,
        };
        out->host = take_host(&rest);
        if (rest.len > 1 && rest.ptr[0] == ':') {
            (void)str_take(&rest, 1);
            if (str_to_u64(rest, UINT16_MAX, &port) != 0)
                return false;
            out->port = (uint16_t)port;
        }
        return out->host.len > 0;
    }
    return false;
}

bool judge_is_loopback(str host)
{
    ip address;

    return str_eq(host, STR("localhost")) ||
           (ip_parse(&address, host) == 0 && ip_is_loopback(&address));
}

int64_t judge_date(str field)
{
    char text[64];
    struct tm tm = {0};

    if (field.len == 0 || field.len >= sizeof(text))
        return -1;
    str_copy(text, field);
    text[field.len] = '\0';
    const char *end = strptime(text, "%a, %d %b %Y %H:%M:%S GMT", &tm);
    return end && !*end ? timegm(&tm) : -1;
}
