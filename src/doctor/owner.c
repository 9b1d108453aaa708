#include "doctor/owner.h"

#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"

static char *name_of(uid_t uid, const struct passwd *pw)
{
    char number[16];

    if (pw)
        return mem_strdup(pw->pw_name);
    snprintf(number, sizeof(number), "%u", (unsigned)uid);
    return mem_strdup(number);
}

int owner_become(const char *data, char **name)
{
    struct stat st = {0};

    if (geteuid() != 0 || stat(data, &st) != 0 || st.st_uid == 0)
        return OWNER_STAYS;
    // NOLINTBEGIN(concurrency-mt-unsafe): there is one thread yet
    const struct passwd *pw = getpwuid(st.st_uid);
    const gid_t gid = pw ? pw->pw_gid : st.st_gid;
    const int r = pw ? initgroups(pw->pw_name, gid) : setgroups(0, NULL);
    if (r != 0 || setresgid(gid, gid, gid) != 0 ||
        setresuid(st.st_uid, st.st_uid, st.st_uid) != 0)
        return OWNER_FAILED;
    if (pw)
        setenv("HOME", pw->pw_dir, 1); // where libpq looks for passwords
    // NOLINTEND(concurrency-mt-unsafe)
    *name = name_of(st.st_uid, pw);
    return 0;
}
