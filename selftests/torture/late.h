/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the torture and the module migrator_test agree on: in a folio whose first word is
 * the magic one, the module counts in the second word instead of writing its mark there.
 */
#ifndef TORTURE_LATE_H
#define TORTURE_LATE_H

#define LATE_MAGIC		0x4554414c52545554ULL
#define LATE_MAGIC_WORD		0
#define LATE_COUNT_WORD		1

#endif /* TORTURE_LATE_H */
