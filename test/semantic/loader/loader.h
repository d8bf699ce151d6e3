// SPDX-License-Identifier: GPL-2.0-or-later
// The loader of the semantic test: what its three files share.
#pragma once

#include <elf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define LINE_ANY 0x5e11a11eU // what the oracle says where any line number is right

// ---- world.c: what programs call, and the trace of it ----

#define TRACE_BYTES (1UL << 20)

enum status { running, finished, crashed, runaway, unloadable };
enum phase { loading, booting, before_switch, after_switch, after_removal };

struct trace {
	enum status status;
	enum phase phase;
	int signal;
	unsigned long fault;
	unsigned calls_out;
	size_t switched_at; // length at the time of the switch
	size_t length;
	char why[256];
	char text[TRACE_BYTES];
};

extern struct trace *trace; // of this process

// Adds to the trace; ends the process where there is no end.
void record(const char *format, ...) __attribute__((format(printf, 1, 2)));
// A value in the form in which traces hold it, in one of a few static buffers.
const char *number(unsigned long value);
// Ends the process: what was to be run is no proper kernel or module.
void cannot_load(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));
// The address of what programs may call by this name, or 0.
unsigned long external_address(const char *name);

// ---- object.c: relocatable objects in memory ----

enum kind { text_memory, read_only, writable, ro_after_init, init_memory, percpu, kinds };

struct object {
	const char *path;
	unsigned char *file;
	size_t size;
	const Elf64_Shdr *sections;
	unsigned section_count;
	const char *section_names;
	const Elf64_Sym *symbols;
	unsigned symbol_count;
	const char *names;
	unsigned long *addresses; // of the sections, as code sees them
	unsigned char **places;	  // where their bytes are
	unsigned long starts[kinds], ends[kinds];
	unsigned long commons; // where common symbols begin
	unsigned long *fentry; // addresses of the calls of __fentry__
	unsigned fentry_count;
};

// What other units of the kernel have by names that the unit has as well: so many symbols before and behind the unit's
// own (sympos). Nothing is mapped there. Or, with `overrides`, a function in place of the unit's weak one.
struct elsewhere {
	const char *name;
	unsigned before, behind;
	bool overrides;
};
extern struct elsewhere elsewhere[64];
extern unsigned elsewhere_count;

// Sets the per-cpu area up; before the first load().
void prepare_percpu(void);
// Loads an object as the kernel, or as a module of `kernel`.
void load(struct object *object, const char *path, const struct object *kernel);
// Does what a kernel does with an object's memory once its init code has run.
void seal(const struct object *object);
// The target of an address of an entry's field, relative to the field, in the table `name` of the object: the field
// number `wanted` of the entry whose first field leads to `address`; 0: none does. Entries have 12 bytes.
unsigned long table_entry(const struct object *object, const char *name, unsigned long address, unsigned wanted);
// The address of symbol number `position` (from 1) of the name, as kallsyms counts; 0: it must be the only one.
unsigned long symbol_address(const struct object *object, const char *name, size_t length, unsigned position);
// Has the functions of `module` take over, as ftrace and livepatch do.
void apply(const struct object *kernel, const struct object *module);
// Gives the old functions back, and takes the module's memory away.
void remove_module(const struct object *kernel, const struct object *module);
