# SPDX-License-Identifier: GPL-2.0-or-later
"""Programs by csmith, and changes of their text.

Csmith's names are unique in a program and its variables with static storage are in the file, so the same name is the
same variable in the unit and in the oracle. A program is run by one entry function: func_1(), then all globals are
told. What csmith knows about the first run of its program need not hold for the second: where the oracle itself gets
lost, the program is of no use and left out.
"""

import re
import shutil
import subprocess

OPTIONS = ("--no-argc --max-funcs 4 --max-block-size 3 --max-expr-complexity 3 --max-block-depth 3 "
           "--no-addr-taken-of-locals --no-bitfields --max-array-dim 2 --max-array-len-per-dim 5 "
           "--no-volatiles --no-packed-struct --quiet --concise").split()
FUNCTION = re.compile(r"^static .*\b(func_\d+)\((.*)\)$")
CONSTANT = re.compile(r"\b(0x[0-9A-F]+|\d+)(U?LL?)\b")
TOLD = re.compile(r"^(\s*)transparent_crc\((.*), \"(.*)\", print_hash_value\);$")
GLOBAL = re.compile(r"^static (?:volatile )?u?int\d+_t (g_\d+) = ", re.MULTILINE)
GLOBAL_NAME = re.compile(r"^static .*\b(g_\d+)[\[\] =]", re.MULTILINE)
ASSIGNMENT = re.compile(r"^\s+\(?\**[gl]_\d+[^=]* [-+*/|&^]?= .*;$")
TYPES = {f"{sign}int{bits}_t": f"{'unsigned' if sign else 'signed'} {name}" for sign in ("u", "")
         for bits, name in ((8, "char"), (16, "short"), (32, "int"), (64, "long"))}
PRELUDE = "".join(f"typedef {c} {name};\n" for name, c in TYPES.items()) + """extern void out(unsigned, unsigned long);
extern void outs(unsigned, const char *);
extern void use(const void *);
extern void __might_sleep(const char *, int);
"""


class Text:
    """A program: what is before the functions, and the functions as [name, first line, lines of the body]."""

    def __init__(self, head, functions):
        self.head = head
        self.functions = functions

    def copy(self):
        return Text(self.head, [[name, first, list(lines)] for name, first, lines in self.functions])

    def size(self):
        """The number of lines that can be taken out: of the part before the functions, and of the bodies."""
        return len(self.head.splitlines()) + sum(len(lines) for _, _, lines in self.functions)

    def without(self, dropped):
        """A copy with empty lines in place of some; changes keep the numbers of lines, and functions may have moved."""
        head = self.head.splitlines()
        at = len(head)
        text = Text("\n".join("" if number in dropped else line for number, line in enumerate(head)) + "\n", [])
        kept = {}
        for name, first, lines in sorted(self.functions):
            kept[name] = [name, first, ["" if at + number in dropped else line for number, line in enumerate(lines)]]
            at += len(lines)
        text.functions = [kept[name] for name, _, _ in self.functions]
        return text

    def unit(self):
        declared = "".join(first + ";\n" for _, first, _ in self.functions)
        return self.head + declared + self.bodies()

    def bodies(self):
        return "".join("\n".join([first, "{", *lines, "}"]) + "\n" for _, first, lines in self.functions)


def is_installed():
    return shutil.which("csmith") is not None


def generate(seed):
    text = subprocess.run(["csmith", "--seed", str(seed), *OPTIONS], capture_output=True, text=True, check=True).stdout
    lines = text.splitlines()
    start = next(index for index, line in enumerate(lines) if FUNCTION.match(line))
    head = "\n".join(line for line in lines[:start] if not FUNCTION.match(line.rstrip(";")) and not line.startswith(
        ("#include", "static long __undefined", "//")))
    functions = []
    at = start
    while at < len(lines):
        match = FUNCTION.match(lines[at])
        if match or lines[at].startswith("int main"):
            end = lines.index("}", at)
            body = lines[at + 2:end]
            functions.append([match[1], lines[at], body] if match else
                             ["entry", "unsigned entry(unsigned a, unsigned b)", _tell(body)])
            at = end
        at += 1
    names = sorted(set(re.findall(r"\bsafe_\w+", text)))
    return Text(PRELUDE + "".join(_safe(name) for name in names) + head + "\n", functions)


def _tell(body):
    """main() as an entry function."""
    lines = []
    for line in body:
        told = TOLD.match(line)
        if told:
            lines.append(f"{told[1]}out({len(lines)}, {told[2]});")
        elif not any(word in line for word in ("platform_main", "crc32_gentab", "print_hash_value", "printf")):
            lines.append(line)
    return lines


