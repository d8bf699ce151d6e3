# SPDX-License-Identifier: GPL-2.0-or-later
"""What changes of programs are made with: an Edit, and the Change that it is told as.

A Change says which refusals of it would be true: codes from the lists below, or nothing if such a change can always be
patched in.
"""

import dataclasses
import re

from program import (atoms_of_body, Blank, bodies, bodies_of, Call, Const, Count, expressions, Func, If, Line, Return,
                     statements, Static, stmt, Var)


@dataclasses.dataclass
class Change:
    what: str
    where: str
    may: tuple = ()  # codes of refusals that would be true


# What may be refused, by the reason.
INIT_CODE = ("diff.init-changed", "diff.init-data-changed", "diff.no-ftrace")
CONTENT = ("diff.data-changed",)
STORAGE = ("diff.storage-changed", "diff.data-changed", "diff.section-changed", "diff.ambiguous-reference")
# The last two: nothing writes it any more, so the compiler has its initial value in its place; with -fcommon a new one
# is where no module can have it.
STATICS = ("diff.static-local", "diff.static-local-removed", "diff.static-data-removed", "diff.storage-changed",
           "diff.common-symbol")
AMBIGUOUS = ("diff.static-local", "diff.ambiguous")
UNTRACED = ("diff.no-ftrace",)
WEAK = ("diff.weak*", "diff.overridden*", "diff.unresolved", "diff.ambiguous")
ALIASES = ("diff.alias-changed",)


class Edit:
    def __init__(self, rng, program):
        self.rng = rng
        self.program = program
        self.names = {item.name for item in program.items if not isinstance(item, Blank)}
        self.names |= {var.name for var in program.variables()}
        self.tag = 500
        self.retired = set()  # names of static locals that are renamed: who takes one up is meant to be the old one

    def next_tag(self):
        self.tag += 1
        return Const(self.tag)

    def new_name(self):
        while True:
            name = "_".join([self.rng.choice(["new", "fixed", "safe", "real", "extra"]),
                             self.rng.choice(["len", "mask", "max", "map", "set", "idx"])])
            if self.rng.randrange(2):
                name += str(self.rng.randrange(100))
            if name not in self.names:
                self.names.add(name)
                return name

    def new_var(self, name, ctype="u32", count=0, init=None, **how):
        return Var(self.program.uid(), name, ctype, count, init, **how)

    def static_local(self, func, name, **how):
        var = self.new_var(name, **how)
        var.is_local = True
        var.owner = func
        return var

    def pick(self, things):
        things = list(things)
        return self.rng.choice(things) if things else None

    def function(self, accept=lambda func: True):
        """A function with a body."""
        return self.pick(func for func in self.program.functions() if func.alias_of is None and accept(func))

    def add_before(self, func, item):
        self.program.items.insert(self.program.items.index(func), item)

    def reads(self, func, var):
        return any(atom is var or isinstance(atom, Count) and atom.var is var for atom in atoms_of_body(func.body))

    def users(self, var):
        return [func for func in self.program.functions() if self.reads(func, var)]

    def callers(self, func):
        return [other for other in self.program.functions()
                if any(isinstance(atom, Call) and atom.func is func for atom in atoms_of_body(other.body))]


def refusals_for(edit, func):
    """The refusals that are true for any change of this function's code: ftrace does not reach it."""
    may = ()
    if func.is_init:
        may += INIT_CODE
    if any(var.same_name for var in statics_of(func)):
        may += AMBIGUOUS
    if func.overridden:
        may += WEAK
    if "notrace" in func.attributes or func.inline in ("inline", "__always_inline"):
        may += UNTRACED
    for caller in edit.callers(func):
        if caller.is_init or "notrace" in caller.attributes:
            may += INIT_CODE + UNTRACED
    return may


def changed(edit, func, what, may=()):
    return Change(what, func.name, tuple(may) + refusals_for(edit, func))


