/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef _KLP_SYNC_H
#define _KLP_SYNC_H

void klp_synchronize_transition(void);

#endif /* _KLP_SYNC_H */
