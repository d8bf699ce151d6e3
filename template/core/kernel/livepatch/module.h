/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef _KLP_MODULE_H
#define _KLP_MODULE_H

struct module;

struct module *klp_find_module(const char *name);
int klp_init_modules(void);

#endif /* _KLP_MODULE_H */
