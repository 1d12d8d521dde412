/* SPDX-License-Identifier: GPL-2.0 */
/* The files that a configuration is made of: itself, and what @include names. */
#ifndef _MGX_CONFIG_FILES_H
#define _MGX_CONFIG_FILES_H

#include "config.h"

/* With a slash at its end; "./" of a mere name. To be freed. */
char *config_dir(const char *path);

/*
 * @path and all that it includes, each once; NULL-terminated, to be freed, as are the
 * names. What stands in a comment may be among them.
 */
char **config_included(const char *path);

/* Of config->files; config_state() begins with it. To be freed. */
char *config_files_state(const struct config *config);

#endif /* _MGX_CONFIG_FILES_H */
