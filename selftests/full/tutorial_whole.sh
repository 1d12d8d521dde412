#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# arch: x86_64
# timeout: 1500
#
# All of docs/writing-policies.md, to the policy that is repaired and taken away.
exec "$(dirname "$0")/../tests/tutorial.sh" --whole
