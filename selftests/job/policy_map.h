/* SPDX-License-Identifier: GPL-2.0 */
/* From an attached policy to the map `results` of its programs. */
#ifndef JOB_POLICY_MAP_H
#define JOB_POLICY_MAP_H

#include "table.h"

/* A descriptor of the map, or -1 with the reason in policy_map_error. */
int policy_results_fd(uint32_t struct_ops_map_id);
/* All of it; false as above. */
bool policy_results_read(int fd, struct table *table);
extern char policy_map_error[256];

#endif /* JOB_POLICY_MAP_H */
