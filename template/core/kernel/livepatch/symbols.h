/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef _KLP_SYMBOLS_H
#define _KLP_SYMBOLS_H

int klp_for_each_symbol(const char *objname, const char *name,
			int (*found)(void *data, unsigned long addr), void *data);
int klp_find_symbol(const char *objname, const char *name, unsigned long sympos,
		    unsigned long *addr);

#endif /* _KLP_SYMBOLS_H */
