/* SPDX-License-Identifier: GPL-2.0 */
#ifndef TORTURE_NODES_H
#define TORTURE_NODES_H

#include "torture.h"

/* A node with memory. */
int any_node(struct run *run);
/* What is left of @nid, and what is slower: -1 if there is none. */
int slow_node(void);

#endif /* TORTURE_NODES_H */
