#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# The main job with engines that nobody here wrote, of which DCBM may take 8.
# arch: arm64
# timeout: 400
exec "$(dirname "$0")/../job/job.sh" --tap --size-mib 16 --rounds 1 \
	--module zynqmp_dma --channels 8
