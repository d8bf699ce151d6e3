// SPDX-License-Identifier: GPL-2.0-or-later
// Relocatable objects in memory, as a kernel and a module of it.
#include "loader.h"

#include <asm/prctl.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define PAGE 4096UL
// Within the reach of signed 32 bits, as the kernel's code model wants it.
#define KERNEL_BASE 0x10000000UL
#define MODULE_BASE 0x18000000UL
// Per-cpu symbols have values at which nothing is mapped; with the base of %gs added they are in the area.
#define PERCPU_KERNEL 0x30000000UL
#define PERCPU_MODULE 0x30010000UL
#define PERCPU_BYTES 0x20000UL
#define GS_BASE 0x08000000UL
#define NOWHERE 0x2fff0000UL

struct elsewhere elsewhere[64];
unsigned elsewhere_count;

static const struct elsewhere *find_elsewhere(const char *name, size_t length)
{
	for (unsigned i = 0; i < elsewhere_count; ++i)
		if (strlen(elsewhere[i].name) == length && !memcmp(elsewhere[i].name, name, length))
			return &elsewhere[i];
	return NULL;
}

static bool begins(const char *text, const char *with) { return strncmp(text, with, strlen(with)) == 0; }

static void open_object(struct object *object, const char *path)
{
	struct stat stat;
	const Elf64_Ehdr *header;
	int fd = open(path, O_RDONLY);
	memset(object, 0, sizeof(*object));
	object->path = path;
	if (fd < 0 || fstat(fd, &stat) || stat.st_size < (off_t)sizeof(Elf64_Ehdr))
		cannot_load("cannot read %s", path);
	object->size = stat.st_size;
	object->file = mmap(NULL, object->size, PROT_READ, MAP_PRIVATE, fd, 0);
	close(fd);
	header = (const void *)object->file;
	if (memcmp(header->e_ident, ELFMAG, SELFMAG) || header->e_type != ET_REL)
		cannot_load("%s is no object", path);
	object->sections = (const void *)(object->file + header->e_shoff);
	object->section_count = header->e_shnum;
	object->section_names = (const char *)object->file + object->sections[header->e_shstrndx].sh_offset;
	for (unsigned i = 0; i < object->section_count; ++i)
		if (object->sections[i].sh_type == SHT_SYMTAB) {
			object->symbols = (const void *)(object->file + object->sections[i].sh_offset);
			object->symbol_count = object->sections[i].sh_size / sizeof(Elf64_Sym);
			object->names = (const char *)object->file + object->sections[object->sections[i].sh_link].sh_offset;
		}
}

static const char *section_name(const struct object *object, unsigned index)
{
	return object->section_names + object->sections[index].sh_name;
}

// The kernel's linker script and a module's loader differ in one thing: a module's per-cpu data is .data..percpu alone.
static enum kind kind_of(const struct object *object, unsigned index, bool is_module)
{
	const char *name = section_name(object, index);
	const Elf64_Shdr *section = &object->sections[index];
	if (is_module ? !strcmp(name, ".data..percpu") : begins(name, ".data..percpu"))
		return percpu;
	if (begins(name, ".init"))
		return init_memory;
	if (begins(name, ".data..ro_after_init"))
		return ro_after_init;
	if (section->sh_flags & SHF_EXECINSTR)
		return text_memory;
	if (begins(name, ".rodata") || !(section->sh_flags & SHF_WRITE))
		return read_only;
	return writable;
}

static unsigned long common_size(const struct object *object)
{
	unsigned long size = 0;
	for (unsigned i = 0; i < object->symbol_count; ++i)
		if (object->symbols[i].st_shndx == SHN_COMMON)
			size += object->symbols[i].st_size + object->symbols[i].st_value;
	return size;
}

static unsigned long align(unsigned long at, unsigned long to) { return to > 1 ? (at + to - 1) / to * to : at; }

static void place_sections(struct object *object, unsigned long base, unsigned long percpu_base, bool is_module)
{
	unsigned long at = base;
	object->addresses = calloc(object->section_count, sizeof(unsigned long));
	object->places = calloc(object->section_count, sizeof(unsigned char *));
	for (enum kind kind = 0; kind < kinds; ++kind) {
		if (kind == percpu)
			at = percpu_base;
		object->starts[kind] = at;
		for (unsigned i = 1; i < object->section_count; ++i) {
			const Elf64_Shdr *section = &object->sections[i];
			if (!(section->sh_flags & SHF_ALLOC) || kind_of(object, i, is_module) != kind)
				continue;
			at = align(at, section->sh_addralign);
			object->addresses[i] = at;
			object->places[i] = (unsigned char *)(kind == percpu ? at + GS_BASE : at);
			at += section->sh_size;
		}
		if (kind == writable) {
			object->commons = at = align(at, 64);
			at += common_size(object);
		}
		if (kind != percpu)
			at = align(at + 1, PAGE);
		object->ends[kind] = at;
		if (kind != percpu && at != object->starts[kind] &&
		    mmap((void *)object->starts[kind], at - object->starts[kind], PROT_READ | PROT_WRITE | PROT_EXEC,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0) == MAP_FAILED)
			cannot_load("no memory at %lx", object->starts[kind]);
	}
	for (unsigned i = 1; i < object->section_count; ++i)
		if (object->places[i] && object->sections[i].sh_type != SHT_NOBITS)
			memcpy(object->places[i], object->file + object->sections[i].sh_offset, object->sections[i].sh_size);
}

