# SPDX-License-Identifier: GPL-2.0-or-later
"""Small C programs as values: printed as a unit of the kernel, and as the oracle that knows what becomes of state.

Variables and functions are objects with a number of their own (`uid`). A changed program is a deep copy, so what is the
same variable on both sides is known by construction and not by name. The oracle is one C file that holds the original
functions and those of every changed version, all working on one instance of each variable that is kept.
"""

import re

LINE_ANY = "0x5e11a11eu"  # the loader compares it with any number

PRELUDE = r"""typedef unsigned char u8; typedef unsigned short u16; typedef unsigned int u32; typedef unsigned long u64;
struct ops { u32 (*fn)(u32); const char *name; u32 weight; }; struct item { u32 key; u32 value; struct item *next; };
struct pair { u32 first; u32 second; }; struct ring { u32 *head; u32 *tail; u32 fill; };
extern void out(u32, u64), outs(u32, const char *), outb(u32, const void *, u32), use(const void *);
extern int printk(const char *, ...), ident(const void *); extern void put(u32, void *), *get(u32);
extern u32 override(u32, u32); extern void once(u32), warn_here(const char *, int, u32), warn_slowpath_fmt(const char *, int, unsigned, const char *, ...), __might_sleep(const char *, int);
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


# ---- what expressions are made of: strings of C, and these ----

class Const:
    """A number that a change may change: to anything, or only to less (`bound`) so that indices stay inside."""

    def __init__(self, value, bound=False):
        self.value = value
        self.bound = bound


class Text:
    """A string literal."""

    def __init__(self, text):
        self.text = text


class FuncName:
    """__func__"""


class FileName:
    """__FILE__"""


class LineNo:
    """__LINE__; with `passed`, in an argument where calls take a line, so that the old number does no harm."""

    def __init__(self, passed=True):
        self.passed = passed
        self.line = 0


class Count:
    """The number of elements of an array."""

    def __init__(self, var):
        self.var = var


class Call:
    """A direct call."""

    def __init__(self, func, args):
        self.func = func
        self.args = args


def bound(value):
    return Const(value, bound=True)


def template(form, *holes):
    """Parts of an expression: C, with an @ where the next of `holes` stands."""
    pieces = form.split("@")
    assert len(pieces) == len(holes) + 1, form
    parts = [pieces[0]]
    for hole, piece in zip(holes, pieces[1:]):
        if isinstance(hole, bool) or hole is None:
            raise TypeError(form)
        if isinstance(hole, int):
            hole = Const(hole)
        elif isinstance(hole, str):
            hole = Text(hole)
        if isinstance(hole, list):
            parts += hole
        else:
            parts.append(hole)
        parts.append(piece)
    return parts


# ---- statements ----

class Line:
    """A simple statement; `local`: it declares that variable."""

    def __init__(self, parts, local=None):
        self.parts = parts
        self.local = local


class Return:
    def __init__(self, parts):
        self.parts = parts


class If:
    """`keep`: what comes after relies on it, so that it must not be turned around or taken out."""

    def __init__(self, cond, then, other=None, hint="", keep=False):
        self.cond = cond
        self.then = then
        self.other = other
        self.hint = hint
        self.keep = keep


class Loop:
    def __init__(self, head, body):
        self.head = head
        self.body = body


class Switch:
    """`cases`: pairs of a number and a list of statements; each ends with a break."""

    def __init__(self, value, cases, default):
        self.value = value
        self.cases = cases
        self.default = default


class Block:
    def __init__(self, body):
        self.body = body


class Static:
    """The declaration of a static local variable."""

    def __init__(self, var):
        self.var = var


class Blank:
    """Lines that are not code."""

    def __init__(self, text="/* */"):
        self.text = text


def stmt(form, *holes):
    return Line(template(form, *holes))


def local(name, form, *holes):
    return Line(template(form, *holes), name)


def ret(form, *holes):
    return Return(template(form, *holes))


# ---- declarations ----

class Var:
    """A variable with static storage. `init`: a list of parts per element, or one list for a scalar."""

    def __init__(self, uid, name, ctype, count=0, init=None, const=False, section="", static=True, align=0):
        self.uid = uid
        self.name = name
        self.ctype = ctype
        self.count = count  # 0: no array
        self.init = init
        self.const = const
        self.section = section
        self.static = static
        self.align = align
        self.is_local = False  # a static local
        self.escapes = False   # its address is kept or compared somewhere
        self.same_name = False  # another static local of its function has its name
        self.owner = None
        self.sites = []        # where it is used, as (statement, parts if it were per-cpu or no longer so)
        self.was = uid         # what it is if its value moves along with its code


class Func:
    def __init__(self, uid, name, body, params=("u32 a", "u32 b"), returns="u32"):
        self.uid = uid
        self.name = name
        self.body = body
        self.params = list(params)
        self.returns = returns
        self.static = True
        self.inline = ""       # "", "inline", "__always_inline", "noinline"
        self.attributes = []   # "__init", "notrace", "__cold", "__weak"
        self.alias_of = None
        self.is_entry = False
        self.address_taken = False
        self.overridden = False  # weak, and another unit has the one that counts

    @property
    def is_init(self):
        return "__init" in self.attributes

    def argument_names(self):
        return [param.split()[-1].lstrip("*") for param in self.params]


class Program:
    def __init__(self):
        self.items = []  # Var, Func, Blank in the order of the file
        self.next_uid = 1

    def uid(self):
        self.next_uid += 1
        return self.next_uid - 1

    def functions(self):
        return [item for item in self.items if isinstance(item, Func)]

    def file_variables(self):
        return [item for item in self.items if isinstance(item, Var)]

    def static_locals(self):
        return [node.var for func in self.functions() for node in statements(func.body) if isinstance(node, Static)]

    def variables(self):
        return self.file_variables() + self.static_locals()


def bodies_of(node):
    """The lists of statements inside a statement."""
    if isinstance(node, If):
        return [node.then] + ([node.other] if node.other is not None else [])
    if isinstance(node, (Loop, Block)):
        return [node.body]
    if isinstance(node, Switch):
        return [body for _, body in node.cases] + [node.default]
    return []


def bodies(body):
    """Every list of statements in `body`, itself first."""
    yield body
    for node in body:
        for inner in bodies_of(node):
            yield from bodies(inner)


def statements(body):
    for inner in bodies(body):
        yield from inner


def expressions(node):
    """The lists of parts of a statement itself."""
    if isinstance(node, (Line, Return)):
        return [node.parts]
    if isinstance(node, If):
        return [node.cond]
    if isinstance(node, Loop):
        return [node.head]
    if isinstance(node, Switch):
        return [node.value]
    return []


def atoms(parts):
    """Every part that is not plain C, through the arguments of calls."""
    for part in parts:
        if isinstance(part, Call):
            yield part
            for argument in part.args:
                yield from atoms(argument)
        elif not isinstance(part, str):
            yield part


def atoms_of_body(body):
    for node in statements(body):
        for parts in expressions(node):
            yield from atoms(parts)


def initial_parts(var):
    """The lists of parts of a variable's initialiser."""
    if var.init is None:
        return []
    return var.init if var.count else [var.init]


