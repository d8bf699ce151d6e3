# SPDX-License-Identifier: GPL-2.0-or-later
"""Idioms of code. Each adds a few variables and functions to a program; none has undefined behaviour."""

from program import bound, Call, Const, FileName, FuncName, If, LineNo, local, ret, Static, stmt, Switch, template


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
    """A callback that somebody else keeps."""
    slot = g.rng.randrange(8)
    handler = g.func([g.out("a"), ret("a + @", g.number())], params=["u32 a"])
    handler.address_taken = True
    g.entry([If(template("a & 1"), [stmt(f"put({slot}, (void *)@)", handler)]), ret("b")])
    g.entry([local("fn", f"u32 (*fn)(u32) = get({slot})"),
             If(template("!fn"), [ret("@", g.number())], keep=True),
             If(template("fn == @", handler), [g.out("b + @", g.number())]),
             ret("fn(a) + @", g.number())])


def registered_table(g):
    """An object of functions that somebody else keeps, and that is told by its address."""
    slot = 8 + g.rng.randrange(8)  # the lower ones are for functions
    handler = g.func([g.out("a"), ret("a ^ @", g.number())], params=["u32 a"])
    handler.address_taken = True
    table = g.var("struct ops", 1, [template("{@, @, @}", handler, g.text(), g.number())], const=True)
    table.escapes = True
    g.entry([If(template("a & 3"), [stmt(f"put({slot}, (void *)@)", table)]), ret("b")])
    g.entry([If(template(f"get({slot}) == (void *)@", table), [ret("b + @", g.number())]),
             ret("a + @", g.number())])
    g.entry([local("ops", f"const struct ops *ops = get({slot})"),
             If(template("!ops"), [ret("@", g.number())], keep=True),
             ret("ops->fn(a) + ops->weight")])


def twins(g):
    """Functions of one body, which the compiler may keep once."""
    tag, first, second = g.next_tag(), g.number(), g.number()
    for _ in range(2):
        func = g.func([stmt("out(@, a)", bound(tag)), stmt("out(@, b & @)", bound(tag), first),
                       If(template("a > @", first), [stmt("use(0)")]), ret("a * @ + b", second)])
        func.inline = g.rng.choice(["noinline", "noinline", ""])
        if g.chance(30):
            func.static = False
        g.entry([ret("@ + @", Call(func, [template("a"), template("b")]), g.number())])


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
                [Static(errors), stmt("@++", errors), stmt("printk(@, @)", g.text() + " %u", errors),
                 ret("@", g.number())],
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
