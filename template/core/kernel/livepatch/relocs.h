/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef _KLP_RELOCS_H
#define _KLP_RELOCS_H

struct module;

int klp_apply_relocs(struct module *mod, const char *objname);
void klp_undo_relocs(struct module *mod, const char *objname);

#endif /* _KLP_RELOCS_H */
