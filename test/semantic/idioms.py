# SPDX-License-Identifier: GPL-2.0-or-later
"""Makes programs of what kernel code is made of. Each idiom adds a few variables and functions to a program.

No program has undefined behaviour: arithmetic is unsigned, indices are masked or bounded, loops end.
"""

from program import (Blank, Block, Call, Const, Count, FileName, Func, FuncName, If, Line, LineNo, Loop, Program, Return, Static, Switch,
                     Text, Var, bound, local, ret, stmt, template)

STEMS = ["queue", "stat", "table", "limit", "hash", "slot", "cache", "state", "mode", "flags", "level", "count", "index",
         "node", "timer", "irq", "page", "sock", "inode", "super", "proto", "filter", "quota", "lock", "event", "probe"]
VERBS = ["get", "set", "update", "find", "check", "read", "write", "open", "close", "init", "reset", "walk", "sum", "add",
         "handle", "account", "select", "validate", "notify", "poll"]
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
    from program import statements
    return [node for node in statements(body) if isinstance(node, Static)]


def counters(g):
    """A counter in the file that functions add to."""
    var = g.var(init=[Const(g.number())] if g.chance(50) else None, section=g.section())
    g.plain.append(var)
    body = [stmt("@ += (a & @) + @", var, g.number(63), g.number(9)),
            If(template("@ > @", var, 1000 + g.number()), [stmt("@ -= @", var, 900)], hint=g.rng.choice(["", "unlikely"])),
            ret("@ ^ b", var)]
    g.entry(body)
    if g.chance(50):
        g.entry([g.out("@", var), ret("@ + a", var)])


def equal_static_locals(g):
    """Static locals of one name in several blocks."""
    name = g.rng.choice(["count", "last", "seen", "old"])
    one = g.static_local(name, init=[Const(g.number())] if g.chance(70) else None)
    two = g.static_local(name, init=[Const(g.number())] if g.chance(70) else None)
    one.same_name = two.same_name = True
    g.entry([If(template("a & @", g.rng.choice([1, 2, 4])),
                [Static(one), stmt("@ += @", one, g.number(9)), g.out("@", one)],
                [Static(two), stmt("@ += @", two, g.number(9)), g.out("@", two)]),
             ret("a + @", g.number())])
    if g.chance(50):
        third = g.static_local(name, init=[Const(g.number())])
        g.entry([Static(third), stmt("@ = @ * @ + b", third, third, bound(3)), ret("@", third)])


def const_table(g):
    """A table that is looked things up in."""
    size = g.rng.choice([4, 8, 16])
    ctype = g.rng.choice(["u32", "u8", "u16"])
    if g.chance(50):
        table = g.static_local("table", ctype, size, g.numbers(size, 250), const=True)
        g.entry([Static(table), ret("@[(a + @) & @] + b", table, g.number(), bound(size - 1))])
        return
    table = g.var(ctype, size, g.numbers(size, 250), const=g.chance(70), section="")
    g.entry([ret("@[a & @] + @", table, bound(size - 1), g.number())])
    if g.chance(60):
        g.entry([local("i", "u32 i, sum = @", g.number()),
                 Loop(template("for (i = 0; i < @; i++)", Count(table)), [stmt("sum += @[i] ^ a", table)]),
                 ret("sum")])
    if not table.const:
        g.entry([stmt("@[b & @] = a & @", table, bound(size - 1), bound(127)), ret("a")])


def operations(g):
    """Function pointers in a table, whose address tells who is meant."""
    tables = []
    for _ in range(2):
        handler = g.func([g.out("a"), ret("a * @ + @", g.number(9), g.number())], params=["u32 a"])
        handler.address_taken = True
        table = g.var("struct ops", 1, [template("{@, @, @}", handler, g.text(), g.number())], const=True)
        table.escapes = True
        tables.append(table)
    current = g.var("const struct ops *", init=template("@", tables[0]))
    g.entry([If(template("a & @", g.rng.choice([1, 2, 8])), [stmt("@ = @", current, tables[1])],
                [stmt("@ = @", current, tables[0])]),
             ret("@ == @", current, tables[1])])
    g.entry([If(template("@ == @", current, tables[0]), [ret("@", g.number())]),
             g.out("@->weight", current),
             stmt("outs(@, @->name)", bound(g.next_tag()), current),
             ret("@->fn(a)", current)])


def registered(g):
    """A callback and an object that somebody else keeps."""
    slot = g.rng.randrange(16)
    handler = g.func([g.out("a"), ret("a + @", g.number())], params=["u32 a"])
    handler.address_taken = True
    g.entry([If(template("a & 1"), [stmt("put(@, (void *)@)", bound(slot), handler)]), ret("b")])
    g.entry([local("fn", "u32 (*fn)(u32) = get(@)", bound(slot)),
             If(template("!fn"), [ret("@", g.number())]),
             If(template("fn == @", handler), [g.out("b + @", g.number())]),
             ret("fn(a) + @", g.number())])


