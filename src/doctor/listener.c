#include "doctor/listener.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/str.h"

#define LISTENS "0A" // TCP_LISTEN, of include/net/tcp_states.h

/** The next word of a line; empty at its end. */
static str take_word(str *line)
{
    while (line->len > 0 && line->ptr[0] == ' ')
        (void)str_take(line, 1);
    return str_take_until(line, ' ');
}

/** A line of /proc/net/tcp: "0: LOCAL:PORT REMOTE:PORT STATE QUEUES TIMER RETRIES UID TIMEOUT
 * INODE …". @return its inode, if it is one that listens at that port; else 0 */
static unsigned long inode_of(str line, uint16_t port, uid_t *uid)
{
    (void)take_word(&line);
    str local = take_word(&line);
    (void)str_take_until(&local, ':');
    (void)take_word(&line);
    const str state = take_word(&line);
    if (local.len == 0 || strtoul(local.ptr, NULL, 16) != port || !str_eq(state, STR(LISTENS)))
        return 0;
    for (int i = 0; i < 3; i++)
        (void)take_word(&line);
    const str owner = take_word(&line);
    (void)take_word(&line);
    const str inode = take_word(&line);
    *uid = (uid_t)strtoul(owner.len > 0 ? owner.ptr : "0", NULL, 10);
    return strtoul(inode.len > 0 ? inode.ptr : "0", NULL, 10);
}

/** @return the inode of the socket that listens; 0: none */
static unsigned long find_inode(const char *table, uint16_t port, uid_t *uid)
{
    FILE *f = fopen(table, "re");
    unsigned long found = 0;
    char line[512];

    while (f && !found && fgets(line, sizeof(line), f))
        found = inode_of(str_of(line), port, uid);
    if (f)
        fclose(f);
    return found;
}

/** @param fds  "/proc/PID/fd" */
static bool has_socket(const char *fds, unsigned long inode)
{
    DIR *dir = opendir(fds);
    bool has = false;
    char want[64];

    snprintf(want, sizeof(want), "socket:[%lu]", inode);
    // NOLINTNEXTLINE(concurrency-mt-unsafe): nobody else has this one
    for (const struct dirent *e = dir ? readdir(dir) : NULL; e && !has; e = readdir(dir)) {
        char is[64];
        const ssize_t n = readlinkat(dirfd(dir), e->d_name, is, sizeof(is));
        has = n > 0 && (size_t)n == strlen(want) && memcmp(is, want, (size_t)n) == 0;
    }
    if (dir)
        closedir(dir);
    return has;
}

static void read_name(struct listener_found *out)
{
    char path[64];

    snprintf(path, sizeof(path), "/proc/%lld/comm", (long long)out->pid);
    FILE *f = fopen(path, "re");
    if (!f)
        return;
    if (fgets(out->name, sizeof(out->name), f))
        out->name[strcspn(out->name, "\n")] = '\0';
    fclose(f);
}

/** Of those that have it the first one, whose children the others are; but the service manager
 * only where it has not given it to anybody. */
static bool is_better(pid_t pid, pid_t than)
{
    return than <= 1 || (pid > 1 && pid < than);
}

static void find_process(struct listener_found *out, unsigned long inode)
{
    DIR *proc = opendir("/proc");

    // NOLINTNEXTLINE(concurrency-mt-unsafe): nobody else has this one
    for (const struct dirent *e = proc ? readdir(proc) : NULL; e; e = readdir(proc)) {
        char path[64];
        const long pid = strtol(e->d_name, NULL, 10);
        if (pid <= 0)
            continue;
        snprintf(path, sizeof(path), "/proc/%ld/fd", pid);
        if (is_better((pid_t)pid, out->pid) && has_socket(path, inode))
            out->pid = (pid_t)pid;
    }
    if (proc)
        closedir(proc);
    if (out->pid > 0)
        read_name(out);
}

void listener_find(struct listener_found *out, uint16_t port)
{
    *out = (struct listener_found){0};
    unsigned long inode = find_inode("/proc/net/tcp", port, &out->uid);
    if (inode == 0)
        inode = find_inode("/proc/net/tcp6", port, &out->uid);
    if (inode == 0)
        return;
    out->is_there = true;
    find_process(out, inode);
}
