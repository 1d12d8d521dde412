// SPDX-License-Identifier: GPL-2.0
/*
 * timeout: 400
 *
 * What test_files.c does on ext4, on xfs.
 */
#define FILES_OF_XFS
#include "test_files.c"
