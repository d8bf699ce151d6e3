# SPDX-License-Identifier: GPL-2.0-or-later
"""What in a kernel log must not be there."""

import re

# Each is the start of a report by the kernel about itself.
_BAD = re.compile(
    r"WARNING: |\bBUG: |kernel BUG at|\bOops\b|general protection|[Uu]nable to handle|[Cc]all [Tt]race:"
    r"|KASAN|UBSAN|\bINFO: (task|rcu|trying|possible|suspicious)|possible (recursive|circular) locking"
    r"|suspicious RCU usage|soft lockup|hard LOCKUP|rcu_\w+ (detected|self-detected) stall"
    r"|Missing ENDBR|unexpected static_call|unexpected jump_label|jump_label: Fatal"
    r"|Unsupported relocation|Unknown symbol|disagrees about version|version magic|invalid relocation"
    r"|Kernel panic|double fault|stack guard page|return thunk")

# Said by every kernel whenever an unsigned module or a livepatch comes in.
_HARMLESS = re.compile(
    r"tainting kernel with TAINT_LIVEPATCH"
    r"|module verification failed: signature and/or required key missing - tainting kernel"
    r"|loading out-of-tree module taints kernel")

# "tainted" in a line of its own that is neither of these means that something went wrong.
_TAINT = re.compile(r"taint(s|ed|ing)\b", re.IGNORECASE)


def complaints(lines, allowed=()):
    """Lines of a kernel log that report trouble.

    lines    the log
    allowed  regular expressions of lines that this test provokes on purpose
    """
    permitted = [re.compile(expression) for expression in allowed]
    found = []
    for line in lines:
        if _HARMLESS.search(line) or any(one.search(line) for one in permitted):
            continue
        if _BAD.search(line) or _TAINT.search(line):
            found.append(line)
    return found
