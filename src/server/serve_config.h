/** What the options of `parley serve` mean, and what of them can't be. What is wrong is said on
 * stderr, with what to do. */
#pragma once

#include "io/tcp.h"
#include "server/node.h"
#include "server/serve_options.h"

#define SERVE_FILES_MIN (2 * (uint64_t)TCP_FILES_RESERVED) // that the process may open

/**
 * All that they say by themselves; what is in files, and where these are, is left open.
 *
 * @param out  points to *o; serve_cluster_fini() of its cluster, in either case
 * @return 0 or the exit code
 */
MUST_CHECK int serve_config_read(struct node_config *out, const struct serve_options *o);

/** --dev is for this machine alone. @param at  where it listens @return 0 or the exit code */
MUST_CHECK int serve_config_check_dev(const struct serve_options *o, const struct addr *at);

/** Whoever is on this machine sees the command lines of all. @return 0 or the exit code */
MUST_CHECK int serve_config_check_secrets(const struct serve_options *o,
                                          const struct options_from *from);

/** @param path  NULL: none is named @return 0 or the exit code */
MUST_CHECK int serve_config_check_ca_file(const char *path);
MUST_CHECK int serve_config_check_scan(const char *path);

bool serve_config_is_sqlite(const struct serve_options *o);

/** What connections leave to others. */
size_t serve_config_files_beside(const struct node_config *config);
