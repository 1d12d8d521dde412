/* SPDX-License-Identifier: GPL-2.0 */
/* The text format of Prometheus, for a node exporter's textfile directory. */
#ifndef _MGX_PROMETHEUS_H
#define _MGX_PROMETHEUS_H

#include "mgx.h"

struct snapshot;

/*
 * Puts the file there whole or not at all: readers see the old one or the new one, and
 * nothing is left beside it. 0 or -errno.
 */
int prometheus_write(struct mgx *mgx, const char *path, const struct snapshot *snapshot);

#endif /* _MGX_PROMETHEUS_H */
