# SPDX-License-Identifier: GPL-2.0-or-later
"""Makes programs of what kernel code is made of.

No program has undefined behaviour: arithmetic is unsigned, indices are masked or bounded, loops end.
"""

from generator import Generator
from idioms_code import (aliases, bug_entries, cold_path, fault_entries, init_code, inline_helper, jump_table,
                         line_as_number, operations, registered, small_calls, untraced, warnings, weak_function)
from idioms_data import (array_ends, common_symbol, const_table, counters, equal_static_locals, linked_list,
                         memory_copy, object_identity, once, per_cpu, pointer_table, ring_buffer, state_machine,
                         statistics, strings, telling_names)
from program import Blank

IDIOMS = [counters, equal_static_locals, const_table, operations, registered, object_identity, warnings, bug_entries, fault_entries, line_as_number,
          strings, array_ends, ring_buffer, per_cpu, statistics, jump_table, inline_helper, cold_path, aliases, weak_function, init_code,
          untraced, linked_list, state_machine, common_symbol, pointer_table, memory_copy, once, telling_names, small_calls]


def make_program(rng, without=()):
    """A program of some idioms, in any order; `without` those of these names."""
    g = Generator(rng)
    for idiom in rng.choices([idiom for idiom in IDIOMS if idiom.__name__ not in without], k=rng.randrange(2, 7)):
        idiom(g)
    if rng.randrange(3) == 0:
        g.program.items.insert(0, Blank())
    return g.program