static bool is_counted(const Elf64_Sym *symbol)
{
	unsigned type = ELF64_ST_TYPE(symbol->st_info);
	return symbol->st_shndx != SHN_UNDEF && type != STT_SECTION && type != STT_FILE;
}

static unsigned long value_of(const struct object *object, const Elf64_Sym *symbol)
{
	if (symbol->st_shndx == SHN_COMMON) {
		unsigned long at = object->commons;
		for (const Elf64_Sym *other = object->symbols; other != symbol; ++other)
			if (other->st_shndx == SHN_COMMON)
				at = align(at, other->st_value) + other->st_size;
		return align(at, symbol->st_value);
	}
	if (symbol->st_shndx == SHN_ABS || symbol->st_shndx >= object->section_count)
		return symbol->st_value;
	return object->addresses[symbol->st_shndx] + symbol->st_value;
}

unsigned long symbol_address(const struct object *object, const char *name, size_t length, unsigned position)
{
	const struct elsewhere *other = find_elsewhere(name, length);
	unsigned count = 0, before = other ? other->before : 0, behind = other ? other->behind : 0;
	unsigned long found = 0;
	if (other && other->overrides)
		return external_address("override");
	if (position && position <= before)
		return NOWHERE + 16 * position;
	for (unsigned i = 0; i < object->symbol_count; ++i) {
		const Elf64_Sym *symbol = &object->symbols[i];
		const char *own = object->names + symbol->st_name;
		if (!is_counted(symbol) || strlen(own) != length || memcmp(own, name, length))
			continue;
		if (++count == position - before || position == 0)
			found = value_of(object, symbol);
	}
	if (position > before + count && position <= before + count + behind)
		return NOWHERE + 16 * position;
	count += before + behind;
	if (position == 0 && count > 1)
		cannot_load("position 0 for %.*s, of which there are %u", (int)length, name, count);
	if (position > count && count != 0)
		cannot_load("position %u for %.*s, of which there are %u", position, (int)length, name, count);
	return found;
}

static unsigned long livepatch_reference(const struct object *kernel, const char *name)
{
	// .klp.ref.OWNER.OBJ.NAME,POS
	const char *rest = name + strlen(".klp.ref.");
	const char *owner_end = strchr(rest, '.');
	const char *object_end = owner_end ? strchr(owner_end + 1, '.') : NULL;
	const char *comma = object_end ? strrchr(object_end, ',') : NULL;
	unsigned long address;
	char plain[600];
	if (!comma)
		cannot_load("malformed reference %s", name);
	snprintf(plain, sizeof(plain), "%.*s", (int)(comma - object_end - 1), object_end + 1);
	address = symbol_address(kernel, object_end + 1, comma - object_end - 1, atoi(comma + 1));
	if (!address)
		address = external_address(plain);
	if (!address)
		cannot_load("nothing is there for %s", name);
	return address;
}

static unsigned long resolve(const struct object *object, const struct object *kernel, const Elf64_Sym *symbol)
{
	const char *name = object->names + symbol->st_name;
	unsigned long address;
	if (symbol->st_shndx != SHN_UNDEF) {
		const struct elsewhere *other = kernel ? NULL : find_elsewhere(name, strlen(name));
		return other && other->overrides ? external_address("override") : value_of(object, symbol);
	}
	if (!*name)
		return 0;
	if (begins(name, ".klp.ref."))
		return livepatch_reference(kernel, name);
	address = external_address(name);
	if (!address && kernel)
		address = symbol_address(kernel, name, strlen(name), 0);
	if (!address && ELF64_ST_BIND(symbol->st_info) != STB_WEAK)
		cannot_load("%s: %s is not defined", kernel ? "module" : "kernel", name);
	if (!address && kernel)
		cannot_load("module: weak %s is nowhere", name);
	return address;
}

static void write_value(unsigned char *place, unsigned long value, unsigned bytes, const char *name)
{
	if (bytes == 4 && (long)value != (long)(int32_t)value && value != (uint32_t)value)
		cannot_load("relocation against %s overflows", name);
	memcpy(place, &value, bytes);
}