def new_value(edit, const):
    was = const.value
    if const.bound:
        if was < 2:
            return False
        const.value = edit.pick([was - 1, was // 2, max(1, was - 2)])
    else:
        const.value = edit.pick([was + 1, max(1, was - 1), edit.rng.randrange(1, 500), was * 2])
    return const.value != was


def new_text(edit, text):
    was = text.text
    how = edit.rng.randrange(4)
    if "%" in was or how == 0:
        text.text = was + edit.pick([" again", "!", "x", ", giving up"])
    elif how == 1 and len(was) > 3:
        text.text = was[edit.rng.randrange(1, len(was) - 1):]
    elif how == 2 and len(was) > 3:
        text.text = was[:edit.rng.randrange(2, len(was))]
    else:
        at = edit.rng.randrange(len(was))
        text.text = was[:at] + edit.pick("xyz.7") + was[at + 1:]
    if text.text == was:
        text.text += "."


def scalar(edit):
    """A variable of the file that any function may add to."""
    return edit.pick(var for var in edit.program.file_variables()
                     if not var.count and var.ctype == "u32" and not var.const and
                     var.section in ("", ".data..read_mostly", ".data..cacheline_aligned"))


def is_before(edit, var, func):
    return edit.program.items.index(var) < edit.program.items.index(func)


def may_call(func, target, seen=None):
    """func may get to target."""
    seen = seen or set()
    if func is target:
        return True
    if func.uid in seen:
        return False
    seen.add(func.uid)
    for atom in atoms_of_body(func.body):
        other = atom.func if isinstance(atom, Call) else atom
        if isinstance(other, Func):
            other = other.alias_of or other
            if may_call(other, target, seen):
                return True
    return False


def place(edit, func):
    """A list of statements and a position in it, not before declarations of locals."""
    body = edit.pick(open_bodies(func.body))
    first = 0
    for index, node in enumerate(body):
        if isinstance(node, Static) or isinstance(node, Line) and node.local:
            first = index + 1
    last = len(body)
    for index, node in enumerate(body):
        if isinstance(node, Return):
            last = index
            break
    return body, edit.rng.randrange(first, max(first, last) + 1)


def open_bodies(body):
    """Lists of statements but those that what comes after relies on."""
    yield body
    for node in body:
        if not (isinstance(node, If) and node.keep):
            for inner in bodies_of(node):
                yield from open_bodies(inner)


def after_declarations(body):
    at = 0
    for index, node in enumerate(body):
        if isinstance(node, Static) or isinstance(node, Line) and node.local:
            at = index + 1
    return at


def statics_of(func):
    return [node.var for node in statements(func.body) if isinstance(node, Static)]


def start_anew(edit, func):
    may = ()
    for var in statics_of(func):
        var.uid = edit.program.uid()  # `was` stays: whoever keeps the value does no harm
        may = STATICS
    return may

ASSIGNED = re.compile(r"(\[[^\]]*\])?(->\w+|\.\w+)*\s*([-+*/|&^]?=(?!=)|(<<|>>)=|\+\+|--)")


def is_written(func, var):
    """An assignment begins with it, or its address is taken; true is also said where it only looks so."""
    return any(_writes(parts, var) for node in statements(func.body) for parts in expressions(node))


def _writes(parts, var):
    for index, part in enumerate(parts):
        if isinstance(part, Call):
            if any(_writes(argument, var) for argument in part.args):
                return True
        elif part is var:
            before, after = ("".join(other if isinstance(other, str) else "x" for other in side)
                             for side in (parts[:index], parts[index + 1:]))
            if (ASSIGNED.match(after) or before.rstrip().endswith(("&", "++", "--", "*", "this_cpu_add(")) or
                    var.count and not after.startswith("[")):
                return True
    return False


def write_somewhere(edit, var):
    """A new write, where the variable is in sight."""
    user = var.owner or edit.function(lambda f: f.params and not f.is_init and is_before(edit, var, f))
    if not user or not user.params:
        return
    name = user.argument_names()[0]
    node = stmt(f"@[{name} & @] = 3", var, Const(var.count - 1, bound=True)) if var.count else stmt("@ = 3", var)
    for body in bodies(user.body):
        if not var.is_local or any(isinstance(other, Static) and other.var is var for other in body):
            body.insert(after_declarations(body), node)
            return