def mark(program, first=0):
    """Numbers every item and statement that has no number yet, from `first`; gives the next one. Copies keep numbers."""
    for item in program.items:
        for node in [item, *(statements(item.body) if isinstance(item, Func) else [])]:
            if not hasattr(node, "mark"):
                node.mark = first
                first += 1
    return first


# ---- printing ----

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


# ---- the oracle ----

class Merged:
    """Names in the oracle: version 0 is the original program."""

    declares_statics = False

    def __init__(self, version, base_variables, base_functions):
        self.version = version
        self.base_variables = base_variables
        self.base_functions = base_functions

    def variable(self, var):
        return f"v{var.uid}" if var.uid in self.base_variables else f"v{self.version}_{var.uid}"

    def function(self, func):
        if func.alias_of is not None:
            return self.function(func.alias_of)
        base = self.base_functions.get(func.uid)
        if base is None or base.params != func.params or base.returns != func.returns:
            return self.own(func)
        return f"d{func.uid}"

    def own(self, func):
        """The very version, where function() is what calls get."""
        return f"f{self.version}_{func.uid}"

    call = function

    def function_name(self, func):
        return quote(func.name)

    def file_name(self):
        return '"unit.c"'

    def line(self, node, at):
        return LINE_ANY if node.passed else f"{node.line}"

    def count(self, var):
        return str(var.count)


def print_oracle(base, versions):
    """The C file that behaves as `base` and, after oracle_switch(N), as the Nth of `versions` (from 1) must.

    The programs must have been printed before: __LINE__ gets its value then."""
    variables = {var.uid: var for var in base.variables()}
    functions = {func.uid: func for func in base.functions()}
    printer = Printer(Merged(0, variables, functions))
    lines = printer.lines
    lines += ["#define ORACLE", *PRELUDE.splitlines(), "static unsigned version;"]
    _declare_functions(lines, base, versions, variables, functions)
    room = {uid: max([var.count] + [other.count for version in versions for other in version.variables()
                                    if other.uid == uid]) for uid, var in variables.items()}
    for var in variables.values():
        lines.append(f"extern {_declarator(var, f'v{var.uid}', room[var.uid])};")
    for number, version in enumerate(versions, 1):
        for var in version.variables():
            if var.uid not in variables:
                lines.append(f"extern {_declarator(var, f'v{number}_{var.uid}', var.count)};")
    for var in variables.values():
        lines.append(f"{_declarator(var, f'v{var.uid}', room[var.uid])}{printer.initialiser(var)};")
    for func in base.functions():
        if func.alias_of is None:
            printer.definition(func, f"f0_{func.uid}", [func.returns])
    switch = []
    present = {func.uid: [0] for func in base.functions()}
    for number, version in enumerate(versions, 1):
        switch += _print_version(printer, base, number, version, variables, functions, present)
    for func in base.functions():
        if func.alias_of is None:
            _print_dispatcher(lines, func, present[func.uid])
    for func in base.functions():
        if func.is_init and func.is_entry:
            lines.append(f"u32 oracle_{func.name}(u32 a, u32 b) {{ return f0_{func.uid}(a, b); }}")
    lines += ["void oracle_switch(unsigned to)", "{", "\tversion = to;", "\tswitch (to) {", "\tcase 0:",
              *_print_restore(printer, base, versions, variables, functions), "\t\tbreak;", *switch, "\t}", "}"]
    return "\n".join(lines) + "\n"


