// SPDX-License-Identifier: GPL-2.0
/*
 * arch: x86_64
 * timeout: 400
 *
 * What full_ext4.c does on ext4, on xfs.
 */
#define FILES_OF_XFS
#include "full_ext4.c"
