/**
 * What a process gives up once it has read what it needs, so that whoever gets into it finds
 * little: memory that nobody else may look into and that is never written into a core, no
 * privileges to gain, the files that are named here and no others (Landlock), and the system
 * calls of a server and no others (seccomp). It is for good, and for all threads from then on.
 *
 * What the kernel lacks is said in the log, and the process goes on without. For Linux; of
 * children only those that are no other program.
 */
#pragma once

#include "base/str.h"

struct sock_fprog; // <linux/filter.h>

/** A file, or a directory with all below it. */
struct harden_path {
    const char *path;
    bool is_writable; // files and directories are made, changed and removed there
};

/** What the kernel is asked; tests have others. Each returns 0 (or what it says), or -errno. */
struct harden_kernel {
    int (*no_core)(void);
    int (*prctl)(int option, unsigned long value);
    int (*files_version)(void); // of Landlock: 1 or above
    int (*load_calls)(const struct sock_fprog *filter);
};

#define HARDEN_ANY_PORT (-1)
#define HARDEN_NO_PORT  0

struct harden_config {
    const struct harden_path *paths; // what is not there is left out
    size_t n_paths;
    int port;               // of TCP, the only one that may be bound; or one of the above
    bool abstract_sockets;  // some of others, which have no path, may be connected to
    bool is_running_others; // programs: neither files nor calls are limited, for they would be
                            // theirs
    const struct harden_kernel *kernel; // NULL: the real one
};

/** Thread: the only one there is. */
void harden(const struct harden_config *c);
