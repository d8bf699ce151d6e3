# SPDX-License-Identifier: GPL-2.0-or-later
"""Changes of variables. A mutator takes an Edit, changes its program and gives a Change, or None."""

from edits import (after_declarations, Change, changed, CONTENT, INIT_CODE, is_before, is_written, new_text,
                   new_value, refusals_for, STATICS, STORAGE, write_somewhere)
from program import atoms, Const, initial_parts, statements, stmt, Text


def variable_renamed(edit):
    """A variable of another name is another variable: it starts anew."""
    var = edit.pick(var for var in edit.program.file_variables())
    if var is None:
        return None
    var.name = edit.new_name()
    var.uid = var.was = edit.program.uid()
    may = STATICS
    for user in edit.users(var):
        may += refusals_for(edit, user)
    if any(_mentions(other, var) for other in edit.program.variables()):
        may += CONTENT
    if var.section.startswith(".init"):
        may += INIT_CODE
    return Change("variable renamed", var.name, may)


def _mentions(var, what):
    return any(atom is what for parts in initial_parts(var) for atom in atoms(parts))


def initialiser(edit):
    """Another initial value of a variable, or another entry of a table."""
    var = edit.pick(var for var in edit.program.variables()
                    if any(isinstance(atom, (Const, Text)) for parts in initial_parts(var) for atom in atoms(parts)))
    if var is None:
        return None
    atom = edit.pick(atom for parts in initial_parts(var) for atom in atoms(parts) if isinstance(atom, (Const, Text)))
    if isinstance(atom, Text):
        new_text(edit, atom)
    elif not new_value(edit, atom):
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
    var = edit.pick(var for var in edit.program.variables()
                    if var.init is None and not var.count and var.ctype == "u32")
    if var is None:
        return None
    var.init = [Const(edit.rng.randrange(1, 99))]
    return Change("initial value added", var.name, CONTENT + STORAGE)


def table_longer(edit):
    var = edit.pick(var for var in edit.program.variables()
                    if var.count > 1 and var.init and var.ctype in ("u32", "u8", "u16"))
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


def _stored(edit, what, var, more=()):
    """The Change of a variable that stays the same by its name and has another place now."""
    may = STORAGE + tuple(more)
    for user in edit.users(var):
        may += refusals_for(edit, user)
    return Change(f"storage: {what}", var.name, may)


def _is_ordinary(var):
    return not var.section.startswith((".init", ".data..percpu", ".data..once", ".data..ro"))


def const_dropped(edit):
    """A table is no longer read-only, and perhaps written."""
    var = edit.pick(var for var in edit.program.variables()
                    if var.const and not var.ctype.startswith("struct") and not var.escapes and "*" not in var.ctype)
    if var is None:
        return None
    var.const = False
    if edit.rng.randrange(2):
        write_somewhere(edit, var)
    return _stored(edit, "const dropped", var)


def const_added(edit):
    var = edit.pick(var for var in edit.program.variables()
                    if not var.const and not var.section and not var.escapes and "*" not in var.ctype and
                    not var.ctype.startswith("struct") and var.init and not var.sites and
                    not any(is_written(func, var) for func in edit.users(var)))
    if var is None:
        return None
    var.const = True
    return _stored(edit, "const added", var)


def section_changed(edit):
    var = edit.pick(var for var in edit.program.variables() if not var.const and _is_ordinary(var) and not var.sites)
    if var is None:
        return None
    names = ("", ".data..read_mostly", ".data..cacheline_aligned")
    var.section = edit.pick([name for name in names if name != var.section])
    return _stored(edit, "section", var)


def alignment_changed(edit):
    var = edit.pick(edit.program.variables())
    if var is None:
        return None
    var.align = 0 if var.align else edit.pick([16, 64])
    return _stored(edit, "alignment", var, ("diff.alignment*",))


def made_ro_after_init(edit):
    """A variable that only init code writes, or nobody."""
    var = edit.pick(var for var in edit.program.file_variables()
                    if var.section == "" and not var.const and not var.escapes and not var.sites and
                    not any(is_written(func, var) for func in edit.users(var) if not func.is_init))
    if var is None:
        return None
    var.section = ".data..ro_after_init"
    return _stored(edit, "ro_after_init", var)


def ro_after_init_dropped(edit):
    var = edit.pick(var for var in edit.program.file_variables() if var.section == ".data..ro_after_init")
    if var is None:
        return None
    var.section = edit.pick(["", ".data..read_mostly"])
    if edit.rng.randrange(2):
        write_somewhere(edit, var)
    return _stored(edit, "ro_after_init dropped", var)


def init_data_dropped(edit):
    """What was init data is used later on."""
    var = edit.pick(var for var in edit.program.file_variables() if var.section == ".init.data")
    if var is None:
        return None
    var.section = ""
    user = edit.function(lambda f: f.params and not f.is_init and is_before(edit, var, f))
    if user:
        user.body.insert(after_declarations(user.body),
                         stmt(f"out(@, @[{user.argument_names()[0]} & @])", edit.next_tag(), var,
                              Const(var.count - 1, bound=True)))
    return _stored(edit, "init data dropped", var, INIT_CODE)


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
    func.body.insert(after_declarations(func.body), stmt("out(@, this_cpu_read(@))", edit.next_tag(), var))
    func.body.insert(after_declarations(func.body), stmt(f"this_cpu_add(@, {name} & 15)", var))
    return changed(edit, func, "per-cpu added", ("diff.percpu",) if func.is_init else ())
