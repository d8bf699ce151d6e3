# SPDX-License-Identifier: GPL-2.0-or-later
"""Small C programs as values.

Variables and functions are objects with a number of their own (`uid`). A changed program is a deep copy, so what is the
same variable on both sides is known by construction and not by name.
"""

import re


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
        self.is_constant = False  # nobody writes it
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
    """Numbers every item and statement that has no number yet, from `first`; gives the next one. Copies keep theirs."""
    for item in program.items:
        for node in [item, *(statements(item.body) if isinstance(item, Func) else [])]:
            if not hasattr(node, "mark"):
                node.mark = first
                first += 1
    return first

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