static void relocate(struct object *object, const struct object *kernel, unsigned index)
{
	const Elf64_Shdr *section = &object->sections[index];
	const Elf64_Rela *rela = (const void *)(object->file + section->sh_offset);
	unsigned target = section->sh_info;
	if (target >= object->section_count || !object->places[target])
		return;
	for (unsigned i = 0; i < section->sh_size / sizeof(*rela); ++i, ++rela) {
		const Elf64_Sym *symbol = &object->symbols[ELF64_R_SYM(rela->r_info)];
		const char *name = object->names + symbol->st_name;
		unsigned long value = resolve(object, kernel, symbol) + rela->r_addend;
		unsigned char *place = object->places[target] + rela->r_offset;
		unsigned long address = object->addresses[target] + rela->r_offset;
		switch (ELF64_R_TYPE(rela->r_info)) {
		case R_X86_64_NONE:
			break;
		case R_X86_64_64:
			write_value(place, value, 8, name);
			break;
		case R_X86_64_32:
		case R_X86_64_32S:
			write_value(place, value, 4, name);
			break;
		case R_X86_64_PC32:
		case R_X86_64_PLT32:
			write_value(place, value - address, 4, name);
			break;
		case R_X86_64_PC64:
			write_value(place, value - address, 8, name);
			break;
		default:
			cannot_load("relocation type %lu", ELF64_R_TYPE(rela->r_info));
		}
		if (!strcmp(name, "__fentry__")) {
			object->fentry = realloc(object->fentry, (object->fentry_count + 1) * sizeof(unsigned long));
			object->fentry[object->fentry_count++] = address - 1;
		}
	}
}

void prepare_percpu(void)
{
	if (mmap((void *)(PERCPU_KERNEL + GS_BASE), PERCPU_BYTES, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0) == MAP_FAILED ||
	    syscall(SYS_arch_prctl, ARCH_SET_GS, GS_BASE))
		cannot_load("no per-cpu area");
}

void load(struct object *object, const char *path, const struct object *kernel)
{
	open_object(object, path);
	place_sections(object, kernel ? MODULE_BASE : KERNEL_BASE, kernel ? PERCPU_MODULE : PERCPU_KERNEL, kernel != NULL);
	for (unsigned i = 1; i < object->section_count; ++i)
		if (object->sections[i].sh_type == SHT_RELA)
			relocate(object, kernel, i);
}

unsigned long table_entry(const struct object *object, const char *name, unsigned long address, unsigned wanted)
{
	for (unsigned i = 1; i < object->section_count; ++i) {
		const unsigned char *place = object->places[i];
		if (!place || strcmp(section_name(object, i), name))
			continue;
		for (unsigned long at = 0; at + 12 <= object->sections[i].sh_size; at += 12)
			if (object->addresses[i] + at + *(const int32_t *)(place + at) == address)
				return object->addresses[i] + at + 4 * wanted;
	}
	return 0;
}

static void protect(const struct object *object, enum kind kind, int how)
{
	if (object->ends[kind] != object->starts[kind])
		mprotect((void *)object->starts[kind], object->ends[kind] - object->starts[kind], how);
}

void seal(const struct object *object)
{
	protect(object, text_memory, PROT_READ | PROT_EXEC);
	protect(object, read_only, PROT_READ);
	protect(object, writable, PROT_READ | PROT_WRITE);
	protect(object, ro_after_init, PROT_READ);
	protect(object, init_memory, PROT_NONE);
}

// Redirects the calls of one function, as ftrace and livepatch do.
static void redirect(const struct object *kernel, unsigned long old, unsigned long new, const char *name)
{
	for (unsigned i = 0; i < kernel->fentry_count; ++i) {
		unsigned long site = kernel->fentry[i];
		int32_t distance = new - (site + 5);
		if (site != old && site != old + 4)
			continue;
		*(unsigned char *)site = 0xe9;
		memcpy((void *)(site + 1), &distance, 4);
		return;
	}
	cannot_load("%s has no ftrace location", name);
}

void remove_module(const struct object *kernel, const struct object *module)
{
	protect(kernel, text_memory, PROT_READ | PROT_WRITE | PROT_EXEC);
	for (unsigned i = 0; i < kernel->fentry_count; ++i)
		if (kernel->fentry[i] < kernel->starts[init_memory] || kernel->fentry[i] >= kernel->ends[init_memory])
			memcpy((void *)kernel->fentry[i], "\x0f\x1f\x44\0\0", 5); // a no-op of five bytes
	protect(kernel, text_memory, PROT_READ | PROT_EXEC);
	for (enum kind kind = 0; kind < percpu; ++kind)
		protect(module, kind, PROT_NONE);
}

void apply(const struct object *kernel, const struct object *module)
{
	protect(kernel, text_memory, PROT_READ | PROT_WRITE | PROT_EXEC);
	for (unsigned i = 1; i < module->section_count; ++i) {
		const uint64_t *entry = (const void *)module->places[i];
		if (strcmp(section_name(module, i), ".klp.build.funcs") || !entry)
			continue;
		for (unsigned n = 0; n < module->sections[i].sh_size / 32; ++n, entry += 4) {
			const char *name = (const char *)entry[1];
			unsigned long old = symbol_address(kernel, name, strlen(name), entry[3]);
			if (!old)
				cannot_load("the function to patch, %s, is not there", name);
			redirect(kernel, old, entry[0], name);
		}
	}
	protect(kernel, text_memory, PROT_READ | PROT_EXEC);
}
