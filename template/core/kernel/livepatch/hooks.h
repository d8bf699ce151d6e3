/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef _KLP_HOOKS_H
#define _KLP_HOOKS_H

int klp_init_hooks(void);
void klp_exit_hooks(void);

#endif /* _KLP_HOOKS_H */
