#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# arch: x86_64
# vm: --mem 640M --append "movablecore=840M cma=64M" --machine q35,hmat=on --qemu "-m 1920M -object memory-backend-ram,id=slow,size=640M -numa node,nodeid=2,memdev=slow,initiator=0 -numa hmat-lb,initiator=0,target=0,hierarchy=memory,data-type=access-latency,latency=5 -numa hmat-lb,initiator=0,target=1,hierarchy=memory,data-type=access-latency,latency=5 -numa hmat-lb,initiator=0,target=2,hierarchy=memory,data-type=access-latency,latency=500 -numa hmat-lb,initiator=1,target=0,hierarchy=memory,data-type=access-latency,latency=5 -numa hmat-lb,initiator=1,target=1,hierarchy=memory,data-type=access-latency,latency=5 -numa hmat-lb,initiator=1,target=2,hierarchy=memory,data-type=access-latency,latency=500 -numa hmat-lb,initiator=0,target=0,hierarchy=memory,data-type=access-bandwidth,bandwidth=8G -numa hmat-lb,initiator=0,target=1,hierarchy=memory,data-type=access-bandwidth,bandwidth=8G -numa hmat-lb,initiator=0,target=2,hierarchy=memory,data-type=access-bandwidth,bandwidth=100M -numa hmat-lb,initiator=1,target=0,hierarchy=memory,data-type=access-bandwidth,bandwidth=8G -numa hmat-lb,initiator=1,target=1,hierarchy=memory,data-type=access-bandwidth,bandwidth=8G -numa hmat-lb,initiator=1,target=2,hierarchy=memory,data-type=access-bandwidth,bandwidth=100M"
# timeout: 300
#
# The short form of `make torture`, and the VM that it wants: two nodes with CPUs and a slow
# one to demote to, movable memory that can go offline, and an area for contiguous
# allocations. Every word is checked; an actor that achieved nothing in so short a time is
# reported only.
exec build/selftests/torture --seconds "${TORTURE_SECONDS:-30}"
