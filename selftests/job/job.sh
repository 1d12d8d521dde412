#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Inside the VM: run the job over what has been built. See main.c, or --help.
cd "$(dirname "$0")/../.." || exit
exec build/selftests/job --build build "$@"
