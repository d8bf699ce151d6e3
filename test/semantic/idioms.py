# SPDX-License-Identifier: GPL-2.0-or-later
"""Makes programs of what kernel code is made of.

No program has undefined behaviour: arithmetic is unsigned, indices are masked or bounded, loops end.
"""

import idioms_code as code
import idioms_data as data
from generator import Generator
from program import Blank

IDIOMS = [data.counters, data.equal_static_locals, data.const_table, data.object_identity, data.strings,
          data.array_ends, data.ring_buffer, data.per_cpu, data.statistics, data.linked_list, data.state_machine,
          data.statistics_struct, data.common_symbol, data.pointer_table, data.memory_copy, data.once,
          data.telling_names, data.twin_tables, data.latched_flag, code.operations, code.registered,
          code.registered_table, code.warnings, code.bug_entries, code.fault_entries, code.line_as_number,
          code.jump_table, code.inline_helper, code.cold_path, code.aliases, code.weak_function, code.init_code,
          code.untraced, code.small_calls, code.twins]


def make_program(rng, without=()):
    """A program of some idioms, in any order; `without` those of these names."""
    g = Generator(rng)
    for idiom in rng.choices([idiom for idiom in IDIOMS if idiom.__name__ not in without], k=rng.randrange(2, 7)):
        idiom(g)
    if rng.randrange(3) == 0:
        g.program.items.insert(0, Blank())
    return g.program
