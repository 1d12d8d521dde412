/* SPDX-License-Identifier: GPL-2.0 */
/* Where policies and their presets are installed: beside mgx. */
#ifndef _MGX_PATHS_H
#define _MGX_PATHS_H

#define OBJECT_SUFFIX	".bpf.o"
#define KNOBS_SUFFIX	".knobs"

/*
 * The path of what the user calls @name. One with neither slash nor dot in it is looked
 * for, with the suffix, where mgx is installed or was built; where there is nothing of
 * that name the path says where it should have been. To be freed.
 */
char *path_of(const char *name, const char *suffix);

#endif /* _MGX_PATHS_H */
