// SPDX-License-Identifier: GPL-2.0-or-later
// What programs call, and the trace of it.
#include "loader.h"

#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#define MAX_CALLS_OUT 20000

struct trace *trace;

void cannot_load(const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(trace->why, sizeof(trace->why), format, arguments);
	va_end(arguments);
	trace->status = unloadable;
	_exit(1);
}

void record(const char *format, ...)
{
	size_t room = TRACE_BYTES - trace->length;
	va_list arguments;
	if (++trace->calls_out > MAX_CALLS_OUT || room < 512) {
		trace->status = runaway;
		_exit(1);
	}
	va_start(arguments, format);
	trace->length += vsnprintf(trace->text + trace->length, room, format, arguments);
	va_end(arguments);
}

const char *number(unsigned long value)
{
	static char texts[4][32];
	static unsigned next;
	char *text = texts[next++ % 4];
	if (value == LINE_ANY)
		return "?";
	snprintf(text, 32, "%lu", value);
	return text;
}

static void ext_out(unsigned tag, unsigned long value)
{
	record("out %u %s\n", tag, number(value));
}

static void ext_outs(unsigned tag, const char *text)
{
	record("outs %u %.80s\n", tag, text);
}

static void ext_outb(unsigned tag, const unsigned char *bytes, unsigned count)
{
	char text[129];
	unsigned i;
	for (i = 0; i < count && i < 64; ++i)
		sprintf(text + 2 * i, "%02x", bytes[i]);
	text[2 * i] = 0;
	record("outb %u %u %s\n", tag, count, text);
}

static void ext_use(const void *anything)
{
	(void)anything;
	record("use\n");
}

static void format_message(char *to, size_t room, const char *format, va_list arguments)
{
	size_t at = 0;
	for (; *format && at + 100 < room; ++format) {
		if (*format != '%') {
			to[at++] = *format;
			continue;
		}
		++format;
		if (*format == 's')
			at += snprintf(to + at, 90, "%.80s", va_arg(arguments, const char *));
		else
			at += snprintf(to + at, 90, "%s", number(va_arg(arguments, unsigned)));
	}
	to[at] = 0;
}

static int ext_printk(const char *format, ...)
{
	char text[400];
	va_list arguments;
	va_start(arguments, format);
	format_message(text, sizeof(text), format, arguments);
	va_end(arguments);
	record("printk %s\n", text);
	return 0;
}

static void ext_warn(const char *file, int line, unsigned taint, const char *format, ...)
{
	char text[400] = "";
	va_list arguments;
	va_start(arguments, format);
	if (format)
		format_message(text, sizeof(text), format, arguments);
	va_end(arguments);
	record("warn %s:%s %u %s\n", file, number((unsigned)line), taint, text);
}

static void ext_might_sleep(const char *file, int line)
{
	record("might_sleep %s:%s\n", file, number((unsigned)line));
}

static void ext_warn_here(const char *file, int line, unsigned flags)
{
	record("warning %s:%s %u\n", file, number((unsigned)line), flags);
}

// What another unit has in place of a weak function.
static unsigned ext_override(unsigned a, unsigned b)
{
	record("override %u %u\n", a, b);
	return a * 3 + b;
}

static void ext_once(unsigned value) { (void)value; }

// The number of a thing, in the order in which they are first seen: tells equal addresses from different ones.
static int ext_ident(const void *thing)
{
	static const void *seen[64];
	static int count;
	int i;
	for (i = 0; i < count && seen[i] != thing; ++i)
		;
	if (i == count && count < 64)
		seen[count++] = thing;
	record("ident %d\n", i);
	return i;
}

// A registry that belongs to somebody else.
static void *registry[16];
static void ext_put(unsigned slot, void *thing) { registry[slot % 16] = thing; }
static void *ext_get(unsigned slot) { return registry[slot % 16]; }

static const struct external {
	const char *name;
	void *address;
} externals[] = {
    {"out", ext_out},
    {"outs", ext_outs},
    {"outb", ext_outb},
    {"use", ext_use},
    {"printk", ext_printk},
    {"_printk", ext_printk},
    {"warn_slowpath_fmt", ext_warn},
    {"__might_sleep", ext_might_sleep},
    {"once", ext_once},
    {"override", ext_override},
    {"warn_here", ext_warn_here},
    {"ident", ext_ident},
    {"put", ext_put},
    {"get", ext_get},
    {"memcpy", memcpy},
    {"memset", memset},
    {"memcmp", memcmp},
    {"memmove", memmove},
    {"strlen", strlen},
    {"strcmp", strcmp},
};

void fentry_stub(void);
__asm__(".globl fentry_stub\nfentry_stub: ret");

unsigned long external_address(const char *name)
{
	if (!strcmp(name, "__fentry__"))
		return (unsigned long)fentry_stub;
	for (size_t i = 0; i < sizeof(externals) / sizeof(*externals); ++i)
		if (!strcmp(externals[i].name, name))
			return (unsigned long)externals[i].address;
	return 0;
}
