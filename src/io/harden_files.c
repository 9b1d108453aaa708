#include "io/harden_files.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

// What headers of an older kernel lack; and no C library has these calls.
#ifndef LANDLOCK_ACCESS_FS_REFER
    #define LANDLOCK_ACCESS_FS_REFER (1ULL << 13)
#endif
#ifndef LANDLOCK_ACCESS_FS_TRUNCATE
    #define LANDLOCK_ACCESS_FS_TRUNCATE (1ULL << 14)
#endif
#ifndef LANDLOCK_ACCESS_FS_IOCTL_DEV
    #define LANDLOCK_ACCESS_FS_IOCTL_DEV (1ULL << 15)
#endif
#ifndef LANDLOCK_ACCESS_NET_BIND_TCP
    #define LANDLOCK_ACCESS_NET_BIND_TCP (1ULL << 0)
#endif
#ifndef LANDLOCK_SCOPE_SIGNAL
    #define LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET (1ULL << 0)
    #define LANDLOCK_SCOPE_SIGNAL               (1ULL << 1)
#endif
#define RULE_NET_PORT 2 // LANDLOCK_RULE_NET_PORT, which is no macro

/** struct landlock_ruleset_attr, of version 6. A kernel that knows less is given less. */
struct ruleset {
    uint64_t files;
    uint64_t net;
    uint64_t scoped;
};

/** struct landlock_net_port_attr. */
struct port_rule {
    uint64_t allowed;
    uint64_t port;
};

#define READS (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
#define OF_FILES                                                                               \
    (LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_WRITE_FILE |                              \
     LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_TRUNCATE)
#define WRITES                                                                                 \
    (READS | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR |                   \
     LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_DIR |                            \
     LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_REFER |   \
     LANDLOCK_ACCESS_FS_TRUNCATE)
#define OTHERS                                                                                 \
    (LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_MAKE_CHAR |                               \
     LANDLOCK_ACCESS_FS_MAKE_BLOCK | LANDLOCK_ACCESS_FS_MAKE_FIFO |                            \
     LANDLOCK_ACCESS_FS_MAKE_SYM)

/** What sanitizers run to name the functions of a report. */
#if IS_WATCHED
    #define EXECUTES LANDLOCK_ACCESS_FS_EXECUTE
#else
    #define EXECUTES 0
#endif

static int create(const struct ruleset *set, size_t size, unsigned flags)
{
    const long r = syscall(SYS_landlock_create_ruleset, set, size, flags);
    return r < 0 ? -errno : (int)r;
}

static int add_rule(int rules, int kind, const void *rule)
{
    return syscall(SYS_landlock_add_rule, rules, kind, rule, 0) < 0 ? -errno : 0;
}

int harden_files_version(void)
{
    return create(NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
}

static struct ruleset ruleset_of(const struct harden_config *c, int version)
{
    struct ruleset set = {.files = WRITES | OTHERS};

    if (version < 3)
        set.files &= ~LANDLOCK_ACCESS_FS_TRUNCATE;
    if (version >= HARDEN_FILES_DEVS)
        set.files |= LANDLOCK_ACCESS_FS_IOCTL_DEV;
    if (version >= HARDEN_FILES_BIND && c->port != HARDEN_ANY_PORT)
        set.net = LANDLOCK_ACCESS_NET_BIND_TCP;
    if (version >= HARDEN_FILES_ENDS) {
        set.scoped = LANDLOCK_SCOPE_SIGNAL;
        set.scoped |= c->abstract_sockets ? 0 : LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET;
    }
    return set;
}

static size_t size_of(int version)
{
    if (version >= HARDEN_FILES_ENDS)
        return sizeof(struct ruleset);
    return version >= HARDEN_FILES_BIND ? offsetof(struct ruleset, scoped)
                                        : offsetof(struct ruleset, net);
}

/** @return 0 or -errno */
static int allow_open(int rules, const struct ruleset *set, const struct harden_path *p, int fd)
{
    struct landlock_path_beneath_attr rule = {.parent_fd = fd};
    struct stat st;

    if (fstat(fd, &st) < 0)
        return -errno;
    rule.allowed_access = (p->is_writable ? WRITES : READS | EXECUTES) & set->files;
    if (!S_ISDIR(st.st_mode))
        rule.allowed_access &= OF_FILES;
    return add_rule(rules, LANDLOCK_RULE_PATH_BENEATH, &rule);
}

static int allow_path(int rules, const struct ruleset *set, const struct harden_path *p)
{
    const int fd = open(p->path, O_PATH | O_CLOEXEC);

    if (fd < 0) // it is not there, or not for us
        return 0;
    const int r = allow_open(rules, set, p, fd);
    close(fd);
    return r;
}

static int allow_port(int rules, const struct ruleset *set, int port)
{
    const struct port_rule rule = {LANDLOCK_ACCESS_NET_BIND_TCP, (uint64_t)port};

    if (set->net == 0 || port == HARDEN_NO_PORT)
        return 0;
    return add_rule(rules, RULE_NET_PORT, &rule);
}

static int limit(int rules, const struct ruleset *set, const struct harden_config *c)
{
    int r = allow_port(rules, set, c->port);

    for (size_t i = 0; i < c->n_paths && r == 0; i++)
        r = allow_path(rules, set, &c->paths[i]);
    if (r == 0 && syscall(SYS_landlock_restrict_self, rules, 0) < 0)
        r = -errno;
    return r;
}

int harden_files(const struct harden_config *c, int version)
{
    const struct ruleset set = ruleset_of(c, version);
    const int rules = create(&set, size_of(version), 0);

    if (rules < 0)
        return rules;
    const int r = limit(rules, &set, c);
    close(rules);
    return r;
}
