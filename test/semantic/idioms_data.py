# SPDX-License-Identifier: GPL-2.0-or-later
"""Idioms of data. Each adds a few variables and functions to a program; none has undefined behaviour."""

from program import bound, Call, Const, Count, If, Line, local, Loop, ret, Return, Static, stmt, template, Text


def counters(g):
    """A counter in the file that functions add to."""
    var = g.var(init=[Const(g.number())] if g.chance(50) else None, section=g.section())
    g.plain.append(var)
    body = [stmt("@ += (a & @) + @", var, g.number(63), g.number(9)),
            If(template("@ > @", var, 1000 + g.number()), [stmt("@ -= @", var, 900)],
               hint=g.rng.choice(["", "unlikely"])),
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


def object_identity(g):
    """An object whose address is its identity for somebody else."""
    const = g.chance(40)
    thing = g.var("struct item", 1, [template("{@, @, 0}", g.number(), g.number())], const=const)
    thing.escapes = True
    other = g.var("struct item", 1, [template("{@, @, (struct item *)@}", g.number(), g.number(), thing)])
    other.escapes = True
    g.entry([g.out("ident(a & @ ? (void *)@ : (void *)@)", g.rng.choice([1, 2]), thing, other),
             ret("b + @", g.number())])
    if g.chance(60):
        g.entry([stmt("@->key += @", other, g.number()), ret("@->next->value + @->key", other, other)])


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
                 Loop(template("for (i = 0; i < sizeof(@); i++)", holder),
                      [stmt("sum = sum * 31 + (u8)(@[i])", holder)]),
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


def statistics_struct(g):
    """A structure whose members are used one by one, so that a compiler may take it apart."""
    init = [template("{@, @, @}", g.number(), g.number(), g.number())]
    stats = g.var("struct three", 1, init if g.chance(50) else None)
    names = ["first", "second", "third"][:g.rng.choice([2, 3])]
    g.entry([*(stmt(f"@->{name} {g.rng.choice(['+=', '=', '^='])} @ + {g.rng.choice('ab')}", stats, g.number())
               for name in names), ret("a")])
    g.entry([*(g.out(f"@->{name}", stats) for name in names), ret(f"b + @->{g.rng.choice(names)}", stats)])


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
             If(template("(a & @) && !@", g.rng.choice([1, 3, 4]), warned), [stmt("@ = 1", warned), stmt("once(a)")],
                keep=True),
             ret("b + @", g.number())])


def twin_tables(g):
    """Tables of one content, which the compiler may keep once; and one of pointers to them."""
    values = [g.rng.randrange(1, 200) for _ in range(4)]
    tables = [g.var("u32", 4, [[Const(value)] for value in values], const=True) for _ in range(2)]
    for table in tables:
        g.entry([ret("@[(a ^ b) & @] + @", table, bound(3), g.number())])
    if g.chance(50):
        for table in tables:
            table.escapes = True
        both = g.var("const u32 *", 2, [template("@", table) for table in tables], const=True)
        g.entry([ret("@[a & 1][b & @] + @", both, bound(3), g.number())])


def latched_flag(g):
    """A variable that is only ever given one value, which compilers keep in fewer bits."""
    flag = g.var("u32", init=None)
    value = g.number()
    g.entry([If(template("a == @", g.rng.randrange(8)), [stmt("@ = @", flag, value)], [], keep=True), ret("b")])
    g.entry([ret("a + @ * @", flag, g.number(9))])
    if g.chance(50):
        g.entry([If(template("b == @", g.rng.randrange(4)), [stmt("@ = 0", flag)]), ret("a")])


def telling_names(g):
    """Static locals with the names of what the kernel's macros make, but with a value that matters."""
    name = g.rng.choice(["__already_done", "__warned", "__key", "descriptor", "_rs", "str", "__msg", "__print_once"])
    var = g.static_local(name, init=[Const(g.number())] if g.chance(60) else None)
    g.entry([Static(var), If(template("a & @", g.rng.choice([1, 2, 3])), [stmt("@ += b & @", var, g.number(31))]),
             g.out("@", var), ret("@ + @", var, g.number())])
    if g.chance(40):
        table = g.static_local(name, "u32", 4, g.numbers(4), const=g.chance(50))
        g.entry([Static(table), ret("@[a & @] + b", table, bound(3))])
