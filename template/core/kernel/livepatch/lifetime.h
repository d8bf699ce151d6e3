/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef _KLP_LIFETIME_H
#define _KLP_LIFETIME_H

#include <linux/types.h>

int klp_init_lifetime(void);
void klp_exit_lifetime(void);
int klp_follow_lifetimes(void);
void klp_leave_lifetimes(void);

int klp_adopt_current(void);
bool klp_any_dying(int state);

#endif /* _KLP_LIFETIME_H */
