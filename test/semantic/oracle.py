# SPDX-License-Identifier: GPL-2.0-or-later
"""Writes the oracle: what a program and its changed versions must do from the state on that the running one has.

One C file holds the original functions and those of every changed version, all working on one instance of each variable
that is kept.
"""

from printing import PRELUDE, Printer, prototype, quote

LINE_ANY = "0x5e11a11eu"  # the loader compares it with any number


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
    lines += ["void oracle_switch(unsigned to)", "{", "\tunsigned from = version;", "\tversion = to;", "\tswitch (to) {",
              "\tcase 0:",
              *_print_restore(printer, base, versions, variables, functions), "\t\tbreak;", *switch, "\t}", "}"]
    return "\n".join(lines) + "\n"


def _print_restore(printer, base, versions, variables, functions):
    """What brings the content of read-only variables back."""
    printer.names = Merged(0, variables, functions)
    text = []
    touched = {var.uid for version in versions for var in version.variables() if var.uid in variables}
    for var in base.variables():
        constant_in = [number for number, version in enumerate(versions, 1)
                       if any(other.uid == var.uid and other.is_constant for other in version.variables())]
        if not (var.const or constant_in) or var.uid not in touched or not printer.initialiser(var):
            continue
        when = "" if var.const else f"if ({' || '.join(f'from == {number}' for number in constant_in)}) "
        printer.lines.append(f"static {_declarator(var, f'c0_{var.uid}', var.count)}{printer.initialiser(var)};")
        text.append(f"\t\t{when}__builtin_memcpy((void *)&v{var.uid}, &c0_{var.uid}, sizeof(c0_{var.uid}));")
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
        if (was.const or var.is_constant) and now != before:
            lines.append(f"static const {_declarator(var, f'c{number}_{var.uid}', var.count)}{now};"
                         .replace("static const const ", "static const "))
            fresh = f"c{number}_{var.uid}"
            switch.append(f"\t\t__builtin_memcpy((void *)&v{var.uid}, &{fresh}, sizeof({fresh}));")
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
