# SPDX-License-Identifier: GPL-2.0-or-later
"""Changes programs as fixes do.

A mutator takes an Edit, changes its program and gives a Change, or None if there is nothing that it could change. The
Change says which refusals would be true: a name from REFUSALS below, or nothing if such a change can always be patched in.
"""

import copy
import dataclasses
import re

from program import (Blank, Block, Call, Const, Count, FileName, Func, FuncName, If, LineNo, Line, Loop, Return, Static,
                     Switch, Text, Var, atoms, atoms_of_body, bodies, bodies_of, expressions, initial_parts, local,
                     plain_identifiers, ret, statements, stmt, template)


@dataclasses.dataclass
class Change:
    what: str
    where: str
    may: tuple = ()  # codes of refusals that would be true


# What may be refused, by the reason.
INIT_CODE = ("diff.init-changed", "diff.init-data-changed", "diff.no-ftrace")
CONTENT = ("diff.data-changed",)
STORAGE = ("diff.storage-changed", "diff.storage", "diff.data-changed", "diff.section-changed")
STATICS = ("diff.static-local", "diff.static-local-removed", "diff.data-removed", "diff.static-data-removed")
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
            name = f"{self.rng.choice(['new', 'fixed', 'safe', 'real', 'extra'])}_{self.rng.choice(['len', 'mask', 'max', 'map', 'set', 'idx'])}"
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
    if any(var.same_name for var in _statics_of(func)):
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


# ---- inside of functions ----

def constant(edit):
    func = edit.function(lambda f: any(isinstance(atom, Const) for atom in atoms_of_body(f.body)))
    if not func:
        return None
    const = edit.pick(atom for atom in atoms_of_body(func.body) if isinstance(atom, Const))
    return changed(edit, func, "bound" if const.bound else "constant") if _new_value(edit, const) else None


