# SPDX-License-Identifier: GPL-2.0-or-later
"""Writes a program as a unit of the kernel."""

from program import (Blank, Block, Call, Const, Count, FileName, Func, FuncName, If, Line, LineNo, Loop, Return, Static,
                     Switch, Text, Var)

PRELUDE = r"""typedef unsigned char u8; typedef unsigned short u16; typedef unsigned int u32; typedef unsigned long u64;
struct ops { u32 (*fn)(u32); const char *name; u32 weight; }; struct item { u32 key; u32 value; struct item *next; };
struct pair { u32 first; u32 second; }; struct three { u32 first; u32 second; u32 third; };
extern void out(u32, u64), outs(u32, const char *), outb(u32, const void *, u32), use(const void *);
extern int printk(const char *, ...), ident(const void *); extern void put(u32, void *), *get(u32);
extern u32 override(u32, u32);
extern void once(u32), warn_here(const char *, int, u32), __might_sleep(const char *, int);
extern void warn_slowpath_fmt(const char *, int, unsigned, const char *, ...);
#define likely(x) __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)
#define barrier() __asm__ volatile("" : : : "memory")
#ifdef ORACLE
#define SECTION(name)
#define this_cpu_add(x, n) ((x) += (n))
#define this_cpu_read(x) (x)
#else
#define SECTION(name) __attribute__((section(name)))
#define this_cpu_add(x, n) __asm__ volatile("addl %1, %%gs:%0" : "+m"(x) : "ri"(n))
#define this_cpu_read(x) ({ u32 v_; __asm__ volatile("movl %%gs:%1, %0" : "=r"(v_) : "m"(x)); v_; })
#endif
#ifdef ORACLE
#define WARN_ON(cond, file, line, flags) ({ u32 c_ = !!(cond); if (c_) warn_here(file, line, flags); c_; })
#define read_user(p) ({ u32 v_ = 0xfffff; if ((p) >= 64) v_ = *(u32 *)(u64)(p); v_; })
#else
#define WARN_ON(cond, file, line, flags) ({ u32 c_ = !!(cond); if (unlikely(c_)) \
	__asm__ volatile("1: .byte 0x0f, 0x0b\n.pushsection __bug_table,\"aw\"\n2: .long 1b - ., %c0 - .\n.word %c1, %c2\n" \
			 ".org 2b + 12\n.popsection" : : "i"(file), "i"(line), "i"(flags)); c_; })
#define read_user(p) ({ u32 v_ = 0xfffff; __asm__ volatile("1: movl (%1), %0\n2:\n.pushsection __ex_table,\"a\"\n" \
	".balign 4\n.long 1b - ., 2b - ., 0\n.popsection" : "+r"(v_) : "r"((u64)(p))); v_; })
#endif
#define __init SECTION(".init.text") __attribute__((cold))
#define noinline __attribute__((noinline))
#define __always_inline inline __attribute__((always_inline))
#define notrace __attribute__((no_instrument_function))
#define __cold __attribute__((cold))
#define __weak __attribute__((weak))
"""


def quote(text):
    """A C string literal."""
    body = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{body}"'


class Source:
    """How names look in the unit itself."""

    def variable(self, var):
        return var.name

    def function(self, func):
        return func.name

    def call(self, func):
        return func.name

    def function_name(self, func):
        return "__func__"

    def file_name(self):
        return "__FILE__"

    def line(self, node, at):
        node.line = at
        return "__LINE__"

    def count(self, var):
        return f"(sizeof({var.name}) / sizeof({var.name}[0]))"

    declares_statics = True