def _safe(name):
    """A definition of one of the functions that csmith's programs call instead of operators: whole for any argument."""
    operation, form = name[len("safe_"):].split("_func_", 1)
    kind = re.match(r"u?int\d+_t", form)[0]
    bits = int(re.search(r"\d+", kind)[0])
    if operation == "unary_minus":
        return f"static inline {kind} {name}({kind} a) {{ return -a; }}\n"
    if operation in ("lshift", "rshift"):
        operator = "<<" if operation == "lshift" else ">>"
        return f"static inline {kind} {name}({kind} a, unsigned b) {{ return a {operator} (b & {bits - 1}); }}\n"
    operator = {"add": "+", "sub": "-", "mul": "*", "div": "/", "mod": "%"}[operation]
    guard = f"b == 0 || b == ({kind})-1 ? a : " if operation in ("div", "mod") else ""
    return f"static inline {kind} {name}({kind} a, {kind} b) {{ return {guard}a {operator} b; }}\n"


def keep_variables(text):
    """The text with all variables of the file kept in memory, whatever the compiler knows of their values."""
    return GLOBAL_NAME.sub(lambda match: match[0].replace("static ", "static __attribute__((used)) ", 1), text)


# ---- changes ----

def mutate(rng, text):
    """A changed copy, and words that say what was changed."""
    after = text.copy()
    words = []
    wanted = rng.choice([1, 1, 2])
    for _ in range(12):
        done = rng.choice(CHANGES)(rng, after)
        if done:
            words.append(done)
        if len(words) == wanted:
            break
    return after, words


def _pick_line(rng, text, accept):
    found = [(function, index) for function in text.functions if function[0] != "entry"
             for index, line in enumerate(function[2]) if accept(line)]
    return rng.choice(found) if found else None


def constant(rng, text):
    found = _pick_line(rng, text, lambda line: "for (" not in line and CONSTANT.search(line))
    if not found:
        return None
    (name, _, lines), index = found
    match = rng.choice(list(CONSTANT.finditer(lines[index])))
    lines[index] = f"{lines[index][:match.start()]}{rng.randrange(1, 120)}{match[2]}{lines[index][match.end():]}"
    return f"constant ({name})"


def branch_inverted(rng, text):
    found = _pick_line(rng, text, lambda line: re.match(r"^\s+if \(.*\)$", line))
    if not found:
        return None
    (name, _, lines), index = found
    lines[index] = re.sub(r"if \((.*)\)$", r"if (!(\1))", lines[index])
    return f"branch inverted ({name})"


def statement_removed(rng, text):
    # Not what initialises an array in a function.
    found = _pick_line(rng, text, lambda line: ASSIGNMENT.match(line) and not re.match(r"^\s+l_\d+\[", line))
    if not found:
        return None
    (name, _, lines), index = found
    lines[index] = re.sub(r"\S.*", ";", lines[index])
    return f"statement removed ({name})"


def statement_added(rng, text):
    found = _pick_line(rng, text, ASSIGNMENT.match)
    names = GLOBAL.findall(text.head)
    if not found or not names:
        return None
    (name, _, lines), index = found
    number = rng.randrange(900, 999)
    value = rng.choice(names)
    lines[index] += rng.choice([
        f" out({number}, {value});",
        f" if ({value} & {rng.randrange(1, 9)}) outs({number}, \"{rng.choice(['retry', 'try', 'bad', 'too bad'])}\");",
        f" {{ static unsigned count; count += {rng.randrange(1, 9)}; out({number}, count); }}",
        f" {{ static unsigned count = {rng.randrange(9)}; out({number}, ++count); }}",
        f" {{ static const unsigned char map[4] = {{1, 7, {rng.randrange(99)}, 3}}; "
        f"out({number}, map[{value} & 3]); }}",
        f" {{ static unsigned fresh[4] = {{4, 3, 2, {rng.randrange(99)}}}; unsigned *q; "
        f"for (q = fresh; q != fresh + 4; q++) out({number}, (*q)++); }}",
        f" switch ({value} & 7) {{ case 0: out({number}, 1); break; case 1: out({number}, 5); break; case 2: "
        f"out({number}, 3); break; case 3: outs({number}, \"three\"); break; case 5: out({number}, 9); break; }}"])
    return f"statement added ({name})"


def function_moved(rng, text):
    at = rng.randrange(len(text.functions))
    text.functions.insert(rng.randrange(len(text.functions)), text.functions.pop(at))
    return "function moved"


CHANGES = [constant, constant, branch_inverted, statement_removed, statement_added, statement_added, function_moved]


# ---- the oracle ----

def oracle(versions):
    """The C file with the functions of every version, the original first, and one set of variables."""
    parts = [versions[0].head, "static unsigned version;\n"]
    for number, version in enumerate(versions):
        text = "".join(first + ";\n" for _, first, _ in version.functions) + version.bodies()
        parts.append(re.sub(r"\b(func_\d+|entry)\(", rf"v{number}_\1(", text))
    cases = "".join(f"case {number}: return v{number}_entry(a, b); " for number in range(1, len(versions)))
    parts.append(f"unsigned entry(unsigned a, unsigned b) {{ switch (version) {{ {cases}}} return v0_entry(a, b); }}\n"
                 "void oracle_switch(unsigned to) { version = to; }\n")
    return "".join(parts)
