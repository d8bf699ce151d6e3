# SPDX-License-Identifier: GPL-2.0-or-later
"""What the packages have to have, whatever their form."""

import re

from results import Failed

BUILDER_COMMANDS = ("klp-build", "create-diff-object", "klp-convert", "klp-verify")
UNIT = "lib/systemd/system/klp.service"  # below / or /usr
DOCUMENTS = "usr/share/doc/klp-build/"


def _of_commands(*names):
    return [path for name in names for path in (f"usr/bin/{name}", f"usr/share/man/man1/{name}.1",
                                                f"usr/share/bash-completion/completions/{name}")]


WANTED = {
    "klp-build": [*_of_commands(*BUILDER_COMMANDS), "usr/share/man/man7/klp-findings.7",
                  "usr/share/klp-build/template/module/init.c", "usr/share/klp-build/template/core/Kbuild",
                  "usr/share/klp-build/boottest/__main__.py", "usr/share/klp-build/boottest/guest/init",
                  DOCUMENTS + "report-schema.json", DOCUMENTS + "patches/6.12/01-meminfo.patch"],
    "klpctl": [*_of_commands("klpctl"), UNIT],
}


def look_at(name, files, depends):
    """Raise Failed unless the package has what is looked for, nothing that a run leaves, and depends on no more than it must."""
    have = {file.removeprefix("usr/") if file.endswith(UNIT) else re.sub(r"(/man/.*)\.gz$", r"\1", file) for file in files}
    missing = [wish for wish in WANTED[name] if wish not in have]
    if missing:
        raise Failed(f"{name} lacks {', '.join(missing)}")
    if any("__pycache__" in file or "/model/" in file for file in files):
        raise Failed(f"{name} has what only the sources need")
    # What runs where kernels are patched brings no compiler along.
    compiler = re.search(r"\b(lib)?(llvm|clang)|\bgcc\b", depends, flags=re.IGNORECASE)
    if name == "klpctl" and compiler:
        raise Failed(f"klpctl depends on {compiler[0]}: {depends}")