class Printer:
    """Writes a program as C, keeping count of lines."""

    def __init__(self, names):
        self.names = names
        self.lines = []
        self.current = None  # function

    def expression(self, parts):
        text = []
        for part in parts:
            if isinstance(part, str):
                text.append(part)
            elif isinstance(part, Const):
                text.append(f"{part.value}u")
            elif isinstance(part, Text):
                text.append(quote(part.text))
            elif isinstance(part, Var):
                text.append(self.names.variable(part))
            elif isinstance(part, Func):
                text.append(self.names.function(part))
            elif isinstance(part, FuncName):
                text.append(self.names.function_name(self.current))
            elif isinstance(part, FileName):
                text.append(self.names.file_name())
            elif isinstance(part, LineNo):
                text.append(self.names.line(part, len(self.lines) + 1))
            elif isinstance(part, Count):
                text.append(self.names.count(part.var))
            else:
                arguments = ", ".join(self.expression(argument) for argument in part.args)
                text.append(f"{self.names.call(part.func)}({arguments})")
        return "".join(text)

    def initialiser(self, var):
        if var.init is None:
            return ""
        if not var.count:
            return " = " + self.expression(var.init)
        return " = {" + ", ".join(self.expression(parts) for parts in var.init) + "}"

    def variable(self, var, indent=""):
        words = []
        if var.static:
            words.append("static")
        if var.const:
            words.append("const")
        name = f"{var.name}[{var.count}]" if var.count else var.name
        # A pointer that does not change, not a pointer to what does not change.
        text = var.ctype
        if var.const and text.endswith("*"):
            words.remove("const")
            text += "const"
        words += [text, name]
        if var.section:
            words.append(f'SECTION("{var.section}")')
        if var.align:
            words.append(f"__attribute__((aligned({var.align})))")
        self.lines.append(indent + " ".join(words) + self.initialiser(var) + ";")

    def body(self, body, depth):
        for node in body:
            self.statement(node, depth)

    def statement(self, node, depth):
        tab = "\t" * depth
        if isinstance(node, Line):
            self.lines.append(f"{tab}{self.expression(node.parts)};")
        elif isinstance(node, Return):
            self.lines.append(f"{tab}return {self.expression(node.parts)};" if node.parts else f"{tab}return;")
        elif isinstance(node, If):
            cond = self.expression(node.cond)
            self.lines.append(f"{tab}if ({node.hint}({cond})) {{")
            self.body(node.then, depth + 1)
            if node.other is not None:
                self.lines.append(f"{tab}}} else {{")
                self.body(node.other, depth + 1)
            self.lines.append(f"{tab}}}")
        elif isinstance(node, Loop):
            self.lines.append(f"{tab}{self.expression(node.head)} {{")
            self.body(node.body, depth + 1)
            self.lines.append(f"{tab}}}")
        elif isinstance(node, Block):
            self.lines.append(f"{tab}{{")
            self.body(node.body, depth + 1)
            self.lines.append(f"{tab}}}")
        elif isinstance(node, Switch):
            self.lines.append(f"{tab}switch ({self.expression(node.value)}) {{")
            for number, body in node.cases:
                self.lines.append(f"{tab}case {number.value}:")
                self.body(body, depth + 1)
                self.lines.append(f"{tab}\tbreak;")
            self.lines.append(f"{tab}default:")
            self.body(node.default, depth + 1)
            self.lines.append(f"{tab}\tbreak;")
            self.lines.append(f"{tab}}}")
        elif isinstance(node, Static):
            if self.names.declares_statics:
                self.variable(node.var, tab)
        else:
            self.lines.append(tab + node.text)

    def definition(self, func, name, words):
        self.current = func
        parameters = ", ".join(func.params) or "void"
        self.lines.append(f"{' '.join(words)} {name}({parameters})".strip())
        self.lines.append("{")
        self.body(func.body, 1)
        self.lines.append("}")


def prototype(func, name, words):
    return f"{' '.join(words)} {name}({', '.join(func.params) or 'void'});"


def words_of(func):
    words = []
    if func.static:
        words.append("static")
    if func.inline:
        words.append(func.inline)
    return [*words, *func.attributes, func.returns]


def print_unit(program):
    """The program as a unit of the kernel. The declarations are on one line, so that they move nothing."""
    printer = Printer(Source())
    declarations = []
    for item in program.items:
        if isinstance(item, Func):
            declarations.append(prototype(item, item.name, words_of(item)))
    printer.lines = PRELUDE.splitlines()
    printer.lines.append(" ".join(declarations))
    for item in program.items:
        if isinstance(item, Var):
            printer.variable(item)
        elif isinstance(item, Blank):
            printer.lines.append(item.text)
        elif item.alias_of is not None:
            words = [*words_of(item), f"{item.name}({', '.join(item.params)})"]
            printer.lines.append(f"{' '.join(words)} __attribute__((alias(\"{item.alias_of.name}\")));")
        else:
            printer.definition(item, item.name, words_of(item))
    return "\n".join(printer.lines) + "\n"
