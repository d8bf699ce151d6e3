# SPDX-License-Identifier: GPL-2.0-or-later
"""An author's own check of a live patch, run in the machine with the name of a step as its argument.

Its exit status answers one question: does this kernel behave as the patched one is to? docs/authoring.md has the
convention, and what lines of the form `# klp-test: WORD ...` say.
"""

import dataclasses
import pathlib
import re

from . import programs
from .problem import Problem

FIXED = 0
NOTHING_TO_SAY = 77
# The shell's own statuses for a command that it could not run.
NOT_RUN = (126, 127)

_LINE = re.compile(r"^# klp-test: *(\S+) *(.*?) *$", re.MULTILINE)
_WORDS = ("modules", "files", "seconds", "memory", "parameters", "allow")
# The shells of the machine.
_SHELLS = ("/bin/sh", "/bin/busybox", "/bin/ash")


@dataclasses.dataclass
class Script:
    """
    modules     that it needs besides those that are patched
    files       that lie beside it, and will there too
    seconds     that a step may take
    memory      of the machine, as QEMU has it
    parameters  of the kernel
    allow       regular expressions of kernel messages that are no complaint
    """

    path: pathlib.Path
    modules: list = dataclasses.field(default_factory=list)
    files: list = dataclasses.field(default_factory=list)
    seconds: int = 300
    memory: str = "1G"
    parameters: str = ""
    allow: list = dataclasses.field(default_factory=list)

    def guest_files(self):
        """{path in the guest: path here}"""
        return {f"/test/{path.name}": path for path in (self.path, *self.files)}

    def command(self, step):
        return f"cd /test && ./'{self.path.name}' {step}"


def read(path):
    """The script at `path`. Raises Problem."""
    script = Script(pathlib.Path(path))
    try:
        start = script.path.read_bytes()
    except OSError as error:
        raise Problem("test.script", path, f"cannot be read: {error.strerror}", "--test=FILE names a script or program") from error
    if not start.startswith(b"\177ELF"):
        _read_text(script, start.decode(errors="replace"))
    for file in (script.path, *script.files):
        if not file.is_file():
            raise Problem("test.script", file, f"there is no such file, which {path} needs",
                          "the line `# klp-test: files` names files beside the script")
        if programs.is_dynamic(file):
            raise Problem("test.script", file, "the program needs shared libraries, which the machine that is booted lacks",
                          "link it with -static")
    return script


def _read_text(script, text):
    shell = re.match(r"#! *(\S+)", text)
    if shell and shell[1] not in _SHELLS:
        raise Problem("test.script", script.path, f"it is for {shell[1]}, and the machine that is booted has busybox alone",
                      "write it for /bin/sh, or give a program that is linked statically")
    for word, rest in _LINE.findall(text):
        if word in ("modules", "files"):
            parts = rest.split()
            getattr(script, word).extend(script.path.parent / part if word == "files" else part for part in parts)
        elif word == "seconds" and rest.isdigit():
            script.seconds = int(rest)
        elif word == "memory" and re.fullmatch(r"[1-9]\d*[MG]", rest):
            script.memory = rest
        elif word == "parameters":
            script.parameters = rest
        elif word == "allow" and _is_expression(rest):
            script.allow.append(rest)
        else:
            raise Problem("test.script", script.path, f"nobody knows what `# klp-test: {word} {rest}` means",
                          f"it is one of {', '.join(_WORDS)}; docs/authoring.md says more")


def _is_expression(text):
    try:
        return bool(re.compile(text).pattern)
    except re.error:
        return False
