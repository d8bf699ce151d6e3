# SPDX-License-Identifier: GPL-2.0-or-later
"""The machine itself: what every other test here relies on."""

from boottest.machine import Machine, MachineError

ROUNDS = 20


def run(kernel, report):
    """Commands arrive whole while orphans of earlier ones end."""
    problem = ""
    try:
        with Machine(kernel.vmlinuz, kernel.modules(), [], {}) as machine:
            for _ in range(ROUNDS):
                machine.run("for i in $(seq 8); do usleep $((i * 4000)) & done", timeout=60)
                machine.run("true " + "x" * 3000, timeout=60)
    except MachineError as error:
        problem = str(error)
    report(f"{kernel.series} harness: commands arrive whole while orphans end", not problem, problem)