def object_identity(g):
    """An object whose address is its identity for somebody else."""
    const = g.chance(40)
    thing = g.var("struct item", 1, [template("{@, @, 0}", g.number(), g.number())], const=const)
    thing.escapes = True
    other = g.var("struct item", 1, [template("{@, @, (struct item *)@}", g.number(), g.number(), thing)])
    other.escapes = True
    g.entry([g.out("ident(a & @ ? (void *)@ : (void *)@)", g.rng.choice([1, 2]), thing, other), ret("b + @", g.number())])
    if g.chance(60):
        g.entry([stmt("@->key += @", other, g.number()), ret("@->next->value + @->key", other, other)])


def warnings(g):
    """Source names and lines passed on."""
    body = [stmt("__might_sleep(@, @)", FileName(), LineNo())]
    if g.chance(60):
        body.append(If(template("a == @", g.number(8)),
                       [stmt("warn_slowpath_fmt(@, @, @, @, b)", FileName(), LineNo(), bound(9), g.text() + " %u")],
                       hint="unlikely"))
    body.append(stmt("printk(@, @, a + @)", "%s: " + g.text() + " %u", FuncName(), g.number()))
    if g.chance(30):
        body.append(stmt("printk(@, @, @, b)", "%s:%d " + g.text() + " %u", FuncName(), LineNo()))
    g.entry([*body, ret("a ^ b")])


def bug_entries(g):
    """WARN() that is a trap with an entry in a table."""
    form = "WARN_ON(a % @ == @, @, @, @)"
    holes = [Const(g.number(8)), 0, FileName(), LineNo(), bound(2305)]
    if g.chance(50):
        g.entry([If(template(form, *holes), [ret("@", g.number())]), ret("b + @", g.number())])
    else:
        g.entry([stmt(form, *holes), ret("b ^ @", g.number())])


def fault_entries(g):
    """A read that may fault, and goes on behind it."""
    g.entry([local("x", "u32 x = read_user(a & @)", bound(63)), ret("x + b + @", g.number())])


def line_as_number(g):
    """A line that is a number like any other."""
    if g.chance(25):
        g.entry([g.out("@", LineNo(passed=False)), ret("a + @", g.number())])
    else:
        g.entry([ret("(a + @) ^ @", LineNo(passed=False), g.number())])


def strings(g):
    """Strings that share their ends, and what reads them to the end."""
    text = g.rng.choice(["0123456789abcdef", "interrupt storm", "bad page table", "lost event"])
    tail = text[g.rng.randrange(1, len(text) - 2):]
    g.entry([stmt("outs(@, @)", bound(g.next_tag()), text),
             If(template("a & 1"), [stmt("outs(@, @)", bound(g.next_tag()), tail)]),
             ret("b")])
    if g.chance(60):
        holder = Text(g.rng.choice([text, tail]))
        g.entry([local("i", "u32 i, sum = @", g.number()),
                 Loop(template("for (i = 0; i < sizeof(@); i++)", holder), [stmt("sum = sum * 31 + (u8)(@[i])", holder)]),
                 ret("sum + a")])
    if g.chance(50):
        names = g.var("const char *", 4, [[Text(g.text())] for _ in range(4)], const=g.chance(70))
        g.entry([stmt("outs(@, @[a & @])", bound(g.next_tag()), names, bound(3)), ret("b")])


def array_ends(g):
    """Loops that end at an array's end."""
    size = g.rng.choice([4, 8, 16])
    section = g.section()
    table = g.var("u32", size, g.numbers(size), section=section)
    how = g.rng.randrange(3)
    if how == 0:
        g.entry([local("p", "u32 *p, sum = a"),
                 Loop(template("for (p = @; p != &@[@]; p++)", table, table, Count(table)), [stmt("sum += *p ^ b")]),
                 ret("sum")])
    elif how == 1:
        g.entry([local("p", "u32 *p"),
                 Loop(template("for (p = @; p < @ + @; p++)", table, table, Count(table)),
                      [stmt("use(p)"), stmt("*p += a & @", g.number(15))]),
                 ret("@[@]", table, bound(size - 1))])
    else:
        g.entry([local("p", "u32 *p = &@[@], sum = @", table, Count(table), g.number()),
                 Loop(template("while (p-- != @)", table), [stmt("sum = sum * 3 + *p")]),
                 ret("sum ^ a")])
    g.entry([stmt("@[a & @] += b & @", table, bound(size - 1), g.number(99)), ret("@[b & @]", table, bound(size - 1))])


