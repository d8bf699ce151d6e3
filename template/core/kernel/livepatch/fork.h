/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef _KLP_FORK_H
#define _KLP_FORK_H

int klp_init_forks(void);
void klp_exit_forks(void);
int klp_watch_forks(void);
void klp_unwatch_forks(void);

#endif /* _KLP_FORK_H */
