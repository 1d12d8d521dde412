#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# The main job, smaller than `make run` has it, with every checker of the debug kernel.
# timeout: 400
exec "$(dirname "$0")/../job/job.sh" --tap --size-mib 16 --rounds 1
