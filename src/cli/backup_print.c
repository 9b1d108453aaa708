#include "cli/backup_print.h"

#include <inttypes.h>
#include <time.h>

#define MIB 1048576

void backup_print_info(FILE *out, const struct backup_info *info)
{
    const time_t made = (time_t)(info->made_at_ms / 1000);
    struct tm tm;
    char when[32];

    strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&made, &tm));
    fprintf(out,
            "%" PRId64 " messages of %" PRId64 " accounts, %" PRId64 " files (%" PRId64
            " MiB), %" PRId64 " keys, as they were at %s, by Parley %s\n",
            info->n_messages, info->n_accounts, info->n_files, info->n_bytes / MIB,
            info->n_keys, when, info->version);
    if (info->n_missing > 0) {
        fprintf(out,
                "%" PRId64 " files of messages are not in it: they were not in media/kept\n",
                info->n_missing);
    }
}
