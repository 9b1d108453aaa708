/**
 * Options that are credentials: files of a directory that was made for the server alone, by
 * systemd (LoadCredential=, systemd.exec(5)) or by whoever mounts secrets into a container. The
 * file "parley.NAME" holds the value of the option NAME; of an option that names a file it is
 * that file.
 *
 * The directory is the one that the environment's CREDENTIALS_DIRECTORY names, else what the
 * program was built with, where there is one and we may read it.
 */
#pragma once

#include "server/options.h"

/** @return the directory; NULL: there is none */
const char *options_credentials_dir(char *const *env);

/**
 * @param dir   has none where it is not there
 * @param text  takes what values point to: there is room for all that its maximum allows
 * @return 0, or OPTIONS_BAD: said, without any value
 */
MUST_CHECK int options_credentials_apply(const struct option_table *t, void *into,
                                         const char *dir, struct buf *text);
