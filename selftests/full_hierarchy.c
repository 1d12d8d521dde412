// SPDX-License-Identifier: GPL-2.0
/*
 * timeout: 400
 *
 * test_hierarchy.c, with a policy for each of 256 cgroups.
 */
#define WIDE	256
#include "test_hierarchy.c"
