/* SPDX-License-Identifier: GPL-2.0 */
/* What is done again and again, until somebody has had enough. */
#ifndef _MGX_EVERY_H
#define _MGX_EVERY_H

#include "mgx.h"

/* From now on SIGINT, SIGTERM and SIGHUP end what waits below, and not the program. */
void every_catch_signals(void);
bool every_stopped(void);

/*
 * After that: of a program without a terminal SIGHUP ends the wait only, as that of a
 * service which is to read its files again. Has there been one since this was asked last?
 */
void every_catch_hangup(void);
bool every_hung_up(void);

/* Waits until @seconds after it waited last. False when it is over. */
bool every_wait(double seconds);

/* A number of seconds or of times; false when @str is none above 0. */
bool every_parse_seconds(const char *str, double *seconds);
bool every_parse_count(const char *str, unsigned long *count);

#endif /* _MGX_EVERY_H */
