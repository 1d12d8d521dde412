/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Names of cgroups and tasks are whatever bytes somebody gave them, who may be nobody that
 * is trusted: a terminal would obey some, and JSON and Prometheus have to be UTF-8.
 */
#ifndef _MGX_TEXT_H
#define _MGX_TEXT_H

/*
 * @str with each byte that is not of UTF-8 as \xNN, as libsmartcols writes it.
 * text_for_terminal(): each of a control character, too. To be freed.
 */
char *text_utf8(const char *str);
char *text_for_terminal(const char *str);

#endif /* _MGX_TEXT_H */
