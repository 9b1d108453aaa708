#include "doctor/listener.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LISTENS 0x0a // TCP_LISTEN, of include/net/tcp_states.h

/** @return the inode of the socket that listens; 0: none */
static unsigned long find_inode(const char *table, uint16_t port, uid_t *uid)
{
    FILE *f = fopen(table, "re");
    unsigned long found = 0;
    char line[512];

    while (f && !found && fgets(line, sizeof(line), f)) {
        unsigned local = 0;
        unsigned state = 0;
        unsigned owner = 0;
        unsigned long inode = 0;
        if (sscanf(line, "%*d: %*[0-9A-Fa-f]:%x %*[0-9A-Fa-f]:%*x %x %*s %*s %*s %u %*s %lu",
                   &local, &state, &owner, &inode) == 4 &&
            local == port && state == LISTENS) {
            found = inode;
            *uid = owner;
        }
    }
    if (f)
        fclose(f);
    return found;
}

/** @param fds  "/proc/PID/fd" */
static bool has_socket(const char *fds, unsigned long inode)
{
    DIR *dir = opendir(fds);
    struct dirent *each = NULL;
    bool has = false;
    char want[64];

    snprintf(want, sizeof(want), "socket:[%lu]", inode);
    while (dir && !has && (each = readdir(dir))) {
        char is[64];
        const ssize_t n = readlinkat(dirfd(dir), each->d_name, is, sizeof(is));
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
    struct dirent *each = NULL;

    while (proc && (each = readdir(proc))) {
        char path[64];
        const long pid = strtol(each->d_name, NULL, 10);
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
