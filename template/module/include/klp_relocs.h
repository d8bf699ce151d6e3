/* SPDX-License-Identifier: GPL-2.0 */
/*
 * For live patch modules written by hand: which symbol of the kernel a name
 * stands for, where the name alone does not tell.
 *
 * A module that klp-convert finishes may refer to any symbol of the kernel,
 * exported or not. It declares the symbol as usual and uses it. klp-convert
 * looks the name up in vmlinux; if it is there once, nothing needs to be said.
 * Otherwise the module says which one it means:
 *
 *	extern int debug;
 *	extern void usb_kick(struct usb_device *udev);
 *
 *	KLP_MODULE_RELOC(usbcore) = {
 *		KLP_SYMPOS(debug, 2),
 *		KLP_SYMPOS(usb_kick, 0),
 *	};
 *
 * KLP_MODULE_RELOC(owner) names the object whose patched functions make these
 * references, "vmlinux" or a module ('_' for '-'): the kernel fills them in
 * when that object is there. KLP_SYMPOS() names one of the owner's own symbols,
 * KLP_SYMPOS_IN() one of another module that the owner depends on.
 *
 * The position counts symbols of that name in the object, in the order of
 * /proc/kallsyms, from 1; 0 says that there is only one.
 *
 * modpost complains about undefined symbols. Declare those that are not
 * exported with KLP_KERNEL_SYMBOL(), once per file, and it will not.
 */
#ifndef _KLP_RELOCS_H
#define _KLP_RELOCS_H

#include <linux/compiler.h>
#include <linux/stringify.h>
#include <linux/types.h>

/**
 * struct klp_reloc_annotation - read by klp-convert, which removes it
 * @sym:	the symbol
 * @sympos:	its position in @object
 * @object:	the object that defines it, empty if that is the owner
 */
struct klp_reloc_annotation {
	const void *sym;
	u64 sympos;
	char object[56];
};

/* Once per file and owner. */
#define KLP_MODULE_RELOC(owner)						\
	static const struct klp_reloc_annotation __klp_relocs_##owner[]	\
	__used __aligned(8) __section(".klp.annotations." __stringify(owner))

#define KLP_SYMPOS(symbol, pos)						\
	{ .sym = (const void *)&(symbol), .sympos = (pos) }

#define KLP_SYMPOS_IN(obj, symbol, pos)					\
	{ .sym = (const void *)&(symbol), .sympos = (pos), .object = __stringify(obj) }

#define KLP_KERNEL_SYMBOL(symbol)	asm(".weak " __stringify(symbol))

#endif /* _KLP_RELOCS_H */
