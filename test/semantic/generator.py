# SPDX-License-Identifier: GPL-2.0-or-later
"""The state of making one program."""

from program import bound, Const, Func, Program, statements, Static, stmt, Var

STEMS = ["queue", "stat", "table", "limit", "hash", "slot", "cache", "state", "mode", "flags", "level", "count",
         "index", "node", "timer", "irq", "page", "sock", "inode", "super", "proto", "filter", "quota", "lock",
         "event", "probe"]
VERBS = ["get", "set", "update", "find", "check", "read", "write", "open", "close", "init", "reset", "walk", "sum",
         "add", "handle", "account", "select", "validate", "notify", "poll"]
WORDS = ["invalid", "timeout", "no memory", "device busy", "bad length", "overflow", "reset", "link down", "link up",
         "queue full", "unknown option", "not supported", "retry", "0123456789abcdef", "abcdef", "busy", "full", "down"]


class Generator:
    """The state of making one program."""

    def __init__(self, rng):
        self.rng = rng
        self.program = Program()
        self.names = set()
        self.tag = 0
        self.plain = []  # scalars that anything may read and add to
        self.helpers = []  # functions of (u32, u32) that anything may call

    def name(self, *parts):
        while True:
            name = "_".join(parts) if parts else f"{self.rng.choice(STEMS)}_{self.rng.choice(STEMS)}"
            if name in self.names or parts:
                name += f"_{self.rng.choice(STEMS)}"
            if name not in self.names:
                self.names.add(name)
                return name

    def function_name(self):
        return self.name(self.rng.choice(VERBS), self.rng.choice(STEMS))

    def next_tag(self):
        self.tag += 1
        return self.tag

    def chance(self, percent):
        return self.rng.randrange(100) < percent

    def number(self, highest=200):
        return self.rng.randrange(1, highest)

    def text(self):
        return self.rng.choice(WORDS)

    def var(self, ctype="u32", count=0, init=None, **how):
        var = Var(self.program.uid(), self.name(), ctype, count, init, **how)
        self.program.items.append(var)
        return var

    def static_local(self, name, ctype="u32", count=0, init=None, **how):
        var = Var(self.program.uid(), name, ctype, count, init, **how)
        var.is_local = True
        return var

    def func(self, body, entry=False, **how):
        func = Func(self.program.uid(), self.function_name(), body, **how)
        func.is_entry = entry
        func.static = not entry
        for node in _all_statics(body):
            node.var.owner = func
        self.program.items.append(func)
        return func

    def entry(self, body, **how):
        return self.func(body, entry=True, **how)

    def numbers(self, count, highest=1000):
        return [[Const(self.rng.randrange(1, highest))] for _ in range(count)]

    def out(self, form, *holes):
        """Tells the world a value."""
        return stmt(f"out(@, {form})", bound(self.next_tag()), *holes)

    def section(self):
        return self.rng.choice(["", "", "", ".data..read_mostly", ".data..cacheline_aligned"])


def _all_statics(body):
    return [node for node in statements(body) if isinstance(node, Static)]
