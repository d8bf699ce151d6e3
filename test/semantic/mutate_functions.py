# SPDX-License-Identifier: GPL-2.0-or-later
"""Changes of functions as a whole. A mutator takes an Edit, changes its program and gives a Change, or None."""

from edits import (after_declarations, Change, changed, CONTENT, INIT_CODE, is_before, may_call, new_value, place,
                   refusals_for, start_anew, STORAGE, UNTRACED)
from program import (atoms, atoms_of_body, bound, Call, Const, expressions, Func, FuncName, If, Line,
                     plain_identifiers, ret, Return, statements, Static, stmt, template, Var)


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
            new_value(edit, const)
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
        node = stmt(f"put({edit.rng.randrange(8)}, (void *)@)", handler)
    else:
        current = edit.pick(var for var in edit.program.file_variables() if var.ctype == "const struct ops *")
        if not current or not is_before(edit, current, func):
            return None
        table = edit.new_var(edit.new_name(), "struct ops", 1, [template("{@, @, @}", handler, "fixed", 7)], const=True)
        table.escapes = True
        edit.add_before(func, table)
        node = stmt("@ = @", current, table)
    body, at = place(edit, func)
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
    func = edit.function(lambda f: not f.is_entry and not f.address_taken and edit.callers(f) and
                         "u32 extra" not in f.params)
    if not func:
        return None
    argument = edit.rng.randrange(100)
    func.params.append("u32 extra")
    func.body.insert(after_declarations(func.body), stmt("out(@, extra)", edit.next_tag()))
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
    may += start_anew(edit, func)
    return changed(edit, func, "function renamed", may)


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
    func = edit.function(lambda f: f.is_init and not f.is_entry and "u32 extra" not in f.params)
    if not func:
        return None
    func.attributes.remove("__init")
    user = edit.function(lambda f: not f.is_init and f.params == ["u32 a", "u32 b"] and f is not func and
                         not may_call(func, f))
    may = INIT_CODE + STORAGE
    if user and edit.program.items.index(func) < edit.program.items.index(user):
        user.body.insert(after_declarations(user.body),
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
    may = start_anew(edit, part)
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
    return changed(edit, func, "branch outlined", start_anew(edit, part))


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