def ring_buffer(g):
    """A pointer into an array that outlives the switch."""
    size = g.rng.choice([4, 8])
    table = g.var("u32", size, g.numbers(size) if g.chance(50) else None)
    table.escapes = True
    cursor = g.var("u32 *", init=template("@", table))
    g.entry([stmt("*@ += a & @", cursor, g.number(99)),
             If(template("++@ == @ + @", cursor, table, Count(table)), [stmt("@ = @", cursor, table)], keep=True),
             ret("@[b & @] + (u32)(@ - @)", table, bound(size - 1), cursor, table)])


def per_cpu(g):
    var = g.var(init=[Const(g.number())], section=".data..percpu")
    section = g.rng.choice([".data..percpu", ".data..percpu..read_mostly"])
    g.entry([stmt("this_cpu_add(@, (a & @) + 1)", var, g.number(15)), ret("this_cpu_read(@) + @", var, g.number())])
    if g.chance(40):
        other = g.var(init=[Const(g.number())], section=section)
        g.entry([ret("this_cpu_read(@) + this_cpu_read(@) + a", other, var)])


def statistics(g):
    """A counter that a patch may make per-cpu, or the other way round."""
    is_percpu = g.chance(40)
    var = g.var(init=[Const(g.number())] if g.chance(60) else None, section=".data..percpu" if is_percpu else "")
    forms = []
    for _ in range(2):
        add = Const(g.number(30))
        plain = [template("@ += (a & @)", var, add), template("@ + b", var)]
        percpu = [template("this_cpu_add(@, (a & @))", var, add), template("this_cpu_read(@) + b", var)]
        now, then = (percpu, plain) if is_percpu else (plain, percpu)
        nodes = [Line(now[0]), Return(now[1])]
        forms += list(zip(nodes, then))
        g.entry(nodes)
    var.sites = forms


def jump_table(g):
    """A switch with enough cases for a jump table."""
    cases = []
    counter = g.var(init=None)
    for number in range(g.rng.choice([5, 7, 9])):
        body = [g.out("b + @", g.number())] if g.chance(50) else [stmt("@ += @", counter, g.number())]
        if g.chance(30):
            body.append(stmt("b ^= @", g.number()))
        cases.append((Const(number, bound=True), body))
    g.entry([Switch(template("a & @", bound(7)), cases, [stmt("@ += b & @", counter, g.number(7))]),
             ret("@ + b", counter)])


def inline_helper(g):
    """A helper that is inlined into several callers; sometimes with a variable of its own."""
    body = [If(template("a > @", g.number(60)), [ret("b + @", g.number())])]
    if g.chance(50):
        calls = g.static_local("calls", init=[Const(g.number())] if g.chance(50) else None)
        body = [Static(calls), stmt("@ += a & @", calls, bound(7)), *body, ret("@ ^ b", calls)]
    else:
        body.append(ret("a * @", g.number(9)))
    helper = g.func(body)
    helper.inline = g.rng.choice(["inline", "inline", "__always_inline", "noinline", ""])
    g.helpers.append(helper)
    for _ in range(g.rng.choice([1, 2, 3])):
        g.entry([local("x", "u32 x = @", Call(helper, [template("a & @", bound(127)), template("b")])),
                 ret("x + @", g.number())])


def cold_path(g):
    errors = g.static_local("errors", init=None)
    where = g.static_local("where", init=[Const(g.number())])
    g.entry([If(template("a == @", g.rng.randrange(8)),
                [Static(errors), stmt("@++", errors), stmt("printk(@, @)", g.text() + " %u", errors), ret("@", g.number())],
                hint="unlikely"),
             Static(where), stmt("@ += b & @", where, bound(3)), ret("a + @", where)])


def aliases(g):
    func = g.entry([g.out("a + @", g.number()), ret("b * @", g.number(9))])
    alias = g.entry([])
    alias.alias_of = func
    if g.chance(50):
        g.entry([ret("@ + @", Call(alias, [template("a"), template("b")]), g.number())])


def weak_function(g):
    weak = g.entry([g.out("a"), ret("b + @", g.number())])
    weak.attributes.append("__weak")
    weak.overridden = g.chance(40)
    g.entry([ret("@ ^ a", Call(weak, [template("a + @", g.number()), template("b")]))])


def init_code(g):
    """What runs once, with data of its own and data that is read-only from then on."""
    late = g.var(init=None, section=".data..ro_after_init")
    given = g.var("u32", 4, g.numbers(4), section=".init.data")
    helper = None
    if g.chance(50):
        helper = g.func([ret("@[a & 3] + b", given)])
        helper.attributes.append("__init")
        helper.inline = g.rng.choice(["", "noinline"])
    init = g.entry([stmt("@ = @[1] + @", late, given, g.number()),
                    *([stmt("@ += @", late, Call(helper, [template("@", g.number()), template("@", g.number())]))]
                      if helper else []),
                    ret("0")])
    init.attributes.append("__init")
    g.entry([ret("@ * @ + a", late, g.number(9))])