def _new_value(edit, const):
    was = const.value
    if const.bound:
        if was < 2:
            return False
        const.value = edit.pick([was - 1, was // 2, max(1, was - 2)])
    else:
        const.value = edit.pick([was + 1, max(1, was - 1), edit.rng.randrange(1, 500), was * 2])
    return const.value != was


def string(edit):
    func = edit.function(lambda f: any(isinstance(atom, Text) for atom in atoms_of_body(f.body)))
    if not func:
        return None
    text = edit.pick(atom for atom in atoms_of_body(func.body) if isinstance(atom, Text))
    _new_text(edit, text)
    return changed(edit, func, "string")


def _new_text(edit, text):
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


def invert_branch(edit):
    func = edit.function(lambda f: any(isinstance(node, If) and not node.keep for node in statements(f.body)))
    if not func:
        return None
    branch = edit.pick(node for node in statements(func.body) if isinstance(node, If) and not node.keep)
    if not branch.cond[0].startswith("!("):
        branch.cond = ["!("] + branch.cond + [")"]
    else:
        branch.cond = ["("] + branch.cond + [") == 0"]
    return changed(edit, func, "branch inverted")


def swap_branches(edit):
    """The condition turned around and the branches with it: the same behaviour."""
    def is_fit(node):
        return isinstance(node, If) and node.other is not None and not node.keep
    func = edit.function(lambda f: any(is_fit(node) for node in statements(f.body)))
    if not func:
        return None
    branch = edit.pick(node for node in statements(func.body) if is_fit(node))
    branch.cond = ["!("] + branch.cond + [")"]
    branch.then, branch.other = branch.other, branch.then
    moved = any(isinstance(node, Static) for node in branch.then + branch.other)
    return changed(edit, func, "branches swapped", STATICS if moved else ())


def _scalar(edit):
    """A variable of the file that any function may add to."""
    return edit.pick(var for var in edit.program.file_variables()
                     if not var.count and var.ctype == "u32" and not var.const and
                     var.section in ("", ".data..read_mostly", ".data..cacheline_aligned"))


def _is_before(edit, var, func):
    return edit.program.items.index(var) < edit.program.items.index(func)


def _new_statements(edit, func):
    """What a fix would do: say something, count something, leave."""
    name = edit.pick(func.argument_names() or ["1u"])
    how = edit.rng.randrange(8)
    if how == 0:
        return [stmt(f"out(@, {name})", edit.next_tag())]
    if how == 1:
        return [stmt(f"printk(@, @, {name})", "%s: " + edit.pick(["bad length", "retry", "abcdef"]) + " %u", FuncName())]
    if how == 2:
        return [stmt("__might_sleep(@, @)", FileName(), LineNo())]
    if how == 3:
        return [stmt("warn_slowpath_fmt(@, @, @, 0)", FileName(), LineNo(), edit.rng.randrange(1, 12))]
    if how == 4:
        return [stmt("outs(@, @)", edit.next_tag(), edit.pick(["def", "cdef", "reset", "full", "fixed", "again"]))]
    if how == 5:
        var = _scalar(edit)
        if var is not None and _is_before(edit, var, func):
            return [stmt(f"@ += {name}", var), stmt("out(@, @)", edit.next_tag(), var)]
    if how == 6:
        helper = edit.pick(f for f in edit.program.functions()
                           if f.alias_of is None and f is not func and f.params == ["u32 a", "u32 b"] and f.returns == "u32" and
                           not f.is_init and not f.is_entry and not _calls(f, func) and not edit.reads(f, func))
        if helper:
            return [stmt("out(@, @)", edit.next_tag(), Call(helper, [template(name), template("@", edit.rng.randrange(99))]))]
    return [ret("@", edit.rng.randrange(500))] if func.returns == "u32" and func.params else [
        stmt("out(@, @)", edit.next_tag(), 7)]


def _calls(func, target, seen=None):
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
            if _calls(other, target, seen):
                return True
    return False


def _place(edit, func):
    """A list of statements and a position in it, not before declarations of locals."""
    body = edit.pick(_open_bodies(func.body))
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


def _open_bodies(body):
    """Lists of statements but those that what comes after relies on."""
    yield body
    for node in body:
        if not (isinstance(node, If) and node.keep):
            for inner in bodies_of(node):
                yield from _open_bodies(inner)


def add_branch(edit):
    func = edit.function(lambda f: f.params)
    if not func:
        return None
    name = edit.pick(func.argument_names())
    cond = template(f"{name} {edit.pick(['>', '==', '&', '<'])} @", edit.rng.randrange(1, 60))
    extra = _new_statements(edit, func)
    body, at = _place(edit, func)
    may = _inlined_calls(edit, extra)
    body.insert(at, If(cond, extra, hint=edit.pick(["", "", "unlikely", "likely"])))
    return changed(edit, func, "branch added", may)


def _inlined_calls(edit, added):
    return ()


def add_statement(edit):
    func = edit.function(lambda f: f.params)
    if not func:
        return None
    extra = [node for node in _new_statements(edit, func) if not isinstance(node, Return)]
    if not extra:
        return None
    body, at = _place(edit, func)
    body[at:at] = extra
    return changed(edit, func, "statement added")


def remove_statement(edit):
    def is_fit(node):
        return isinstance(node, Line) and not node.local or isinstance(node, If) and not node.keep and not _has_statics([node])
    func = edit.function(lambda f: any(is_fit(node) for node in statements(f.body)))
    if not func:
        return None
    before = set(_statics_in_use(func))
    found = [(body, node) for body in _open_bodies(func.body) for node in body if is_fit(node)]
    if not found:
        return None
    body, node = edit.pick(found)
    body.remove(node)
    lost = before - set(_statics_in_use(func))
    return changed(edit, func, "statement removed", STATICS if lost else ())


def _statics_in_use(func):
    return [atom for atom in atoms_of_body(func.body) if isinstance(atom, Var) and atom.is_local]


def _has_statics(body):
    return any(isinstance(node, Static) for node in statements(body))


def new_array(edit):
    """A new static table, in the file or in the function, looked up or walked to its end."""
    func = edit.function(lambda f: f.params)
    if not func:
        return None
    name = edit.pick(func.argument_names())
    size = edit.pick([4, 8])
    section = edit.pick(["", "", ".data..read_mostly"])
    const = not section and edit.rng.randrange(2) == 0
    init = [[Const(edit.rng.randrange(1, 900))] for _ in range(size)]
    if edit.rng.randrange(2):
        table = edit.new_var(edit.new_name(), count=size, init=init, const=const, section=section)
        edit.add_before(func, table)
        declare = []
    else:
        table = edit.static_local(func, edit.pick(["table", "map", edit.new_name()]), count=size, init=init, const=const)
        declare = [Static(table)]
    use = _walk(edit, table, name) if edit.rng.randrange(2) else [
        stmt(f"out(@, @[{name} & @])", edit.next_tag(), table, Const(size - 1, bound=True))]
    func.body.insert(_after_declarations(func.body), Block(declare + use))
    return changed(edit, func, "new array")


def _walk(edit, table, name):
    pointer = "const u32 *q" if table.const else "u32 *q"
    head = template("for (q = @; q != &@[@]; q++)", table, table, Count(table))
    body = [stmt("out(@, *q)", edit.next_tag())]
    if not table.const and edit.rng.randrange(2):
        body.append(stmt(f"*q += {name} & 7"))
    if edit.rng.randrange(2):
        body.append(stmt("use(q)"))
    return [local("q", pointer), Loop(head, body)]


def _after_declarations(body):
    at = 0
    for index, node in enumerate(body):
        if isinstance(node, Static) or isinstance(node, Line) and node.local:
            at = index + 1
    return at


def add_static_local(edit):
    func = edit.function(lambda f: f.params)
    if not func:
        return None
    own = [node.var.name for node in statements(func.body) if isinstance(node, Static) and node.var.ctype == "u32"]
    name = edit.pick(own) if own and edit.rng.randrange(2) else edit.pick(["count", "fixed", "last", "runs"])
    var = edit.static_local(func, name, init=[Const(edit.rng.randrange(1, 90))] if edit.rng.randrange(2) else None)
    if name in edit.retired:
        return None
    argument = edit.pick(func.argument_names())
    block = Block([Static(var), stmt(f"@ += {argument} & 15", var), stmt("out(@, @)", edit.next_tag(), var)])
    body, at = _place(edit, func)
    body.insert(at, block)
    twins = [v for v in _statics_of(func) if v.name == name]
    if len(twins) > 1:
        for twin in twins:
            twin.same_name = True
    return changed(edit, func, "static local added", STATICS if len(twins) > 1 else ())


def _statics_of(func):
    return [node.var for node in statements(func.body) if isinstance(node, Static)]


def move_static_local(edit):
    """A static local goes to the top of its function."""
    func = edit.function(lambda f: any(isinstance(node, Static) and node not in f.body and not node.var.same_name
                                       for node in statements(f.body)))
    if not func:
        return None
    body, node = edit.pick([(body, node) for body in bodies(func.body) for node in body
                            if isinstance(node, Static) and body is not func.body and not node.var.same_name])
    body.remove(node)
    func.body.insert(0, node)
    return changed(edit, func, "static local moved")


def rename_static_local(edit):
    """A variable of another name is another variable: it starts anew."""
    func = edit.function(_statics_of)
    if not func:
        return None
    var = edit.pick(_statics_of(func))
    edit.retired.add(var.name)
    var.name = edit.new_name()
    var.uid = var.was = edit.program.uid()
    return changed(edit, func, "static local renamed", () if var.const else STATICS)


def add_local_array(edit):
    func = edit.function(lambda f: f.params)
    if not func:
        return None
    name = edit.pick(func.argument_names())
    values = [edit.rng.randrange(256) for _ in range(edit.pick([8, 16, 20]))]
    holes = ", ".join("@" for _ in values)
    block = Block([local("bytes", "u8 bytes[@] = {" + holes + "}", Const(len(values), bound=False),
                         *[Const(value) for value in values]),
                   stmt(f"bytes[{name} % {len(values)}] ^= 1"),
                   stmt(f"outb(@, bytes, {len(values)}u)", edit.next_tag())])
    # The size is no number to change on its own.
    block.body[0].parts[1] = str(len(values))
    body, at = _place(edit, func)
    body.insert(at, block)
    return changed(edit, func, "local array added")


def add_switch(edit):
    func = edit.function(lambda f: f.params)
    if not func:
        return None
    name = edit.pick(func.argument_names())
    cases = [(Const(number, bound=True), [stmt("out(@, @)", edit.next_tag(), edit.rng.randrange(999))])
             for number in range(edit.pick([4, 6, 9]))]
    body, at = _place(edit, func)
    body.insert(at, Switch(template(f"{name} & @", Const(15, bound=True)), cases, [stmt("out(@, 0)", edit.next_tag())]))
    return changed(edit, func, "switch added")


def case_added(edit):
    func = edit.function(lambda f: any(isinstance(node, Switch) for node in statements(f.body)))
    if not func:
        return None
    switch = edit.pick(node for node in statements(func.body) if isinstance(node, Switch))
    number = max(number.value for number, _ in switch.cases) + 1
    switch.cases.append((Const(number, bound=True), [stmt("out(@, @)", edit.next_tag(), edit.rng.randrange(999))]))
    return changed(edit, func, "case added")


# ---- functions as a whole ----

def handler_and_user(edit):
    """A function whose address is kept, and one that compares it with what was kept."""
    func = edit.function(lambda f: f.address_taken)
    if not func:
        return None
    users = [user for user in edit.program.functions() if any(atom is func for atom in atoms_of_body(user.body))]
    user = edit.pick(users)
    if not user:
        return None
    for one in (func, user):
        const = edit.pick(atom for atom in atoms_of_body(one.body) if isinstance(atom, Const) and not atom.bound)
        if const:
            _new_value(edit, const)
    return changed(edit, func, "handler and user")


def callback_added(edit):
    """A new function, whose address somebody keeps who is not the patch's."""
    func = edit.function(lambda f: f.params and not f.is_init)
    if not func:
        return None
    handler = Func(edit.program.uid(), edit.new_name(), [stmt("out(@, a)", edit.next_tag()),
                                                         ret("a + @", edit.rng.randrange(99))], ["u32 a"])
    handler.address_taken = True
    edit.add_before(func, handler)
    if edit.rng.randrange(2):
        node = stmt("put(@, (void *)@)", Const(edit.rng.randrange(16), bound=True), handler)
    else:
        current = edit.pick(var for var in edit.program.file_variables() if var.ctype == "const struct ops *")
        if not current or not _is_before(edit, current, func):
            return None
        table = edit.new_var(edit.new_name(), "struct ops", 1, [template("{@, @, @}", handler, "fixed", 7)], const=True)
        table.escapes = True
        edit.add_before(func, table)
        node = stmt("@ = @", current, table)
    body, at = _place(edit, func)
    body.insert(at, node)
    return changed(edit, func, "callback added", ("diff.address-escapes",))


def handler_replaced(edit):
    """Another function in a table of functions."""
    var = edit.pick(var for var in edit.program.variables() if var.ctype == "struct ops")
    if not var:
        return None
    handler = Func(edit.program.uid(), edit.new_name(), [stmt("out(@, a)", edit.next_tag()), ret("a ^ 3")], ["u32 a"])
    handler.address_taken = True
    edit.add_before(var, handler)
    parts = var.init[0]
    for index, part in enumerate(parts):
        if isinstance(part, Func):
            parts[index] = handler
    return Change("handler replaced", var.name, CONTENT + ("diff.address-escapes",))


def argument_added(edit):
    func = edit.function(lambda f: not f.is_entry and not f.address_taken and edit.callers(f))
    if not func:
        return None
    argument = edit.rng.randrange(100)
    func.params.append("u32 extra")
    func.body.insert(_after_declarations(func.body), stmt("out(@, extra)", edit.next_tag()))
    may = ()
    for caller in edit.callers(func):
        may += refusals_for(edit, caller)
        for atom in list(atoms_of_body(caller.body)):
            if isinstance(atom, Call) and atom.func is func:
                atom.args.append(template("@", argument))
    return changed(edit, func, "argument added", may)


def function_renamed(edit):
    func = edit.function(lambda f: not f.is_entry and not f.address_taken)
    if not func:
        return None
    may = ()
    for caller in edit.callers(func):
        may += refusals_for(edit, caller)
    func.name = edit.new_name()
    func.uid = edit.program.uid()
    # Its static locals are others': they start anew, and what they held is lost.
    may += _start_anew(edit, func)
    return changed(edit, func, "function renamed", may)


def _start_anew(edit, func):
    may = ()
    for var in _statics_of(func):
        var.uid = edit.program.uid()  # `was` stays: whoever keeps the value does no harm
        may = STATICS
    return may


def function_storage(edit):
    func = edit.function(lambda f: not f.is_entry)
    if not func:
        return None
    was = func.inline
    func.inline = edit.pick([how for how in ("", "inline", "noinline", "__always_inline") if how != was])
    if func.address_taken and func.inline:
        func.inline = was
        return None
    may = refusals_for(edit, func)
    for caller in edit.callers(func):
        may += refusals_for(edit, caller)
    return changed(edit, func, f"{was or 'plain'} to {func.inline or 'plain'}", may)


def function_made_global(edit):
    func = edit.function(lambda f: f.static and not f.inline)
    if not func:
        return None
    func.static = False
    may = ()
    for caller in edit.callers(func):
        may += refusals_for(edit, caller)
    return changed(edit, func, "function made global", may)


def function_attribute(edit):
    func = edit.function(lambda f: not f.is_init)
    if not func:
        return None
    attribute = edit.pick(["__cold", "notrace"])
    may = UNTRACED if attribute == "notrace" else ()
    if attribute in func.attributes:
        func.attributes.remove(attribute)
    else:
        func.attributes.append(attribute)
    return changed(edit, func, f"function {attribute}", may)


def init_dropped(edit):
    func = edit.function(lambda f: f.is_init and not f.is_entry)
    if not func:
        return None
    func.attributes.remove("__init")
    user = edit.function(lambda f: not f.is_init and f.params == ["u32 a", "u32 b"] and not _calls(func, f) and f is not func)
    may = INIT_CODE + STORAGE
    if user and edit.program.items.index(func) < edit.program.items.index(user):
        user.body.insert(_after_declarations(user.body),
                         stmt("out(@, @)", edit.next_tag(), Call(func, [template("a"), template("b")])))
        may += refusals_for(edit, user)
        for var in edit.program.file_variables():
            if var.section == ".init.data" and edit.reads(func, var):
                var.section = ""
    return changed(edit, func, "init dropped", may)


def function_moved(edit):
    func = edit.function()
    if not func:
        return None
    items = edit.program.items
    # Not in front of the variables that it uses.
    at = items.index(func)
    if at + 1 >= len(items):
        return None
    aliases = [item for item in items if isinstance(item, Func) and item.alias_of is func]
    if aliases:
        return None
    items.insert(edit.rng.randrange(at + 1, len(items) + 1), func)
    del items[at]
    return changed(edit, func, "function moved")


def function_split(edit):
    """The body goes into a new function."""
    func = edit.function(lambda f: f.params and not f.is_init)
    if not func:
        return None
    part = Func(edit.program.uid(), edit.new_name(), func.body, list(func.params), func.returns)
    part.inline = edit.pick(["", "noinline", "inline"])
    part.attributes = [word for word in func.attributes if word == "notrace"]
    call = Call(part, [template(name) for name in func.argument_names()])
    func.body = [ret("@", call)]
    edit.add_before(func, part)
    has_own = any(isinstance(atom, FuncName) for atom in atoms_of_body(part.body))
    may = _start_anew(edit, part)
    return changed(edit, func, "function split" + (" with __func__" if has_own else ""), may)


def branch_outlined(edit):
    """A branch goes into a new function."""
    found = []
    for func in edit.program.functions():
        if func.is_init or func.alias_of is not None:
            continue
        locals_ = {node.local for node in statements(func.body) if isinstance(node, Line) and node.local}
        for node in statements(func.body):
            if isinstance(node, If) and _is_closed(func, node.then, locals_):
                found.append((func, node))
    if not found:
        return None
    func, node = edit.pick(found)
    part = Func(edit.program.uid(), edit.new_name(), node.then, list(func.params), "void")
    part.inline = edit.pick(["", "noinline", "inline"])
    part.attributes = [word for word in func.attributes if word == "notrace"]
    node.then = [stmt("@", Call(part, [template(name) for name in func.argument_names()]))]
    edit.add_before(func, part)
    return changed(edit, func, "branch outlined", _start_anew(edit, part))


def _is_closed(func, body, locals_):
    """The statements use nothing of the function but its parameters, change none of them, and do not leave it."""
    arguments = func.argument_names()
    for node in statements(body):
        if isinstance(node, (Return, Static)):
            return False
        for parts in expressions(node):
            if plain_identifiers(parts) & locals_:
                return False
            text = "".join(part for part in parts if isinstance(part, str))
            if any(text.lstrip().startswith(name + " ") and "=" in text for name in arguments):
                return False
            if any(isinstance(atom, Var) and atom.is_local for atom in atoms(parts)):
                return False
    return bool(body)


def lines_added(edit):
    at = edit.rng.randrange(len(edit.program.items) + 1)
    count = edit.pick([1, 2, 5])
    for _ in range(count):
        edit.program.items.insert(at, Blank())
    if edit.rng.randrange(2):
        func = edit.function()
        if func:
            func.body.insert(edit.rng.randrange(len(func.body) + 1), Blank())
    return Change("lines added", f"item {at}")


def comment_line(edit):
    func = edit.function()
    if not func:
        return None
    body = edit.pick(bodies(func.body))
    body.insert(edit.rng.randrange(len(body) + 1), Blank("/* */;"))
    return Change("lines added", func.name)


# ---- variables ----

def variable_renamed(edit):
    """A variable of another name is another variable: it starts anew."""
    var = edit.pick(var for var in edit.program.file_variables())
    if var is None:
        return None
    var.name = edit.new_name()
    var.uid = var.was = edit.program.uid()
    may = STATICS
    for user in _all_users(edit, var):
        may += refusals_for(edit, user)
    if any(_mentions(other, var) for other in edit.program.variables()):
        may += CONTENT
    if var.section.startswith(".init"):
        may += INIT_CODE
    return Change("variable renamed", var.name, may)


def _mentions(var, what):
    return any(atom is what for parts in initial_parts(var) for atom in atoms(parts))


def _all_users(edit, var):
    return edit.users(var)


def initialiser(edit):
    """Another initial value of a variable, or another entry of a table."""
    var = edit.pick(var for var in edit.program.variables()
                    if any(isinstance(atom, (Const, Text)) for parts in initial_parts(var) for atom in atoms(parts)))
    if var is None:
        return None
    atom = edit.pick(atom for parts in initial_parts(var) for atom in atoms(parts) if isinstance(atom, (Const, Text)))
    if isinstance(atom, Text):
        _new_text(edit, atom)
    elif not _new_value(edit, atom):
        return None
    highest = {"u8": 255, "u16": 65535}.get(var.ctype)
    if highest and atom.value > highest:
        atom.value = highest
    may = ()
    if not var.const:
        may = CONTENT + STORAGE
    elif var.escapes:
        may = CONTENT + ("diff.address-escapes", "diff.identity", "diff.table-identity")
    if var.section.startswith(".init"):
        may += INIT_CODE
    for user in edit.users(var):
        may += refusals_for(edit, user)
    return Change("const content" if var.const else "initial value", var.name, may)


def initialiser_added(edit):
    var = edit.pick(var for var in edit.program.variables() if var.init is None and not var.count and var.ctype == "u32")
    if var is None:
        return None
    var.init = [Const(edit.rng.randrange(1, 99))]
    return Change("initial value added", var.name, CONTENT + STORAGE)


def table_longer(edit):
    var = edit.pick(var for var in edit.program.variables() if var.count > 1 and var.init and var.ctype in ("u32", "u8", "u16"))
    if var is None:
        return None
    var.init = var.init + [[Const(edit.rng.randrange(1, 200))] for _ in range(edit.pick([1, 4]))]
    var.count = len(var.init)
    may = () if var.const and not var.escapes else CONTENT + STORAGE + ("diff.size-changed", "diff.layout")
    if var.section.startswith(".init"):
        may += INIT_CODE
    for user in edit.users(var):
        may += refusals_for(edit, user)
    return Change("table longer", var.name, may)


def storage(edit):
    """Another place for a variable that stays the same by its name."""
    var = edit.pick(edit.program.variables())
    if var is None:
        return None
    writers = any(_is_written(func, var) for func in edit.users(var))
    how = edit.pick(["const", "section", "align", "ro_after_init", "init"])
    may = STORAGE
    if how == "const":
        if writers and not var.const or var.section or var.ctype.startswith("struct") or var.escapes:
            return None
        if var.ctype.endswith("*"):
            return None
        var.const = not var.const
        if not var.const and edit.rng.randrange(2):
            _write_somewhere(edit, var)
    elif how == "section":
        if var.const or var.section.startswith((".init", ".data..percpu", ".data..once", ".data..ro")):
            return None
        var.section = edit.pick([name for name in ("", ".data..read_mostly", ".data..cacheline_aligned") if name != var.section])
    elif how == "align":
        var.align = 64 if not var.align else 0
        may += ("diff.alignment",)
    elif how == "ro_after_init":
        if var.section == ".data..ro_after_init":
            var.section = ""
            if edit.rng.randrange(2):
                _write_somewhere(edit, var)
        elif var.section == "" and not var.const and not writers and not var.escapes:
            var.section = ".data..ro_after_init"
        else:
            return None
    else:
        if var.section != ".init.data":
            return None
        var.section = ""
        user = edit.function(lambda f: f.params and not f.is_init)
        if user and edit.program.items.index(var) < edit.program.items.index(user):
            name = user.argument_names()[0]
            user.body.insert(_after_declarations(user.body),
                             stmt(f"out(@, @[{name} & @])", edit.next_tag(), var, Const(var.count - 1, bound=True)))
    for user in edit.users(var):
        may += refusals_for(edit, user)
    return Change(f"storage: {how}", var.name, may)


def _write_somewhere(edit, var):
    """A new write, where the variable is in sight."""
    user = var.owner or edit.function(lambda f: f.params and not f.is_init and _is_before(edit, var, f))
    if not user or not user.params:
        return
    name = user.argument_names()[0]
    node = stmt(f"@[{name} & @] = 3", var, Const(var.count - 1, bound=True)) if var.count else stmt("@ = 3", var)
    user.body.insert(_after_declarations(user.body), node)


ASSIGNED = re.compile(r"(\[[^\]]*\])?(->\w+|\.\w+)*\s*([-+*/|&^]?=(?!=)|(<<|>>)=|\+\+|--)")


def _is_written(func, var):
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


def made_percpu(edit):
    """A variable becomes per-cpu, or is no longer."""
    var = edit.pick(var for var in edit.program.file_variables() if var.sites and
                    all(any(node is site for func in edit.program.functions() for node in statements(func.body))
                        for site, _ in var.sites))
    if var is None or any(not any(atom is var for atom in atoms(site.parts)) for site, _ in var.sites):
        return None
    for site, parts in var.sites:
        site.parts = parts
    var.section = "" if var.section else ".data..percpu"
    var.sites = []
    may = STORAGE + STATICS + ("diff.percpu*",)
    for user in edit.users(var):
        may += refusals_for(edit, user)
    return Change("per-cpu or not", var.name, may)


def variable_exported(edit):
    var = edit.pick(var for var in edit.program.file_variables() if var.static)
    if var is None:
        return None
    var.static = False
    may = ()
    for user in edit.users(var):
        may += refusals_for(edit, user)
    return Change("variable made global", var.name, may)


def percpu_added(edit):
    func = edit.function(lambda f: f.params)
    if not func:
        return None
    var = edit.new_var(edit.new_name(), init=[Const(edit.rng.randrange(1, 99))],
                       section=edit.pick([".data..percpu", ".data..percpu", ".data..percpu..read_mostly"]))
    edit.add_before(func, var)
    name = edit.pick(func.argument_names())
    func.body.insert(_after_declarations(func.body), stmt("out(@, this_cpu_read(@))", edit.next_tag(), var))
    func.body.insert(_after_declarations(func.body), stmt(f"this_cpu_add(@, {name} & 15)", var))
    return changed(edit, func, "per-cpu added", ("diff.percpu",) if func.is_init else ())


MUTATORS = {
    constant: 8, string: 5, invert_branch: 4, swap_branches: 3, add_branch: 8, add_statement: 6, remove_statement: 4,
    new_array: 5, add_static_local: 5, move_static_local: 3, rename_static_local: 2, add_local_array: 2, add_switch: 2,
    case_added: 2, argument_added: 3, function_renamed: 2, function_storage: 3, function_made_global: 2,
    handler_and_user: 3, callback_added: 3, handler_replaced: 2,
    function_attribute: 1, init_dropped: 1, function_moved: 2, function_split: 3, branch_outlined: 3, lines_added: 4,
    comment_line: 2, variable_renamed: 2, initialiser: 3, initialiser_added: 1, table_longer: 2, storage: 4,
    variable_exported: 1, made_percpu: 2, percpu_added: 2,
}


def mutate(rng, program, without=()):
    """A changed copy of `program`, and what was changed; `without` the mutators of these names."""
    table = {mutator: weight for mutator, weight in MUTATORS.items() if mutator.__name__ not in without}
    after = copy.deepcopy(program)
    edit = Edit(rng, after)
    changes = []
    wanted = rng.choice([1, 1, 1, 2, 2, 3])
    for _ in range(20):
        mutator = rng.choices(list(table), weights=table.values())[0]
        change = mutator(edit)
        if change:
            changes.append(change)
        if len(changes) == wanted:
            break
    if changes and _uses(program) - _uses(after):
        changes[-1].may += STATICS
    return after, changes


def _uses(program):
    """Which function uses and which writes which variable that has a value to lose."""
    found = set()
    for func in program.functions():
        for atom in atoms_of_body(func.body):
            if isinstance(atom, Var) and not atom.const:
                found.add((func.uid, atom.uid, _is_written(func, atom)))
    return found


def other_reading(program):
    """The program with static locals keeping their value where their code moved to another function; None: there are
    none that moved."""
    if all(var.uid == var.was for var in program.variables()):
        return None
    other = copy.deepcopy(program)
    for var in other.variables():
        var.uid = var.was
    return other
