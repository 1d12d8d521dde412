#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# arch: x86_64
# timeout: 3000
#
# mgx_watch with a million events: none of them is missing in the counts.
EVENTS=1000000 exec "$(dirname "$0")/../tests/mgx_watch.sh"
