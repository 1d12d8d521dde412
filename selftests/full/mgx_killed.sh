#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# arch: x86_64
# timeout: 7000
#
# mgx_apply, killed at 500 random moments.
KILLS=500 exec "$(dirname "$0")/../tests/mgx_apply.sh"
