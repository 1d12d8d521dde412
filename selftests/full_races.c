// SPDX-License-Identifier: GPL-2.0
/*
 * vm: --mem 768M
 * timeout: 600
 *
 * The races of test_races.c, for minutes.
 */
#define RACE_SECONDS	180
#include "test_races.c"
