/* SPDX-License-Identifier: GPL-2.0 */
/* Modules of migrators and their parameters. */
#ifndef _MGX_MODULE_H
#define _MGX_MODULE_H

#include "mgx.h"

#define MODULE_DIR	"/sys/module"

/* May it be the name of a module, a parameter or a migrator? No path, for one. */
bool module_name_ok(const char *name);

bool module_present(const char *name);
bool module_has(const char *name, const char *parameter);
/* NULL and errno; to be freed. */
char *module_get(const char *name, const char *parameter);
/* 0 or -errno */
int module_set(const char *name, const char *parameter, const char *value);

/* Is it read only when an engine's channels are taken? */
bool module_is_for_taking(const char *parameter);

/* 0, or the exit status after saying what is wrong. */
int module_load(struct mgx *mgx, const char *what, const char *name);
int module_unload(struct mgx *mgx, const char *what, const char *name);

#endif /* _MGX_MODULE_H */