def _print_restore(printer, base, versions, variables, functions):
    """What brings the content of read-only variables back."""
    printer.names = Merged(0, variables, functions)
    text = []
    touched = {var.uid for version in versions for var in version.variables() if var.uid in variables}
    for var in base.variables():
        if var.const and var.uid in touched and printer.initialiser(var):
            printer.lines.append(f"static {_declarator(var, f'c0_{var.uid}', var.count)}{printer.initialiser(var)};")
            text.append(f"\t\t__builtin_memcpy((void *)&v{var.uid}, &c0_{var.uid}, sizeof(c0_{var.uid}));")
    return text


def _declarator(var, name, count):
    return f"{var.ctype} {name}[{count}]" if var.count else f"{var.ctype} {name}"


def _declare_functions(lines, base, versions, variables, functions):
    for func in base.functions():
        if func.alias_of is None:
            lines.append(prototype(func, f"d{func.uid}", [func.returns]))
            lines.append(prototype(func, f"f0_{func.uid}", [func.returns]))
    for number, version in enumerate(versions, 1):
        for func in version.functions():
            if func.alias_of is None:
                lines.append(prototype(func, f"f{number}_{func.uid}", [func.returns]))


def _print_version(printer, base, number, version, variables, functions, present):
    """Prints what `version` has of its own; gives the lines of oracle_switch() for it."""
    lines = printer.lines
    names = Merged(number, variables, functions)
    printer.names = names
    switch = [f"\tcase {number}:"]
    for var in version.variables():
        was = variables.get(var.uid)
        if was is None:
            lines.append(f"{_declarator(var, names.variable(var), var.count)}{printer.initialiser(var)};")
            continue
        printer.names = Merged(0, variables, functions)
        before = printer.initialiser(was)
        printer.names = names
        now = printer.initialiser(var)
        # What nobody could write has the new content; what could be written keeps its value.
        if was.const and now != before:
            lines.append(f"static const {_declarator(var, f'c{number}_{var.uid}', var.count)}{now};"
                         .replace("static const const ", "static const "))
            switch.append(f"\t\t__builtin_memcpy((void *)&v{var.uid}, &c{number}_{var.uid}, sizeof(c{number}_{var.uid}));")
        elif var.count > was.count:
            lines.append(f"static {_declarator(var, f'c{number}_{var.uid}', var.count)}{now};")
            switch.append(f"\t\t__builtin_memcpy((void *)&v{var.uid}[{was.count}], &c{number}_{var.uid}[{was.count}], "
                          f"sizeof(c{number}_{var.uid}) - sizeof(c{number}_{var.uid}[0]) * {was.count});")
    for func in version.functions():
        if func.alias_of is not None:
            continue
        _print_function(printer, number, func, functions, present)
    switch.append("\t\tbreak;")
    return switch


def _print_function(printer, number, func, functions, present):
    """One function of a version; what does nothing else than the original is left to that."""
    names, lines = printer.names, printer.lines
    start = len(lines)
    printer.definition(func, f"f{number}_{func.uid}", [func.returns])
    if names.function(func) != f"d{func.uid}" or func.uid not in present:
        return
    now = lines[start + 1:]
    printer.lines = []
    printer.names = Merged(0, names.base_variables, names.base_functions)
    printer.definition(functions[func.uid], f"f0_{func.uid}", [func.returns])
    before = printer.lines[1:]
    printer.names, printer.lines = names, lines
    if now == before:
        del lines[start:]
    else:
        present[func.uid].append(number)


def _print_dispatcher(lines, func, versions):
    arguments = ", ".join(func.argument_names())
    parameters = ", ".join(func.params) or "void"
    if func.overridden:
        lines.append(f"{func.returns} d{func.uid}({parameters}) {{ return override({arguments}); }}")
        return
    lines.append(f"noinline {func.returns} d{func.uid}({parameters})")
    lines += ["{", "\tswitch (version) {"]
    give = "" if func.returns == "void" else "return "
    for number in versions[1:]:
        lines.append(f"\tcase {number}: {give}f{number}_{func.uid}({arguments}); {'return;' if not give else ''}")
    lines.append(f"\tdefault: {give}f0_{func.uid}({arguments}); {'return;' if not give else ''}")
    lines += ["\t}", "}"]


IDENTIFIER = re.compile(r"[A-Za-z_]\w*")


def plain_identifiers(parts):
    """The identifiers in the plain C of an expression: parameters and local variables."""
    found = set()
    for part in parts:
        if isinstance(part, str):
            found |= set(IDENTIFIER.findall(part))
        elif isinstance(part, Call):
            for argument in part.args:
                found |= plain_identifiers(argument)
    return found
