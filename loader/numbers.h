/* SPDX-License-Identifier: GPL-2.0 */
/*
 * libconfig 1.5 reads a number without "L" modulo 2^32, and nobody can tell afterwards: so
 * its text is looked at before.
 */
#ifndef _MGX_NUMBERS_H
#define _MGX_NUMBERS_H

#include "mgx.h"

/* Refuses a file with such a number that is too large; one that cannot be read has none. */
int numbers_fit(struct mgx *mgx, const char *what, const char *path);

#endif /* _MGX_NUMBERS_H */
