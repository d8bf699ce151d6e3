# SPDX-License-Identifier: GPL-2.0-or-later
"""Changes programs as fixes do: one mutator for each kind of change."""

import copy

from edits import changed, Edit, is_written, STATICS
from mutate_code import (add_branch, add_local_array, add_statement, add_static_local, add_switch, case_added,
                         comment_line, constant, invert_branch, lines_added, move_static_local, new_array,
                         remove_statement, rename_static_local, string, swap_branches, swap_statements)
from mutate_data import (alignment_changed, const_added, const_dropped, init_data_dropped, initialiser,
                         initialiser_added, made_percpu, made_ro_after_init, percpu_added, ro_after_init_dropped,
                         section_changed, table_longer, variable_exported, variable_renamed)
from mutate_functions import (argument_added, branch_outlined, callback_added, function_attribute,
                              function_made_global, function_moved, function_renamed, function_split,
                              function_storage, handler_and_user, handler_replaced, init_dropped)
from program import atoms, atoms_of_body, initial_parts, Var

MUTATORS = {
    constant: 8, string: 5, invert_branch: 4, swap_branches: 3, swap_statements: 3, add_branch: 8, add_statement: 6,
    remove_statement: 4,
    new_array: 5, add_static_local: 5, move_static_local: 3, rename_static_local: 2, add_local_array: 2, add_switch: 2,
    case_added: 2, argument_added: 3, function_renamed: 2, function_storage: 3, function_made_global: 2,
    handler_and_user: 3, callback_added: 3, handler_replaced: 4,
    function_attribute: 1, init_dropped: 4, function_moved: 2, function_split: 3, branch_outlined: 3, lines_added: 4,
    comment_line: 2, variable_renamed: 2, initialiser: 3, initialiser_added: 1, table_longer: 2,
    const_dropped: 3, const_added: 2, section_changed: 2, alignment_changed: 2, made_ro_after_init: 2,
    ro_after_init_dropped: 3, init_data_dropped: 3,
    variable_exported: 1, made_percpu: 5, percpu_added: 2,
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
                found.add((func.uid, atom.uid, is_written(func, atom)))
    return found


def other_readings(base, after):
    """Other programs that would be right as well: static locals keep their value where their code moved to another
    function; a variable that nobody writes has its new initial value, as a compiler takes it for a constant."""
    moved = {var.uid for var in after.variables() if var.uid != var.was}
    written = {uid for program in (base, after) for _, uid, is_written_ in _uses(program) if is_written_}
    pointed_to = {atom.uid for program in (base, after) for var in program.variables() for parts in initial_parts(var)
                  for atom in atoms(parts) if isinstance(atom, Var)}
    constant = {var.uid for var in after.variables()
                if not var.const and var.init and not var.escapes and var.uid not in written | pointed_to}
    found = []
    for moves, constants in ((moved, set()), (set(), constant), (moved, constant)):
        if not moves and not constants or found and not (moved and constant):
            continue
        other = copy.deepcopy(after)
        for var in other.variables():
            if var.uid in moves:
                var.uid = var.was
            var.is_constant = var.uid in constants
        found.append(other)
    return found
