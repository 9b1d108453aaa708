/** Landlock: which files, ports, processes and sockets this process may still reach. */
#pragma once

#include "io/harden.h"

// Of struct harden_kernel: what the kernel has, by version (landlock(7)).
#define HARDEN_FILES_MIN    2 // 1 forbids to rename from one directory to another
#define HARDEN_FILES_BIND   4
#define HARDEN_FILES_DEVS   5
#define HARDEN_FILES_ENDS   6 // signals to others, and sockets of others that have no path
#define HARDEN_FILES_NEWEST 7 // what is known here

/** @return its version, or -errno: it has none, or may not be asked */
int harden_files_version(void);

/** @param version  HARDEN_FILES_MIN or above @return 0 or -errno: nothing is limited */
MUST_CHECK int harden_files(const struct harden_config *c, int version);
