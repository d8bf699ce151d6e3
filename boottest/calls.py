# SPDX-License-Identifier: GPL-2.0-or-later
"""How often each function of a live patch is called, as a kprobe on its first instruction counts.

The function profiler would do so too, but is switched off in the kernels of distributions; kprobe events are there.
"""

from .machine import MachineError

_TRACING = "/sys/kernel/tracing"
UNKNOWN = None


class Counter:
    """Counts calls of these functions of a module that is loaded, from now until stop()."""

    def __init__(self, machine, module, names):
        self._machine = machine
        self._addresses = _addresses(machine, module, set(names))
        self._probes = {}
        number = 0
        for name, addresses in self._addresses.items():
            for address in addresses:
                if self._probe(f"f{number}", address):
                    self._probes.setdefault(name, []).append(f"f{number}")
                number += 1
        if self._probes:
            machine.try_run(f"echo 1 >{_TRACING}/events/klptest/enable")

    def _probe(self, probe, address):
        status, _ = self._machine.try_run(f"echo 'p:klptest/{probe} 0x{address}' >>{_TRACING}/kprobe_events")
        return status == 0

    def stop(self):
        """{name: calls}; UNKNOWN where the kernel does not tell, or tells of only some of several of one name."""
        if not self._probes:
            return {}
        _, text = self._machine.try_run(f"cat {_TRACING}/kprobe_profile")
        hits = {words[0]: int(words[1]) for words in map(str.split, text.splitlines()) if len(words) >= 3}
        self._machine.try_run(f"echo 0 >{_TRACING}/events/klptest/enable; echo >{_TRACING}/kprobe_events")
        return {name: self._calls(name, [hits.get(probe) for probe in probes])
                for name, probes in self._probes.items()}

    def _calls(self, name, counts):
        # Which of several is meant, its name does not say.
        is_clear = len(counts) == 1 or all(counts) or not any(counts)
        if not is_clear or None in counts or len(counts) != len(self._addresses[name]):
            return UNKNOWN
        return sum(counts)


def _addresses(machine, module, names):
    """{name: [address]} of the functions of a module."""
    try:
        text = machine.run(f"grep -F '[{module}]' /proc/kallsyms")
    except MachineError:
        return {}
    found = {}
    for address, kind, name, *_ in map(str.split, text.splitlines()):
        if name in names and kind in "tT" and int(address, 16):
            found.setdefault(name, []).append(address)
    return found
