# SPDX-License-Identifier: GPL-2.0-or-later
"""Changes inside of functions. A mutator takes an Edit, changes its program and gives a Change, or None."""

from edits import (after_declarations, Change, changed, is_before, may_call, new_text, new_value, open_bodies, place,
                   scalar, STATICS, statics_of)
from program import (atoms_of_body, Blank, Block, bodies, bound, Call, Const, Count, FileName, FuncName, If, Line,
                     LineNo, local, Loop, ret, Return, statements, Static, stmt, Switch, template, Text, Var)


def constant(edit):
    func = edit.function(lambda f: any(isinstance(atom, Const) for atom in atoms_of_body(f.body)))
    if not func:
        return None
    const = edit.pick(atom for atom in atoms_of_body(func.body) if isinstance(atom, Const))
    return changed(edit, func, "bound" if const.bound else "constant") if new_value(edit, const) else None


def string(edit):
    func = edit.function(lambda f: any(isinstance(atom, Text) for atom in atoms_of_body(f.body)))
    if not func:
        return None
    text = edit.pick(atom for atom in atoms_of_body(func.body) if isinstance(atom, Text))
    new_text(edit, text)
    return changed(edit, func, "string")


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


def _new_statements(edit, func):
    """What a fix would do: say something, count something, leave."""
    name = edit.pick(func.argument_names() or ["1u"])
    how = edit.rng.randrange(8)
    if how == 0:
        return [stmt(f"out(@, {name})", edit.next_tag())]
    if how == 1:
        text = edit.pick(["bad length", "retry", "abcdef"])
        return [stmt(f"printk(@, @, {name})", f"%s: {text} %u", FuncName())]
    if how == 2:
        return [stmt("__might_sleep(@, @)", FileName(), LineNo())]
    if how == 3:
        return [stmt("warn_slowpath_fmt(@, @, @, 0)", FileName(), LineNo(), edit.rng.randrange(1, 12))]
    if how == 4:
        return [stmt("outs(@, @)", edit.next_tag(), edit.pick(["def", "cdef", "reset", "full", "fixed", "again"]))]
    if how == 5:
        var = scalar(edit)
        if var is not None and is_before(edit, var, func):
            return [stmt(f"@ += {name}", var), stmt("out(@, @)", edit.next_tag(), var)]
    if how == 6:
        helper = edit.pick(f for f in edit.program.functions()
                           if f.alias_of is None and f is not func and f.params == ["u32 a", "u32 b"] and
                           f.returns == "u32" and
                           not f.is_init and not f.is_entry and not may_call(f, func) and not edit.reads(f, func))
        if helper:
            call = Call(helper, [template(name), template("@", edit.rng.randrange(99))])
            return [stmt("out(@, @)", edit.next_tag(), call)]
    return [ret("@", edit.rng.randrange(500))] if func.returns == "u32" and func.params else [
        stmt("out(@, @)", edit.next_tag(), 7)]


def add_branch(edit):
    func = edit.function(lambda f: f.params)
    if not func:
        return None
    name = edit.pick(func.argument_names())
    cond = template(f"{name} {edit.pick(['>', '==', '&', '<'])} @", edit.rng.randrange(1, 60))
    extra = _new_statements(edit, func)
    body, at = place(edit, func)
    body.insert(at, If(cond, extra, hint=edit.pick(["", "", "unlikely", "likely"])))
    return changed(edit, func, "branch added")


def add_statement(edit):
    func = edit.function(lambda f: f.params)
    if not func:
        return None
    extra = [node for node in _new_statements(edit, func) if not isinstance(node, Return)]
    if not extra:
        return None
    body, at = place(edit, func)
    body[at:at] = extra
    return changed(edit, func, "statement added")


def remove_statement(edit):
    def is_fit(node):
        return (isinstance(node, Line) and not node.local or
                isinstance(node, If) and not node.keep and not _has_statics([node]))
    func = edit.function(lambda f: any(is_fit(node) for node in statements(f.body)))
    if not func:
        return None
    before = set(_statics_in_use(func))
    found = [(body, node) for body in open_bodies(func.body) for node in body if is_fit(node)]
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


def swap_statements(edit):
    """Two statements change places."""
    def is_fit(body, index):
        return all(isinstance(node, Line) and not node.local for node in body[index:index + 2])
    found = [(func, body, index) for func in edit.program.functions() for body in open_bodies(func.body)
             for index in range(len(body) - 1) if is_fit(body, index)]
    if not found:
        return None
    func, body, index = edit.pick(found)
    body[index], body[index + 1] = body[index + 1], body[index]
    return changed(edit, func, "statements swapped")


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
        table = edit.static_local(func, edit.pick(["table", "map", edit.new_name()]), count=size, init=init,
                                  const=const)
        declare = [Static(table)]
    use = _walk(edit, table, name) if edit.rng.randrange(2) else [
        stmt(f"out(@, @[{name} & @])", edit.next_tag(), table, Const(size - 1, bound=True))]
    func.body.insert(after_declarations(func.body), Block(declare + use))
    # In a section of several variables, an end may be the next one's start.
    return changed(edit, func, "new array", ("diff.ambiguous-reference",) if table.section else ())


def _walk(edit, table, name):
    pointer = "const u32 *q" if table.const else "u32 *q"
    head = template("for (q = @; q != &@[@]; q++)", table, table, Count(table))
    body = [stmt("out(@, *q)", edit.next_tag())]
    if not table.const and edit.rng.randrange(2):
        body.append(stmt(f"*q += {name} & 7"))
    if edit.rng.randrange(2):
        body.append(stmt("use(q)"))
    return [local("q", pointer), Loop(head, body)]


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
    body, at = place(edit, func)
    body.insert(at, block)
    twins = [v for v in statics_of(func) if v.name == name]
    if len(twins) > 1:
        for twin in twins:
            twin.same_name = True
    return changed(edit, func, "static local added", STATICS if len(twins) > 1 else ())


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
    func = edit.function(statics_of)
    if not func:
        return None
    var = edit.pick(statics_of(func))
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
    body, at = place(edit, func)
    body.insert(at, block)
    return changed(edit, func, "local array added")


def add_switch(edit):
    func = edit.function(lambda f: f.params)
    if not func:
        return None
    name = edit.pick(func.argument_names())
    cases = [(Const(number, bound=True), [stmt("out(@, @)", edit.next_tag(), edit.rng.randrange(999))])
             for number in range(edit.pick([4, 6, 9]))]
    body, at = place(edit, func)
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
