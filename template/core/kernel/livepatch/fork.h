/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef _KLP_FORK_H
#define _KLP_FORK_H

int klp_init_fork_hook(void);
void klp_exit_fork_hook(void);
int klp_enable_fork_hook(void);
void klp_disable_fork_hook(void);

#endif /* _KLP_FORK_H */