def untraced(g):
    func = g.func([ret("a * @ + b", g.number(9))])
    func.attributes.append("notrace")
    func.inline = "noinline"
    g.entry([ret("@ + @", Call(func, [template("a"), template("b")]), g.number())])


def linked_list(g):
    """Objects that point to each other."""
    last = g.var("struct item", 1, [template("{@, @, 0}", g.number(), g.number())])
    middle = g.var("struct item", 1, [template("{@, @, @}", g.number(), g.number(), last)])
    head = g.var("struct item *", init=template("@", middle))
    for thing in (last, middle):
        thing.escapes = True
    g.entry([local("p", "struct item *p; u32 sum = @", g.number()),
             Loop(template("for (p = @; p; p = p->next)", head), [stmt("sum += p->value ^ a"), stmt("p->key++")]),
             ret("sum")])
    g.entry([If(template("a & 1"), [stmt("@ = @ == @ ? @ : @", head, head, middle, last, middle)]),
             ret("@->key + @->value + b", head, last)])


def state_machine(g):
    state = g.var("struct pair", 1, [template("{@, @}", g.number(3), g.number())] if g.chance(70) else None)
    helper = g.func([If(template("@->first > @", state, g.number(90)), [stmt("@->first = a & @", state, bound(15))],
                        [stmt("@->first += @", state, g.number(9))]),
                     ret("@->first", state)], params=["u32 a"])
    g.entry([stmt("@->second += @", state, Call(helper, [template("a")])), ret("@->second ^ b", state)])
    if g.chance(60):
        g.entry([g.out("@->second", state), ret("@ + a", Call(helper, [template("b & @", g.number())]))])


def common_symbol(g):
    var = g.var(init=None)
    var.static = False
    g.plain.append(var)
    g.entry([stmt("@ = @ * 5 + a", var, var), ret("@ >> @", var, bound(7))])


def pointer_table(g):
    """A table of addresses of variables."""
    one = g.var(init=[Const(g.number())])
    two = g.var(init=None)
    one.escapes = two.escapes = True
    table = g.var("u32 *", 2, [template("&@", one), template("&@", two)], const=g.chance(70))
    g.entry([stmt("*@[a & 1] += b & @", table, g.number(31)), ret("@ + @", one, two)])


def memory_copy(g):
    """An initialised local array, which the compiler copies from a constant."""
    values = [g.rng.randrange(256) for _ in range(12)]
    holes = [Const(value) for value in values]
    g.entry([local("local", "u8 local[12] = {" + ", ".join("@" for _ in values) + "}", *holes),
             stmt("local[a % 12] ^= b"),
             stmt("outb(@, local, 12)", bound(g.next_tag())),
             ret("local[b % 12] + @", g.number())])


def once(g):
    """What WARN_ON_ONCE() and pr_info_once() are made of. New code may say it once more: nobody listens."""
    warned = g.static_local("__already_done", "u8", init=None, section=".data..once")
    g.entry([Static(warned),
             If(template("(a & @) && !@", g.rng.choice([1, 3, 4]), warned), [stmt("@ = 1", warned), stmt("once(a)")], keep=True),
             ret("b + @", g.number())])


def telling_names(g):
    """Static locals with the names of what the kernel's macros make, but with a value that matters."""
    name = g.rng.choice(["__already_done", "__warned", "__key", "descriptor", "_rs", "str", "__msg", "__print_once"])
    var = g.static_local(name, init=[Const(g.number())] if g.chance(60) else None)
    g.entry([Static(var), If(template("a & @", g.rng.choice([1, 2, 3])), [stmt("@ += b & @", var, g.number(31))]),
             g.out("@", var), ret("@ + @", var, g.number())])
    if g.chance(40):
        table = g.static_local(name, "u32", 4, g.numbers(4), const=g.chance(50))
        g.entry([Static(table), ret("@[a & @] + b", table, bound(3))])


def small_calls(g):
    """A chain of static functions, which the compiler inlines, clones or shortens."""
    inner = g.func([If(template("a & @", g.number(15)), [g.out("b ^ @", g.number()), stmt("b += @", g.number())]),
                    ret("a - b")])
    middle = g.func([ret("@ + @", Call(inner, [template("a"), template("b & @", g.number())]),
                         Call(inner, [template("b"), template("@", g.number())]))])
    for func in (inner, middle):
        func.inline = g.rng.choice(["", "", "noinline"])
        g.helpers.append(func)
    g.entry([ret("@", Call(middle, [template("a"), template("b")]))])
    g.entry([ret("@ * @", Call(inner, [template("a"), template("@", g.number())]), g.number(9))])


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
